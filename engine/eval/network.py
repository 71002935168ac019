"""python -m engine.eval renderer: what the renderer's network costs on each runtime, and parity.

CPU ms of all threads for one picture on a 256 x 256 grid, with and without the x2 head, and the
largest and mean difference from torch, in levels of 8 bits, and as PSNR of what shows. Without an
avatar weights and inputs are random; with one, its own weights draw its own face. Live pictures are
drawn by the row "openvino auto", which says what it computes in.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import PackageError
from engine.eval.recordings import bundled
from engine.face import package
from engine.frames import F32, PPG_WINDOW, SAMPLE_RATE
from engine.nets.unet import INPUTS, STRIDE, UNet, UNetConfig
from engine.offline import perform
from engine.render.grid import Surfaces
from engine.runtime import ASSETS, Array, available, load
from engine.speech.phonemes import PHONES

SIDE = 256
HEADS = ("rgba", "rgba_x2")
DOUBLING = ("fine", "grain", "spread")  # layers of the x2 head
_WARM = 4  # pictures that are not counted


def gflop(net: UNet, side: int = SIDE) -> dict[str, float]:
    """GFLOP, two per multiplication, of each convolution for one picture on a square grid."""
    cost: dict[str, float] = {}

    def note(name: str) -> Any:
        def hook(layer: nn.Conv2d, _: object, y: Tensor) -> None:
            cost[name] = 2e-9 * y.shape[2] * y.shape[3] * layer.weight.numel()

        return hook

    convolutions = {n: m for n, m in net.named_modules() if isinstance(m, nn.Conv2d)}
    hooks = [layer.register_forward_hook(note(name)) for name, layer in convolutions.items()]
    with torch.no_grad():
        net(torch.zeros(1, INPUTS, side, side), torch.zeros(1, len(PHONES), PPG_WINDOW))
    for hook in hooks:
        hook.remove()
    return cost


def loose(size: str, seed: int = 0) -> dict[str, Array]:
    """Random weights for a size: every layer counts."""
    rng = np.random.default_rng(seed)
    net = UNet(UNetConfig.of(size))
    return {
        name: (tensor.numpy() + rng.normal(0, 0.02, tensor.shape)).astype(np.float32)
        for name, tensor in net.state_dict().items()
    }


def pictured(face: package.Package) -> dict[str, F32]:
    """A talking pose of an avatar as its network gets it."""
    assert face.learned is not None
    clip = bundled()[0]
    motions = [m for out in perform([(clip.pcm(), SAMPLE_RATE)]) for m in out.motions]
    motion = max(motions, key=lambda m: float(m.weights.sum()))
    surfaces = Surfaces(face, face.learned.corner_uv, (SIDE, SIDE))
    image = surfaces.draw(motion, face.learned.texture.astype(np.float32))
    heard = np.zeros((PPG_WINDOW, len(PHONES))) if motion.ppg is None else motion.ppg
    return {
        "image": np.array(image[None], order="K"),
        "ppg": np.ascontiguousarray(heard.T[None], np.float32),
    }


def measure(
    size: str, tensors: Mapping[str, Array], feed: Mapping[str, Array], pictures: int,
    runtimes: Sequence[tuple[str, str]],
) -> list[dict[str, Any]]:  # fmt: skip
    """A row per (runtime, precision) and head."""
    path = ASSETS / f"renderer_{size}{'_recurrent' * ('hidden' in feed)}.onnx"
    shape = {name: value.shape for name, value in feed.items()}
    truth = load(path, "torch", tensors=tensors).run(feed)
    rows = []
    for runtime, precision in runtimes:
        for head in HEADS:
            begin = time.perf_counter()
            graph = load(
                path, runtime, tensors=tensors, outputs=[head], shape=shape, precision=precision
            )
            opened = time.perf_counter() - begin
            taken = []
            for _ in range(_WARM + pictures):
                begin = time.process_time()
                answer = graph.run(feed)[head]
                taken.append((time.process_time() - begin) * 1e3)
            levels = 255 * np.abs(answer - truth[head])
            rows.append({
                "size": size, "runtime": runtime, "head": head,
                "precision": precision if precision == graph.precision else
                f"{precision} {graph.precision}",
                "psnr": round(_psnr(answer[0], truth[head][0]), 1),
                "cpu_ms_p10": round(float(np.percentile(taken[_WARM:], 10)), 2),
                "cpu_ms_p50": round(float(np.percentile(taken[_WARM:], 50)), 2),
                "load_ms": round(opened * 1e3), "levels_max": round(float(levels.max()), 4),
                "levels_mean": round(float(levels.mean()), 5),
            })  # fmt: skip
    return rows


def _psnr(answer: Array, truth: Array) -> float:
    """dB between two answers [4, h, w] over black, where the true one shows anything."""
    shown = truth[3] > 0
    error = (answer[:3] * answer[3] - truth[:3] * truth[3])[:, shown]
    return float(-10 * np.log10(max(float(np.square(error, dtype=np.float64).mean()), 1e-20)))


def _weighed(avatar: str | None) -> dict[str, tuple[Mapping[str, Array], Mapping[str, Array]]]:
    """Size -> (weights, inputs) to measure."""
    if avatar is None:
        rng = np.random.default_rng(0)
        shapes = {"image": (1, INPUTS, SIDE, SIDE), "ppg": (1, len(PHONES), PPG_WINDOW)}
        feed = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
        # Channels side by side in memory, as a picture's are.
        feed["image"] = np.moveaxis(np.ascontiguousarray(np.moveaxis(feed["image"], 1, 3)), 3, 1)
        return {size: (loose(size), feed) for size in ("small", "large")}
    face = package.load(Path(avatar) if Path(avatar).exists() else avatar)
    if face.learned is None:
        raise PackageError(f"avatar {face.name} has no neural look (renderer.safetensors)")
    feed = pictured(face)
    if face.learned.config.recurrent:
        net = UNetConfig.of(face.learned.config.size, recurrent=True)
        feed["hidden"] = np.zeros((1, net.hidden, SIDE // STRIDE, SIDE // STRIDE), np.float32)
    found: dict[str, tuple[Mapping[str, Array], Mapping[str, Array]]]
    found = {face.learned.config.size: (face.learned.weights, feed)}
    if face.learned.small is not None:
        found["small"] = face.learned.small, feed
    return found


def main(argv: list[str]) -> int:
    """Print the table and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval renderer", description=__doc__)
    parser.add_argument("--avatar", help="a package with a neural look: its weights, its face")
    parser.add_argument("--pictures", type=int, default=40, help="of each row, timed one by one")
    parser.add_argument("--runtimes", nargs="+", default=None, choices=available())
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    runtimes = [(name, "f32") for name in options.runtimes or available()]
    runtimes += [("openvino", "auto")] * (("openvino", "f32") in runtimes)
    print(
        f"{'size':6s} {'runtime':18s} {'head':8s} CPU ms p10   p50  load ms  levels max    mean   "
        "PSNR"
    )
    report: dict[str, Any] = {"rows": [], "gflop": {}, "parameters": {}}
    for size, (tensors, feed) in _weighed(options.avatar).items():
        net = UNet(UNetConfig.of(size, recurrent="hidden" in feed))
        cost = gflop(net)
        plain = sum(value for name, value in cost.items() if name not in DOUBLING)
        report["gflop"][size] = {"rgba": round(plain, 3), "rgba_x2": round(sum(cost.values()), 3)}
        report["parameters"][size] = sum(p.numel() for p in net.parameters())
        for row in measure(size, tensors, feed, options.pictures, runtimes):
            name = row["runtime"] + f" {row['precision']}" * (row["precision"] != "f32")
            print(
                f"{size:6s} {name:18s} {row['head']:8s} {row['cpu_ms_p10']:10.1f} "
                f"{row['cpu_ms_p50']:5.1f} {row['load_ms']:8d} {row['levels_max']:11.4f} "
                f"{row['levels_mean']:.5f} {row['psnr']:6.1f}"
            )
            report["rows"].append(row)
    for size, cost in report["gflop"].items():
        count = report["parameters"][size]
        print(f"{size}: {cost['rgba']} GFLOP, {cost['rgba_x2']} with x2, {count:,} parameters")
    print(json.dumps(report))
    return 0
