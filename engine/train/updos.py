"""Hair that is tied up: bun, ponytail and man bun."""

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.comb import Comb
from engine.train.hair import BAND, Lock, piece
from engine.train.scalp import SCALPS
from engine.train.sheet import mesh
from engine.train.shorts import cap
from engine.train.sitter import Sitter
from engine.train.skull import direction


def knot(
    comb: Comb, at: tuple[float, float], radius: float, out: float, turns: float = 1.6
) -> None:
    """A bun: a flattened ball of wound strands, `out` over the skull in direction `at`."""
    axis = direction(*at)
    centre = comb.skull.point(axis, out)
    side = np.cross([0.0, 1.0, 0.0], axis)
    side /= max(float(np.linalg.norm(side)), 1e-6)
    up = np.cross(axis, side)
    lanes, rows = 45, 17
    turn = np.linspace(0, 2 * np.pi, lanes)[:, None]
    polar = np.linspace(0.0, 0.86 * np.pi, rows)[None]
    # Two strands wind around the axis like a snail.
    dome = np.abs(np.sin(turn + polar * turns))
    r = radius * (1 + 0.16 * dome * np.sin(polar))
    ring = side * np.cos(turn)[..., None] + up * np.sin(turn)[..., None]
    points = centre + ring * (r * np.sin(polar))[..., None]
    points = points + axis * (0.82 * r * np.cos(polar))[..., None]
    # Light on the strands, dark between them.
    v = 1 - (BAND + 0.02 + 0.5 * (1 - dome) ** 1.5)
    u = np.full(points.shape[:2], 0.5)
    part = piece(
        "hair", points.reshape(-1, 3), mesh(lanes, rows), np.stack([u, v], -1).reshape(-1, 2),
        np.ones(lanes * rows),
    )  # fmt: skip
    normal = points - centre
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    part.proxy = np.concatenate([normal.reshape(-1, 3), np.full((lanes * rows, 1), 0.55)], 1)
    comb.parts.append(part)


def _pulled(comb: Comb, name: str, at: tuple[float, float], thick: float) -> None:
    def profile(azimuth: F64, elevation: F64) -> F64:
        return np.asarray(thick + 0 * elevation)

    cap(comb, SCALPS[name], profile, 0.05, 5, whorl=at)


def _wisps(comb: Comb, drop: float) -> None:
    """A thin lock before each ear."""
    for side in (-1, 1):
        comb.lock(
            Lock(((side * 50, 40, 0.05), (side * 66, 24, 0.12), (side * 70, 4, 0.07)), drop,
                 width=0.075, thick=0.04, tuck=-0.04, wave=0.03, blunt=2.2, rings=12), 1.0,
        )  # fmt: skip


def bun(sitter: Sitter) -> list[Part]:
    """Combed back with volume into a bun on the crown."""
    comb = Comb(sitter, 0.0)
    at = (180.0, 62.0)
    _pulled(comb, "bun", at, 0.14)
    knot(comb, at, 0.33 * comb.skull.size * comb.hair.length**0.5, 0.20)
    _wisps(comb, 0.25 * comb.hair.length)
    return comb.finish()


def ponytail(sitter: Sitter) -> list[Part]:
    """A high ponytail and two loose locks before the ears."""
    comb = Comb(sitter, 0.0, fall=0.9)
    at = (180.0, 42.0)
    _pulled(comb, "ponytail", at, 0.12)
    knot(comb, at, 0.15, 0.14)
    for shift in (-17, -6, 6, 17):
        comb.lock(
            Lock(((180 + shift * 0.2, 42, 0.12), (180 + shift, 34, 0.42),
                  (180 + shift * 1.6, 10, 0.42)), 1.15 * comb.hair.length,
                 width=0.22, thick=0.15, tuck=0.10,
                 wave=0.03 + 0.07 * comb.hair.curl, blunt=2.6, rings=14), 2.0,
        )  # fmt: skip
    _wisps(comb, 0.40 * comb.hair.length)
    return comb.finish()


def manbun(sitter: Sitter) -> list[Part]:
    """Shaved sides, the long top tied to a knot behind."""
    comb = Comb(sitter, 0.0)
    at = (180.0, 64.0)

    def thick(azimuth: F64, elevation: F64) -> F64:
        return np.asarray(0.012 + 0.13 * smooth(16, 34, elevation))

    cap(comb, SCALPS["manbun"], thick, 0.05, 5, fade=16, whorl=at)
    knot(comb, at, 0.23 * comb.skull.size * comb.hair.length**0.5, 0.18)
    return comb.finish()
