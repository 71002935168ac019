"""The hairdos of the bundled characters, as lists of locks."""

from collections.abc import Callable

import numpy as np

from engine.train.bust import F64, Part
from engine.train.hair import Lock, Skull, cap, sweep
from engine.train.sitter import Sitter


def _along(x: float, beta: float) -> tuple[float, float]:
    """A point of the parting that runs from the forehead (beta 45) over the crown (beta 90)."""
    b = np.radians(beta)
    d = np.array([x, np.sin(b), np.cos(b)])
    d /= np.linalg.norm(d)
    return float(np.degrees(np.arctan2(d[0], d[2]))), float(np.degrees(np.arcsin(d[1])))


def bob(sitter: Sitter) -> list[Part]:
    """A chin-long bob with a side parting on the subject's left and a swept fringe."""
    skull, noise = Skull(sitter.skin, 0.10), np.random.default_rng(4)
    line: F64 = np.array(
        [[-180, 0, 0.85], [-100, 0, 0.80], [-78, 0, 0.75], [-66, 8, 0.1], [-45, 34, 0], [0, 46, 0],
         [45, 34, 0], [66, 8, 0.1], [78, 0, 0.75], [100, 0, 0.80], [180, 0, 0.85]]
    )  # fmt: skip
    locks = []
    for i, azimuth in enumerate(np.linspace(-180, -84, 8)):
        locks.append(
            Lock(
                _along(0.2, 112 - 4 * i), (azimuth, 0), 0.90, 0.21, 0.08, 0.03, tuck=0.20, blunt=9.0
            )
        )
    for i, azimuth in enumerate(np.linspace(180, 84, 8)):
        locks.append(
            Lock(
                _along(0.2, 110 - 4 * i), (azimuth, 0), 0.90, 0.21, 0.08, 0.03, tuck=0.20, blunt=9.0
            )
        )
    # Sides that frame the face, in front of the ears.
    for azimuth, beta, drop in ((-90, 70, 0.84), (-76, 66, 0.80), (-64, 62, 0.70)):
        locks.append(
            Lock(_along(0.2, beta), (azimuth, 2), drop, 0.18, 0.08, 0.06, tuck=0.18, blunt=7.0)
        )
    for azimuth, beta, drop in ((90, 72, 0.84), (76, 66, 0.80), (63, 60, 0.70)):
        locks.append(
            Lock(_along(0.24, beta), (azimuth, 2), drop, 0.18, 0.08, 0.05, tuck=0.18, blunt=7.0)
        )
    # Inner sides that close the gap between hair and cheek.
    for side in (-1, 1):
        for azimuth, drop in ((56, 0.42), (62, 0.62)):
            locks.append(
                Lock((side * 40.0, 52), (side * azimuth, 10), drop, 0.10, 0.05, 0.02, 0.02, 0.10)
            )
    # The fringe: wide locks from the parting across the forehead, the long ones outermost.
    fringe = ((-62, 8, 66, 0.15), (-50, 13, 61, 0.15), (-38, 17, 57, 0.14), (-25, 21, 53, 0.13),
              (-12, 25, 50, 0.11))  # fmt: skip
    for azimuth, elevation, beta, width in fringe:
        locks.append(
            Lock(_along(0.2, beta), (azimuth, elevation), 0.0, width, 0.06, 0.10, 0.06, sway=0.06)
        )
    for azimuth, elevation, beta, width in ((58, 6, 62, 0.14), (46, 16, 56, 0.12)):
        locks.append(
            Lock(_along(0.26, beta), (azimuth, elevation), 0.0, width, 0.05, 0.07, 0.06, sway=-0.05)
        )
    made = [cap(skull, line, 0.05, 0.22)]
    for lock in locks:
        jitter = noise.uniform(-1, 1, 2)
        end = (lock.end[0] + 1.5 * jitter[0], lock.end[1] + jitter[1])
        made.append(sweep(skull, Lock(**{**lock.__dict__, "end": end})))
    return made


def quiff(sitter: Sitter) -> list[Part]:
    """Short sides and a full top, swept from a parting on the subject's right."""
    skull, noise = Skull(sitter.skin, 0.03), np.random.default_rng(7)
    line: F64 = np.array(
        [[-180, -38, 0], [-125, -30, 0], [-104, 4, 0], [-92, 4, 0], [-84, -14, 0], [-74, -12, 0],
         [-66, 12, 0], [-48, 29, 0], [0, 35, 0], [48, 29, 0], [66, 12, 0], [74, -12, 0],
         [84, -14, 0], [92, 4, 0], [104, 4, 0], [125, -30, 0], [180, -38, 0]]
    )  # fmt: skip
    locks = []
    for side in (-1, 1):
        for azimuth in (64, 84, 104, 124, 144, 164):
            low = float(np.interp(azimuth, line[8:, 0], line[8:, 1]))
            locks.append(
                Lock((side * azimuth, 58), (side * azimuth * 1.03, low + 8), 0, 0.17, 0.03, 0.01,
                     -0.01, blunt=5.0)
            )  # fmt: skip
    for i, beta in enumerate(np.linspace(106, 52, 9)):
        end = (112 - 9.0 * i, 24 + 0.8 * i)
        locks.append(
            Lock(_along(-0.36, beta), end, 0, 0.17, 0.08, 0.02 + 0.011 * i, 0.05, sway=-0.05)
        )
    # A low row along the hairline, and over it the quiff: it rises, leans aside and falls back.
    for azimuth in np.linspace(-46, 52, 9):
        low = float(np.interp(azimuth, line[:, 0], line[:, 1]))
        locks.append(
            Lock((azimuth, low + 1), (azimuth + 26, low + 26), 0, 0.12, 0.05, 0.05, 0.04,
                 root_width=0.8, blunt=3.0)
        )  # fmt: skip
    for azimuth, end, lift in ((-40, (16, 58), 0.20), (-27, (30, 58), 0.24), (-13, (44, 56), 0.25),
                               (2, (56, 52), 0.22), (18, (66, 48), 0.17)):  # fmt: skip
        locks.append(
            Lock((azimuth, 40), end, 0, 0.17, 0.09, lift, 0.07, sway=-0.06, root_width=0.6,
                 blunt=3.0)
        )  # fmt: skip
    for azimuth, beta in ((-52, 60), (-66, 72), (-84, 84)):
        locks.append(Lock(_along(-0.38, beta), (azimuth, 28), 0, 0.15, 0.05, 0.05, 0.05))
    made = [cap(skull, line, 0.0, 0.0, "underhair")]
    for lock in locks:
        jitter = noise.uniform(-1, 1, 2)
        end = (lock.end[0] + 2 * jitter[0], lock.end[1] + jitter[1])
        made.append(sweep(skull, Lock(**{**lock.__dict__, "end": end})))
    return made


def none(sitter: Sitter) -> list[Part]:
    """Bald."""
    return []


HAIRDOS: dict[str, Callable[[Sitter], list[Part]]] = {"none": none, "bob": bob, "quiff": quiff}
