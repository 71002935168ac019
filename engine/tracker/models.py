"""The networks of the tracker: which files they are, checked and loaded on LiteRT.

Contract: nothing is fetched here (streaming.models fetches); a file is used only if its checksum
is the pinned one. `ai_edge_litert` is imported here alone, and only when models are loaded.
"""

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import RuntimeUnavailable, WeightsError
from engine.frames import F32

# MediaPipe's networks (Apache-2.0) as the wheel mediapipe 0.10.21 holds them.
DETECTOR = "face_detection_short_range.tflite"
MESH = "face_landmark.tflite"
IRIS = "iris_landmark.tflite"
CHECKSUMS = {
    DETECTOR: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    MESH: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    IRIS: "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
}
# MediaPipe's bundle float16/1, which adds gaze and coefficients of its own.
FACE_MODEL = "face_landmarker.task"
FACE_MODEL_BYTES = 3_758_596
FACE_MODEL_CHECKSUM = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
_PARTS = ("face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite")

_FETCH = "fetch them with streaming.models.face_models()"


def cache_folder() -> Path:
    """Where Vivify keeps what it has fetched for this user."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "vivify"


class Net:
    """One .tflite graph on one CPU thread: float32 in, its outputs by their size."""

    def __init__(self, content: bytes, name: str) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise RuntimeUnavailable(
                "the tracker needs ai-edge-litert, which is not installed (found: "
                f"{error}); install Vivify with its extra `tracker`, from the checkout: "
                'pip install -e ".[tracker]"'
            ) from error
        try:
            self._graph: Any = Interpreter(model_content=content, num_threads=1)
            self._graph.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise WeightsError(f"{name} cannot be loaded by LiteRT: {error}") from error
        entry = self._graph.get_input_details()[0]
        self._entry: int = entry["index"]
        self.shape: tuple[int, ...] = tuple(int(n) for n in entry["shape"])
        exits = self._graph.get_output_details()
        self._exits: list[int] = [e["index"] for e in exits]

    @property
    def side(self) -> int:
        """Height and width of the picture it takes."""
        return self.shape[1]

    def run(self, x: F32) -> list[F32]:
        """`x` of `shape` -> its outputs, largest first; equal sizes stay in the graph's order."""
        self._graph.set_tensor(self._entry, x.reshape(self.shape))
        self._graph.invoke()
        out = [np.asarray(self._graph.get_tensor(i), np.float32) for i in self._exits]
        return sorted(out, key=lambda y: -y.size)


class Models:
    """Detector, landmarks and what else the given files hold. Not for two threads at once."""

    def __init__(self, detector: Net, mesh: Net, iris: Net | None, blendshapes: Net | None) -> None:
        self.detector = detector
        self.mesh = mesh  # 192 px: 468 points; 256 px: 478 with the irises
        self.iris = iris  # of one eye
        self.blendshapes = blendshapes  # 146 points -> MediaPipe's 52 coefficients

    @classmethod
    def load(cls, folder: Path | None, face_model: Path | None = None) -> "Models":
        """From the folder that streaming.models.face_models returns, or from a
        `face_landmarker.task` (better coefficients; the folder is then not needed).

        Raises RuntimeUnavailable naming what is missing (extra `tracker`, files) and how to get
        it, WeightsError for a file whose checksum is not the pinned one.
        """
        if face_model is not None:
            detector, mesh, blendshapes = _parts(Path(face_model))
            return cls(
                Net(detector, _PARTS[0]), Net(mesh, _PARTS[1]), None, Net(blendshapes, _PARTS[2])
            )
        if folder is None:
            raise RuntimeUnavailable(
                f"no model files are given, expected a folder with {', '.join(CHECKSUMS)}, "
                f"or the path of a {FACE_MODEL}; {_FETCH}"
            )
        missing = [name for name in CHECKSUMS if not (Path(folder) / name).is_file()]
        if missing:
            raise RuntimeUnavailable(
                f"{folder} lacks {', '.join(missing)}, which the tracker needs; {_FETCH}"
            )
        nets = [Net(checked(Path(folder) / name), name) for name in (DETECTOR, MESH, IRIS)]
        return cls(nets[0], nets[1], nets[2], None)


def checked(path: Path) -> bytes:
    """The content of a pinned file. Raises WeightsError if its checksum is another one."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != CHECKSUMS[path.name]:
        raise WeightsError(
            f"{path} has sha256 {found}, expected {CHECKSUMS[path.name]}; delete it and {_FETCH}"
        )
    return content


def _parts(path: Path) -> list[bytes]:
    """The graphs inside a `face_landmarker.task`, after its checksum."""
    if not path.is_file():
        raise RuntimeUnavailable(
            f"{path} is not a file, expected the path of MediaPipe's {FACE_MODEL}; "
            "leave it out to do without"
        )
    size = path.stat().st_size
    content = path.read_bytes() if size == FACE_MODEL_BYTES else b""
    found = hashlib.sha256(content).hexdigest() if content else "not computed"
    if found != FACE_MODEL_CHECKSUM:
        raise WeightsError(
            f"{path} has {size} bytes and sha256 {found}, expected the official float16/1 "
            f"{FACE_MODEL} of {FACE_MODEL_BYTES} bytes, sha256 {FACE_MODEL_CHECKSUM}; "
            "download that one again or leave it out"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return [bundle.read(name) for name in _PARTS]
