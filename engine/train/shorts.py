"""Short hair: a cap that grows out of the skin at the hairline, and chunky locks over it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.comb import Comb
from engine.train.hair import Clumps, Lock, Sheet, gather
from engine.train.scalp import SCALPS, Scalp, hairline
from engine.train.sitter import Sitter
from engine.train.skull import direction

LANES = 72
WHORL = (180.0, 72.0)  # where the hair of the crown turns
_TUCK = 0.02  # dm by which a cap's edge lies under the skin


def cap(comb: Comb, scalp: Scalp, thick: Callable[[F64, F64], F64], relief: float, per: float = 6,
        edge: float = 0.0, whorl: tuple[float, float] = WHORL,
        lanes: int = LANES, rows: int = 13, **more: Any) -> None:  # fmt: skip
    """A cap from the whorl to the hairline; thick(azimuth, elevation) over the skin, dm.

    `edge`: degrees by which the cap ends above the painted hairline.
    """
    azimuth = np.linspace(0, 360, lanes)
    signed = (azimuth + 180) % 360 - 180
    line = np.interp(np.abs(signed), *hairline(comb.skull, scalp)) + edge
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
                     hem=False, line=0.6, **more))  # fmt: skip


def _even(value: float) -> Callable[[F64, F64], F64]:
    return lambda azimuth, elevation: value + 0 * elevation


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
    for k, azimuth in enumerate(np.linspace(-64, 56, 8)):
        arc = np.cos(np.radians(azimuth * 1.1))
        end = 40 - reach * arc - 16 * (1 - arc) + (2 if k % 2 else -2)
        comb.lock(
            Lock(((azimuth * 0.55 + 6, 70, 0.12 * volume), (azimuth * 0.85 + 2, 52, 0.21 * volume),
                  (azimuth - 7, end, 0.05)), width=0.175, thick=0.07, blunt=2.0), 2.5,
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
        (-5, 25, 52, 0.24), (60, 8, 64, 0.40), (44, 22, 58, 0.38),
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
    cap(comb, SCALPS["crop"], _faded(0.16, 0.018, 14, 46), 0.03, 6)
    for row, (elevation, step) in enumerate(((78, 60), (66, 34), (54, 24))):
        for azimuth in range(-78 + 12 * (row % 2), 79, step):
            reach = 24 * long
            comb.lock(
                Lock(((azimuth, elevation, 0.10 * volume),
                      (azimuth * 0.97, elevation - reach * 0.5, 0.24 * volume),
                      (azimuth * 0.92 - 4, elevation - reach, 0.13 * volume)),
                     width=0.15, thick=0.075, blunt=2.0, rings=7), 4.0,
            )  # fmt: skip
    return comb.finish()


def quiff(sitter: Sitter) -> list[Part]:
    """Faded sides and a full top that rises from the forehead and falls back."""
    comb, volume = Comb(sitter, 0.0), sitter.recipe.hair.volume
    cap(comb, SCALPS["quiff"], _faded(0.20, 0.018, 14, 48), 0.04, 6)
    _swept(comb, volume, comb.hair.length)
    return comb.finish()


def _swept(comb: Comb, volume: float, long: float) -> None:
    """The top: big locks from the forehead up and back, the front ones over the others."""
    for elevation, height, azimuths in ((62, 0.20, (-66, -36, 0, 36, 66)),
                                        (46, 0.30, (-58, -30, -4, 22, 50))):  # fmt: skip
        for azimuth in azimuths:
            lift = height * volume * (0.72 + 0.28 * np.cos(np.radians(azimuth * 1.3)))
            lean = azimuth + 14
            comb.lock(
                Lock(((azimuth, elevation - 5, 0.03), (azimuth + 2, elevation + 3, lift),
                      (lean, elevation + 16, lift * 1.15),
                      (lean * 1.5 + 8, elevation + 31, lift * 0.7)),
                     width=0.21, thick=0.10, blunt=2.6, root_width=0.75, line=0.7), 3.0,
            )  # fmt: skip


def undercut(sitter: Sitter) -> list[Part]:
    """Shaved sides, long on top and combed straight back."""
    comb, volume = Comb(sitter, 0.0), sitter.recipe.hair.volume
    cap(comb, SCALPS["undercut"], _faded(0.16, 0.012, 18, 40), 0.04, 6)
    for azimuth in np.linspace(-70, 70, 7):
        lift = 0.20 * volume * np.cos(np.radians(azimuth))
        comb.lock(
            Lock(((azimuth, 38 - 6 * abs(azimuth) / 70, 0.02), (azimuth * 1.1, 56, 0.10 + lift),
                  (azimuth * 1.6, 74, 0.12 + lift), (180 - azimuth * 0.6, 62, 0.16)),
                 width=0.20, thick=0.08, blunt=3, root_width=0.7, rings=10, line=0.7), 2.0,
        )  # fmt: skip
    return comb.finish()


def receding(sitter: Sitter) -> list[Part]:
    """Thin at the sides and behind, a high bare forehead."""
    comb, volume = Comb(sitter, 0.0), sitter.recipe.hair.volume
    scalp = SCALPS["receding"]

    def thick(azimuth: F64, elevation: F64) -> F64:
        round_back = smooth(50, 120, np.abs(azimuth))
        bare = smooth(0, 14, 34 + 18 * round_back - elevation)
        return np.asarray(-0.03 + 0.13 * bare)

    cap(comb, scalp, thick, 0.03, 5, edge=1)
    for side in (-1, 1):
        for azimuth, elevation in ((66, 22), (78, 26), (92, 30), (110, 34), (132, 38), (156, 40)):
            comb.lock(
                Lock(((side * azimuth, elevation, -0.01),
                      (side * (azimuth + 9), elevation - 10, 0.10 * volume),
                      (side * (azimuth + 20), elevation - 24, 0.05)),
                     width=0.13, thick=0.045, blunt=2.2, rings=7), 2.0,
            )  # fmt: skip
    return comb.finish()


ALL = ("buzz", "crop", "quiff", "fringe", "pixie", "undercut", "receding")
__all__ = [*ALL, "ALL", "SCALPS", "Clumps", "cap"]
