"""Style encoder: the statistics of a motion clip -> a style code.

Method: StyleAvatar Eq. 2 (standard deviations of expression, of its change, of the pose's change)
with the means added (the means carry the emotion), z-scored and projected on principal components.
Contract: numpy only; the projection is data, stored beside the bundled styles with its version.
"""

from dataclasses import dataclass

import numpy as np

from engine.errors import FrameError
from engine.frames import BLENDSHAPES, F32, POSE

VERSION = "statistics-1"
CODE = 32  # values of a style code
STATISTICS = 3 * BLENDSHAPES + 2 * len(POSE)
MIN_FRAMES = 25  # a second: fewer frames say nothing about a style
_POSE_SCALE = np.array([0.1, 0.1, 0.1, 10.0, 10.0, 10.0], np.float32)
_BOUND = 3.0  # a code lies inside this box: what lies beyond was never seen in training


def statistics(weights: F32, pose: F32, neutral: F32 | None = None) -> F32:
    """[STATISTICS]: mean, deviation and deviation of the change of ARKit-52; mean and deviation of
    the change of the pose. Over all frames at 25 Hz.

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
    turn = pose * _POSE_SCALE
    parts = [
        face.mean(0), face.std(0), np.diff(face, axis=0).std(0),
        turn.mean(0), np.diff(turn, axis=0).std(0),
    ]  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Encoder:
    """The projection from statistics to codes."""

    mean: F32  # [STATISTICS]
    scale: F32  # [STATISTICS], standard deviation over the clips it was fitted on, never 0
    basis: F32  # [STATISTICS, CODE]; the leading code values have unit variance over those clips

    def encode(self, weights: F32, pose: F32, neutral: F32 | None = None) -> F32:
        """Motion clip at 25 Hz -> style code [CODE]; see `statistics` for shapes and errors."""
        return self.project(statistics(weights, pose, neutral))

    def project(self, rows: F32) -> F32:
        """Statistics [..., STATISTICS] -> codes [..., CODE]."""
        z = np.clip((rows - self.mean) / self.scale, -6.0, 6.0)
        return np.asarray(np.clip(z @ self.basis, -_BOUND, _BOUND), np.float32)


def fit(rows: F32) -> Encoder:
    """Fit the projection on the statistics of many clips [N, STATISTICS]."""
    mean = rows.mean(0)
    # The floor keeps channels that never move from being blown up into noise.
    scale = np.maximum(rows.std(0), 0.02)
    z = (rows - mean) / scale
    _, values, axes = np.linalg.svd(z, full_matrices=False)
    missing = max(0, CODE - len(values))
    values, axes = np.pad(values, (0, missing)), np.pad(axes, ((0, missing), (0, 0)))
    deviation = values[:CODE] / np.sqrt(len(rows))
    # Not fully whitened: the last axes are mostly the sampling noise of short clips.
    deviation = np.maximum(deviation, max(0.2 * float(deviation[0]), 1e-3))
    basis = axes[:CODE].T / deviation
    # The sign of a principal axis is arbitrary: the largest entry is made positive.
    signs = np.sign(basis[np.abs(basis).argmax(0), np.arange(CODE)])
    return Encoder(*(a.astype(np.float32) for a in (mean, scale, basis * signs)))
