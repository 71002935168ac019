"""Ambient occlusion, baked per vertex: how much of the sky above its surface a vertex sees.

The rest mesh is drawn from many directions, and each vertex asks in which of them it is seen,
weighted by the cosine to its normal (Landis, "Production-ready global illumination", SIGGRAPH 2002
course 16). What moves out of its rest pose must not carry the darkness of that pose along: lids and
lips keep most of their light, and what lies in the mouth is darkened by its depth instead.
"""

import numpy as np

from engine.train.bust import F64, Part, smooth
from kernels.raster import BOTH, DEPTH_ONE, empty, rasterize

VIEWS, QUICK_VIEWS = 80, 28
_SIZE = 288  # px of a view
_OFF = 0.022  # dm by which a vertex stands off its surface
_ROUNDS = 2  # of smoothing over neighbours
_SEEN = 0.88  # share of the sky that counts as all
_SHY = ("lash",)  # throw no occlusion
_MOUTH = ("mouth", "teeth", "tongue")
_SKY = 0.3  # how much brighter it is above than below


def directions(count: int) -> F64:
    """Evenly spread unit vectors [count, 3]: a Fibonacci sphere."""
    at = np.arange(count) + 0.5
    y, turn = 1 - 2 * at / count, at * np.pi * (3 - 5**0.5)
    flat = np.sqrt(1 - y * y)
    return np.stack([flat * np.cos(turn), y, flat * np.sin(turn)], 1)


def _normals(part: Part) -> F64:
    a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((int(part.weld.max()) + 1, 3))
    for k in range(3):
        np.add.at(total, part.weld[part.triangles[:, k]], face)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return np.asarray(total[part.weld])


def _view(towards: F64) -> F64:
    """Rows right, down and away of an orthographic view from `towards`."""
    side = np.array([1.0, 0, 0]) if abs(towards[0]) < 0.9 else np.array([0, 1.0, 0])
    right = np.cross(side, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, -np.cross(towards, right), -towards])


def _visible(points: F64, normals: F64, corners: F64, faces: F64, views: int) -> F64:
    """Share of the sky [V] that points with normals see past triangles [F, 3] of corners."""
    centre, reach = corners.mean(0), 0.0
    reach = 1.05 * float(np.linalg.norm(corners - centre, axis=1).max())
    scale, keys = _SIZE / (2 * reach), empty(_SIZE, _SIZE)
    sides = np.full(len(faces), BOTH, np.uint8)
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-9)
    for towards in directions(views):
        view = _view(towards)
        screen = (corners - centre) @ view.T * [scale, scale, 0.5 / reach]
        screen += [_SIZE / 2, _SIZE / 2, 0.5]
        rasterize(screen.astype(np.float32), faces.astype(np.int32), sides, len(faces), keys)
        nearest = (keys.min(2) >> 32) / DEPTH_ONE
        weight = np.maximum(normals @ towards, 0) * (1 + _SKY * towards[1])
        at = (points + _OFF * normals - centre) @ view.T
        x, y = (np.clip(at[:, c] * scale + _SIZE / 2, 0, _SIZE - 1).astype(int) for c in (0, 1))
        seen += weight * (at[:, 2] * 0.5 / reach + 0.5 - 0.01 / reach <= nearest[y, x])
        total += weight
    return np.asarray(seen / total)


def _smoothed(values: F64, part: Part) -> F64:
    """Averaged with the neighbours, across welded vertices."""
    corner = part.weld[part.triangles]
    count = int(part.weld.max()) + 1
    group = np.bincount(part.weld, values, count) / np.maximum(
        np.bincount(part.weld, None, count), 1
    )
    for _ in range(_ROUNDS):
        near, links = group.copy(), np.ones(count)
        for a in range(3):
            for b in range(3):
                near += np.bincount(corner[:, a], group[corner[:, b]], count) * (a != b)
                links += np.bincount(corner[:, a], None, count) * (a != b)
        group = near / np.maximum(links, 1)
    return np.asarray(group[part.weld])


def bake(parts: list[Part], quick: bool = False) -> F64:
    """Light [V] in [0, 1] that occlusion leaves at each vertex of the parts, in their order."""
    solid = [p for p in parts if p.name not in _SHY]
    count = np.cumsum([0] + [len(p.positions) for p in solid])
    faces = np.concatenate([p.triangles + n for p, n in zip(solid, count, strict=False)])
    corners = np.concatenate([p.positions for p in solid])
    points = np.concatenate([p.positions for p in parts])
    normals = np.concatenate([_normals(p) for p in parts])
    seen = _visible(points, normals, corners, faces, QUICK_VIEWS if quick else VIEWS)
    light, at = [], 0
    for part in parts:
        own = seen[at : at + len(part.positions)]
        at += len(part.positions)
        light.append(_kept(np.minimum(_smoothed(own, part) / _SEEN, 1), part))
    return np.concatenate(light)


def _kept(light: F64, part: Part) -> F64:
    """What of the rest pose's light holds while the face moves."""
    x, y, z = part.positions.T
    if part.name in _MOUTH:
        front = part.positions[:, 2].max() if part.name != "mouth" else 0.02
        return np.asarray(smooth(-0.62, -0.06, z - front) * 0.85 + 0.15)
    if part.name == "eye":
        # The upper lid shades the ball, wherever that turns.
        return np.asarray(np.maximum(light, 0.75))
    if part.name != "skin":
        return light
    moving = np.maximum(
        np.exp(-((x / 0.30) ** 2) - ((y + 0.66) / 0.16) ** 2),  # lips
        np.exp(-(((np.abs(x) - 0.34) / 0.24) ** 2) - (y / 0.17) ** 2),  # lids
    ) * smooth(-0.6, -0.3, z)
    return np.asarray(np.maximum(light, 0.62 * np.minimum(1.6 * moving, 1)))
