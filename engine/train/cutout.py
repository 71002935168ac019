"""Surfaces that a picture's alpha cuts out (brows, lashes, hair cards) as geometry.

The rasterizer knows no transparency: triangles are divided where alpha crosses the cutoff and
clipped along it, so that the outline of a lash is an edge like any other. Everything at a new
vertex is a mixture of three old ones, which `Clipped` names, so shapes and weights follow.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
LEVELS = 5  # most divisions of a triangle's edges
_BISECTIONS = 7
_TEXELS = 7.0  # an edge this short is not divided again
# Corners, middles of edges and of the triangle: where alpha is looked at, as mixtures of corners.
_PROBES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5],
                    [1 / 3, 1 / 3, 1 / 3], [0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6],
                    [0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75],
                    [0.75, 0, 0.25], [0.25, 0, 0.75]])  # fmt: skip
_FOUR = np.array([[[1, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]],
                  [[0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]],
                  [[0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 1]],
                  [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]]])  # fmt: skip


@dataclass
class Clipped:
    """Triangles by their corners' mixtures: corner c of row i is the sum over k of
    weight[i, c, k] times the old vertex source[i, k]."""

    source: I64  # [F, 3]
    weight: F64  # [F, 3, 3]
    complete: bool  # False: some edges are coarser than they should be, for lack of triangles


def sample(alpha: F64, uv: F64) -> F64:
    """Alpha [H, W] at uv [..., 2] (v down), bilinear, repeated beyond the edges."""
    rows, columns = alpha.shape
    x, y = uv[..., 0] * columns - 0.5, uv[..., 1] * rows - 0.5
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    left, top = x0.astype(int) % columns, y0.astype(int) % rows
    right, low = (left + 1) % columns, (top + 1) % rows
    above = alpha[top, left] * (1 - fx) + alpha[top, right] * fx
    below = alpha[low, left] * (1 - fx) + alpha[low, right] * fx
    return np.asarray(above * (1 - fy) + below * fy)


class _Edge:
    """alpha = cutoff, and where it crosses the edges of triangles with uvs [V, 2]."""

    def __init__(self, uv: F64, alpha: F64, cutoff: float) -> None:
        self.uv, self.alpha, self.cutoff = uv, alpha, cutoff

    def inside(self, source: I64, weight: F64) -> F64:
        """Alpha above the cutoff [N, P] of mixtures weight [N, P, 3] of vertices [N, 3]."""
        return sample(self.alpha, np.einsum("npk,nkd->npd", weight, self.uv[source])) - self.cutoff

    def between(self, source: I64, visible: F64, hidden: F64) -> F64:
        """Mixtures [N, 3] on the line from visible to hidden ones where the picture ends."""
        low, high = visible, hidden
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            there = (self.inside(source, middle[:, None])[:, 0] > 0)[:, None]
            low, high = np.where(there, middle, low), np.where(there, high, middle)
        return np.asarray((low + high) / 2)


def _march(source: I64, weight: F64, edge: _Edge) -> tuple[I64, F64]:
    """Clip triangles along the edge of the picture, by their corners."""
    positive = edge.inside(source, weight) > 0
    count = positive.sum(1)
    sources, weights = [source[count == 3]], [weight[count == 3]]
    for wanted in (1, 2):
        rows = np.flatnonzero(count == wanted)
        if not len(rows):
            continue
        of, w = source[rows], weight[rows]
        odd = positive[rows].argmax(1) if wanted == 1 else (~positive[rows]).argmax(1)
        tip, one, two = (w[np.arange(len(rows)), (odd + k) % 3] for k in range(3))
        if wanted == 1:
            p, q = edge.between(of, tip, one), edge.between(of, tip, two)
            weights.append(np.stack([tip, p, q], 1))
            sources.append(of)
        else:
            p, q = edge.between(of, one, tip), edge.between(of, two, tip)
            weights += [np.stack([p, one, two], 1), np.stack([p, two, q], 1)]
            sources += [of, of]
    return np.concatenate(sources), np.concatenate(weights)


def clip(triangle: I64, uv: F64, alpha: F64, cutoff: float, room: int) -> Clipped:
    """Divide and clip triangles [F, 3] with uvs [V, 2] along alpha [H, W] = cutoff.

    `room`: most triangles the result may have, above those that come in; what it does not suffice
    for stays coarser.
    """
    source, weight = triangle, np.tile(np.eye(3), (len(triangle), 1, 1))
    done_source, done_weight, used, complete = [], [], 0, True
    scale, edge = np.array([alpha.shape[1], alpha.shape[0]], float), _Edge(uv, alpha, cutoff)
    for level in range(LEVELS + 1):
        corners = np.einsum("fck,fkd->fcd", weight, uv[source])
        inside = edge.inside(source, np.einsum("pc,fck->fpk", _PROBES, weight))
        full, empty = (inside > 0).all(1), (inside <= 0).all(1)
        done_source.append(source[full])
        done_weight.append(weight[full])
        used += int(full.sum())
        mixed = ~full & ~empty
        source, weight, corners = source[mixed], weight[mixed], corners[mixed]
        texels = (corners - np.roll(corners, 1, axis=1)) * scale
        fine = np.linalg.norm(texels, axis=2).max(1) <= _TEXELS
        # Every divided triangle leaves about three behind, some of them clipped in two.
        afford = used + int(fine.sum()) + 4 * int((~fine).sum()) <= len(triangle) + room
        if level == LEVELS or not afford:
            complete &= bool(fine.all()) or level == LEVELS
            fine[:] = True
        clipped = _march(source[fine], weight[fine], edge)
        done_source.append(clipped[0])
        done_weight.append(clipped[1])
        used += len(clipped[0])
        source, coarse = np.repeat(source[~fine], 4, axis=0), weight[~fine]
        weight = np.einsum("qck,fkv->fqcv", _FOUR, coarse).reshape(-1, 3, 3)
        if not len(source):
            break
    return Clipped(np.concatenate(done_source), np.concatenate(done_weight), complete)


def joined(clipped: Clipped) -> tuple[I64, I64, F64]:
    """Clipped triangles with shared corners: (triangles [F, 3], source [N, 3], weight [N, 3])."""
    source = np.repeat(clipped.source, 3, axis=0)
    weight = clipped.weight.reshape(-1, 3)
    # The same mixture in whatever order its three vertices come; absent ones do not count.
    source = np.where(weight > 1e-9, source, -1)
    order = np.argsort(source, axis=1)
    key = np.concatenate(
        [np.take_along_axis(source, order, 1),
         np.rint(np.take_along_axis(weight, order, 1) * 1e6).astype(np.int64)], 1
    )  # fmt: skip
    _, first, index = np.unique(key, axis=0, return_index=True, return_inverse=True)
    triangles = index.reshape(-1, 3)
    whole = (np.diff(np.sort(triangles, axis=1), axis=1) > 0).all(1)
    return triangles[whole], np.maximum(source[first], 0), weight[first]
