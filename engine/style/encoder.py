"""Style encoder: the statistics of a motion clip -> a style code.

Method: StyleAvatar Eq. 2 (standard deviations of expression, of its change, of the pose's change)
with the means added (the means carry the emotion) and the pose's own deviation (how far a head
sways), z-scored and projected on principal components, face and head apart, so that the head may
come from another clip (StyleTalk++ 3.2). Contract: numpy only; the projection is data, stored
beside the bundled styles with its version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.frames import BLENDSHAPES, F32, POSE
from engine.motion.channels import WEAK

VERSION = "statistics-2"
EXPRESSION = 32  # values of a code that describe the face; they come first
HEAD = 8  # values that describe the head
CODE = EXPRESSION + HEAD
FACE_STATISTICS = 3 * BLENDSHAPES
STATISTICS = FACE_STATISTICS + 3 * len(POSE)
MIN_FRAMES = 25  # a second: fewer frames say nothing about a style
_POSE_SCALE = np.array([0.1, 0.1, 0.1, 10.0, 10.0, 10.0], np.float32)
_BOUND = 3.0  # a code lies inside this box: what lies beyond was never seen in training


def statistics(weights: F32, pose: F32, neutral: F32 | None = None) -> F32:
    """[STATISTICS]: mean, deviation and deviation of the change of ARKit-52, then the same of the
    pose in units of 10 degrees and a tenth of a head width. Over all frames at 25 Hz.

    `weights` [T, 52], `pose` [T, 6]; `neutral` [52] is the face at rest of the person and is taken
    off first. Raises FrameError for wrong shapes, too few frames or values that are not finite.
    """
    if weights.shape != (len(weights), BLENDSHAPES) or pose.shape != (len(weights), len(POSE)):
        raise FrameError(
            f"style clip has weights {weights.shape} and pose {pose.shape}, "
            f"expected [T, {BLENDSHAPES}] and [T, {len(POSE)}]"
        )
    if len(weights) < MIN_FRAMES:
        raise FrameError(
            f"style clip has {len(weights)} frames, expected at least {MIN_FRAMES}: give a longer "
            "clip"
        )
    if not (np.isfinite(weights).all() and np.isfinite(pose).all()):
        raise FrameError("style clip holds NaN or infinite values; track it again")
    face = weights if neutral is None else weights - neutral
    parts = [
        row
        for curve in (face, pose * _POSE_SCALE)
        for row in (curve.mean(0), curve.std(0), np.diff(curve, axis=0).std(0))
    ]
    return np.concatenate(parts).astype(np.float32)


def pieced(weights: F32, pose: F32, edges: Sequence[int]) -> F32:
    """Statistics [STATISTICS] of motion that begins anew at the frames `edges`: of each piece by
    itself, averaged by length, so that no jump between recordings counts as movement. Pieces below
    MIN_FRAMES are left out; raises FrameError when none is longer."""
    bounds = [0, *(int(edge) for edge in edges), len(weights)]
    spans = [(a, b) for a, b in pairwise(bounds) if b - a >= MIN_FRAMES]
    if not spans:
        return statistics(weights[:0], pose[:0])
    rows = [statistics(weights[a:b], pose[a:b]) for a, b in spans]
    return np.average(rows, axis=0, weights=[b - a for a, b in spans]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Encoder:
    """The projection from statistics to codes."""

    mean: F32  # [STATISTICS]
    scale: F32  # [STATISTICS], standard deviation over the clips it was fitted on, never 0
    face: F32  # [FACE_STATISTICS, EXPRESSION]
    head: F32  # [STATISTICS - FACE_STATISTICS, HEAD]

    def encode(self, weights: F32, pose: F32, neutral: F32 | None = None) -> F32:
        """Motion clip at 25 Hz -> style code [CODE]; see `statistics` for shapes and errors."""
        return self.project(statistics(weights, pose, neutral))

    def project(self, rows: F32) -> F32:
        """Statistics [..., STATISTICS] -> codes [..., CODE]."""
        z = np.clip((rows - self.mean) / self.scale, -6.0, 6.0)
        z = np.where(_known(rows), z, 0.0)
        code = [z[..., :FACE_STATISTICS] @ self.face, z[..., FACE_STATISTICS:] @ self.head]
        return np.asarray(np.clip(np.concatenate(code, -1), -_BOUND, _BOUND), np.float32)


def fit(rows: F32) -> Encoder:
    """Fit the projection on the statistics of many clips [N, STATISTICS]."""
    known = _known(rows)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, rows, 0.0).sum(0) / count
    spread = np.sqrt(np.where(known, (rows - mean) ** 2, 0.0).sum(0) / count)
    # The floor keeps channels that never move from being blown up into noise.
    scale = np.maximum(spread, 0.02)
    z = np.where(known, (rows - mean) / scale, 0.0)
    face = _axes(z[:, :FACE_STATISTICS], EXPRESSION)
    head = _axes(z[:, FACE_STATISTICS:], HEAD)
    return Encoder(*(np.ascontiguousarray(a, np.float32) for a in (mean, scale, face, head)))


def _known(rows: F32) -> npt.NDArray[np.bool_]:
    """Which statistics [..., STATISTICS] say something: a source without a head, or with a mouth
    only (rig recordings), leaves what it lacks entirely at rest, and that is no style."""
    weak = np.array(WEAK)
    turns = slice(FACE_STATISTICS + len(POSE), FACE_STATISTICS + 2 * len(POSE))  # deviations
    face = np.any(rows[..., BLENDSHAPES + weak] > 0, axis=-1, keepdims=True)
    head = np.any(rows[..., turns] > 0, axis=-1, keepdims=True)
    known = np.ones(rows.shape, np.bool_)
    known[..., np.concatenate([weak, BLENDSHAPES + weak, 2 * BLENDSHAPES + weak])] = face
    known[..., FACE_STATISTICS:] = head
    return known


def _axes(z: F32, count: int) -> F32:
    """Principal axes [columns, count]; the leading code values have unit variance over `z`."""
    _, values, axes = np.linalg.svd(z, full_matrices=False)
    missing = max(0, count - len(values))
    values, axes = np.pad(values, (0, missing)), np.pad(axes, ((0, missing), (0, 0)))
    deviation = values[:count] / np.sqrt(len(z))
    # Not fully whitened: the last axes are mostly the sampling noise of short clips.
    deviation = np.maximum(deviation, max(0.2 * float(deviation[0]), 1e-3))
    basis = axes[:count].T / deviation
    # The sign of a principal axis is arbitrary: the largest entry is made positive.
    signs = np.sign(basis[np.abs(basis).argmax(0), np.arange(count)])
    # Row by row in memory: safetensors writes columns as if they were rows.
    return np.ascontiguousarray(basis * np.where(signs == 0, 1.0, signs), np.float32)
