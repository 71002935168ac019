"""Hairdos that fall from a parting: bob, wavy and long."""

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.comb import Comb, along
from engine.train.sheet import Clumps, Sheet, gather
from engine.train.sitter import Sitter

LANES = 78


def parted(
    comb: Comb, face: tuple[float, float], low: float, height: float, lanes: int = LANES
) -> F64:
    """Knots [lanes, 3, 3] from a parting down around the head, from left temple to right.

    `face`: azimuths of the edges that frame it, left and right; `low`: elevation where hair
    begins to fall; `height` over the hull.
    """
    s = np.linspace(0, 1, lanes)
    azimuth = np.interp(s, [0, 0.5, 1], [face[0], 180, 360 - face[1]])
    back = 1 - np.abs(2 * s - 1)  # 0 at the temples, 1 behind
    roots = np.array([along(0.2 * abs(comb.part), 50 + 64 * b**0.85) for b in back])
    zero = np.zeros(lanes)
    root = np.stack([roots[:, 0] % 360, roots[:, 1], zero + 0.01], 1)
    end = np.stack([azimuth, zero + low + 6 * (1 - back) ** 3, zero + height], 1)
    # Halfway along the great circle, raised.
    towards = _unit(root) + _unit(end)
    middle = np.stack(
        [np.degrees(np.arctan2(towards[:, 0], towards[:, 2])) % 360,
         np.degrees(np.arctan2(towards[:, 1], np.hypot(towards[:, 0], towards[:, 2]))),
         zero + height], 1,
    )  # fmt: skip
    return np.stack([root, middle, end], 1)


def _unit(knots: F64) -> F64:
    a, e = np.radians(knots[:, 0]), np.radians(knots[:, 1])
    return np.stack([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)], 1)


def bob(sitter: Sitter) -> list[Part]:
    """A chin-long bob with a side parting and a swept fringe."""
    comb = Comb(sitter, 0.05)
    hair = comb.hair
    drop = 0.80 * comb.skull.size * hair.length
    height = 0.12 * hair.volume
    clumps = gather(LANES, 6.5, comb.noise)
    uneven = comb.noise.uniform(-0.01, 0.01, 40)
    s = np.linspace(0, 1, LANES)
    front = np.abs(2 * s - 1)
    tip = 1 - clumps.across**2
    # Longer in front, so that nothing of the back shows below it; the corner is rounded off.
    fall = drop * (0.82 + 0.07 * smooth(0.3, 0.85, front) - 0.07 * smooth(0.90, 1, front) ** 2)
    fall = fall + drop * (0.012 + clumps.pick(uneven)) * tip
    comb.sheet(
        Sheet(parted(comb, (60, 60), 0, height), fall, clumps, rows=16, tuck=0.16, ends=0.15,
              wave=0.05 * hair.curl),
        dark=0.06,
    )  # fmt: skip
    if abs(comb.part) > 0.3:
        _bangs(comb, 0.2 * abs(comb.part), height)
    return comb.finish()


def _bangs(comb: Comb, beside: float, height: float) -> None:
    """A fringe swept from a side parting over the forehead to the other temple."""
    lanes = 25
    s = np.linspace(0, 1, lanes)  # from the far temple to the parting
    azimuth = np.interp(s, [0, 0.3, 0.6, 1], [-67, -50, -26, 15])
    elevation = np.interp(s, [0, 0.3, 0.6, 1], [7, 14, 22, 44])
    roots = np.array([along(beside, beta) for beta in np.interp(s, [0, 1], [80, 47])])
    zero = np.zeros(lanes)
    # At the parting it lies flat and meets the other side; behind, it comes out of the hair.
    lift = (height + 0.06) * (1 - 0.95 * smooth(0.45, 1.0, s)) * (0.45 + 0.55 * smooth(0, 0.3, s))
    middle = np.stack([0.42 * roots[:, 0] + 0.58 * azimuth, 0.5 * (roots[:, 1] + elevation) + 7,
                       lift], 1)  # fmt: skip
    clumps = gather(lanes, 8, comb.noise)
    elevation = elevation + 3.5 * clumps.across**2 - comb.noise.uniform(0, 3, 9)[clumps.number]
    knots = np.stack(
        [np.column_stack([roots, 0.03 - 0.02 * s]), middle,
         np.column_stack([azimuth, elevation, 0.035 - 0.03 * s**3 - 0.20 * smooth(0.32, 0, s)])], 1,
    )  # fmt: skip
    comb.sheet(Sheet(knots, zero, clumps, rows=11, relief=0.045, ends=0.2, thick=0.04, line=0.7))


def _falling(sitter: Sitter, drop: float, volume: float, wave: float = 0.015) -> Comb:
    """Hair over the shoulders: two parts in front of them, one behind."""
    comb = Comb(sitter, 0.05, fall=0.7)
    hair = comb.hair
    size = comb.skull.size
    knots = parted(comb, (57, 57), 0, volume * hair.volume, 84)
    azimuth = knots[:, -1, 0]
    clumps = gather(84, 5.5, comb.noise)
    uneven = comb.noise.uniform(-0.06, 0.06, 40)
    tip = 1 - clumps.across**2
    fall = size * drop * hair.length * (0.97 + (0.03 + 0.4 * clumps.pick(uneven)) * tip)
    side = np.where(azimuth < 180, 1.0, -1.0)
    beside = np.minimum(azimuth, 360 - azimuth)
    forward, behind = np.array([-0.10, 0.0, 0.34]), np.array([0.0, 0.0, -0.12])
    for chosen, lean, under in (
        ((azimuth < 98), forward, 0.0), ((beside > 82), behind, 1.0), (azimuth > 262, forward, 0.0)
    ):  # fmt: skip
        some = Clumps(clumps.across[chosen], clumps.number[chosen])
        shift = lean * np.stack([side, 1 + 0 * side, 1 + 0 * side], 1)[chosen]
        # What would fall on a shoulder falls behind it.
        shift += under * np.array([0.0, 0.0, -0.34]) * smooth(130, 95, beside[chosen])[:, None]
        strands = knots[chosen].copy()
        # Where two parts overlap, the one behind lies lower.
        strands[:, 1:, 2] -= under * 0.06 * smooth(104, 92, beside[chosen])[:, None]
        strands[:, 0, 2] -= under * 0.02
        comb.sheet(
            Sheet(strands, fall[chosen], some, rows=29, thick=0.05, tuck=0.10,
                  wave=wave + 0.11 * hair.curl, phase=clumps.pick(uneven * 3)[chosen], lean=shift),
            dark=0.06,
        )  # fmt: skip
    return comb


def long(sitter: Sitter) -> list[Part]:
    """Long and loose over the shoulders, with a side parting."""
    comb = _falling(sitter, 2.3, 0.13)
    return comb.finish()


def wavy(sitter: Sitter) -> list[Part]:
    """Soft waves to the shoulders."""
    comb = _falling(sitter, 1.15, 0.13, 0.06)
    return comb.finish()
