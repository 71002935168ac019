"""Fur and other patterns over a whole face, for characters that are no people."""

from collections.abc import Callable

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import F32, Canvas
from engine.train.recipe import Recipe

Marks = dict[str, F64]


def _zigzag(along: F64, length: float) -> F64:
    """Tufts: a saw that rises slowly and falls fast, in [0, 1], one every `length` dm."""
    t = np.mod(along / length, 1.0)
    return np.asarray(np.where(t < 0.7, t / 0.7, (1 - t) / 0.3))


def fox(c: Canvas, who: Recipe, m: Marks) -> None:
    """Inks `fur_light` and `fur_dark`: pale muzzle, blaze and brow spots, dark eye marks."""
    tip, inner, outer = m["nose_tip"], m["eye_inner_left"], m["eye_outer_left"]
    low = np.array([0, -2.0, -0.9], np.float32)
    for area, at in c.near(low, np.array([1.2, 0.2, 2.0], np.float32)):
        c.lay("fur_light", _mask(at, tip), area)
    for area, at in c.near(np.array([0, 0.15, -0.4], np.float32),
                           np.array([0.3, 0.8, 2.0], np.float32)):  # fmt: skip
        x, y = at[..., 0].astype(float), at[..., 1].astype(float)
        half = 0.062 * np.sin(np.pi * np.clip((y - 0.24) / 0.42, 0, 1)) ** 1.4
        blaze = smooth(0.006, -0.006, x - half) * (half > 0.004)
        c.lay("fur_light", np.asarray(blaze * 0.95, np.float32), area)
    # Pale spots take the brows' place, and their movement.
    brow = m["lid_fold"][:2] + [-0.10, 0.115]
    c.stroke("fur_light", [brow - [0.035, 0.012], brow, brow + [0.04, 0.004]],
             [0.020, 0.034, 0.016], 0.016, 0.92)  # fmt: skip
    _dark(c, m, inner, outer)


def _mask(at: F32, tip: F64) -> F32:
    """The pale part of the face: below the eyes, wide at the cheeks, ending in tufts."""
    x, y = at[..., 0].astype(float), at[..., 1].astype(float)
    knots = [0.0, 0.045, 0.075, 0.14, 0.24, 0.36, 0.50, 0.64, 0.74, 0.80]
    heights = [tip[1] + 0.04, tip[1] + 0.06, -0.20, -0.16, -0.20, -0.24, -0.20, -0.22, -0.36, -0.55]
    edge = np.interp(x, knots, heights)
    tuft = 0.085 * smooth(0.30, 0.6, x) * _zigzag(x, 0.105)
    face = smooth(0.008, -0.008, y - edge - tuft)
    # Outwards the tufts point to the ear; the throat keeps a bib.
    side = 0.70 + 0.07 * _zigzag(y, 0.13)
    throat = np.interp(y, [-2.0, -1.25, -1.0], [0.30, 0.40, 2.0]) + 0.05 * _zigzag(y, 0.11)
    wide = smooth(0.008, -0.008, x - np.minimum(side, throat))
    return np.asarray(face * wide, np.float32)


def _dark(c: Canvas, m: Marks, inner: F64, outer: F64) -> None:
    # Both begin beside the lids, which would take them along.
    tear = [inner + [-0.012, -0.04, 0], inner + [-0.038, -0.11, 0], inner + [-0.048, -0.18, 0]]
    c.stroke("fur_dark", [p[:2] for p in tear], [0.016, 0.015, 0.002], 0.014, 0.92)
    wings = [outer + [0.035, 0.03, 0], outer + [0.08, 0.06, 0], outer + [0.135, 0.11, 0]]
    c.stroke("fur_dark", [p[:2] for p in wings], [0.016, 0.017, 0.002], 0.014, 0.92)
    # Deeper than wide: the muzzle's slope is steep, and not quite the same on both sides.
    middle = 0.5 * (m["nose_base"][1] + m["upper_lip_peak"][1])
    for x, y in ((0.215, 0.02), (0.262, -0.028), (0.312, 0.025)):
        c.glow("fur_dark", [x, middle + y], [0.016, 0.016, 0.06], 0.9)


PATTERNS: dict[str, Callable[[Canvas, Recipe, Marks], None]] = {
    "none": lambda c, who, m: None, "fox": fox,
}  # fmt: skip
