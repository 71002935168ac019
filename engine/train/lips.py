"""Lips and the line between them."""

import numpy as np

from engine.train.bust import F64, Bust, Part, smooth
from engine.train.canvas import Canvas, blur
from engine.train.recipe import Recipe

Marks = dict[str, F64]


def tint(c: Canvas, who: Recipe, m: Marks) -> None:
    """Inks `lips`, `lips_dark` (the upper one) and `lips_light` (the roundness of the lower)."""
    if who.skin.lips <= 0:
        return
    seam, low, corner = m["lip_upper_inner"], m["lower_lip_edge"], m["mouth_corner_left"]
    corners = np.array([corner[0] + 0.08, corner[1] + 0.15, 9.0], np.float32)
    found = list(c.near(np.array([0, low[1] - 0.12, -0.4], np.float32), corners))
    for area, _ in found:
        c.lay("lips", _mask(c, area) * who.skin.lips, area)
    for area, at in found:
        # The line between the lips rises towards the corners.
        line = seam[1] + (corner[1] - seam[1]) * (at[..., 0] / corner[0]) ** 2
        upper = smooth(-0.006, 0.016, at[..., 1] - line)
        c.lay("lips_dark", (_mask(c, area) * upper * who.skin.lips * 0.8).astype(np.float32), area)
    height = seam[1] - low[1]
    shine = [0.02, seam[1] - 0.52 * height]
    c.glow("lips_light", shine, [0.080, 0.24 * height, 0.2], 1.0 * who.skin.lips)
    c.glow("lips_light", m["upper_lip_peak"] - [0.012, 0.026, 0], [0.03, 0.010, 0.1],
           0.30 * who.skin.lips)  # fmt: skip


def _mask(c: Canvas, area: tuple[slice, slice]) -> F64:
    rows, columns = area
    pad = 4
    wide = np.s_[max(rows.start - pad, 0) : rows.stop + pad,
                 max(columns.start - pad, 0) : columns.stop + pad]  # fmt: skip
    soft = blur(c.lips[wide], max(1, len(c.lips) // 512))
    top, left = rows.start - wide[0].start, columns.start - wide[1].start
    inside = soft[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    return smooth(0.42, 0.80, inside.astype(float))


def seam(bust: Bust, skin: Part, corner: F64) -> F64:
    """Where the closed lips meet: points (x, y) [N, 2] from the middle to the left `corner` [3]."""
    rest, opened = skin.positions, bust.shape("jawOpen")[skin.source]
    middle = rest[(np.abs(rest[:, 0]) < 0.01) & (rest[:, 2] > 0) & (rest[:, 1] < -0.3)]
    tip = middle[middle[:, 2].argmax(), 1]
    near = (rest[:, 2] > -0.1) & (rest[:, 1] < tip - 0.16) & (rest[:, 1] > tip - 0.46)
    near &= rest[:, 0] > -0.02
    drop = -opened[:, 1] / max(float(-opened[near, 1].min()), 1e-6)
    points = []
    for x in np.linspace(0.0, 0.82 * float(corner[0]), 6):
        column = near & (np.abs(rest[:, 0] - x) < 0.022)
        upper, lower = column & (drop < 0.35), column & (drop > 0.5)
        if upper.any() and lower.any():
            points.append((x, 0.5 * (rest[upper, 1].min() + rest[lower, 1].max())))
    found = np.array([*points, corner[:2]])
    # An even curve through them all: single vertices would make the line of the lips tremble.
    powers = found[:, :1] ** [[0, 2, 4]]
    fit = np.linalg.lstsq(powers, found[:, 1], rcond=None)[0]
    x = np.linspace(0, 0.95 * corner[0], 6)
    return np.stack([x, x[:, None] ** [0, 2, 4] @ fit], 1)


def line(c: Canvas, closed: F64, m: Marks) -> None:
    """Ink `mouth_line`: where the lips meet, with the shadow of the corners."""
    corner = m["mouth_corner_left"][:2]
    curve = np.concatenate([closed, [corner + [0.004, 0.001], corner + [0.026, 0.014]]])
    count = len(curve) - 1
    width = np.interp(np.arange(count + 1), [0, count - 1, count], [0.008, 0.008, 0.002])
    # A wider, softer shade stays visible when the lips are pressed or rolled in.
    c.stroke("mouth_line", curve, width * 1.3, 0.045, 0.26)
    c.stroke("mouth_line", curve, width, 0.011, 0.85)
    c.glow("mouth_line", corner + [0.006, 0.0], [0.020, 0.016, 0.1], 0.30)
