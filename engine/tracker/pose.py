"""Where a head is and how it is turned: MediaPipe's rigid fit, in the conventions of Motion.pose.

Contract: a pinhole camera of 63 degrees of height is assumed, as MediaPipe does; turns hardly
depend on it, places do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.frames import F32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_FOV = np.radians(63.0)  # of the picture's height
HEAD_CM = 15.0  # width of a head: the unit of places


@dataclass(frozen=True, slots=True)
class Rigid:
    """Points of the mesh that hardly move with expression, and where they are on a mean head."""

    points: I64  # [R] rows of the landmarks
    shape: F32  # [R, 3] cm; x to the right of the picture, y up, z towards the camera
    weight: F32  # [R]


def head(rigid: Rigid, landmarks: F32, width: int, height: int) -> F64:
    """Landmarks [478, 3] in pixels of a picture -> head matrix [4, 4] in cm, camera at the origin.

    Method: the scale of weak perspective, then that of perspective (MediaPipe's face geometry).
    """
    near = np.array([width / height, 1.0]) * 2 * np.tan(_FOV / 2)
    points = landmarks[rigid.points].astype(np.float64)
    screen = np.empty_like(points)
    screen[:, 0] = (points[:, 0] / width - 0.5) * near[0]
    screen[:, 1] = (0.5 - points[:, 1] / height) * near[1]
    screen[:, 2] = points[:, 2] / width * near[0]
    # The mean of all points, as the nets' depth has no origin of its own.
    offset = float(landmarks[:468, 2].mean()) / width * near[0]
    shape, weight = rigid.shape.astype(np.float64), rigid.weight.astype(np.float64)
    flat = screen * (1, 1, -1)
    first = _fit(shape, flat, weight)[0]
    second = _fit(shape, _metric(screen, offset, first), weight)[0]
    metric = _metric(screen, offset, first * second)
    scale, turn, shift = _fit(shape, metric, weight)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = scale * turn, shift
    return matrix


def angles(matrix: npt.NDArray[np.floating]) -> F32:
    """Head matrix [4, 4] -> pose [6]: degrees, and head widths from the camera."""
    turn = matrix[:3, :3] / np.maximum(np.linalg.norm(matrix[:3, :3], axis=0, keepdims=True), 1e-9)
    ahead = turn[:, 2]
    return np.array(
        [
            np.degrees(np.arctan2(ahead[0], ahead[2])),
            np.degrees(np.arcsin(np.clip(ahead[1], -1, 1))),
            -np.degrees(np.arctan2(turn[1, 0], turn[1, 1])),
            *(matrix[:3, 3] / HEAD_CM),
        ],
        np.float32,
    )


def _metric(screen: F64, offset: float, scale: float) -> F64:
    """Points on the near plane, z from it -> camera space in cm if `scale` is right."""
    out = screen.copy()
    out[:, 2] = (screen[:, 2] - offset + 1) / scale
    out[:, :2] *= out[:, 2:]
    out[:, 2] *= -1
    return out


def _fit(source: F64, target: F64, weight: F64) -> tuple[float, F64, F64]:
    """Scale, turn and shift that bring `source` nearest to `target` (weighted Umeyama)."""
    share = (weight / weight.sum())[:, None]
    middle, goal = (share * source).sum(0), (share * target).sum(0)
    a, b = source - middle, target - goal
    u, size, v = np.linalg.svd((share * b).T @ a)
    keep = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    turn = (u * keep) @ v
    scale = float((size * keep).sum() / np.maximum((share * a * a).sum(), 1e-12))
    return scale, turn, goal - scale * turn @ middle
