"""Earrings, hung on the lobes wherever the ears of a bust are."""

import numpy as np

from engine.train.anatomy import ear
from engine.train.bust import F64, Part
from engine.train.piece import dome, tube
from engine.train.sitter import Sitter


def _lobe(sitter: Sitter, side: int) -> tuple[F64, int]:
    vertex = ear(sitter.bust, "lobe", side)
    return sitter.bust.positions[vertex], vertex


def _riding(part: Part, vertex: int) -> Part:
    """The part moves with one vertex of the skin."""
    part.source = np.full(len(part.positions), vertex)
    return part


def hoops(sitter: Sitter) -> list[Part]:
    """Hoop earrings."""
    parts = []
    turn = np.linspace(0, 2 * np.pi, 25)[:-1]
    for side in (-1, 1):
        lobe, vertex = _lobe(sitter, side)
        radius = 0.105
        # They hang in a plane that looks a little to the front.
        across = np.array([0.42 * side, 0, 0.91])
        centre = lobe + [side * 0.035, 0.03 - radius, 0.01]
        path = centre + radius * (
            np.sin(turn)[:, None] * across + np.cos(turn)[:, None] * [0, 1, 0]
        )
        parts.append(
            _riding(
                tube(
                    "accent",
                    path,
                    0.016,
                    6,
                    ring=True,
                    neck=1.0,
                    outline=0.5,
                    up=np.tile(np.cross(across, [0, 1.0, 0]), (24, 1)),
                ),
                vertex,
            )
        )
        parts.append(_riding(dome("accent", lobe + [side * 0.008, 0.035, 0.02],
                                  np.array([side * 0.8, 0, 0.6]), 0.022, 0.02, 8, neck=1.0,
                                  outline=0.4), vertex))  # fmt: skip
    return parts


def studs(sitter: Sitter) -> list[Part]:
    """Small earrings."""
    parts = []
    for side in (-1, 1):
        lobe, vertex = _lobe(sitter, side)
        parts.append(_riding(dome("accent", lobe + [side * 0.008, 0.03, 0.02],
                                  np.array([side * 0.8, 0, 0.6]), 0.036, 0.035, 10, neck=1.0,
                                  outline=0.5), vertex))  # fmt: skip
    return parts


def drops(sitter: Sitter) -> list[Part]:
    """Earrings with a drop that hangs below the lobe."""
    parts = studs(sitter)
    for side in (-1, 1):
        lobe, vertex = _lobe(sitter, side)
        way = np.linspace(0, 1, 8)
        path = lobe + [side * 0.025, 0, 0.02] + way[:, None] * [0, -0.20, 0]
        width = np.interp(way, [0, 0.3, 0.35, 0.75, 1], [0.009, 0.009, 0.012, 0.042, 0.004])
        parts.append(_riding(tube("accent", path, width, 8, neck=1.0, outline=0.5), vertex))
    return parts
