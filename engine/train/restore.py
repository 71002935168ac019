"""The trained decoder back in torch, out of the two graphs that ship: to train on from there.

Contract: most parameters keep their names as initialisers; those that the exporter folded are found
by their place in the graph. What is restored must move as the graphs do, or it is refused.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from engine.errors import WeightsError
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import DecoderConfig, NetState, StyleWeights
from engine.runtime import ASSETS, load

TOLERANCE = 1e-3
_TICKS = 6
Array = npt.NDArray[np.float32]


def restore(folder: Path = ASSETS) -> DecoderNet:
    """DecoderNet with the weights of decoder.onnx and decoder_style.onnx in `folder`.

    Raises WeightsError when the graphs do not belong to this version of the network.
    """
    graphs = [onnx.load(str(folder / f"{name}.onnx")) for name in ("decoder", "decoder_style")]
    about = {entry.key: entry.value for entry in graphs[0].metadata_props}
    shape = json.loads(about["vivify"])["net"]
    known = {field.name for field in fields(DecoderConfig)}
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in shape.items() if k in known
    }
    net = DecoderNet(DecoderConfig(**values)).eval()
    found: dict[str, Array] = {}
    for graph in graphs:
        found |= _parameters(graph.graph, net)
    try:
        net.load_state_dict({name: torch.tensor(array) for name, array in found.items()})
        worst = _difference(net, folder)
    except (RuntimeError, KeyError) as error:
        raise WeightsError(
            f"the decoder's graphs do not fit this version of the network ({error}); restore them "
            "with git or run python -m engine.train motion"
        ) from error
    if worst > TOLERANCE:
        raise WeightsError(
            f"the decoder restored from its graphs moves differently by {worst:.1e}, expected "
            f"{TOLERANCE:.0e} at most; export it again with python -m engine.train motion --export"
        )
    return net


def _parameters(graph: onnx.GraphProto, net: DecoderNet) -> dict[str, Array]:
    """Parameters of `net` that a graph holds."""
    held = {i.name: np.array(numpy_helper.to_array(i), np.float32) for i in graph.initializer}
    found = {
        name: held[f"net.{name}"] for name, _ in net.named_parameters() if f"net.{name}" in held
    }
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        # A linear layer over several rows: x @ (weight transposed) + bias.
        biases = [name for name in node.input if name.startswith("net.") and name in held]
        product = [makers[name] for name in node.input if name in makers]
        if node.op_type == "Add" and biases and product and product[0].op_type == "MatMul":
            weight = [held[name] for name in product[0].input if name in held]
            if weight:
                found[biases[0].removeprefix("net.").replace(".bias", ".weight")] = weight[0].T
    c = net.config
    near = [
        held[name].reshape(c.heads, c.window)
        for node in graph.node
        for name in node.input
        if name in held and held[name].shape == (1, c.heads, 1, c.window)
    ]
    if len(near) == c.layers:
        found["near"] = np.stack(near)
    return found


def _difference(net: DecoderNet, folder: Path) -> float:
    """Largest difference of some ticks, torch against the graphs."""
    tick, prepare = load(folder / "decoder.onnx"), load(folder / "decoder_style.onnx")
    chance = torch.Generator().manual_seed(0)
    c, worst = net.config, 0.0
    with torch.no_grad():
        code = torch.randn(1, c.code, generator=chance)
        style = net.prepare(code)
        state = net.init_state(style)
        derived = prepare.run({"code": code.numpy()})
        for name in StyleWeights._fields[1:]:
            worst = max(worst, float(np.abs(derived[name] - getattr(style, name).numpy()).max()))
        feed = {f"style_{name}": derived[name] for name in StyleWeights._fields[1:]}
        for _ in range(_TICKS):
            ppg = torch.rand(1, c.ppg, generator=chance)
            prosody = torch.rand(1, c.prosody, generator=chance)
            noise = torch.randn(1, c.noise, generator=chance)
            before = {f"state_{k}": v.numpy() for k, v in state._asdict().items()}
            heard = {"ppg": ppg.numpy(), "prosody": prosody.numpy(), "noise": noise.numpy()}
            out = tick.run({**heard, **before, **feed})
            weights, _, state = net.tick(ppg, prosody, noise, state, style)
            worst = max(worst, float(np.abs(out["weights"] - weights.numpy()).max()))
            for name in NetState._fields:
                gap = np.abs(out[f"state_{name}_out"] - getattr(state, name).numpy()).max()
                worst = max(worst, float(gap))
    return worst
