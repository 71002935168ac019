"""Torch network -> ONNX graph with explicit states, its config inside, checked against torch."""

import json
import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from engine.runtime import load

TOLERANCE = 1e-4
_TRACED = 12  # steps of the example that the exporter sees: more make it slow
_PIECES = (7, 1)  # steps a call of the comparison, in turn: packets come alone and together


class _Flat(nn.Module):
    """`net.step` with the state's fields as positional arguments."""

    def __init__(self, net: nn.Module, inputs: int) -> None:
        super().__init__()
        self.net, self.inputs = net, inputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        net: Any = self.net
        x, fields = tensors[: self.inputs], tensors[self.inputs :]
        state = type(net.init_state(1))(*fields)
        y, state = net.step(x[0] if self.inputs == 1 else x, state)
        return (*y, *state)


def export(
    net: nn.Module,
    example: Tensor,
    path: Path,
    config: Mapping[str, Any],
    outputs: Sequence[str],
) -> float:
    """Write `net` (a Stage whose state is a flat NamedTuple) with batch and time dynamic.

    `example` [B, T, C] with B, T > 1. Returns the largest difference to torch over the example;
    raises ValueError when it exceeds 1e-4.
    """
    net = net.eval()
    _forget_decompositions()
    traced, state = example[:, :_TRACED], net.init_state(len(example))  # type: ignore[operator]
    names = [f"state_{field}" for field in state._fields]
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    shapes = ({0: batch, 1: time}, *({0: batch} for _ in state))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's exporter warns about its own deprecations
        program = torch.onnx.export(
            _Flat(net, 1), (traced, *state), dynamo=True, dynamic_shapes=(shapes,),
            input_names=["x", *names], output_names=[*outputs, *(f"{n}_out" for n in names)],
            verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _strip(model)
    for output in model.graph.output[: len(outputs)]:
        # The exporter pins the example's length in the reported shape, not in the graph.
        output.type.tensor_type.shape.dim[1].dim_param = "time"
    entry = model.metadata_props.add()
    entry.key, entry.value = "vivify", json.dumps(dict(config), sort_keys=True)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    difference = parity(net, path, example)
    if difference > TOLERANCE:
        raise ValueError(f"{path.name} differs from torch by {difference:.2e}, expected <= 1e-4")
    return difference


def _forget_decompositions() -> None:
    """Let torch's exporter use its loop of dynamic length again.

    It swaps the kernel of GRU and LSTM while it traces, but the operator remembers the kernel of
    an earlier export in this process, which unrolls the example's length into the graph.
    """
    for operator in (torch.ops.aten.gru.input, torch.ops.aten.lstm.input):
        operator._dispatch_cache.clear()


def _strip(model: onnx.ModelProto) -> None:
    """Drop the exporter's stack traces: they name local paths and double the file."""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    for holder in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        holder.doc_string = ""
        del holder.metadata_props[:]


def parity(net: nn.Module, path: Path, example: Tensor) -> float:
    """Largest difference between torch over the whole clip and the graph piece by piece."""
    graph = load(path)
    stage: Any = net
    with torch.no_grad():
        truth = stage.forward(example)
        state = stage.init_state(len(example))
    names = [f"state_{field}" for field in state._fields]
    carried = {name: t.numpy() for name, t in zip(names, state, strict=True)}
    worst, at, sizes = 0.0, 0, cycle(_PIECES)
    while at < example.shape[1]:
        part = slice(at, at + next(sizes))
        answer = graph.run({"x": example[:, part].numpy(), **carried})
        carried = {name: answer[f"{name}_out"] for name in names}
        for name, whole in zip(truth._fields, truth, strict=True):
            worst = max(worst, float(np.abs(answer[name] - whole[:, part].numpy()).max()))
        at = part.stop
    return worst
