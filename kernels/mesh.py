"""Vertices: sparse blendshapes, a bending neck, smooth normals, the hull of outlines."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.jit import jit

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]


@jit
def blend(
    rest: F32,
    weights: F32,
    start: I32,
    row: I32,
    delta: npt.NDArray[np.int16],
    scale: F32,
    out: F32,
) -> None:
    """out [V, 3] = rest + sum over shapes k of weights[k] * scale[k] * delta of its rows.

    Shape k owns entries start[k] : start[k + 1] of row [N] (vertex numbers) and delta [N, 3]
    int16. Shapes of weight 0 cost nothing.
    """
    out[:] = rest
    for k in range(len(weights)):
        w = weights[k] * scale[k]
        if w == 0:
            continue
        for n in range(start[k], start[k + 1]):
            v = row[n]
            out[v, 0] += w * delta[n, 0]
            out[v, 1] += w * delta[n, 1]
            out[v, 2] += w * delta[n, 2]


@jit
def bend(points: F32, share: F32, poses: F32) -> None:
    """Move points [V, 3] in place by the share-th part of a rigid motion.

    share [V] in [0, 1]; poses [N, 3, 4]: the motion at N evenly spaced shares, between which it
    is interpolated. The angle is divided rather than the displacement, so a neck keeps its girth.
    """
    last = len(poses) - 1
    for v in range(len(points)):
        at = share[v] * last
        n = min(int(at), last - 1)
        f = np.float32(at - n)
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        for c in range(3):
            a = poses[n, c, 0] * x + poses[n, c, 1] * y + poses[n, c, 2] * z + poses[n, c, 3]
            m = n + 1
            b = poses[m, c, 0] * x + poses[m, c, 1] * y + poses[m, c, 2] * z + poses[m, c, 3]
            points[v, c] = a + f * (b - a)


@jit
def normals(
    points: F32, triangles: I32, weld: I32, proxy: F32, turn: F32, scratch: F32, out: F32
) -> None:
    """Unit normals out [V, 3], area-weighted over the triangles around each weld group.

    weld [V]: group of each vertex, < len(scratch); proxy [V, 4]: a smoother rest normal and its
    share, which calms the shadows of small relief; turn [3, 3]: the head's rotation, applied to
    the proxies; scratch [G, 3] is overwritten.
    """
    scratch[:] = 0
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = (
            points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
        )  # fmt: skip
        bx, by, bz = (
            points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
        )  # fmt: skip
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (weld[i], weld[j], weld[k]):
            scratch[v, 0] += x
            scratch[v, 1] += y
            scratch[v, 2] += z
    for g in range(len(scratch)):
        x, y, z = scratch[g, 0], scratch[g, 1], scratch[g, 2]
        f = np.float32(1) / np.sqrt(x * x + y * y + z * z + np.float32(1e-20))
        scratch[g, 0], scratch[g, 1], scratch[g, 2] = x * f, y * f, z * f
    for v in range(len(weld)):
        g = weld[v]
        part = proxy[v, 3]
        if part == 0:
            out[v, 0], out[v, 1], out[v, 2] = scratch[g, 0], scratch[g, 1], scratch[g, 2]
            continue
        total = np.float32(0)
        for c in range(3):
            smooth = turn[c, 0] * proxy[v, 0] + turn[c, 1] * proxy[v, 1] + turn[c, 2] * proxy[v, 2]
            n = scratch[g, c] + part * (smooth - scratch[g, c])
            out[v, c] = n
            total += n * n
        f = np.float32(1) / np.sqrt(total + np.float32(1e-20))
        for c in range(3):
            out[v, c] *= f


@jit
def inflate(screen: F32, normal: F32, width: F32, behind: Any, out: F32) -> None:
    """Outline hull: screen [V, 3] pushed along its normal by width [V] pixels -> out [V, 3].

    Its back faces, drawn `behind` (depth units) the surface, show as a line of that width around
    every silhouette, with the coverage and the steadiness of ordinary triangles.
    """
    for v in range(len(screen)):
        out[v, 0] = screen[v, 0] + normal[v, 0] * width[v]
        out[v, 1] = screen[v, 1] - normal[v, 1] * width[v]
        out[v, 2] = screen[v, 2] + behind
