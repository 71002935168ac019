"""Short hair: a cap that grows out of the skin at the hairline, and chunky locks over it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.comb import Comb
from engine.train.hair import Lock
from engine.train.scalp import SCALPS, Scalp, hairline
from engine.train.sheet import Sheet, gather
from engine.train.sitter import Sitter
from engine.train.skull import direction

LANES = 72
WHORL = (180.0, 72.0)  # where the hair of the crown turns
_TUCK = 0.02  # dm by which a cap's edge lies under the skin


def cap(comb: Comb, scalp: Scalp, thick: Callable[[F64, F64], F64], relief: float, per: float = 6,
        edge: float = 0.0, fade: float = 0.0, whorl: tuple[float, float] = WHORL,
        lanes: int = LANES, rows: int = 13, **more: Any) -> None:  # fmt: skip
    """A cap from the whorl to the hairline; thick(azimuth, elevation) over the skin, dm.

    `edge`: degrees by which the cap ends above the painted hairline, `fade`: more of them at the
    sides and behind, where paint alone is the hair.
    """
    azimuth = np.linspace(0, 360, lanes)
    signed = (azimuth + 180) % 360 - 180
    line = np.interp(np.abs(signed), *hairline(comb.skull, scalp)) + edge
    line = line + fade * smooth(38, 62, np.abs(signed))
    steps = np.linspace(0, 1, 10)
    apex = direction(*whorl)
    ends = direction(azimuth, line)
    towards = apex + (ends - apex) * steps[:, None, None]  # [K, N, 3]
    towards = np.swapaxes(towards / np.linalg.norm(towards, axis=2, keepdims=True), 0, 1)
    a = np.degrees(np.arctan2(towards[..., 0], towards[..., 2])) % 360
    e = np.degrees(np.arcsin(np.clip(towards[..., 1], -1, 1)))
    # Near its edge the cap thins out and goes under the skin.
    inside = smooth(0, 12, e - line[:, None] + 1e-6)
    skin = comb.skull.skin(towards) - comb.skull.radius(towards)
    height = thick((a + 180) % 360 - 180, e) * comb.hair.volume
    height = skin + height * inside - _TUCK * (1 - inside)
    clumps = gather(lanes, per, comb.noise)
    knots = np.stack([a, e, height], -1)
    comb.sheet(Sheet(knots, np.zeros(lanes), clumps, rows=rows, relief=relief, closed=True,
                     ends=0.0, hem=False, line=0.6, **more))  # fmt: skip


def _faded(top: float, side: float, low: float, high: float) -> Callable[[F64, F64], F64]:
    """Thickness that grows from `side` to `top` between two elevations."""
    return lambda azimuth, elevation: side + (top - side) * smooth(low, high, elevation)


def buzz(sitter: Sitter) -> list[Part]:
    """Clipped to a few millimetres all over."""
    comb = Comb(sitter, 0.0)
    cap(comb, SCALPS["buzz"], _faded(0.045, 0.015, 5, 35), 0.0, edge=2)
    return comb.finish()


def _sides(comb: Comb, low: float, width: float, thick: float, lift: float, step: float) -> None:
    """Locks that lie down over temples and ears and around the back."""
    ear = comb.skull.ear
    for side in (-1, 1):
        for azimuth in np.arange(58, 176, step):
            over_ear = ear.front - 3 < azimuth < ear.back + 4
            burn = azimuth < ear.front
            end = ear.top + 5 if over_ear else (low + 12 if burn else low - 16)
            comb.lock(
                Lock(((side * azimuth, 56, 0.02), (side * azimuth, 0.5 * (56 + end), lift + 0.02),
                      (side * (azimuth + 2), end, lift * 0.3)),
                     width=width, thick=thick, blunt=2.5, rings=7), 2.0,
            )  # fmt: skip


def fringe(sitter: Sitter) -> list[Part]:
    """Textured and short, with a swept fringe over the forehead."""
    comb, long = Comb(sitter, 0.0), sitter.recipe.hair.length
    volume = comb.hair.volume
    cap(comb, SCALPS["fringe"], _faded(0.17, 0.08, 0, 45), 0.05, 6)
    _sides(comb, -8, 0.15, 0.05, 0.09 * volume, 17)
    reach = 17 * (long - 1) + 15
    for k, azimuth in enumerate(np.linspace(-60, 62, 7)):
        arc = np.cos(np.radians(azimuth * 1.1))
        end = 40 - reach * arc - 16 * (1 - arc) + (2 if k % 2 else -2)
        comb.lock(
            Lock(((azimuth * 0.55 + 6, 70, 0.12 * volume), (azimuth * 0.85 + 2, 52, 0.21 * volume),
                  (azimuth - 12, end, 0.05)), width=0.19, thick=0.07, blunt=2.0), 2.5,
        )  # fmt: skip
    for azimuth in range(-170, 170, 38):
        comb.lock(
            Lock(((azimuth, 80, 0.12 * volume), (azimuth + 10, 64, 0.22 * volume),
                  (azimuth + 18, 42, 0.17 * volume)), width=0.17, thick=0.07, blunt=2.2), 4.0,
        )  # fmt: skip
    return comb.finish()


def pixie(sitter: Sitter) -> list[Part]:
    """Short and soft, swept aside, with points before the ears and in the nape."""
    comb, long = Comb(sitter, 0.0), sitter.recipe.hair.length
    volume = comb.hair.volume
    cap(comb, SCALPS["pixie"], _faded(0.16, 0.08, -10, 45), 0.05, 6)
    _sides(comb, -12 - 8 * (long - 1), 0.16, 0.05, 0.10 * volume, 19)
    for azimuth, elevation, beta, x in (
        (-64, 4, 66, 0.24), (-52, 12, 62, 0.22), (-38, 16, 58, 0.22), (-22, 20, 54, 0.22),
        (-5, 25, 52, 0.24), (60, 8, 64, 0.32), (44, 22, 58, 0.30),
    ):  # fmt: skip
        root = direction(*(np.degrees(np.arctan2(x, np.cos(np.radians(beta)))), beta))
        a, e = (float(np.degrees(np.arctan2(root[0], root[2]))),
                float(np.degrees(np.arcsin(root[1]))))  # fmt: skip
        comb.lock(
            Lock(((a, e, 0.14 * volume),
                  (0.5 * (a + azimuth), 0.5 * (e + elevation) + 8, 0.24 * volume),
                  (azimuth, elevation - 8 * (long - 1), 0.06)),
                 width=0.18, thick=0.07, blunt=2.2), 2.0,
        )  # fmt: skip
    return comb.finish()


def crop(sitter: Sitter) -> list[Part]:
    """Faded sides and a short textured top, combed forward."""
    comb, volume = Comb(sitter, 0.0), sitter.recipe.hair.volume
    long = comb.hair.length
    cap(comb, SCALPS["crop"], _faded(0.16, 0.018, 14, 46), 0.03, 6, fade=17)
    for row, (elevation, step) in enumerate(((78, 60), (66, 34), (54, 24))):
        for azimuth in range(-78 + 12 * (row % 2), 79, step):
            reach = 24 * long
            comb.lock(
                Lock(((azimuth, elevation, 0.10 * volume),
                      (azimuth * 0.97, elevation - reach * 0.5, 0.21 * volume),
                      (azimuth * 0.92 - 5, elevation - reach, 0.12 * volume)),
                     width=0.19, thick=0.06, blunt=2.4, rings=7), 3.0,
            )  # fmt: skip
    return comb.finish()


def quiff(sitter: Sitter) -> list[Part]:
    """Faded sides and a full top that rises from the forehead and falls back."""
    comb = Comb(sitter, 0.0)
    cap(comb, SCALPS["quiff"], _faded(0.17, 0.015, 16, 50), 0.03, 6, fade=17)
    _swept(comb, SCALPS["quiff"], 0.27, 54, 14.0)
    return comb.finish()


def undercut(sitter: Sitter) -> list[Part]:
    """Shaved sides, long on top and combed straight back."""
    comb = Comb(sitter, 0.0)
    cap(comb, SCALPS["undercut"], _faded(0.13, 0.010, 20, 42), 0.03, 6, fade=18)
    _swept(comb, SCALPS["undercut"], 0.17, 62, 2.0)
    return comb.finish()


def _swept(comb: Comb, scalp: Scalp, rise: float, reach: float, lean: float) -> None:
    """The top as one sheet from the hairline up and back over the crown.

    `rise`: height of the wave over the forehead, dm; `reach`: azimuth of its outer edges; `lean`:
    degrees by which it leans to the side away from the parting.
    """
    lanes, hair = 41, comb.hair
    start = np.linspace(reach, -reach, lanes)
    line = np.interp(np.abs(start), *hairline(comb.skull, scalp))
    middle = np.cos(np.radians(start / reach * 72))
    tall = rise * hair.volume * (0.22 + 0.78 * middle) * (0.6 + 0.4 * hair.length)
    clumps = gather(lanes, 7, comb.noise)
    uneven = clumps.pick(comb.noise.uniform(-1, 1, 12))
    tall = tall * (1 + 0.12 * uneven)
    away = -lean
    end = np.sign(start) * (152 - 0.45 * (reach - np.abs(start)))
    knots = np.stack(
        [np.stack([start, line + 1, 0 * start - 0.01], 1),
         np.stack([start + 0.1 * away, line + 5, 0.05 + 0.55 * tall], 1),
         np.stack([start * 1.02 + 0.6 * away, line + 15, 0.08 + tall], 1),
         np.stack([start * 1.15 + 1.6 * away, 64 + 6 * middle, 0.10 + 0.75 * tall], 1),
         np.stack([start * 1.75 + away, 66 + 18 * middle, 0.10 + 0.45 * tall], 1),
         np.stack([end, 64 - 6 * middle + 3 * uneven, 0 * start + 0.02], 1)], 1,
    )  # fmt: skip
    comb.sheet(Sheet(knots, 0 * start, clumps, rows=17, relief=0.055, thick=0.09, band=0.30,
                     line=0.8))  # fmt: skip


def receding(sitter: Sitter) -> list[Part]:
    """Thin on top, fuller at the sides, the corners of the forehead bare."""
    comb = Comb(sitter, 0.0)

    def thick(azimuth: F64, elevation: F64) -> F64:
        return np.asarray(0.085 - 0.05 * smooth(20, 50, elevation))

    cap(comb, SCALPS["receding"], thick, 0.03, 6, edge=13, fade=-8)
    return comb.finish()
