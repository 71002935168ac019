"""The mouth of our mesh as a linear function of the blendshapes, for the lip-sync discriminator.

Contract: offsets in widths of the closed mouth, of vertices spread evenly over the mouth region.
"""

import numpy as np

from engine.face import package
from engine.face.mesh import Figure
from engine.frames import BLENDSHAPES, F32, POSE, Motion

REACH = 0.62  # radius of the mouth region, in widths of the closed mouth
POINTS = 24


def mouth(avatar: str, points: int = POINTS) -> tuple[F32, F32]:
    """Offsets [52, points, 3] per unit of each blendshape, and places at rest [points, 3]."""
    figure = Figure(package.load(avatar))

    def vertices(weights: F32) -> F32:
        return figure.vertices(Motion(0, weights, np.zeros(len(POSE), np.float32)))

    rest = vertices(np.zeros(BLENDSHAPES, np.float32))
    at = figure.named(rest)
    left, right = at["mouth_corner_left"], at["mouth_corner_right"]
    width = float(np.linalg.norm(left - right))
    middle = (left + right) / 2
    near = np.flatnonzero(np.linalg.norm(rest - middle, axis=1) < REACH * width)
    offsets = np.stack([vertices(row)[near] - rest[near] for row in np.eye(52, dtype=np.float32)])
    moving = np.linalg.norm(offsets, axis=2).sum(0) > 1e-3 * width
    near, offsets = near[moving], offsets[:, moving]
    chosen = _spread((rest[near] - middle) / width, points)
    return (offsets[:, chosen] / width).astype(np.float32), (
        (rest[near[chosen]] - middle) / width
    ).astype(np.float32)


def _spread(places: F32, count: int) -> np.ndarray:
    """Farthest-point sampling: indices of `count` places far from each other."""
    chosen = [int(np.argmin(np.linalg.norm(places, axis=1)))]
    away = np.full(len(places), np.inf)
    while len(chosen) < min(count, len(places)):
        away = np.minimum(away, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(away.argmax()))
    return np.array(chosen)
