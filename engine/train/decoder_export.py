"""Decoder network -> two ONNX graphs (one tick; style weights), checked against torch."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from engine.motion.decoder import VERSION
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import NetState, StyleWeights
from engine.runtime import load
from engine.train.export import TOLERANCE, _strip

_DERIVED = StyleWeights._fields[1:]


class _Tick(nn.Module):
    """`DecoderNet.tick` with flat arguments."""

    def __init__(self, net: DecoderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, ppg: Tensor, prosody: Tensor, noise: Tensor, *rest: Tensor) -> Any:
        count = len(NetState._fields)
        state = NetState(*rest[:count])
        style = StyleWeights(ppg[:, :1], *rest[count:])
        weights, pose, after = self.net.tick(ppg, prosody, noise, state, style)
        return (weights, pose, *after)


class _Prepare(nn.Module):
    """`DecoderNet.prepare` without the code itself."""

    def __init__(self, net: DecoderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, code: Tensor) -> Any:
        return tuple(self.net.prepare(code))[1:]


def export_decoder(net: DecoderNet, folder: Path, about: Mapping[str, Any]) -> float:
    """Write decoder.onnx and decoder_style.onnx into `folder`; returns the largest difference to
    torch, raises ValueError above 1e-4."""
    net = net.eval()
    shape = {**net.config.to_json(), "pose_scale": net.pose_scale.tolist()}
    config = {"model": "decoder", "version": VERSION, "net": shape, **about}
    code = torch.randn(2, net.config.code)
    with torch.no_grad():
        style = net.prepare(code)
        state = net.init_state(style)
    inputs = _example(net)
    names = ["ppg", "prosody", "noise"]
    names += [f"state_{k}" for k in NetState._fields] + [f"style_{k}" for k in _DERIVED]
    outputs = ["weights", "out_pose", *(f"state_{k}_out" for k in NetState._fields)]
    # One tensor passed twice would become one input of the graph.
    arguments = tuple(t.clone() for t in (*inputs, *state, *tuple(style)[1:]))
    _write(_Tick(net), arguments, names, outputs, folder / "decoder.onnx", config)
    _write(_Prepare(net), (code,), ["code"], list(_DERIVED), folder / "decoder_style.onnx", config)
    difference = _parity(net, folder)
    if difference > TOLERANCE:
        raise ValueError(f"decoder graphs differ from torch by {difference:.2e}, expected <= 1e-4")
    return difference


def _example(net: DecoderNet, batch: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    c = net.config
    ppg = torch.rand(batch, c.ppg).softmax(-1)
    return ppg, torch.rand(batch, c.prosody), torch.randn(batch, c.noise)


def _write(
    module: nn.Module, arguments: tuple[Tensor, ...], inputs: list[str], outputs: list[str],
    path: Path, config: Mapping[str, Any],
) -> None:  # fmt: skip
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes: tuple[Any, ...] = tuple({0: batch} for _ in arguments)
    if isinstance(module, _Tick):
        shapes = (*shapes[:3], shapes[3:])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's exporter warns about its own deprecations
        program = torch.onnx.export(
            module, arguments, dynamo=True, dynamic_shapes=shapes, input_names=inputs,
            output_names=outputs, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _strip(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "vivify", json.dumps(dict(config), sort_keys=True)
    onnx.checker.check_model(model)
    part = path.with_name(path.stem + ".part.onnx")
    onnx.save(model, str(part))
    part.replace(path)


def _parity(net: DecoderNet, folder: Path) -> float:
    """Largest difference of forty ticks, torch against the graphs, both fed with their own past."""
    tick, prepare = load(folder / "decoder.onnx"), load(folder / "decoder_style.onnx")
    code = torch.randn(3, net.config.code)
    worst = 0.0
    with torch.no_grad():
        style = net.prepare(code)
        state = net.init_state(style)
        derived = prepare.run({"code": code.numpy()})
        for name in _DERIVED:
            truth = getattr(style, name).numpy()
            worst = max(worst, float(np.abs(derived[name] - truth).max()))
        carried = {f"state_{k}": v.numpy() for k, v in state._asdict().items()}
        for _ in range(40):
            ppg, prosody, noise = _example(net, 3)
            weights, pose, state = net.tick(ppg, prosody, noise, state, style)
            feed = {"ppg": ppg.numpy(), "prosody": prosody.numpy(), "noise": noise.numpy()}
            out = tick.run({**feed, **carried, **{f"style_{k}": derived[k] for k in _DERIVED}})
            carried = {f"state_{k}": out[f"state_{k}_out"] for k in NetState._fields}
            for mine, theirs in ((weights, "weights"), (pose * net.pose_scale, "out_pose")):
                given = out[theirs]
                if theirs == "out_pose":
                    given = given * net.pose_scale.numpy()
                worst = max(worst, float(np.abs(given - mine.numpy()).max()))
    return worst
