"""Hair as strands: grown once over the rest mesh, carried by its triangles, drawn as thin lines.

A strand is a row of points (triangle, barycentric weights) found by walking over the mesh along a
field of directions, and what it has of its own: height over the surface, colour, width. It moves
with the surface, so nothing crawls. Lengths in decimetres; drawn by engine.train.neural.strokes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass
class Strands:
    """N strands of K points; all arrays are fixed once grown."""

    triangle: I32  # [N, K] of the coarse mesh
    weight: F32  # [N, K, 2] of its corners 1 and 2
    height: F32  # [N, K] dm over the surface
    beyond: F32  # [N, K] dm past the mesh's edge, along the strand
    aside: F32  # [N, K] dm across the strand
    color: F32  # [N, K, 3] linear
    width: F32  # [N, K] dm
    alpha: F32  # [N, K]
    shine: F32  # [N, 3] strengths of the two highlights, and how they are shifted
    gap: F32  # [N] dm by which it may lie behind what hides it

    @staticmethod
    def joined(parts: "list[Strands]") -> "Strands":
        """One after the other: later ones are drawn over earlier ones."""
        return Strands(
            *(np.concatenate([getattr(p, n) for p in parts]) for n in Strands.__annotations__)
        )


def neighbours(corners: I32) -> I32:
    """Triangles [F, 3] across the edges 01, 12, 20 of triangles of place numbers, -1 for none."""
    count = int(corners.max()) + 1
    edge = np.stack([corners, np.roll(corners, -1, 1)], -1).reshape(-1, 2).astype(np.int64)
    ends = np.sort(edge, axis=1)
    code = ends[:, 0] * count + ends[:, 1]
    order = np.argsort(code, kind="stable")
    out = np.full(len(code), -1, np.int32)
    same = np.flatnonzero(code[order][1:] == code[order][:-1])
    a, b = order[same], order[same + 1]
    out[a], out[b] = b // 3, a // 3
    return out.reshape(-1, 3)


@inlined
def _course(
    points: F32, field: F32, i: Scalar, j: Scalar, m: Scalar, b1: Scalar, b2: Scalar, sign: Scalar
) -> tuple[Scalar, Scalar]:
    """Change of the weights of corners j and m per dm along the field, 0 where it has no way."""
    b0 = 1 - b1 - b2
    e1x, e1y, e1z = (
        points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
    )  # fmt: skip
    e2x, e2y, e2z = (
        points[m, 0] - points[i, 0], points[m, 1] - points[i, 1], points[m, 2] - points[i, 2]
    )  # fmt: skip
    dx = sign * (b0 * field[i, 0] + b1 * field[j, 0] + b2 * field[m, 0])
    dy = sign * (b0 * field[i, 1] + b1 * field[j, 1] + b2 * field[m, 1])
    dz = sign * (b0 * field[i, 2] + b1 * field[j, 2] + b2 * field[m, 2])
    g11 = e1x * e1x + e1y * e1y + e1z * e1z
    g12 = e1x * e2x + e1y * e2y + e1z * e2z
    g22 = e2x * e2x + e2y * e2y + e2z * e2z
    r1, r2 = dx * e1x + dy * e1y + dz * e1z, dx * e2x + dy * e2y + dz * e2z
    det = max(g11 * g22 - g12 * g12, 1e-14)
    d1, d2 = (r1 * g22 - r2 * g12) / det, (r2 * g11 - r1 * g12) / det
    length = np.sqrt(max(d1 * d1 * g11 + 2 * d1 * d2 * g12 + d2 * d2 * g22, 0.0))
    f = 1 / length if length > 1e-7 else 0.0
    return d1 * f, d2 * f


@inlined
def _crossed(
    places: I32, t: Scalar, other: Scalar, out: Scalar, b1: Scalar, b2: Scalar
) -> tuple[Scalar, Scalar]:
    """Weights in triangle `other` of a point on edge `out` of triangle t, found by place."""
    w = (1 - b1 - b2, b1, b2)
    c1, c2 = 0.0, 0.0
    for c in range(3):
        if c == (out + 2) % 3:
            continue
        if places[other, 1] == places[t, c]:
            c1 += w[c]
        elif places[other, 2] == places[t, c]:
            c2 += w[c]
    # A little inside, so that rounding does not send it back.
    return c1 * 0.9996 + 0.0001, c2 * 0.9996 + 0.0001


@jit
def _walk(
    points: F32, faces: I32, places: I32, across: I32, field: F32, seed: I32, start: F32,
    step: F32, sign: float, triangle: I32, weight: F32, beyond: F32,
) -> None:  # fmt: skip
    """Follow `field` [V, 3] over triangles from seeds [N] (triangle) and start [N, 2] (weights).

    Writes K points a strand, step [N] dm apart; from the mesh's edge on `beyond` counts the way.
    """
    for n in range(len(seed)):
        t, b1, b2 = seed[n], start[n, 0], start[n, 1]
        past = 0.0
        for k in range(triangle.shape[1]):
            triangle[n, k], weight[n, k, 0], weight[n, k, 1], beyond[n, k] = t, b1, b2, past
            left = step[n]
            if past > 0:
                past += left
                continue
            for _ in range(24):
                d1, d2 = _course(points, field, faces[t, 0], faces[t, 1], faces[t, 2], b1, b2, sign)
                if d1 == 0 and d2 == 0:
                    past = left
                    break
                b0, d0 = 1 - b1 - b2, -d1 - d2
                # Where it leaves: which weight falls to nothing first.
                far, out = left, -1
                if d0 < 0 and -b0 / d0 < far:
                    far, out = -b0 / d0, 1  # edge 12 lies opposite corner 0
                if d1 < 0 and -b1 / d1 < far:
                    far, out = -b1 / d1, 2
                if d2 < 0 and -b2 / d2 < far:
                    far, out = -b2 / d2, 0
                far = max(far, 0.0)
                b1, b2 = b1 + far * d1, b2 + far * d2
                left -= far
                if out < 0:
                    break
                other = across[t, out]
                if other < 0:
                    past = left + 1e-6
                    break
                b1, b2 = _crossed(places, t, other, out, b1, b2)
                t = other


def walk(
    points: F32, faces: I32, places: I32, across: I32, field: F32, seed: I32, start: F32,
    step: F32, count: int, sign: float = 1.0,
) -> tuple[I32, F32, F32]:  # fmt: skip
    """Triangles [N, K], weights [N, K, 2] and ways past the edge [N, K] of `count` points."""
    triangle = np.empty((len(seed), count), np.int32)
    weight = np.empty((len(seed), count, 2), np.float32)
    beyond = np.empty((len(seed), count), np.float32)
    _walk(
        points, faces, places, across, field.astype(np.float32), seed, start.astype(np.float32),
        step.astype(np.float32), sign, triangle, weight, beyond,
    )  # fmt: skip
    return triangle, weight, beyond


def areas(points: F32, faces: I32) -> npt.NDArray[np.float64]:
    """Of triangles [F, 3]."""
    a, b, c = (points[faces[:, k]].astype(float) for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def scattered(
    points: F32, faces: I32, count: int, chance: np.random.Generator,
    share: npt.NDArray[np.floating] | None = None,
) -> tuple[I32, F32]:  # fmt: skip
    """Seeds over triangles [F, 3], evenly by area times `share` [F]: (triangle [N], weights)."""
    area = areas(points, faces) * (1.0 if share is None else share)
    total = np.cumsum(area)
    at = (np.arange(count) + chance.uniform(0, 1, count)) / count * total[-1]
    seed = np.minimum(np.searchsorted(total, at), len(faces) - 1).astype(np.int32)
    u, v = chance.uniform(0, 1, (2, count))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return seed, np.stack([u, v], 1).astype(np.float32)
