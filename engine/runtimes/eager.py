"""A graph of ours run node by node with torch: any device, the types that the file says.

It is what a CUDA graph is captured from where TensorRT is absent, and what tells on a CPU what
float16 costs. Lengths and indices are computed on the host, and what depends on weights alone is
computed once, so that a run neither waits for the device nor copies anything to it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import RuntimeUnavailable
from engine.runtimes.nodes import BOOL, F16, F32, I64, Model, Node

DTYPES = {F32: torch.float32, F16: torch.float16, I64: torch.int64, BOOL: torch.bool}
Given = Sequence[Tensor | None]
_END = 2**31  # any "to the end" of a slice is beyond it


def _numbers(tensor: Tensor | None) -> list[int]:
    return [] if tensor is None else [int(n) for n in tensor.reshape(-1).tolist()]


def _slice(x: Tensor, starts: Tensor, ends: Tensor, *rest: Tensor) -> Tensor:
    axes = _numbers(rest[0]) if rest else list(range(len(starts)))
    steps = _numbers(rest[1]) if len(rest) > 1 else [1] * len(starts)
    where = [slice(None)] * x.dim()
    for axis, begin, end, step in zip(axes, _numbers(starts), _numbers(ends), steps, strict=True):
        where[axis] = slice(begin, None if end >= _END else end, step)
    return x[tuple(where)]


def _gather(x: Tensor, index: Tensor, axis: int) -> Tensor:
    if index.dim() == 0:
        return x.select(axis, int(index))
    return x.index_select(axis, index.reshape(-1))


def _reshape(x: Tensor, shape: Tensor, exact: int) -> Tensor:
    sides = [x.shape[i] if n == 0 and not exact else n for i, n in enumerate(_numbers(shape))]
    return x.reshape(sides)


def _shape(x: Tensor, start: int, end: int | None) -> Tensor:
    return torch.tensor(x.shape[start:end], dtype=torch.int64)


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, about: Mapping[str, Any]) -> Tensor:
    top, left, bottom, right = about.get("pads") or (0, 0, 0, 0)
    if (top, left) != (bottom, right):
        raise RuntimeUnavailable("a convolution with uneven margins; expected even ones")
    strides, dilations = about.get("strides") or (1, 1), about.get("dilations") or (1, 1)
    y: Tensor = F.conv2d(x, weight, bias, strides, (top, left), dilations, about.get("group", 1))
    return y


def _gemm(a: Tensor, b: Tensor, c: Tensor | None, about: Mapping[str, Any]) -> Tensor:
    if (about.get("alpha", 1.0), about.get("beta", 1.0), about.get("transA", 0)) != (1.0, 1.0, 0):
        raise RuntimeUnavailable("a scaled or transposed product; expected a plain one")
    y: Tensor = F.linear(a, b if about.get("transB") else b.T, c)
    return y


def _gru(given: Given) -> tuple[Tensor, Tensor]:
    """ONNX GRU, forward, linear before reset: gates in the order z, r, h."""
    x, w, r, b, _, start = given  # [T, B, I], [1, 3 H, I], [1, 3 H, H], [1, 6 H], -, [1, B, H]
    assert x is not None and w is not None and r is not None and b is not None and start is not None
    for_input, for_state = b[0].chunk(2)
    from_input, h, steps = F.linear(x, w[0], for_input), start[0], []
    for step in from_input:
        xz, xr, xh = step.chunk(3, -1)
        hz, hr, hh = F.linear(h, r[0], for_state).chunk(3, -1)
        z = torch.sigmoid(xz + hz)
        h = (1 - z) * torch.tanh(xh + torch.sigmoid(xr + hr) * hh) + z * h
        steps.append(h)
    return torch.stack(steps)[:, None], h[None]


def _resize(x: Tensor, scales: Tensor) -> Tensor:
    down, across = (int(n) for n in scales[2:].tolist())
    return F.interpolate(x, scale_factor=(down, across), mode="nearest")


def _pad(x: Tensor, pads: Tensor, mode: str) -> Tensor:
    _, _, top, left, _, _, bottom, right = _numbers(pads)
    if mode != "edge":
        raise RuntimeUnavailable(f"padding {mode!r} is unknown; expected 'edge'")
    return F.pad(x, (left, right, top, bottom), mode="replicate")


def _moved(node: Node, x: Given) -> Any:
    """Operations that only move values. None for another one."""
    about, op = node.attributes, node.op
    a: Any = x[0] if x else None
    match op:
        case "Concat":
            return torch.cat([t for t in x if t is not None], about["axis"])
        case "Expand":
            return a.expand(_numbers(x[1]))
        case "Gather":
            return _gather(a, x[1], about.get("axis", 0))  # type: ignore[arg-type]
        case "GatherND":  # rows of the first axis, as our exporter uses it
            return a[x[1][:, 0]]  # type: ignore[index]
        case "Identity":
            return a
        case "Pad":
            return _pad(a, x[1], about["mode"])  # type: ignore[arg-type]
        case "Reshape":
            return _reshape(a, x[1], about.get("allowzero", 0))  # type: ignore[arg-type]
        case "Slice":
            return _slice(a, *x[1:])  # type: ignore[arg-type]
        case "Split":
            return a.chunk(about["num_outputs"], about["axis"])
        case "Squeeze":
            return a.squeeze(tuple(_numbers(x[1]))) if len(x) > 1 else a.squeeze()
        case "Transpose":
            return a.permute(about["perm"])
        case "Unsqueeze":
            for axis in sorted(_numbers(x[1])):
                a = a.unsqueeze(axis)
            return a
        case "DepthToSpace":
            return F.pixel_shuffle(a, about["blocksize"])
        case "Resize":
            return _resize(a, x[2])  # type: ignore[arg-type]
    return None


def _computed(node: Node, x: Given) -> Any:
    """Operations on a tensor as a whole. None for another one."""
    about, op = node.attributes, node.op
    a: Any = x[0] if x else None
    match op:
        case "Conv":
            return _conv(a, x[1], x[2] if len(x) > 2 else None, about)  # type: ignore[arg-type]
        case "Gemm":
            return _gemm(a, x[1], x[2] if len(x) > 2 else None, about)  # type: ignore[arg-type]
        case "GRU":
            return _gru(x)
        case "Einsum":
            return torch.einsum(about["equation"], *x)
        case "LayerNormalization":
            return F.layer_norm(a, x[1].shape, x[1], x[2], about["epsilon"])  # type: ignore[union-attr]
        case "Softmax":
            return a.softmax(about["axis"])
        case "ReduceMean":
            return a.mean(_numbers(x[1]), keepdim=bool(about.get("keepdims", 1)))
        case "ReduceLogSumExp":
            return a.logsumexp(_numbers(x[1]), keepdim=bool(about.get("keepdims", 1)))
        case "Shape":
            return _shape(a, about.get("start", 0), about.get("end"))
        case "Cast":
            return a.to(DTYPES[about["to"]])
        case "Clip":  # its bounds are on the host
            return a.clamp(*(bound.item() for bound in x[1:] if bound is not None))
        case "LeakyRelu":
            return F.leaky_relu(a, about["alpha"])
    return None


_POINTWISE: dict[str, Callable[..., Any]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Exp": torch.exp,
    "MatMul": torch.matmul, "Max": torch.maximum, "Relu": torch.relu, "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh, "Less": torch.lt, "GreaterOrEqual": torch.ge,
}  # fmt: skip


class Eager:
    """A parsed graph on one device, for one set of fixed lengths beside the batch."""

    def __init__(self, model: Model, device: torch.device) -> None:
        self.device = device
        self._names = [value.name for value in model.outputs]
        self._known: dict[str, Tensor] = {}
        host = _read_on_the_host(model)
        for name, array in model.tensors.items():
            tensor = torch.from_numpy(array.copy())
            self._known[name] = tensor if name in host else tensor.to(device)
        self._nodes: list[Node] = []
        for node in model.nodes:
            if all(name in self._known for name in node.inputs if name):
                self._known.update(self._results(node, self._known))
            else:
                self._nodes.append(node)
        self._last = _last_uses(self._nodes, self._names)

    def _results(self, node: Node, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        given = [values[name] if name else None for name in node.inputs]
        if node.op == "Range":  # its ends are on the host
            begin, end, step = (float(n) for n in given)  # type: ignore[arg-type]
            made: Any = torch.arange(begin, end, step, device=self.device)
        elif node.op == "Expand" and given[0].dim() == 0:  # type: ignore[union-attr]
            one, shape = given[0], _numbers(given[1])
            made = torch.full(shape, one.item(), dtype=one.dtype, device=self.device)  # type: ignore[union-attr]
        elif node.op in _POINTWISE:
            made = _POINTWISE[node.op](*given)
        else:
            made = _moved(node, given)
            made = _computed(node, given) if made is None else made
        if made is None:
            raise RuntimeUnavailable(
                f"operation {node.op} is unknown to torch's side; use runtime 'onnxruntime'"
            )
        several = made if isinstance(made, tuple) else (made,)
        return {name: value for name, value in zip(node.outputs, several, strict=True) if name}

    @torch.no_grad()
    def __call__(self, feed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inputs on the device -> outputs there."""
        values = {**self._known, **feed}
        for node, done in zip(self._nodes, self._last, strict=True):
            values.update(self._results(node, values))
            for name in done:  # memory of the large pictures in between is used again
                del values[name]
        return {name: values[name] for name in self._names}


def _read_on_the_host(model: Model) -> set[str]:
    """Weights that are lengths, places and scalars; indices of several lie where the values do."""
    indices = {node.inputs[1] for node in model.nodes if node.op in ("Gather", "GatherND")}
    scales = {node.inputs[2] for node in model.nodes if node.op == "Resize"}
    return scales | {
        name
        for name, array in model.tensors.items()
        if not array.ndim or (array.dtype.kind == "i" and name not in indices)
    }


def _last_uses(nodes: Sequence[Node], kept: Sequence[str]) -> list[list[str]]:
    """For each node the values that nobody reads after it, of those that nodes make."""
    made, seen, last = {name for n in nodes for name in n.outputs}, set(kept), []
    for node in reversed(nodes):
        ends = {name for name in (*node.inputs, *node.outputs) if name in made} - seen
        seen |= ends
        last.append(sorted(ends))
    return last[::-1]
