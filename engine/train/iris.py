"""The eyeball seen from the front: an iris with depth."""

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import F32, Canvas, Ink
from engine.train.recipe import Recipe

EYE_SIZE = 256
EYE_RADIUS = 0.21  # dm: half the width of the texture


def eye_inks(who: Recipe) -> list[Ink]:
    """Inks [EYE_SIZE, EYE_SIZE] over the white, EYE_RADIUS dm to each side.

    Dark ring, lighter lower half with fibres, shade of the upper lid, pupil. The highlights lie
    in front of it (engine.train.glint).
    """
    n = EYE_SIZE
    row, column = np.mgrid[0:n, 0:n]
    x = ((column + 0.5) / n * 2 - 1) * EYE_RADIUS
    y = (1 - (row + 0.5) / n * 2) * EYE_RADIUS
    blank = np.zeros((n, n), np.float32)
    c = Canvas(np.zeros((n, n, 3), np.float32), blank, blank, blank)
    r, size = who.eyes.iris, who.eyes.pupil

    def disc(cx: float, cy: float, rx: float, ry: float, edge: float = 0.004) -> F32:
        away = (1 - np.hypot((x - cx) / rx, (y - cy) / ry)) * min(rx, ry)
        return np.asarray(np.clip(away / edge + 0.5, 0, 1), np.float32)

    whole = disc(0, 0, r, r)
    away, turn = np.hypot(x, y) / r, np.arctan2(y, x)
    c.lay("iris_dark", whole)
    c.lay("iris", disc(0, 0, r * 0.86, r * 0.86, 0.022))
    lower = smooth(0.30, -0.60, y / r) * smooth(0.98, 0.72, away)
    c.lay("iris_light", (0.95 * lower).astype(np.float32))
    fibres = _fibres(turn) * smooth(size + 0.02, size + 0.2, away) * smooth(0.95, 0.75, away)
    c.lay(
        "iris_light", (0.38 * fibres * (0.35 + 0.65 * smooth(0.6, -0.6, y / r))).astype(np.float32)
    )
    shade = smooth(0.10, 0.95, y / r) * 0.62
    c.lay("iris_dark", (shade * whole).astype(np.float32))
    c.lay("iris_dark", (0.35 * np.exp(-(((away - size) / 0.10) ** 2)) * whole).astype(np.float32))
    wide = r * size
    c.lay("pupil", disc(0, 0, wide * (1 - 0.62 * who.eyes.slit), wide * (1 + 0.35 * who.eyes.slit),
                        0.007))  # fmt: skip
    return c.inks


def _fibres(turn: F64) -> F64:
    """Uneven rays around the pupil, in [0, 1]."""
    waves = 0.5 * np.sin(17 * turn + 0.6) + 0.3 * np.sin(29 * turn + 2.0) + 0.2 * np.sin(11 * turn)
    return smooth(-0.15, 0.75, waves)


def eye_uv(points: F64, centre: F64) -> F64:
    """Front planar projection of an eyeball."""
    return np.asarray(0.5 + (points[:, :2] - centre[:2]) / (2 * EYE_RADIUS))
