"""Light on the cornea: highlights that stay in place while the iris turns under them.

They sit at the upper left of the picture, as draughtsmen put them, whatever the light is set to.
They are small discs a little in front of the eyeball, fixed to the head but for the share of the
gaze by which a real highlight slides over a bulging cornea. Each point keeps its place between the
edges of the two lids, so that no mix of lids and gaze brings one out of the opening.
"""

import numpy as np

from engine.face.blendshapes import ARKIT
from engine.train.bust import F64, I64, Bust, Part, foremost
from engine.train.correctives import LIDS
from engine.train.lids import edge
from engine.train.recipe import Recipe

CORNERS = 14
RAISED = 0.007  # dm in front of the eyeball
SUNK = 0.03  # dm behind a shut lid
LASHES = 0.045  # dm that they hang below the lid
MARGIN = (0.18, 0.90)  # of the opening, from the lower lid
SLIDE = 0.45  # of the eyeball's movement
# Place and radius in radii of the iris: the highlight and its small answer across the pupil.
SPOTS = ((-0.34, 0.30, 0.25), (0.34, -0.20, 0.11))


def _discs(who: Recipe, middle: F64, lid: float) -> tuple[F64, I64]:
    """Points [V, 2] at rest and triangles [F, 3] of the highlights of one eye."""
    radius = who.eyes.iris
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    points: list[F64] = []
    triangles: list[I64] = []
    for x, y, r in SPOTS:
        spot = np.stack([np.cos(turn), np.sin(turn)], axis=1) * r
        y = min(y, (lid - middle[1] - LASHES) / radius - r)
        disc = np.concatenate([[[0.0, 0.0]], spot]) + [x, y]
        first = sum(len(p) for p in points)
        points.append(middle[:2] + radius * disc)
        ring = first + 1 + np.arange(CORNERS)
        triangles.append(np.stack([np.full(CORNERS, first), ring, np.roll(ring, -1)], axis=1))
    return np.concatenate(points), np.concatenate(triangles)


def glint(bust: Bust, who: Recipe, side: str, middle: F64, lid: float) -> Part:
    """The highlights of one eye, below the upper lid at height `lid`.

    `middle` [3]: of the eyeball, its x that of the iris.
    """
    vertices = np.unique(bust.group(f"{side}-eye"))
    ball, upper, lower = (
        bust.positions[vertices],
        edge(bust.source, side),
        edge(bust.source, side, lower=True),
    )
    flat, triangles = _discs(who, middle, lid)
    quads = bust.group(f"{side}-eye")
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])

    def opening(posed: F64, x: F64) -> tuple[F64, F64]:
        """Heights of the lower lid's edge and of the opening above it, at `x`."""
        low, high = (_height(posed[rim], x) for rim in (lower, upper))
        return low, np.maximum(high - low, 0.0)

    low, tall = opening(bust.positions, flat[:, 0])
    share = np.clip((flat[:, 1] - low) / np.maximum(tall, 1e-6), *MARGIN)

    def placed(move: F64) -> F64:
        slide = SLIDE * float(move[vertices[ball[:, 2].argmax()], 0])
        low, tall = opening(bust.positions + move, flat[:, 0] + slide)
        at = np.stack([flat[:, 0] + slide, low + share * tall], axis=1)
        depth = np.maximum(foremost(bust.positions + move, faces, at), ball[:, 2].mean())
        return np.asarray(np.c_[at, depth + RAISED])

    rest = placed(np.zeros_like(bust.positions))
    count = len(rest)
    part = Part(
        "glint", rest, triangles, np.zeros((count, 2)), np.full(count, -1),
        np.ones(count), np.arange(count), np.zeros(count),
    )  # fmt: skip
    moving = np.concatenate([upper, lower, vertices])
    for name in ARKIT:
        if np.abs(bust.shape(name)[moving]).max() > 1e-3:
            part.extra[name] = placed(bust.shape(name)) - rest
    blink = "eyeBlinkLeft" if side == "l" else "eyeBlinkRight"
    for name in LIDS:
        own = name + blink.removeprefix("eyeBlink")
        undone = np.zeros((count, 3))
        undone[:, 1] = -LIDS[name] * part.extra.get(own, undone)[:, 1]
        part.extra[f"{blink}+{own}"] = undone
    # On its way the straight path would cut the bulging eye: a parabola in depth through the half
    # shut eye's, and at the end behind lids that meet, or a white thread would stay.
    half, whole = ((placed(k * bust.shape(blink)) - rest)[:, 2] for k in (0.5, 1.0))
    part.extra[blink][:, 2] = 4 * half - (whole - SUNK)
    part.extra[f"{blink}+{blink}"] = np.outer(2 * (whole - SUNK) - 4 * half, [0.0, 0.0, 1.0])
    return part


def _height(rim: F64, x: F64) -> F64:
    """Height [N] of an edge [K, 3] at `x` [N]."""
    order = np.argsort(rim[:, 0])
    return np.asarray(np.interp(x, rim[order, 0], rim[order, 1]))
