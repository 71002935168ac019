"""What every runtime offers, what a caller may wish for, and the checks all of them share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from engine.errors import RuntimeUnavailable, WeightsError
from engine.runtimes.nodes import dense
from engine.runtimes.onnxfile import INPUT, OUTPUT, cut, metadata, names, replaced

Array = npt.NDArray[Any]
PRECISIONS = ("f32", "auto")
# What reading bytes that are no graph may end in; `names` and `cut` walk them like a list.
_TORN = (ValueError, IndexError, KeyError, StopIteration)


class Graph(Protocol):
    """A loaded graph: named arrays in, named arrays out. Holds no session state."""

    config: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: str  # what it computes in: "f32", or what a runtime has chosen, like "bf16"

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        """Evaluate on one thread, on torch's own; inputs are not modified, outputs are fresh
        arrays."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a graph is loaded; see `engine.runtime.load`."""

    tensors: Mapping[str, Array] | None = None
    outputs: Sequence[str] | None = None
    shape: Mapping[str, Sequence[int]] = field(default_factory=dict)
    precision: str = "f32"


class Source(NamedTuple):
    """A graph's file as it was wished for."""

    data: bytes
    config: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def source(path: Path, wish: Wish) -> Source:
    """Read one of our graphs, put in the weights wished for, leave out what is not asked for.

    Raises WeightsError when it is unreadable or not ours, for weights that do not fit, and for
    inputs and outputs it does not have.
    """
    data = path.read_bytes()
    try:
        config = _parsed(metadata(data).get("vivify"), path)
        data = dense(data)
        inputs, outputs = names(data, INPUT), names(data, OUTPUT)
    except _TORN as error:
        raise torn(path, error) from error
    if unknown := sorted(set(wish.shape) - set(inputs)):
        raise WeightsError(f"{path.name} has no inputs {unknown}, only {list(inputs)}")
    fit = None if wish.tensors is None else fitting(wish.tensors, config, path)
    if wish.outputs is not None:
        if unknown := sorted(set(wish.outputs) - set(outputs)):
            raise WeightsError(f"{path.name} has no outputs {unknown}, only {list(outputs)}")
        outputs = tuple(name for name in outputs if name in wish.outputs)
    try:
        data = data if fit is None else replaced(data, fit)
        data = data if wish.outputs is None else cut(data, outputs)
    except _TORN as error:
        raise torn(path, error) from error
    return Source(data, config, inputs, outputs)


def torn(path: Path, error: Exception) -> WeightsError:
    """The error for a file that no runtime can read."""
    return WeightsError(f"{path.name} is not a readable graph ({error}); restore it with git")


def _parsed(raw: Any, path: Path) -> dict[str, Any]:
    """The config in a graph's metadata. Raises WeightsError when there is none."""
    try:
        return cast(dict[str, Any], json.loads(raw))
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"{path.name} carries no Vivify config in its metadata; expected a graph exported by "
            "engine.train: restore the file from the checkout"
        ) from error


def fitting(
    tensors: Mapping[str, Array], config: Mapping[str, Any], path: Path
) -> dict[str, npt.NDArray[np.float32]]:
    """`tensors` as contiguous float32, in the order of the graph's own.

    Raises WeightsError when the graph takes no weights, and for missing, unknown, misshapen,
    non-float or non-finite tensors.
    """
    known: dict[str, list[int]] = config.get("tensors", {})
    if not known:
        raise WeightsError(f"{path.name} keeps its own weights and takes no others")
    missing, unknown = sorted(known.keys() - tensors.keys()), sorted(tensors.keys() - known.keys())
    if missing or unknown:
        raise WeightsError(
            f"the weights do not fit {path.name}: missing {missing[:4]}, unknown {unknown[:4]}; "
            "they belong to another size or version of the network: train them again"
        )
    fit = {}
    for name, size in known.items():
        tensor = np.asarray(tensors[name])
        if tensor.dtype.kind != "f" or list(tensor.shape) != size:
            raise WeightsError(
                f"weight {name} is {tensor.dtype} {list(tensor.shape)}, {path.name} expects "
                f"floats {size}"
            )
        if not np.isfinite(tensor).all():
            raise WeightsError(f"weight {name} is not finite; the training that made it diverged")
        # A float64 beyond float32's range would become infinite.
        with np.errstate(over="ignore"):
            fit[name] = np.ascontiguousarray(tensor, np.float32)
        if not np.isfinite(fit[name]).all():
            raise WeightsError(f"weight {name} is beyond the range of float32")
    return fit


def checked(wish: Wish) -> None:
    """Raise RuntimeUnavailable for an unknown precision."""
    if wish.precision not in PRECISIONS:
        raise RuntimeUnavailable(
            f"precision {wish.precision!r} is unknown; expected one of {list(PRECISIONS)}"
        )
