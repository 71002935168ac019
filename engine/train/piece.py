"""Pieces of cloth as parts: sheets, bands and small solids, with smooth normals and right sides.

Grids [A, R, 3] run along the azimuth and then downwards, which makes their outside face out.
"""

from typing import Any

import numpy as np

from engine.train.bust import F64, I64, Part


def grid(count: int, rows: int, ring: bool, wrap: bool) -> I64:
    """Triangles [F, 3] of count x rows points; `ring` joins the ends, `wrap` the rows."""
    i, j = np.meshgrid(
        np.arange(count if ring else count - 1), np.arange(rows if wrap else rows - 1),
        indexing="ij",
    )  # fmt: skip
    n, m = (i + 1) % count, (j + 1) % rows
    a, b, c, d = i * rows + j, n * rows + j, i * rows + m, n * rows + m
    return np.stack([a, c, d, a, d, b], -1).reshape(-1, 3)


def piece(
    name: str,
    points: F64,
    triangles: I64,
    uvs: F64 | None = None,
    neck: F64 | float = 0.0,
    outline: F64 | float = 1.0,
) -> Part:
    """A part of points [..., 3] that no blendshape moves; neck, outline: per vertex or for all."""
    flat = points.reshape(-1, 3)
    count = len(flat)
    return Part(
        name, flat, triangles, np.zeros((count, 2)) if uvs is None else uvs.reshape(-1, 2),
        np.full(count, -1), np.broadcast_to(np.asarray(neck, float).ravel(), count).copy(),
        np.arange(count), np.broadcast_to(np.asarray(outline, float).ravel(), count).copy(),
    )  # fmt: skip


def _outwards(points: F64, faces: I64) -> I64:
    """The faces of a closed solid, turned over if its volume comes out negative."""
    flat = points.reshape(-1, 3) - points.reshape(-1, 3).mean(0)
    a, b, c = (flat[faces[:, k]] for k in range(3))
    return faces if (np.cross(a, b) * c).sum() > 0 else faces[:, ::-1]


def sheet(name: str, points: F64, ring: bool = False, **other: Any) -> Part:
    """One layer of cloth."""
    count, rows = points.shape[:2]
    return piece(name, points, grid(count, rows, ring, False), **other)


def band(name: str, points: F64, ring: bool = False, **other: Any) -> Part:
    """A solid swept along a closed section; open ends are capped.

    points [A, R, 3]: each row of R points goes down the outside and back up the inside.
    """
    count, rows = points.shape[:2]
    faces = grid(count, rows, ring, True)
    if not ring:
        last = (count - 1) * rows
        first = [[0, k + 1, k] for k in range(1, rows - 1)]
        end = [[last, last + k, last + k + 1] for k in range(1, rows - 1)]
        faces = np.concatenate([faces, np.array(first + end)])
    return piece(name, points, _outwards(points, faces), **other)


def slab(name: str, front: F64, back: F64, **other: Any) -> Part:
    """A thin solid: front [A, R, 3] with its rim pulled to that of `back` [A, R, 3]."""
    count, rows = front.shape[:2]
    faces = grid(count, rows, False, False)
    total = count * rows
    index = np.arange(total).reshape(count, rows)
    rim = np.concatenate([index[0, :], index[1:, -1], index[-1, -2::-1], index[-2:0:-1, 0]])
    after = np.roll(rim, -1)
    walls = np.stack([rim, rim + total, after + total, rim, after + total, after], -1)
    both = np.concatenate([front, back]).reshape(-1, 3)
    solid = np.concatenate([faces, faces[:, ::-1] + total, walls.reshape(-1, 3)])
    return piece(name, both, _outwards(both, solid), **other)


def tube(name: str, path: F64, radius: F64 | float, sides: int = 6, ring: bool = False,
         up: F64 | None = None, flat: float = 1.0, **other: Any) -> Part:  # fmt: skip
    """A tube along path [N, 3]; `flat` squeezes it along `up` [N, 3]; open ends are capped."""
    step = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not ring:
        step[0], step[-1] = path[1] - path[0], path[-1] - path[-2]
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    guide = np.tile([0.0, 0.0, 1.0], (len(path), 1)) if up is None else up
    side = np.cross(step, guide)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    top = np.cross(side, step)
    turn = np.arange(sides) / sides * 2 * np.pi
    size = np.broadcast_to(np.asarray(radius, float), len(path))[:, None, None]
    across = side[:, None] * np.cos(turn)[None, :, None]
    across = across + flat * top[:, None] * np.sin(turn)[None, :, None]
    return band(name, path[:, None] + size * across, ring, **other)


def dome(name: str, centre: F64, normal: F64, radius: float, height: float, sides: int = 8,
         **other: Any) -> Part:  # fmt: skip
    """A round boss, such as a button: a rim on the surface, a shoulder and a top."""
    n = normal / np.linalg.norm(normal)
    x = np.cross([0.0, 1.0, 0.0], n)
    x /= np.linalg.norm(x)
    y = np.cross(n, x)
    turn = np.arange(sides) / sides * 2 * np.pi
    ring = np.cos(turn)[:, None] * x + np.sin(turn)[:, None] * y
    levels = [(1.0, -0.02), (1.0, 0.6 * height), (0.7, height), (0.0, height)]
    points = np.stack([centre + radius * r * ring + n * h for r, h in levels], 1)
    return piece(name, points, _outwards(points, grid(sides, 4, True, False)), **other)
