"""Where the 468 landmarks of MediaPipe's mesh lie on the clay, and what the networks see of means.

Contract: `Anchors.load` reads engine/assets/likeness.safetensors (card: likeness.md beside it).
engine.train.anchoring makes it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from engine.errors import WeightsError
from engine.face.blendshapes import ARKIT
from engine.runtime import ASSETS
from engine.train.bust import F64, I64
from engine.train.recipe import Identity

BUNDLED = ASSETS / "likeness.safetensors"
VERSION = "anchors-1"
POINTS = 468
FLIP = np.array([1.0, -1.0, -1.0])  # pixels -> x right, y up, z to the camera
BROWS = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107, 276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
# Expressions that networks can tell from identity.
UNITS = tuple(
    name for name in ARKIT
    if not name.startswith(("eyeLook", "tongueOut", "cheek", "jawForward", "noseSneer"))
)  # fmt: skip
BASE = Identity(gender=0.5, age=30.0)  # what a likeness starts from: an even mix of all
# Looks at one picture, to calm what the networks see: size of the square, shift and turn.
LOOKS = ((0.92, 0.0), (1.0, 0.02), (1.08, -0.02), (1.0, 0.0), (0.96, 0.01), (1.04, -0.01))
# Whom the ten people's mean is taken for.
SAMPLE = Identity({"caucasian": 0.8, "african": 0.1, "asian": 0.1}, gender=0.45, age=30.0)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Landmark by landmark."""

    vertex: I64  # [468] of the clay
    photo: F64  # [468, 3] landmarks of the mean photo; x right, y up, z to the camera; dm
    drawn: F64  # [468, 3] of the mean avatar's picture
    moves: F64  # [A, 468, 3] what the networks see of each identity axis in drawings
    units: F64  # [U, 468, 3] and of each expression
    axes: tuple[str, ...]  # names of the axes' upper targets
    expressions: tuple[str, ...]

    @classmethod
    def load(cls, path: Path = BUNDLED) -> "Anchors":
        """Raises WeightsError when the file is missing or of another version."""
        if not path.is_file():
            raise WeightsError(f"{path.name} not found in {path.parent}: restore it with git")
        with safe_open(path, framework="numpy") as file:
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads((file.metadata() or {}).get("vivify", "{}"))
        if about.get("version") != VERSION:
            raise WeightsError(
                f"{path.name} says {about.get('version')!r}, expected {VERSION!r}: restore it"
            )
        moves, units = (
            held[name].astype(float) * held[f"{name}.scale"][:, None, None]
            for name in ("moves", "units")
        )
        return cls(held["vertex"].astype(np.int64), held["photo"].astype(float),
                   held["drawn"].astype(float), moves, units, tuple(about["axes"]),
                   tuple(about["expressions"]))  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the file that `load` reads."""
        tensors: dict[str, npt.NDArray[Any]] = {
            "vertex": self.vertex.astype(np.uint16), "photo": self.photo.astype(np.float32),
            "drawn": self.drawn.astype(np.float32),
        }  # fmt: skip
        for name in ("moves", "units"):
            rows = getattr(self, name)
            scale = np.maximum(np.abs(rows).max((1, 2)), 1e-6) / 127
            tensors[name] = np.rint(rows / scale[:, None, None]).astype(np.int8)
            tensors[f"{name}.scale"] = scale.astype(np.float32)
        about = {"version": VERSION, "axes": self.axes, "expressions": self.expressions}
        save_file(tensors, path, metadata={"vivify": json.dumps(about)})


def similar(source: F64, goal: F64, weight: F64 | None = None) -> tuple[float, F64, F64]:
    """Scale, turn [3, 3] and shift that bring `source` [N, 3] nearest to `goal`: s x R + t.

    Method: Umeyama, "Least-squares estimation of transformation parameters" (PAMI 1991).
    """
    w = np.full(len(source), 1.0) if weight is None else weight
    w = (w / w.sum())[:, None]
    a, b = source - (w * source).sum(0), goal - (w * goal).sum(0)
    u, size, v = np.linalg.svd((w * a).T @ b)
    keep = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    turn = (u * keep) @ v
    scale = float((size * keep).sum() / max(float((w * a * a).sum()), 1e-12))
    return scale, turn, (w * goal).sum(0) - scale * (w * source).sum(0) @ turn


def aligned(source: F64, goal: F64, weight: F64 | None = None) -> F64:
    """`source` [N, 3] turned, sized and placed as `goal` is."""
    scale, turn, shift = similar(source, goal, weight)
    return np.asarray(scale * source @ turn + shift)
