"""Light on the cornea: highlights that stay with the light while the iris turns under them.

They are small discs a little in front of the eyeball, fixed to the head but for the share of the
gaze by which a real highlight slides over a bulging cornea. The lids close over them.
"""

import numpy as np

from engine.face.blendshapes import ARKIT
from engine.train.bust import F64, I64, Bust, Part
from engine.train.recipe import Recipe

CORNERS = 14
RAISED = 0.014  # dm in front of the eyeball
SUNK = 0.20  # dm behind a shut lid
LASHES = 0.045  # dm that they hang below the lid
SLIDE = 0.45  # of the eyeball's movement
# Place and radius in radii of the iris: towards the light, and its small answer across the pupil.
SPOTS = ((0.34, 0.30, 0.25), (-0.34, -0.20, 0.11))


def glint(bust: Bust, who: Recipe, side: str, middle: F64, lid: float) -> Part:
    """The highlights of one eye, below the upper lid at height `lid`.

    `middle` [3]: of the eyeball, its x that of the iris.
    """
    vertices = np.unique(bust.group(f"{side}-eye"))
    ball, radius = bust.positions[vertices], who.eyes.iris
    towards = 1.0 if who.light[0] > 0 else -1.0
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    points: list[F64] = []
    triangles: list[I64] = []
    for x, y, r in SPOTS:
        spot = np.stack([np.cos(turn), np.sin(turn)], axis=1) * r
        y = min(y, (lid - middle[1] - LASHES) / radius - r)
        disc = np.concatenate([[[0.0, 0.0]], spot]) + [towards * x, y]
        first = sum(len(p) for p in points)
        points.append(middle[:2] + radius * disc)
        ring = first + 1 + np.arange(CORNERS)
        triangles.append(np.stack([np.full(CORNERS, first), ring, np.roll(ring, -1)], axis=1))
    flat = np.concatenate(points)
    # The front of the eyeball as a paraboloid: z over x and y.
    front = ball[ball[:, 2] > np.median(ball[:, 2])]
    fit, *_ = np.linalg.lstsq(_terms(front, middle), front[:, 2], rcond=None)
    placed = np.c_[flat, _terms(flat, middle) @ fit + RAISED]
    count = len(placed)
    part = Part(
        "glint", placed, np.concatenate(triangles), np.zeros((count, 2)), np.full(count, -1),
        np.ones(count), np.arange(count), np.zeros(count),
    )  # fmt: skip
    # Looking down they go along, or the lid would lie over them.
    gaze = [n for n in ARKIT if n.startswith("eyeLook")]
    moves = {n: bust.shape(n)[vertices] for n in gaze}
    part.extra = {
        n: np.tile((1.0 if "Down" in n else SLIDE) * m[ball[:, 2].argmax()] * [1, 1, 0], (count, 1))
        for n, m in moves.items() if np.abs(m).max() > 1e-3
    }  # fmt: skip
    # Halfway through a blink the lid's straight path comes near the eyeball: they sink before.
    blink = "eyeBlinkLeft" if side == "l" else "eyeBlinkRight"
    part.extra[f"{blink}+{blink}"] = np.tile([0.0, 0.0, -SUNK], (count, 1))
    return part


def _terms(points: F64, middle: F64) -> F64:
    """Even polynomial [N, 4] around the axis of the eyeball."""
    x, y = (points[:, :2] - middle[:2]).T
    return np.stack([np.ones_like(x), x * x + y * y, x, y], axis=1)
