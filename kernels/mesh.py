"""Vertices: sparse blendshapes, a bending neck, smooth normals, the hull of outlines."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.jit import jit
from kernels.raster import TILE

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_INNER = np.float32(0.55)  # width of lines inside the figure
_THIN = np.float32(0.75)  # px
_SHADED = np.float32(0.45)  # how much wider lines on the shadow side are


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
def strands(tangents: F32, turn: F32, half: F32, out: F32) -> None:
    """out [V] = cosine between rest tangents [V, 3], turned by `turn` [3, 3], and `half` [3]."""
    x = turn[0, 0] * half[0] + turn[1, 0] * half[1] + turn[2, 0] * half[2]
    y = turn[0, 1] * half[0] + turn[1, 1] * half[1] + turn[2, 1] * half[2]
    z = turn[0, 2] * half[0] + turn[1, 2] * half[1] + turn[2, 2] * half[2]
    for v in range(len(tangents)):
        out[v] = tangents[v, 0] * x + tangents[v, 1] * y + tangents[v, 2] * z


@jit
def inflate(
    screen: F32, normal: F32, width: F32, behind: Any, shade: F32, clear: F32, reach: Any, out: F32
) -> None:
    """Outline hull: screen [V, 3] pushed along its normal by width [V] pixels -> out [V, 3].

    Its back faces, drawn `behind` (depth units) the surface, show as a line of that width around
    every silhouette, with the coverage and the steadiness of ordinary triangles. Lines are wider
    towards `shade` [2], away from the light in the screen's plane (+y down), and narrower where
    `reach` pixels on there is no clear background: clear [h, w] is its share by tile of
    kernels.raster.TILE pixels, read bilinearly.
    """
    rows, columns = clear.shape[0], clear.shape[1]
    x_most, y_most = np.float32(columns - 1.01), np.float32(rows - 1.01)
    zero, half, tile = np.float32(0), np.float32(0.5), np.float32(1 / TILE)
    for v in range(len(screen)):
        w = width[v]
        if w == 0:
            continue
        dx, dy = normal[v, 0], -normal[v, 1]
        x = min(max((screen[v, 0] + dx * reach) * tile - half, zero), x_most)
        y = min(max((screen[v, 1] + dy * reach) * tile - half, zero), y_most)
        # A coordinate that is not a number would be no index; its triangles are left out anyway.
        if not (x >= zero and y >= zero):
            x, y = zero, zero
        c, r = np.int32(x), np.int32(y)
        fx, fy = x - np.float32(c), y - np.float32(r)
        above = clear[r, c] + fx * (clear[r, c + 1] - clear[r, c])
        below = clear[r + 1, c] + fx * (clear[r + 1, c + 1] - clear[r + 1, c])
        outside = above + fy * (below - above)
        outside = min(max((outside - np.float32(0.04)) * np.float32(4), zero), np.float32(1))
        away = max(dx * shade[0] + dy * shade[1], zero)
        w *= (_INNER + (np.float32(1) - _INNER) * outside) * (np.float32(0.85) + _SHADED * away)
        # Thinner lines would break into dots.
        w = max(w, min(np.float32(4) * width[v], _THIN))
        out[v, 0] = screen[v, 0] + dx * w
        out[v, 1] = screen[v, 1] + dy * w
        out[v, 2] = screen[v, 2] + behind
