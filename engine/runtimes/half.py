"""A float32 graph made to compute in float16, as strongly typed TensorRT wants it: in its types.

A renderer is half throughout, its inputs and outputs too: its time goes into moving pictures. The
small recurrent networks multiply matrices in half and do all else in float32, where a rounding
would add up from tick to tick: sums, softmax, cells, poses. What they remember stays float32, but
for the context of attention, which is forgotten after a second. Measured losses: README.md.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from engine.errors import WeightsError
from engine.runtimes.nodes import BOOL, F16, F32, I64, Model, Node, Value, cast, packed, parsed

# With weights these are what a GPU does faster in half.
_PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})
# Pass values on as they are, in whatever type they come.
_MOVES = frozenset({"Concat", "Expand", "Gather", "GatherND", "Identity", "Pad", "Relu", "Reshape",
                    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})  # fmt: skip
_GIVES = {"Shape": I64, "Less": BOOL, "GreaterOrEqual": BOOL}
_FIXED = {"Resize": (1, 2)}  # inputs that are float32 by the standard


class Recipe(NamedTuple):
    """Which parts of a kind of graph are half."""

    whole: bool  # everything, or the products only
    values: frozenset[str] = frozenset()  # inputs and outputs that are half beside a float32 rest


RECIPES = {
    "renderer": Recipe(True),
    "decoder": Recipe(False, frozenset({
        "style_up", "style_down", "style_out", "state_keys", "state_values", "state_keys_out",
        "state_values_out",
    })),
    "ppg": Recipe(False),
}  # fmt: skip


def halved(data: bytes, model: str) -> bytes:
    """The file with its products, or all of it, in float16; `model`: as its config calls it.

    Raises WeightsError for a kind of graph without a recipe and for weights beyond float16.
    """
    if model not in RECIPES:
        raise WeightsError(f"a {model!r} graph has no float16 form; expected one of {[*RECIPES]}")
    return packed(_Halving(parsed(data), RECIPES[model]).made())


class _Halving:
    """One pass over a graph's nodes, which come after those that they read."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self._model, self._recipe = model, recipe
        self._kinds: dict[str, int] = {}  # value -> element type
        self._twins: dict[tuple[str, int], str] = {}  # (value, type) -> its converted copy
        self._nodes: list[Node] = []
        self._tensors = dict(model.tensors)

    def made(self) -> Model:
        inputs = tuple(self._declared(value) for value in self._model.inputs)
        self._kinds.update({value.name: value.kind for value in inputs})
        kinds = {np.dtype(np.float32): F32, np.dtype(np.int64): I64, np.dtype(np.bool_): BOOL}
        for name, tensor in self._tensors.items():
            self._kinds[name] = kinds[tensor.dtype.newbyteorder("=")]
        for node in self._model.nodes:
            self._add(node)
        outputs = tuple(self._declared(value) for value in self._model.outputs)
        for value in outputs:
            self._deliver(value)
        read = {name for node in self._nodes for name in node.inputs}
        tensors = {name: tensor for name, tensor in self._tensors.items() if name in read}
        return Model(tuple(self._nodes), tensors, inputs, outputs, self._model.around)

    def _declared(self, value: Value) -> Value:
        half = self._recipe.whole or value.name in self._recipe.values
        return value._replace(kind=F16) if half and value.kind == F32 else value

    def _wanted(self, node: Node) -> int:
        """The type a node computes in."""
        kinds = {self._kinds[name] for name in node.inputs if name}
        if not kinds & {F16, F32}:
            return I64
        if node.op == "Range":  # it counts: half is exact up to 2048 only
            return F32
        if self._recipe.whole or (node.op in _PRODUCTS and self._weighs(node, kinds)):
            return F16
        if node.op in _MOVES:
            return F16 if F16 in kinds else F32
        return F32

    def _weighs(self, node: Node, kinds: set[int]) -> bool:
        """Whether a product is with weights, or with what is half anyway; running averages are
        products of other things and stay as exact as they are."""
        return F16 in kinds or any(name in self._tensors for name in node.inputs)

    def _add(self, node: Node) -> None:
        kind, fixed = self._wanted(node), _FIXED.get(node.op, ())
        inputs = tuple(
            self._as(name, kind) if name and at not in fixed else name
            for at, name in enumerate(node.inputs)
        )
        self._nodes.append(node._replace(inputs=inputs))
        integer = self._kinds[node.inputs[0]] if kind == I64 else kind
        given = node.attributes["to"] if node.op == "Cast" else _GIVES.get(node.op, integer)
        self._kinds.update({name: given for name in node.outputs if name})

    def _as(self, name: str, kind: int) -> str:
        """The name of a value in this type; integers and truths stay what they are."""
        if self._kinds[name] == kind or self._kinds[name] not in (F16, F32):
            return name
        if (name, kind) not in self._twins:
            twin = self._twins[name, kind] = f"{name}.{'half' if kind == F16 else 'single'}"
            self._kinds[twin] = kind
            if name in self._tensors:
                self._tensors[twin] = _rounded(name, self._tensors[name])
            else:
                self._nodes.append(cast(name, twin, kind))
        return self._twins[name, kind]

    def _deliver(self, value: Value) -> None:
        """Give an output its declared type: who makes it gives it another name first."""
        if self._kinds[value.name] == value.kind:
            return
        raw = f"{value.name}.raw"

        def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(raw if name == value.name else name for name in names)

        self._nodes = [
            node._replace(inputs=renamed(node.inputs), outputs=renamed(node.outputs))
            for node in self._nodes
        ]
        self._nodes.append(cast(raw, value.name, value.kind))


def _rounded(
    name: str, tensor: Collection[float]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    with np.errstate(over="ignore"):
        half = np.asarray(tensor).astype(np.float16)
    if not np.isfinite(half).all():
        raise WeightsError(f"weight {name} is beyond the range of float16; use precision 'f32'")
    return half
