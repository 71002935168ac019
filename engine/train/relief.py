"""Soft forms of the face in paint: sockets, nose, lids, the roundness that a two-tone ramp hides.

They stay as they are when the light is moved, so they are faint and lie where the face turns away
from any light above it: under the brow, beside and under the nose, under the lower lip.
"""

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import Canvas
from engine.train.recipe import Recipe

Marks = dict[str, F64]


def shades(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `skin_shadow`: where the face turns away."""
    inner, fold, tip, base = (m[n] for n in ("eye_inner_left", "lid_fold", "nose_tip", "nose_base"))
    ink, depth = "skin_shadow", who.skin.relief
    x = inner[0]
    bridge = [
        [x * 0.80, inner[1] + 0.17], [x * 0.62, inner[1] + 0.05], [x * 0.52, inner[1] - 0.09],
        [x * 0.55, 0.5 * (inner[1] + tip[1]) - 0.03], [m["wing_top"][0] * 0.85, tip[1] + 0.03],
    ]  # fmt: skip
    c.stroke(ink, bridge, [0.008, 0.020, 0.012, 0.010, 0.004], 0.05, 0.26 * depth)
    c.glow(ink, [fold[0] - 0.07, fold[1] + 0.025], [0.20, 0.040, 0.3], 0.28 * depth)
    c.glow(ink, [x - 0.01, inner[1] + 0.10], [0.045, 0.07, 0.2], 0.26 * depth)
    under = 0.5 * (tip + base) + [0, -0.022, 0]
    c.glow(ink, under, [0.62 * m["nose_wing"][0], 0.032, 0.09], 0.70 * depth)
    c.glow(ink, m["under_lip"] + [0, 0.015, 0.02], [0.105, 0.024, 0.12], 0.34 * depth)
    c.glow(ink, m["philtrum"], [0.014, 0.035, 0.06], 0.16 * depth)
    hollow = 0.10 + 0.14 * who.identity.gender + 0.10 * max(-who.identity.weight, 0)
    bone, cheek = m["cheek_bone"], m["cheek"]
    c.stroke(
        ink, [bone + [0.05, -0.02, -0.12], bone + [0, -0.07, 0.02], cheek + [0.06, 0.0, 0.0]],
        [0.05, 0.04, 0.005], 0.16, hollow * depth,
    )  # fmt: skip
    _jaw(c, m, depth)
    c.glow(ink, m["temple"] + [0, 0.05, 0], [0.09, 0.2, 0.16], 0.22 * depth)


def _jaw(c: Canvas, m: Marks, depth: float) -> None:
    """The underside of the jaw, and the neck in its shade, softer the lower.

    In every column of the unrolled skin the jaw is where it faces down the most.
    """
    chin = m["chin"][1]
    low, high = np.array([0, chin - 0.75, -1.6]), np.array([1.0, -0.35, m["chin"][2] + 0.05])
    for area, at in c.near(low.astype(np.float32), high.astype(np.float32)):
        x, y, z = np.moveaxis(at.astype(float), 2, 0)
        # Not the hollow under the lip, nor ears and shoulders.
        inside = smooth(-0.30, -0.45, y) * smooth(-1.0, -0.8, z)
        inside *= smooth(chin - 0.42, chin - 0.10, y)
        inside *= 1 - smooth(chin + 0.04, chin + 0.10, y) * smooth(0.42, 0.30, x)
        facing = c.below[area].astype(float) * inside
        rows, columns = facing.argmax(0), np.arange(facing.shape[1])
        edge = np.convolve(np.pad(y[rows, columns], 10, "edge"), np.ones(21) / 21, "valid")
        sure = np.convolve(np.pad(facing.max(0), 10, "edge"), np.ones(21) / 21, "valid")
        neck = smooth(0.03, -0.05, y - edge) * smooth(0.15, 0.4, sure)
        throat = 0.55 * neck * smooth(-0.62, -0.02, y - edge) * smooth(-1.25, -0.9, z)
        under = 0.75 * smooth(0.42, 0.80, facing) * smooth(0.12, 0.02, y - edge)
        c.lay("skin_shadow", depth * np.maximum(under, throat), area)


def lights(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `skin_light`: what catches light first."""
    ink, tip, fold = "skin_light", m["nose_tip"], m["lid_fold"]
    ridge = 0.5 * (m["nose_bridge"] + tip)
    c.stroke(
        ink, [m["nose_root"] - [0, 0.05, 0], m["nose_bridge"], ridge, tip + [0, 0.05, 0]],
        [0.004, 0.007, 0.008, 0.012], 0.03, 0.45 * who.skin.shine,
    )  # fmt: skip
    c.glow(ink, tip + [0, 0.022, 0], [0.032, 0.026, 0.06], 0.8 * who.skin.shine)
    cheek = m["eye_bag"] + [0.12, 0.06, 0]
    c.glow(ink, cheek, [0.13, 0.045, 0.15], 0.45 * who.skin.shine)
    c.glow(ink, [0.0, fold[1] + 0.30], [0.26, 0.12, 0.3], 0.35 * who.skin.shine)
    c.glow(ink, [fold[0] + 0.08, fold[1] + 0.085], [0.10, 0.022, 0.2], 0.35 * who.skin.shine)
    c.glow(ink, m["chin"] + [0, 0.07, 0], [0.07, 0.05, 0.1], 0.30 * who.skin.shine)


def nose(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `nose_line`: nostrils, the wing's edge, the underside of the tip."""
    base, wing, foot, hole = (m[n] for n in ("nose_base", "nose_wing", "wing_foot", "nostril"))
    ink, strength = "nose_line", who.skin.nose
    if strength <= 0:
        return
    c.glow(ink, hole + [-0.006, 0.002, 0], [0.036, 0.020, 0.035], 1.15 * strength)
    lip = 0.5 * (base + m["nose_tip"])
    c.stroke(
        ink,
        [[0.0, base[1] + 0.018], [0.5 * hole[0], base[1] + 0.026], [hole[0] + 0.01, hole[1]]],
        [0.002, 0.004, 0.003], 0.016, 0.55 * strength,
    )  # fmt: skip
    edge = [m["wing_top"] + [-0.006, 0.03, 0], m["wing_back"], 0.6 * m["wing_back"] + 0.4 * foot,
            foot + [-0.012, 0.006, 0.01], 0.7 * foot + 0.3 * lip]  # fmt: skip
    c.stroke(ink, edge, [0.001, 0.004, 0.006, 0.004, 0.001], 0.018, 0.5 * strength)
    c.glow(ink, wing + [0.02, -0.02, -0.03], [0.03, 0.04, 0.05], 0.12 * strength)


def _fold(c: Canvas, m: Marks) -> F64:
    """Where the upper lid rolls in: the lowest points [N, 2] above the eye that no blink moves."""
    edge = m["lid_line_upper"][1:, :2]
    high = edge.max(0) + [0.02, 0.28]
    skin, moved = [], []
    for area, at in c.near(
        np.append(edge.min(0) - 0.02, -0.2).astype(np.float32),
        np.append(high, 9.0).astype(np.float32), 1,
    ):  # fmt: skip
        skin.append(at.reshape(-1, 3).astype(float))
        moved.append(c.blink[area].ravel())
    at, still = np.concatenate(skin), np.concatenate(moved) < 0.02
    found = []
    for x, y in edge:
        column = still & (np.abs(at[:, 0] - x) < 0.012) & (at[:, 1] > y) & (at[:, 2] > -0.2)
        if column.any():
            found.append((x, at[column, 1].min()))
    line = np.array(found)
    # One arch through all of them: texels alone would make it tremble.
    arch = np.polynomial.Polynomial.fit(line[:, 0], line[:, 1], 2)
    x = np.linspace(line[0, 0] + 0.02, line[-1, 0] + 0.03, 6)
    return np.stack([x, arch(x)], 1)


def lids(c: Canvas, who: Recipe, m: Marks) -> None:
    """Ink `crease`: the fold over the upper lid, the edge of the lower one, bags of age."""
    lower = m["lid_line_lower"][:, :2]
    along = np.linspace(0, 1, len(lower))[:, None]
    fold = _fold(c, m) + [0.0, 0.006]
    c.stroke("crease", fold, [0.001, 0.004, 0.006, 0.006, 0.004, 0.001], 0.015, who.eyes.crease,
             still=True)  # fmt: skip
    under = lower[1:-1] + np.array([0.0, -0.020])
    thin = np.interp(np.arange(len(under)), [0, 2, len(under) - 1], [0.001, 0.004, 0.001])
    c.stroke("crease", under, thin, 0.016, 0.30)
    age = who.skin.wrinkles
    bag = lower[:-1] + np.array([0, -1]) * (0.030 + 0.045 * np.sin(np.pi * along[:-1]))
    c.stroke("crease", bag, thin[np.linspace(0, len(thin) - 1, len(bag)).round().astype(int)],
             0.022, 0.5 * age)  # fmt: skip
    if who.eyes.lower_lash > 0:
        edge = lower[len(lower) // 2 :]
        c.stroke("lash", edge, np.linspace(0.002, 0.008, len(edge)), 0.010, who.eyes.lower_lash)
