"""Coverage of silhouettes, finer than the keys: for pictures with a transparent background.

Only pixels that something covers in part, or whose neighbours differ, are looked at: each triangle
near them sets bits of a mask of GRAIN samples. What is drawn at all is decided as in `raster`, in
integers; depth plays no part, for a pixel is covered by whatever lies in it.
"""

import numpy as np

from kernels.jit import Scalar, jit
from kernels.raster import (
    BACK,
    EMPTY,
    F32,
    FRONT,
    I32,
    I64,
    SAMPLES,
    SUBPIXEL,
    TILE,
    U8,
    snap,
)  # fmt: skip

GRAIN = 32
# Each sample has its own row and column (van der Corput), so an edge of any slope passes through
# GRAIN + 1 levels.
_ROWS = np.arange(GRAIN)
_COLUMNS = np.array([int(f"{row:05b}"[::-1], 2) for row in _ROWS])
_GRAINS = np.stack([_COLUMNS, _ROWS]) * (SUBPIXEL // GRAIN) + SUBPIXEL // GRAIN // 2
_FULL = np.int64(2**GRAIN - 1)
_EDGE = 8  # bit of `level`


@jit
def _edges(keys: I64, level: U8, near: U8, masks: I64) -> None:
    """level [H, W]: covered samples, and _EDGE where a neighbour's number differs; near
    [H / TILE, W / TILE]: 1 where the tile has such pixels; masks: full where all is covered."""
    height, width = level.shape
    near[:] = 0
    for y in range(height):
        for x in range(width):
            covered = 0
            for s in range(SAMPLES):
                covered += keys[y, x, s] != EMPTY
            level[y, x] = covered
    for y in range(height):
        for x in range(width):
            here = level[y, x] % _EDGE
            masks[y, x] = _FULL if level[y, x] == SAMPLES else np.int64(0)
            right, below = min(x + 1, width - 1), min(y + 1, height - 1)
            left = max(x - 1, 0)
            alike = here == level[y, right] % _EDGE and here == level[below, x] % _EDGE
            alike &= here % SAMPLES == 0
            if alike and here == level[below, right] % _EDGE and here == level[below, left] % _EDGE:
                continue
            for v in range(y, below + 1):
                for u in range(left, right + 1):
                    level[v, u] |= _EDGE
                    masks[v, u] = 0
                    near[v // TILE, u // TILE] = 1


@jit
def _touched(near: U8, x0: Scalar, y0: Scalar, x1: Scalar, y1: Scalar) -> Scalar:
    """Whether a box of pixels has an edge's tile."""
    for y in range(y0 // TILE, (y1 - 1) // TILE + 1):
        for x in range(x0 // TILE, (x1 - 1) // TILE + 1):
            if near[y, x]:
                return True
    return False


@jit
def _cover(
    x0: Scalar, y0: Scalar, x1: Scalar, y1: Scalar, x2: Scalar, y2: Scalar, samples: I64
) -> Scalar:
    """The mask of the samples of the pixel at (0, 0) within a triangle of positive area."""
    a0, b0, c0 = y1 - y2, x2 - x1, x1 * y2 - x2 * y1
    a1, b1, c1 = y2 - y0, x0 - x2, x2 * y0 - x0 * y2
    a2, b2, c2 = y0 - y1, x1 - x0, x0 * y1 - x1 * y0
    mask = np.int64(0)
    for s in range(GRAIN):
        x, y = samples[0, s], samples[1, s]
        outside = (a0 * x + b0 * y + c0) | (a1 * x + b1 * y + c1) | (a2 * x + b2 * y + c2)
        mask |= np.int64(outside >= 0) << s
    return mask


@jit
def _merge(
    corners: I32, triangles: I32, sides: U8, level: U8, near: U8, samples: I64, masks: I64
) -> None:
    """Set the bits of all triangles in pixels of an edge."""
    height, width = level.shape
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if corners[i, 2] | corners[j, 2] | corners[k, 2] < 0:
            continue
        xi, yi = np.int64(corners[i, 0]), np.int64(corners[i, 1])
        xj, yj = np.int64(corners[j, 0]), np.int64(corners[j, 1])
        xk, yk = np.int64(corners[k, 0]), np.int64(corners[k, 1])
        area = (xj - xi) * (yk - yi) - (xk - xi) * (yj - yi)
        if area == 0 or (sides[t] == FRONT and area > 0) or (sides[t] == BACK and area < 0):
            continue
        x0: Scalar = max(min(xi, xj, xk) // SUBPIXEL, 0)
        y0: Scalar = max(min(yi, yj, yk) // SUBPIXEL, 0)
        x1: Scalar = min(max(xi, xj, xk) // SUBPIXEL + 1, width)
        y1: Scalar = min(max(yi, yj, yk) // SUBPIXEL + 1, height)
        if x0 >= x1 or y0 >= y1 or not _touched(near, x0, y0, x1, y1):
            continue
        if area < 0:
            xj, yj, xk, yk = xk, yk, xj, yj
        for y in range(y0, y1):
            for x in range(x0, x1):
                if level[y, x] & _EDGE:
                    left, top = x * SUBPIXEL, y * SUBPIXEL
                    masks[y, x] |= _cover(
                        xi - left, yi - top, xj - left, yj - top, xk - left, yk - top, samples
                    )


@jit
def _count(level: U8, masks: I64, rgba: U8) -> None:
    """Alpha of each pixel; colours that were mixed with black become the figure's own."""
    for y in range(level.shape[0]):
        for x in range(level.shape[1]):
            bits, covered = masks[y, x], level[y, x] % _EDGE
            if bits == 0 and covered == 0:
                rgba[y, x, 3] = 0
                continue
            if bits == _FULL and covered == SAMPLES:
                rgba[y, x, 3] = 255
                continue
            count = 0
            while bits:
                bits &= bits - 1
                count += 1
            if covered:
                count = max(count, 1)  # what the picture shows is never lost
                for c in range(3):
                    own = (np.int32(rgba[y, x, c]) * SAMPLES + covered // 2) // covered
                    rgba[y, x, c] = min(own, 255)
            rgba[y, x, 3] = (count * 255 + GRAIN // 2) // GRAIN


@jit
def _fill(level: U8, rgba: U8) -> None:
    """Colours where only the finer samples meet something: those of the pixels around; nothing
    where these show nothing either (slivers beside an edge)."""
    height, width = level.shape
    for y in range(height):
        for x in range(width):
            if rgba[y, x, 3] == 0 or level[y, x] % _EDGE:
                continue
            red, green, blue, total = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    weight = np.int32(level[v, u] % _EDGE)
                    red += weight * rgba[v, u, 0]
                    green += weight * rgba[v, u, 1]
                    blue += weight * rgba[v, u, 2]
                    total += weight
            if total == 0:
                rgba[y, x, 3] = 0
                continue
            rgba[y, x, 0], rgba[y, x, 1] = red // total, green // total
            rgba[y, x, 2] = blue // total


def silhouette(screen: F32, triangles: I32, sides: U8, keys: I64, rgba: U8) -> None:
    """What was drawn over black -> straight colours and alpha, in steps of 1 / GRAIN.

    screen, triangles, sides: what `rasterize` and `overlay` have drawn into keys [H, W, 4]; rgba
    [H, W, 4]: its first three channels are the picture over black and become the figure's colours.
    """
    height, width = keys.shape[:2]
    level = np.empty((height, width), np.uint8)
    near = np.empty((-(-height // TILE), -(-width // TILE)), np.uint8)
    masks = np.empty((height, width), np.int64)
    corners = np.empty(screen.shape, np.int32)
    snap(screen, corners)
    _edges(keys, level, near, masks)
    _merge(corners, triangles, sides, level, near, _GRAINS, masks)
    _count(level, masks, rgba)
    _fill(level, rgba)
