"""The shipped decoder as kernels/cuda/decode.cu takes it: its parameters, and a style's shares.

Both graphs hold the same network (engine.nets.decoder). Most parameters keep their names there; the
exporter folded a few, which are found by what reads them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError
from engine.frames import F32
from engine.motion.decoder import GRAPH, STYLE_GRAPH
from engine.runtimes.nodes import Model, parsed

_PREFIX = "net."


@lru_cache(maxsize=2)
def parameters(
    tick: Path = GRAPH, style: Path = STYLE_GRAPH
) -> dict[str, npt.NDArray[Any]]:  # fmt: skip
    """The network's parameters by name, as kernels.cuda.decoding.weights and `terms` take them.

    Raises WeightsError for graphs that were not exported as these are.
    """
    graphs = [parsed(path.read_bytes()) for path in (tick, style)]
    found = {
        name.removeprefix(_PREFIX): tensor
        for graph in graphs
        for name, tensor in graph.tensors.items()
        if name.startswith(_PREFIX)
    }
    try:
        return {**found, **_folded(graphs[0])}
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{tick.name} was exported in another way than decode.cu expects ({error!r}); use the "
            "decoder's graph instead, or restore both graphs with git"
        ) from error


def _folded(graph: Model) -> dict[str, npt.NDArray[Any]]:
    """Products that the exporter transposed, attention's terms by age, the order of channels."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    found, near, order = {}, [], []
    for node in graph.nodes:
        maker = makers.get(node.inputs[0]) if node.inputs else None
        if node.op == "Add" and maker and maker.op == "MatMul" and node.inputs[1] in graph.tensors:
            name = node.inputs[1].removeprefix(_PREFIX).replace(".bias", ".weight")
            found[name] = graph.tensors[maker.inputs[1]].T
        if node.op == "Add" and node.inputs[0] in graph.tensors:
            near.append(graph.tensors[node.inputs[0]][0, :, 0])
        if node.op == "GatherND":
            order.append(graph.tensors[node.inputs[1]][:, 0])
    return {**found, "near": np.stack(near), "order": np.concatenate(order)}


def shares(code: F32) -> F32:
    """What of each expert a style takes: code [B, CODE] -> [B, layers + 1, experts]."""
    net = parameters()
    first, second = net["mix.0.weight"], net["mix.2.weight"]
    hidden = np.maximum(code[:, : first.shape[1]] @ first.T + net["mix.0.bias"], 0)
    mixed = (hidden @ second.T + net["mix.2.bias"]).reshape(len(code), -1, len(net["up"]))
    odds = np.exp(mixed - mixed.max(-1, keepdims=True))
    return np.asarray(odds / odds.sum(-1, keepdims=True), np.float32)
