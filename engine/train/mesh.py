"""Vertices and triangles of an imported face on their way into a package.

Contract: every row that a vertex has (place, uv, weights, movements) is a mixture of the body's
rows, so whatever cuts, splits or joins vertices only writes mixtures.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.train.cutout import clip, joined
from engine.train.scene import Body
from engine.train.surface import Surface

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_CLAMP, _MIRROR = 33071, 33648
CUT_TRIANGLES = 14_000  # what cutting along alpha may add
_WELD = 2e-3  # dm: vertices this near share a normal if the file's normals agree


@dataclass
class Mesh:
    """Mixtures of a body's vertices, joined to triangles."""

    source: I64  # [V, 3] of the body
    weight: F64  # [V, 3]
    uv: F64  # [V, 2], v up
    triangle: I64  # [F, 3]
    material: I64  # [F] of the file
    tiled: set[int]  # materials whose picture is laid out twice each way

    def mixed(self, rows: F64) -> F64:
        """Rows [B, ...] of the body's vertices -> those of these vertices [V, ...]."""
        out = self.weight[:, 0].reshape(-1, *[1] * (rows.ndim - 1)) * rows[self.source[:, 0]]
        for k in (1, 2):
            some = np.flatnonzero(self.weight[:, k])
            share = self.weight[some, k].reshape(-1, *[1] * (rows.ndim - 1))
            out[some] += share * rows[self.source[some, k]]
        return np.asarray(out)


def _folded(uv: F64, triangle: I64, wrap: tuple[int, int]) -> tuple[F64, I64, I64, bool]:
    """(uvs within [0, 2], triangles, old vertex of each, whether any lies beyond 1): a repeated
    picture's uvs moved by whole numbers, vertices split where triangles move differently."""
    shift = np.floor(uv[triangle].min(1) + 1e-3).astype(np.int64)  # [F, 2]
    for axis in (0, 1):
        if wrap[axis] == _CLAMP:
            shift[:, axis] = 0
        elif wrap[axis] == _MIRROR:
            shift[:, axis] -= shift[:, axis] % 2  # a mirrored picture repeats after two
    key = np.concatenate([triangle.reshape(-1, 1), np.repeat(shift, 3, axis=0)], 1)
    rows, index = np.unique(key, axis=0, return_inverse=True)
    moved = uv[rows[:, 0]] - rows[:, 1:]
    beyond = any(wrap[axis] != _CLAMP and moved[:, axis].max(initial=0) > 1.01 for axis in (0, 1))
    return moved, index.reshape(-1, 3), rows[:, 0], bool(beyond)


def shape(body: Body, surfaces: dict[int, Surface], room: int) -> tuple[Mesh, list[str]]:
    """The body's triangles, cut along alpha and folded into their pictures.

    `room`: triangles that a package has left beyond the body's.
    """
    notes, parts, base = [], [], 0
    tiled: set[int] = set()
    for number in sorted(surfaces):
        surface = surfaces[number]
        triangle = body.triangle[body.material == number]
        if not surface.visible:
            notes.append(f"material {surface.name} is too transparent to be drawn: left out")
            continue
        flat = np.concatenate([body.uvs[:, surface.uv_set], np.ones((len(body.uvs), 1))], 1)
        uv = np.clip(flat @ surface.uv_turn.T, -1000, 1000)
        source = np.repeat(np.arange(len(uv))[:, None], 3, 1)
        weight = np.tile([1.0, 0, 0], (len(uv), 1))
        if surface.alpha is not None:
            allowed = min(room, CUT_TRIANGLES)
            clipped = clip(triangle, uv, surface.alpha, surface.cutoff, allowed)
            if not clipped.complete:
                notes.append(
                    f"material {surface.name}: its transparent edges are coarser than drawn, for "
                    "lack of triangles"
                )
            room -= max(len(clipped.source) - len(triangle), 0)
            triangle, source, weight = joined(clipped)
            uv = np.einsum("vk,vkd->vd", weight, uv[source])
        if not len(triangle):
            notes.append(f"material {surface.name} is transparent everywhere it is used: left out")
            continue
        uv, triangle, old, beyond = _folded(uv, triangle, surface.wrap)
        if beyond and surface.picture is not None:
            tiled.add(number)
            uv = uv / 2
        uv = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)
        parts.append((source[old], weight[old], uv, triangle + base, number))
        base += len(uv)
    if not parts:
        return Mesh(np.zeros((0, 3), int), np.zeros((0, 3)), np.zeros((0, 2)),
                    np.zeros((0, 3), int), np.zeros(0, int), set()), notes  # fmt: skip
    made = Mesh(
        np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]),
        np.clip(np.concatenate([p[2] for p in parts]), -8, 8),
        np.concatenate([p[3] for p in parts]),
        np.concatenate([np.full(len(p[3]), p[4]) for p in parts]), tiled,
    )  # fmt: skip
    return made, notes


def weld(position: F64, normal: F64, opened: F64) -> I64:
    """Groups [V] of vertices that share a normal: at one place, moving alike, their normals in the
    file not more than about 40 degrees apart."""
    key = np.concatenate([position, opened], 1) / _WELD
    _, place = np.unique(np.rint(key).astype(np.int64), axis=0, return_inverse=True)
    order = np.argsort(place, kind="stable")
    group = np.full(len(position), -1)
    count = 0
    for run in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        if len(run) == 1:
            group[run] = count
            count += 1
            continue
        left = run
        while len(left):
            first = normal[left[0]]
            alike = np.asarray(normal[left] @ first > 0.75 if first.any() else ~normal[left].any(1))
            alike[0] = True
            group[left[alike]] = count
            count += 1
            left = left[~alike]
    return group


def tile(picture: npt.NDArray[np.uint8], wrap: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A picture laid out twice each way, every second one mirrored where the file says so."""
    across = picture[:, ::-1] if wrap[0] == _MIRROR else picture
    wide = np.concatenate([picture, across], 1)
    below = wide[::-1] if wrap[1] == _MIRROR else wide
    return np.concatenate([wide, below])
