"""Where graphs run: one call for every runtime, the only branch on hardware.

A graph is one of ours, shipped in `engine/assets`; its JSON config travels in its metadata under
the key "vivify". Foreign ONNX is never loaded: a user's package brings tensors only, which take the
place of the graph's own after their names, shapes and values are checked.

TensorRT goes here: a row in RUNTIMES, a branch in `_open` and a file engine/runtimes/tensorrt.py
whose class parses `source(path, wish).data` with its ONNX parser, makes one optimization profile of
`wish.shape`, builds with FP16 where `precision` is "auto", and keeps the engine it built beside the
kernels' cache, by the hash of those bytes. Nothing else asks which runtime there is.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from engine.errors import RuntimeUnavailable, WeightsError
from engine.runtimes.graph import Array, Graph, Wish, checked

__all__ = ["ASSETS", "RUNTIMES", "Array", "Graph", "available", "load"]

ASSETS = Path(__file__).parent / "assets"
RUNTIMES = {  # what each needs installed, and how a user gets it
    "onnxruntime": (("onnxruntime",), "pip install onnxruntime"),
    "openvino": (("openvino",), "pip install openvino"),
    "torch": (("torch",), "pip install -e '.[train]'"),
}


def available() -> tuple[str, ...]:
    """The runtimes installed here."""
    return tuple(
        name for name, (needs, _) in RUNTIMES.items() if all(find_spec(part) for part in needs)
    )


def load(
    path: Path | str,
    runtime: str = "onnxruntime",
    *,
    tensors: Mapping[str, Array] | None = None,
    outputs: Sequence[str] | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
    precision: str = "f32",
) -> Graph:
    """Load one of our graphs. `runtime`: "onnxruntime", "openvino" or "torch".

    `tensors`: weights by name that replace all of the graph's own (renderers only); `outputs`:
    those to compute, all by default, and what only the others need costs nothing; `shape`: fixed
    shapes of inputs by name, for calls of one size only, which OpenVINO runs faster; `precision`:
    "f32", or "auto" where a runtime may choose a faster one for this processor.

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


def _open(path: Path, runtime: str, wish: Wish) -> Graph:
    # Imported when asked for: each of these libraries costs start-up time and memory.
    if runtime == "openvino":
        from engine.runtimes.openvino import OpenVinoGraph

        return OpenVinoGraph(path, wish)
    if runtime == "torch":
        from engine.runtimes.torch import TorchGraph

        return TorchGraph(path, wish)
    from engine.runtimes.onnxruntime import OnnxGraph

    return OnnxGraph(path, wish)
