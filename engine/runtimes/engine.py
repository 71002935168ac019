"""What runtimes on a GPU offer beside `Graph`: work put on a stream, on memory of the caller."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from engine.errors import RuntimeUnavailable
from engine.runtimes.graph import Array, Graph, Wish, source, torn
from engine.runtimes.half import halved
from engine.runtimes.nodes import F16, Model, Value, packed, parsed, sized

MOST = 256  # sessions in one call where the wish names no batch


class Binding(NamedTuple):
    """What lies at the pointer of an input or output: a dense array, batch first."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]  # of one item, in the graph's order
    channels_last: bool = False  # [H, W, C] in memory, though `shape` says C, H, W

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of one item in memory."""
        return (*self.shape[1:], self.shape[0]) if self.channels_last else self.shape

    def size(self, batch: int) -> int:
        """Bytes that a batch takes."""
        return batch * int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def laid(self, array: Array) -> Array:
        """An array [B, ...] of the graph's order as it lies in memory."""
        array = np.moveaxis(array, 1, -1) if self.channels_last else array
        return np.ascontiguousarray(array, self.dtype)


class Engine(Graph, Protocol):
    """A graph of fixed sizes but for the batch, that a caller's stream runs.

    A tick that is captured as one CUDA graph calls `prepare` before the capture and `enqueue`
    within: that allocates nothing and waits for nothing. Runs of one engine share memory: they
    follow each other on one stream. `prepare` and `run` have a stream of their own and wait for all
    that is under way on the card first: nobody runs or captures anything of this engine meanwhile.
    What a run must not overwrite is never at the same address: a state goes in at one place and
    comes out at another.
    """

    bindings: dict[str, Binding]  # inputs and outputs
    most: int  # items in the largest batch

    def prepare(self, batch: int) -> None:
        """Make ready for batches of this size: memory, kernels, first run. Begin with the largest:
        the smaller ones fit into its memory. Raises RuntimeUnavailable."""

    def enqueue(self, stream: int, pointers: Mapping[str, int], batch: int) -> None:
        """Put one run on a stream; `pointers`: where each input lies and each output shall, of 256
        bytes' alignment, as CUDA allocates. Raises RuntimeUnavailable."""


class Design(NamedTuple):
    """A graph as an engine is made of it."""

    data: bytes  # the file: lengths fixed but for the batch, in the types that are computed in
    model: Model  # the same, parsed
    config: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    bindings: dict[str, Binding]  # of the inputs
    most: int
    precision: str


def design(path: Path, wish: Wish) -> Design:
    """Read a graph for an engine. Pictures in float16 lie channels last, as texture.cu writes them.

    `wish.shape`: lengths of inputs, the largest batch first; inputs whose lengths are fixed but for
    the batch may be left out. `wish.precision`: "auto" is float16 by `half.RECIPES`.
    Raises WeightsError as `source` does, RuntimeUnavailable where a length is open.
    """
    data, config, inputs, outputs = source(path, wish)
    half = wish.precision == "auto"
    try:
        model = parsed(halved(data, str(config.get("model"))) if half else data)
    except (ValueError, IndexError, KeyError, StopIteration) as error:
        raise torn(path, error) from error
    bindings, fixed = {}, []
    for value in model.inputs:
        sides = wish.shape.get(value.name, value.shape)[1:]
        lengths = _lengths(value.name, sides)
        fixed.append(sized(value, lengths))
        bindings[value.name] = Binding(dtype(value), lengths, half and value.name == "image")
    model = model._replace(inputs=tuple(fixed))
    most = max((int(sides[0]) for sides in wish.shape.values()), default=MOST)
    precision = "f16" if half else "f32"
    return Design(packed(model), model, config, inputs, outputs, bindings, most, precision)


def dtype(value: Value) -> np.dtype[Any]:
    """numpy's name for the type of an input or output."""
    return np.dtype(np.float16 if value.kind == F16 else np.float32)


def _lengths(name: str, sides: Sequence[int | str]) -> tuple[int, ...]:
    if names := [side for side in sides if not isinstance(side, int)]:
        raise RuntimeUnavailable(
            f"input {name} has the open lengths {names}; an engine is built for fixed ones: give "
            f"them as shape={{{name!r}: (largest batch, ...)}}"
        )
    return tuple(int(side) for side in sides)


def batch_of(feed: Mapping[str, Array], most: int) -> int:
    """Items in a feed. Raises RuntimeUnavailable beyond what the engine was built for."""
    batch = len(next(iter(feed.values())))
    if not 0 < batch <= most:
        raise RuntimeUnavailable(
            f"a batch of {batch}, this engine takes 1 to {most}; split it, or load with a larger "
            "shape="
        )
    return batch
