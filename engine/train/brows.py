"""Painted brows: a soft body with single hairs at its edges."""

import numpy as np

from engine.train.bust import F64
from engine.train.canvas import Canvas
from engine.train.recipe import Recipe

HAIRS = 22  # of one brow
ABOVE = (0.118, 0.215)  # dm over the fold of the lid: lower, and a blink would draw them out


def brows(c: Canvas, who: Recipe, m: dict[str, F64]) -> None:
    """Ink `brow`, on both sides."""
    if who.brows.thickness <= 0:
        return
    curve, fold = np.array(who.brows.curve), m["lid_fold"]
    # On a face with higher or lower eyes the curve goes along with their lids.
    above = float(np.interp(fold[0], curve[:, 0], curve[:, 1])) - fold[1]
    curve[:, 1] += np.clip(above, *ABOVE) - above
    line, width = curve[:, :2], curve[:, 2] * who.brows.thickness
    soft = 0.012 + 0.012 * who.brows.hairy
    full = 0.96 - 0.22 * who.brows.hairy
    # The end at the nose is the lighter one: a dark, blunt one scowls.
    dark = np.interp(np.arange(len(line)), [0, 1, 2], [0.62, 0.86, 1.0])
    c.stroke("brow", line, width, soft, list(full * dark))
    if who.brows.hairy <= 0:
        return
    random = np.random.default_rng(3)
    knots = np.arange(len(curve))
    for t in np.linspace(0.05, len(curve) - 1.3, HAIRS):
        at = np.array([np.interp(t, knots, line[:, k]) for k in (0, 1)])
        ahead = np.array([np.interp(t + 0.3, knots, line[:, k]) for k in (0, 1)]) - at
        ahead /= max(float(np.hypot(*ahead)), 1e-6)
        half = float(np.interp(t, knots, width))
        up = np.array([-ahead[1], ahead[0]])
        # Near the nose hairs stand up; outwards they lie along the brow.
        lean = ahead * (0.5 + 0.3 * t) + up * max(1.0 - 0.22 * t, 0.2)
        lean /= float(np.hypot(*lean))
        start = at - up * half * random.uniform(0.5, 0.9)
        length = half * random.uniform(1.9, 2.5)
        hair = [start, start + 0.5 * length * lean, start + length * lean]
        strength = min(0.25 + 0.3 * float(t), 0.55) * who.brows.hairy
        c.stroke("brow", hair, [0.007, 0.006, 0.001], 0.010, strength)
