"""Where graphs run: onnxruntime by default, OpenVINO on request; the only branch on hardware here.

A graph is one of ours, shipped in `engine/assets`; its JSON config travels in its metadata under
the key "vivify". Foreign ONNX is never loaded: a user's package brings tensors only.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from engine.errors import RuntimeUnavailable, WeightsError

ASSETS = Path(__file__).parent / "assets"

Array = npt.NDArray[Any]


class Graph(Protocol):
    """A loaded graph: named arrays in, named arrays out. Holds no session state."""

    config: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        """Evaluate on one thread; inputs are not modified, outputs are fresh arrays."""


class OnnxGraph:
    """onnxruntime, CPU, one thread, no spinning: many sessions share two cores."""

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort
        from onnxruntime.capi import onnxruntime_pybind11_state as causes

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except (causes.Fail, causes.InvalidProtobuf, causes.InvalidGraph) as error:
            raise _torn(path, error) from error
        self.inputs = tuple(i.name for i in self._session.get_inputs())
        self.outputs = tuple(o.name for o in self._session.get_outputs())
        meta = self._session.get_modelmeta().custom_metadata_map
        self.config: dict[str, Any] = _config(meta.get("vivify"), path)

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self.outputs, self._session.run(None, dict(feed)), strict=True))


class OpenVinoGraph:
    """OpenVINO, CPU, one thread, float32: the fast path of convolutional renderers."""

    def __init__(self, path: Path) -> None:
        import openvino as ov

        core = ov.Core()
        try:
            model = core.read_model(str(path))
        except RuntimeError as error:
            raise _torn(path, error) from error
        info = model.get_rt_info()
        raw = info["framework"]["vivify"].value if "framework" in info else None
        self.config: dict[str, Any] = _config(raw, path)
        self.inputs = tuple(i.get_any_name() for i in model.inputs)
        self.outputs = tuple(o.get_any_name() for o in model.outputs)
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            # bf16 gave wrong decoder outputs; a renderer may relax this where it is measured.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        self._request.infer(dict(feed), share_inputs=True)
        return {
            name: np.array(self._request.get_output_tensor(i).data)
            for i, name in enumerate(self.outputs)
        }


def _torn(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path.name} is not a readable graph ({error}); restore it with git")


def _config(raw: Any, path: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads(raw))
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"{path.name} carries no Vivify config in its metadata; expected a graph exported by "
            "engine.train: restore the file from the checkout"
        ) from error


def load(path: Path | str, runtime: str = "onnxruntime") -> Graph:
    """Load one of our graphs. `runtime`: "onnxruntime" or "openvino".

    Raises WeightsError when the file is missing or not ours, RuntimeUnavailable for an unknown or
    absent runtime.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(
            f"model file {path.name} not found in {path.parent}; it is part of the checkout: "
            "restore it with git, or train it with python -m engine.train"
        )
    kinds: dict[str, Callable[[Path], Graph]] = {
        "onnxruntime": OnnxGraph,
        "openvino": OpenVinoGraph,
    }
    if runtime not in kinds:
        raise RuntimeUnavailable(f"runtime {runtime!r} is unknown; expected one of {sorted(kinds)}")
    try:
        return kinds[runtime](path)
    except ImportError as error:
        raise RuntimeUnavailable(
            f"runtime {runtime!r} is not installed; install it with pip install {runtime}"
        ) from error
