"""`python -m engine.train motion`: teach the decoder from a folder of tracks, export it.

Contract: hears only posteriors of our own causal model (all look-aheads mixed); kept-out speakers
and kept-back clips are never read; the schedule is fixed and the exported weights are a running
average, so nothing is selected on them. Lips and face are trained apart, at the same time with
`--jobs 2`. Writes decoder.onnx, decoder_style.onnx and the encoder of styles.safetensors.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as pack
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from engine.avatar import DEFAULT_AVATAR
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import DecoderConfig
from engine.runtime import ASSETS, load
from engine.speech.phonemes import PHONES
from engine.style.code import KEY
from engine.style.encoder import VERSION as ENCODER
from engine.style.encoder import Encoder, fit, pieced
from engine.train import troupe
from engine.train.decoder_export import export_decoder
from engine.train.drills import BRANCHES, TINY, Lessons, Recipe
from engine.train.lesson_loss import face_loss, lips_loss
from engine.train.manner import BUNDLED
from engine.train.split import check
from engine.train.teacher import steady
from engine.train.tracks import Track
from engine.train.tracks import load as load_tracks

WORK = Path("../build/motion")


def windows(track: Track, ticks: int = 500) -> np.ndarray:
    """Statistics of the whole track and of its 20 s windows: short clips vary more."""
    parts = range(0, len(track) - ticks + 1, ticks)
    weights = track.weights.astype(np.float32)
    rows = [
        pieced(
            weights[i : i + ticks], track.pose[i : i + ticks],
            [edge - i for edge in track.edges if i < edge < i + ticks],
        )
        for i in parts
    ]  # fmt: skip
    return np.stack([track.statistics, *rows])


def fit_encoder(tracks: Sequence[Track]) -> Encoder:
    """The projection of style codes. Every person counts alike, however long the tracks."""
    people: dict[str, list[np.ndarray]] = {}
    for track in tracks:
        people.setdefault(track.person, []).append(windows(track))
    rng = np.random.default_rng(0)
    rows = [np.concatenate(part) for part in people.values()]
    return fit(np.concatenate([part[rng.permutation(len(part))[:40]] for part in rows]))


def start_from_table(net: DecoderNet) -> None:
    """Lips start as the viseme table weighted by the two posteriors of a tick, in every expert."""
    table = torch.from_numpy(steady()[:, list(net.config.strong)])
    width, phones = net.config.width, len(PHONES)
    with torch.no_grad():
        net.out[:, width:] *= 0.2
        net.out[:, width : width + 2 * phones] += 0.5 * torch.cat([table, table])


def parameters(net: DecoderNet, branch: str) -> dict[str, torch.nn.Parameter]:
    """Those of the strong branch ("lips"), or of the weak and the head branch ("face")."""
    wanted = branch == "lips"
    return {
        name: p for name, p in net.named_parameters() if (name.split(".")[0] in net.LIPS) == wanted
    }


def train(branch: str, lessons: Lessons, net: DecoderNet, recipe: Recipe) -> dict[str, Tensor]:
    """The loop; returns the running average of the branch's weights."""
    rng = np.random.default_rng(recipe.seed + 1 + BRANCHES.index(branch))
    torch.manual_seed(recipe.seed + BRANCHES.index(branch))
    own_parameters, steps = parameters(net, branch), recipe.steps[BRANCHES.index(branch)]
    optimiser = torch.optim.AdamW(
        own_parameters.values(), lr=recipe.rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            min(1.0, (step + 1) / recipe.warmup)
            * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / steps)))
        ),
    )
    loss_of = lips_loss if branch == "lips" else face_loss
    average = {name: p.detach().clone() for name, p in own_parameters.items()}
    shown: dict[str, float] = {}
    progress = tqdm(range(steps), desc=branch, mininterval=5)
    for step in progress:
        own = recipe.own * min(1.0, 2.0 * step / steps)
        batch = lessons.draw(rng)
        loss, figures = loss_of(net, batch, net.prepare(batch.code), own)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(own_parameters.values(), 1.0)
        optimiser.step()
        schedule.step()
        keep = min(recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, p in own_parameters.items():
                average[name].lerp_(p, 1.0 - keep)
        for name, value in figures.items():
            shown[name] = 0.95 * shown.get(name, value) + 0.05 * value
        if step % 20 == 0:
            progress.set_postfix({k: f"{v:.4f}" for k, v in shown.items()})
    return average


def write_encoder(encoder: Encoder, tracks: Sequence[Track], path: Path) -> None:
    """styles.safetensors with the encoder and, until `engine.train style` measures all styles, the
    codes of the bundled manners."""
    tensors = {f"encoder.{k}": v for k, v in asdict(encoder).items()}
    made = {}
    for name in {t.name for t in tracks} & set(BUNDLED):
        own = [t.statistics for t in tracks if t.name == name]
        tensors[f"style.{name}"] = encoder.project(np.mean(own, axis=0))
        made[name] = f"statistics of the teacher's manner {name!r}"
    header = {"encoder": ENCODER, "styles": made}
    path.write_bytes(pack(tensors, {KEY: json.dumps(header)}))


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.train motion", description=__doc__)
    parser.add_argument("--tracks", type=Path, default=troupe.OUT, help="of engine.train tracks")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: the assets)")
    parser.add_argument("--work", type=Path, default=WORK, help="where finished branches are kept")
    parser.add_argument("--only", choices=BRANCHES, help="train one branch and keep it in --work")
    parser.add_argument("--export", action="store_true", help="export the branches kept in --work")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1, help="branches at a time")
    parser.add_argument("--shorter", type=float, default=1.0, help="divide the steps by this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a minute on the bundled clips")
    options = parser.parse_args(argv)
    if options.tiny and options.out is None:
        parser.error("--tiny makes a toy: give --out FOLDER so that it can't replace the assets")
    if options.tiny:
        options.work = options.out
    return options


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train motion`."""
    options = _arguments(argv)
    torch.set_num_threads(1)
    recipe = replace(TINY if options.tiny else Recipe(), seed=options.seed)
    if options.shorter != 1.0:
        lips, face = (max(2, round(n / options.shorter)) for n in recipe.steps)
        recipe = replace(recipe, steps=(lips, face))
    began = time.monotonic()
    if options.jobs == 2 and not options.only and not options.export:
        _together(options)
        options.export = True
    graph = load(ASSETS / "ppg.onnx")
    tracks = (
        troupe.make(None, troupe.TINY, graph, recipe.seed)
        if options.tiny
        else load_tracks(options.tracks)
    )
    minutes = sum(len(t) for t in tracks) / 25 / 60
    print(f"{len(tracks)} tracks, {minutes:.0f} min", flush=True)
    encoder = fit_encoder(tracks)
    torch.manual_seed(recipe.seed)
    net = DecoderNet(DecoderConfig())
    start_from_table(net)
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.export:
        for branch in (options.only,) if options.only else BRANCHES:
            lessons = Lessons(tracks, encoder, recipe, branch)
            save_file(train(branch, lessons, net, recipe), options.work / f"{branch}.safetensors")
    if not options.only:
        _export(net, options, recipe, encoder, tracks, minutes)
    print(f"{time.monotonic() - began:.0f} s")
    return 0


def _together(options: argparse.Namespace) -> None:
    """Both branches at a time, each in a process of its own."""
    command = [sys.executable, "-m", "engine.train", "motion", "--tracks", str(options.tracks),
               "--work", str(options.work), "--seed", str(options.seed),
               "--shorter", str(options.shorter)]  # fmt: skip
    if options.tiny:
        command += ["--tiny", "--out", str(options.out)]
    children = [subprocess.Popen([*command, "--only", branch]) for branch in BRANCHES]
    failed = [b for b, child in zip(BRANCHES, children, strict=True) if child.wait()]
    if failed:
        raise SystemExit(f"training of {failed} failed; its message is above")


def _export(
    net: DecoderNet, options: argparse.Namespace, recipe: Recipe, encoder: Encoder,
    tracks: Sequence[Track], minutes: float,
) -> None:  # fmt: skip
    for branch in BRANCHES:
        net.load_state_dict(load_file(options.work / f"{branch}.safetensors"), strict=False)
    split = {name: round(share, 3) for name, share in check(DEFAULT_AVATAR).items()}
    about = {"recipe": asdict(recipe), "encoder": ENCODER, "mouth_share": split,
             "minutes": round(minutes)}  # fmt: skip
    out = options.out or ASSETS
    out.mkdir(parents=True, exist_ok=True)
    difference = export_decoder(net, out, about)
    write_encoder(encoder, tracks, out / "styles.safetensors")
    print(f"exported to {out.name}, parity {difference:.1e}")
