"""Landmarks -> ARKit-52: MediaPipe's own network where it is given, else our regressor.

Contract: coefficients are absolute, the face at rest is still in them. Weights and the mean head
lie in engine/assets/tracker.safetensors (card: tracker.md beside it), made by
`python -m engine.train tracker`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from engine.errors import WeightsError
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32
from engine.runtime import ASSETS
from engine.tracker.models import Net
from engine.tracker.pose import Rigid

BUNDLED = ASSETS / "tracker.safetensors"
VERSION = "landmarks-1"
# The points MediaPipe's coefficient network takes, irises last.
SUBSET = np.array(
    """
    0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87
    88 91 93 95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159
    160 161 162 163 168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282
    283 284 285 288 291 293 295 296 297 300 308 310 311 312 314 317 318 321 323 324 332 334 336 338
    356 361 362 365 373 374 375 377 378 379 380 381 382 384 385 386 387 388 389 390 397 398 400 402
    405 409 415 454 466 468 469 470 471 472 473 474 475 476 477
    """.split(),
    np.int64,
)
# What it gives, in its order: `_neutral`, then ARKit without tongueOut.
MEDIAPIPE = ("_neutral", *(name for name in ARKIT if name != "tongueOut"))
_ROWS = np.array([INDEX[name] for name in MEDIAPIPE[1:]])


def given(net: Net, points: F32) -> F32:
    """Landmarks [478, 3] in pixels -> weights [52] by MediaPipe's network; tongueOut stays 0."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    weights[_ROWS] = net.run(np.ascontiguousarray(points[SUBSET, :2]))[0].reshape(-1)[1:]
    return np.clip(weights, 0, 1)


def features(points: F32, turn: F32) -> F32:
    """Landmarks [478, 3] in pixels and the head's turn [3, 3] -> what the regressor sees [440].

    Points as seen by a camera straight ahead of the face, in units of its size, and how far it was
    turned away.
    """
    chosen = points[SUBSET] * np.array([1, -1, -1], np.float32)
    face = chosen @ turn  # into the head's own frame
    face -= face[:-10].mean(0)
    face /= max(float(np.sqrt((face[:-10, :2] ** 2).sum(1).mean())), 1e-6)
    return np.concatenate([face.reshape(-1), turn[:2, 2]]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Regressor:
    """A perceptron from features to ARKit-52."""

    rigid: Rigid
    layers: tuple[tuple[F32, F32], ...]  # (weight [out, in], bias [out])
    mean: F32  # [440] of the features
    scale: F32  # [440]
    mask: F32  # [52] 1 where a channel follows the face well enough to be used

    @classmethod
    def load(cls, path: Path = BUNDLED) -> "Regressor":
        """Raises WeightsError when the file is missing, torn or made for another version."""
        if not path.is_file():
            raise WeightsError(
                f"{path.name} not found in {path.parent}; it is part of the checkout: restore it "
                "with git"
            )
        try:
            with safe_open(path, framework="numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                header = json.loads((file.metadata() or {}).get("vivify", "{}"))
        except (SafetensorError, ValueError) as error:
            raise WeightsError(f"{path.name} cannot be read ({error}); restore it") from error
        if header.get("version") != VERSION:
            raise WeightsError(
                f"{path.name} says {header.get('version')!r}, expected {VERSION!r}; restore it "
                "with git or train it again: python -m engine.train tracker"
            )
        return cls.of(tensors)

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> "Regressor":
        """From named tensors, of any float type. Raises WeightsError for one that is absent."""
        try:
            held = {k: np.asarray(v, np.float32) for k, v in tensors.items()}
            count = sum(name.startswith("weight.") for name in held)
            return cls(
                Rigid(tensors["points"].astype(np.int64), held["shape"], held["rigidity"]),
                tuple((held[f"weight.{i}"], held[f"bias.{i}"]) for i in range(count)),
                held["mean"],
                held["scale"],
                held["mask"],
            )
        except KeyError as error:
            raise WeightsError(f"the tracker's weights lack {error}; restore them") from error

    def weights(self, points: F32, turn: F32) -> F32:
        """Landmarks [478, 3] in pixels and the head's turn [3, 3] -> weights [52] in [0, 1]."""
        return self.answer(features(points, turn))

    def answer(self, row: F32) -> F32:
        """`features` of one face -> weights [52] in [0, 1]."""
        x = np.clip((row - self.mean) / self.scale, -6, 6)
        for i, (weight, bias) in enumerate(self.layers):
            x = weight @ x + bias
            if i + 1 < len(self.layers):
                x = np.maximum(x, 0)
        return np.asarray(np.clip(x * self.mask, 0, 1), np.float32)
