"""Where graphs run: one call for every runtime, the only branch on hardware.

A graph is one of ours, shipped in `engine/assets`; its JSON config travels in its metadata under
the key "vivify". Foreign ONNX is never loaded: a user's package brings tensors only, which take the
place of the graph's own after their names, shapes and values are checked.

"tensorrt" and "graphed" give an `Engine` (engine.runtimes.engine): a graph for an NVIDIA card that
also runs on a caller's stream and memory; `engine` chooses between them.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from engine.errors import RuntimeUnavailable, WeightsError
from engine.runtimes.engine import Engine
from engine.runtimes.graph import Array, Graph, Wish, checked

__all__ = ["ASSETS", "RUNTIMES", "Array", "Engine", "Graph", "available", "engine", "load"]

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parent / "assets"
RUNTIMES = {  # what each needs installed, any of several, and how a user gets it
    "onnxruntime": ((("onnxruntime",),), "pip install onnxruntime"),
    "openvino": ((("openvino",),), "pip install openvino"),
    "torch": ((("torch",),), "pip install -e '.[train]'"),
    "tensorrt": ((("cuda",), ("tensorrt", "tensorrt_rtx")), "pip install -e '.[gpu]'"),
    "graphed": ((("cuda",), ("torch",)), "pip install -e '.[gpu]'"),
}
ENGINES = ("tensorrt", "graphed")  # run on an NVIDIA card only


def available() -> tuple[str, ...]:
    """The runtimes that are installed here and have the machine they need."""
    return tuple(
        name
        for name, (needs, _) in RUNTIMES.items()
        if all(any(map(find_spec, either)) for either in needs)
        and (name not in ENGINES or _has_card())
    )


def _has_card() -> bool:
    from engine.runtimes import card

    try:
        return bool(card.found())
    except RuntimeUnavailable:
        return False


def load(
    path: Path | str,
    runtime: str = "onnxruntime",
    *,
    tensors: Mapping[str, Array] | None = None,
    outputs: Sequence[str] | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
    precision: str = "f32",
) -> Graph:
    """Load one of our graphs. `runtime`: one of RUNTIMES.

    `tensors`: weights by name that replace all of the graph's own (renderers only); `outputs`:
    those to compute, all by default, and what only the others need costs nothing; `shape`: fixed
    shapes of inputs by name, for calls of one size only, which OpenVINO runs faster and
    engines are built for, the largest batch first; `precision`: "f32", or "auto" where a runtime
    may choose a faster one for this processor (an engine: float16).

    Raises WeightsError when the file is missing or not ours or the tensors do not fit it,
    RuntimeUnavailable for an unknown or absent runtime.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(
            f"model file {path.name} not found in {path.parent}; it is part of the checkout: "
            "restore it with git, or train it with python -m engine.train"
        )
    if runtime not in RUNTIMES:
        raise RuntimeUnavailable(f"runtime {runtime!r} is unknown; expected one of {[*RUNTIMES]}")
    wish = Wish(tensors, outputs, shape or {}, precision)
    checked(wish)
    try:
        return _open(path, runtime, wish)
    except ImportError as error:
        raise RuntimeUnavailable(
            f"runtime {runtime!r} is not installed ({error}); install it with "
            f"{RUNTIMES[runtime][1]}"
        ) from error


def engine(path: Path | str, *, precision: str = "auto", **wish: Any) -> Engine:
    """One of our graphs on this machine's NVIDIA card: on TensorRT, or on torch where TensorRT is
    absent or refuses, which the log then says once.

    `wish`: as of `load`. Raises WeightsError, and RuntimeUnavailable where there is no card or
    driver for it, with what to do; the caller then runs on the CPU.
    """
    from engine.runtimes import card

    card.found()
    try:
        return cast(Engine, load(path, "tensorrt", precision=precision, **wish))
    except RuntimeUnavailable as error:
        _instead(str(error))
        return cast(Engine, load(path, "graphed", precision=precision, **wish))


@cache
def _instead(cause: str) -> None:
    log.warning("networks run on torch in place of TensorRT: %s", cause)


def _open(path: Path, runtime: str, wish: Wish) -> Graph:
    # Imported when asked for: each of these libraries costs start-up time and memory.
    if runtime == "openvino":
        from engine.runtimes.openvino import OpenVinoGraph

        return OpenVinoGraph(path, wish)
    if runtime == "torch":
        from engine.runtimes.torch import TorchGraph

        return TorchGraph(path, wish)
    if runtime == "tensorrt":
        from engine.runtimes.tensorrt import TensorRTGraph

        return TensorRTGraph(path, wish)
    if runtime == "graphed":
        from engine.runtimes.graphed import GraphedGraph

        return GraphedGraph(path, wish)
    from engine.runtimes.onnxruntime import OnnxGraph

    return OnnxGraph(path, wish)
