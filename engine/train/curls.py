"""Curly hair: a woolly mass whose curls are domes of light and dark."""

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.comb import Comb
from engine.train.falls import parted
from engine.train.scalp import SCALPS, hairline
from engine.train.sheet import Clumps, Sheet, gather
from engine.train.shorts import cap
from engine.train.sitter import Sitter
from engine.train.skull import direction

LANES, ROWS = 100, 30


def afro(sitter: Sitter) -> list[Part]:
    """A big round cloud of small curls."""
    comb = Comb(sitter, 0.0)
    hair, skull = comb.hair, comb.skull
    azimuth = np.linspace(0, 360, LANES)
    signed = np.abs((azimuth + 180) % 360 - 180)
    line = np.interp(signed, *hairline(skull, SCALPS["afro"]))
    # The outside ends lower than the hairline and comes back in to it: a ball overhangs.
    low = np.interp(signed, [0, 35, 62, 80, 120, 180], [38, 24, 4, -14, -34, -40])
    t = np.linspace(0, 1, ROWS - 4)
    elevation = 90 - (90 - low[:, None]) * t
    towards = direction(np.broadcast_to(azimuth[:, None], elevation.shape), elevation)
    full = 0.40 * hair.volume * (0.75 + 0.25 * hair.length)
    round_edge = np.sqrt(np.clip(1 - (1 - smooth(0, 30, elevation - low[:, None])) ** 2, 0, 1))
    thick = full * (0.55 + 0.45 * round_edge) * (1 - 0.25 * smooth(40, -30, elevation))
    outer = skull.centre + towards * (skull.radius(towards) + thick)[..., None]
    root = direction(azimuth, line + 2)
    root = skull.centre + root * (skull.skin(root) - 0.03)[:, None]
    steps = np.array([0.3, 0.6, 0.85, 1.0])[None, :, None]
    points = np.concatenate([outer, outer[:, -1:] + (root[:, None] - outer[:, -1:]) * steps], 1)
    clumps = Clumps(np.zeros(LANES), np.zeros(LANES, int))
    size = 0.25 - 0.07 * hair.curl
    comb.drape(points, Sheet(np.zeros((LANES, 1, 3)), np.zeros(LANES), clumps, relief=0.0,
                             bumps=0.11, size=size, closed=True, hem=False))  # fmt: skip
    return comb.finish()


def coils(sitter: Sitter) -> list[Part]:
    """Short tight coils, faded at the sides."""
    comb = Comb(sitter, 0.0)

    def thick(azimuth: F64, elevation: F64) -> F64:
        return np.asarray(0.03 + 0.13 * comb.hair.length * smooth(10, 42, elevation))

    cap(comb, SCALPS["coils"], thick, 0.0, 6, lanes=84, rows=26, bumps=0.07, size=0.16)
    return comb.finish()


def curly(sitter: Sitter) -> list[Part]:
    """A chin-long mop of curls."""
    comb = Comb(sitter, 0.05)
    hair = comb.hair
    lanes = 84
    clumps = gather(lanes, 6, comb.noise)
    drop = 0.75 * comb.skull.size * hair.length
    uneven = clumps.pick(comb.noise.uniform(-0.10, 0.10, 40))
    fall = drop * (1 + uneven * (1 - clumps.across**2))
    comb.sheet(
        Sheet(parted(comb, (62, 62), 0, 0.20 * hair.volume, lanes), fall, clumps, rows=26,
              relief=0.06, tuck=0.12, wave=0.05, bumps=0.13, size=0.27),
        dark=0.08,
    )  # fmt: skip
    return comb.finish()


MATT = ("afro", "buzz", "coils", "curly")  # hair without gloss
