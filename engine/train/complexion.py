"""What makes one skin differ from another: warmth, freckles, age, a shaved beard."""

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import F32, Canvas
from engine.train.recipe import Recipe

Marks = dict[str, F64]


def warmth(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `blush`: cheeks, nose, ears and chin, where blood shows."""
    strength = who.skin.blush
    cheek = 0.66 * m["eye_bag"] + 0.34 * m["cheek"] + [0.075, 0.045, 0]
    c.glow("blush", cheek, [0.205, 0.115, 0.24], 0.85 * strength)
    c.glow("blush", m["nose_tip"] + [0, 0.01, 0], [0.105, 0.06, 0.12], 0.55 * strength)
    c.glow("blush", m["ear"], [0.16, 0.26, 0.22], 0.8 * strength)
    c.glow("blush", m["chin"] + [0, 0.05, 0], [0.10, 0.06, 0.12], 0.25 * strength)


def freckles(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `freckles`: soft dots over nose and cheeks, wide enough to hold in a small picture."""
    if who.skin.freckles <= 0:
        return
    random = np.random.default_rng(5)
    tip, bag = m["nose_tip"], m["eye_bag"]
    for _ in range(round(46 * who.skin.freckles)):
        x = abs(random.normal(0, 0.34))
        ridge = np.interp(x, [0, 0.15, 0.3, 0.6], [tip[1] + 0.13, tip[1] + 0.08, bag[1] + 0.02,
                                                   bag[1] + 0.04])  # fmt: skip
        at = [min(x, 0.62), ridge + random.normal(0, 0.055)]
        size = random.uniform(0.010, 0.017)
        c.glow("freckles", at, size, random.uniform(0.25, 0.55), int(random.choice([-1, 1])))


def mole(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `mole`: one dark spot beside the mouth."""
    at = m["mouth_corner_left"][:2] + [0.05, 0.115]
    c.stroke("mole", [at, at + [0.001, 0.0]], [0.013, 0.013], 0.012, who.skin.mole, -1)


def age(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `crease`: smile lines, crow's feet, forehead; softer than a drawn line."""
    strength = who.skin.wrinkles
    if strength <= 0:
        return
    foot, corner, outer = m["wing_foot"][:2], m["mouth_corner_left"][:2], m["eye_outer_left"][:2]
    fold = [foot + [0.025, 0.04], foot + [0.070, -0.01], corner + [0.088, 0.055],
            corner + [0.098, 0.0]]  # fmt: skip
    c.stroke("crease", fold, [0.002, 0.006, 0.006, 0.001], 0.026, 0.62 * strength)
    c.stroke("crease", [corner + [0.03, -0.05], corner + [0.035, -0.11]], [0.004, 0.001], 0.022,
             0.4 * strength)  # fmt: skip
    for turn in (-0.35, 0.0, 0.35):
        way = np.array([np.cos(turn), np.sin(turn)])
        start = outer + [0.045, 0.01 + 0.05 * turn]
        c.stroke("crease", [start, start + 0.045 * way, start + 0.085 * way],
                 [0.003, 0.003, 0.001], 0.016, 0.5 * strength)  # fmt: skip
    for height, width in ((0.47, 0.30), (0.56, 0.24)):
        line = [[0.0, height], [0.5 * width, height + 0.002], [width, height - 0.022]]
        c.stroke("crease", line, [0.004, 0.004, 0.001], 0.020, 0.42 * strength)


def stubble(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `stubble`: the shadow of a shaved beard."""
    if who.skin.stubble <= 0:
        return
    top = np.array([1.0, m["nose_base"][1] + 0.45, 2.0], np.float32)
    for area, at in c.near(np.array([0, -1.35, -0.75], np.float32), top):
        c.lay("stubble", 0.5 * who.skin.stubble * _beard(at, m), area)


def _beard(at: F32, m: Marks) -> F64:
    """Where a beard would grow, in [0, 1]: moustache, chin and jaw, clear of the lips."""
    x, y, z = np.moveaxis(at.astype(float), 2, 0)
    foot, corner = m["wing_foot"], m["mouth_corner_left"]
    # From the moustache over the cheek to the sideburn.
    edge = np.interp(
        x,
        [0, 0.12, corner[0] + 0.06, 0.5, 0.75],
        [foot[1] - 0.0, foot[1] - 0.02, corner[1] - 0.02, corner[1] + 0.06, -0.30],
    )
    high = smooth(-0.12, 0.10, edge - y)
    middle = 0.5 * (m["upper_lip_peak"][1] + m["lower_lip_edge"][1])
    reach = 0.5 * (m["upper_lip_peak"][1] - m["lower_lip_edge"][1])
    mouth = np.hypot(x / (corner[0] + 0.015), (y - middle) / (reach + 0.03))
    neck = smooth(-1.30, -1.05, y)
    back = smooth(-0.75, -0.5, z)
    return np.asarray(high * smooth(0.90, 1.25, mouth) * neck * back)
