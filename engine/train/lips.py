"""Lips and the line between them."""

import numpy as np

from engine.train.bust import F64, Bust, Part, smooth
from engine.train.canvas import Canvas, blur, coverage
from engine.train.recipe import Recipe

Marks = dict[str, F64]


def tint(c: Canvas, who: Recipe, m: Marks, closed: F64) -> None:
    """Inks `lips`, `lips_dark` (the upper one) and `lips_light` (the roundness of the lower).

    closed: `seam`.
    """
    if who.skin.lips <= 0:
        return
    low, corner, meet = m["lower_lip_edge"], m["mouth_corner_left"], float(closed[0, 1])
    corners = np.array([corner[0] + 0.08, corner[1] + 0.15, 9.0], np.float32)
    found = list(c.near(np.array([0, low[1] - 0.12, -0.4], np.float32), corners))
    for area, _ in found:
        c.lay("lips", _mask(c, area) * who.skin.lips, area)
    for area, at in found:
        meeting = np.interp(at[..., 0], closed[:, 0], closed[:, 1])
        upper = smooth(-0.006, 0.016, at[..., 1] - meeting)
        c.lay("lips_dark", (_mask(c, area) * upper * who.skin.lips * 0.8).astype(np.float32), area)
    height = meet - low[1]
    shine = [0.02, meet - 0.52 * height]
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
    """Where the closed lips meet, seen from the front: points (x, y) [N, 2], to the left `corner`.

    An opening jaw tears the two lips apart: in each column of a picture of the mouth the seam is
    where neighbouring pixels fall most differently.
    """
    size, reach = 192, 0.17  # pixels; dm above and below the corner
    scale = size / (2 * reach)
    at = skin.positions - [0.0, corner[1], 0.0]
    screen = np.stack([at[:, 0] * scale, size / 2 - at[:, 1] * scale, 0.5 - 0.2 * at[:, 2]], axis=1)
    near = (np.abs(at[:, :2]) < 2 * reach).all(1) & (at[:, 2] > -0.2)
    faces = skin.triangles[near[skin.triangles].all(1)]
    fall = -bust.shape("jawOpen")[skin.source][:, 1:2]
    covered, falls = coverage(screen, faces, size, fall)
    torn = np.where(covered[1:] & covered[:-1], np.diff(falls[..., 0], axis=0), 0)
    last = min(round(0.86 * float(corner[0]) * scale), size)
    x = (np.arange(last) + 0.5) / scale
    y = corner[1] + (size / 2 - 1 - torn[:, :last].argmax(0)) / scale
    # An even curve through them all, without those that have strayed.
    for _ in range(3):
        powers = np.r_[x, corner[0]][:, None] ** [0, 2, 4]
        weight = np.r_[np.ones(len(x)), 0.2 * len(x)][:, None]
        fit = np.linalg.lstsq(powers * weight, np.r_[y, corner[1]] * weight[:, 0], rcond=None)[0]
        away = np.abs(y - x[:, None] ** [0, 2, 4] @ fit)
        keep = away <= max(2.5 * float(np.median(away)), 0.004)
        x, y = x[keep], y[keep]
    x = np.linspace(0, 0.95 * corner[0], 7)
    return np.stack([x, x[:, None] ** [0, 2, 4] @ fit], 1)


def line(c: Canvas, who: Recipe, closed: F64, m: Marks) -> None:
    """Ink `mouth_line`: where the lips meet, with the shadow of the corners."""
    corner = m["mouth_corner_left"][:2]
    if who.species == "creature":
        _muzzle(c, closed, m)
        return
    curve = np.concatenate([closed, [corner + [0.005, 0.003], corner + [0.029, 0.022]]])
    count = len(curve) - 1
    width = np.interp(np.arange(count + 1), [0, count - 1, count], [0.008, 0.008, 0.002])
    # A wider, softer shade stays visible when the lips are pressed or rolled in.
    c.stroke("mouth_line", curve, width * 1.3, 0.045, 0.26)
    c.stroke("mouth_line", curve, width, 0.011, 0.85)
    c.glow("mouth_line", corner + [0.006, 0.0], [0.018, 0.014, 0.1], 0.22)


def _muzzle(c: Canvas, closed: F64, m: Marks) -> None:
    """An animal's mouth: a bold line with corners turned up, a cleft to the nose, a chin below."""
    corner, meet = m["mouth_corner_left"][:2], closed[0]
    ends = [corner + [0.0, 0.004], corner + [0.030, 0.026], corner + [0.048, 0.062]]
    curve = np.concatenate([closed, ends])
    width = np.interp(
        np.arange(len(curve)), [0, len(closed), len(curve) - 1], [0.014, 0.012, 0.004]
    )
    c.stroke("mouth_line", curve, width, 0.012, 0.95)
    cleft = [[0.0, m["nose_base"][1]], [0.0, 0.5 * (m["nose_base"][1] + meet[1])], [0.0, meet[1]]]
    c.stroke("mouth_line", cleft, [0.010, 0.008, 0.010], 0.012, 0.85)
    c.glow("mouth_line", m["under_lip"] + [0, 0.015, 0.02], [0.10, 0.028, 0.14], 0.22)
