"""Triangles -> visibility keys, four samples per pixel; the first half of the G-buffer.

A key is `depth << 32 | triangle` as int64: the smaller key wins, so equal depths go to the lower
triangle number and the result does not depend on drawing order. Positions are snapped to 1/256
pixel and coverage is decided in integers with the top-left rule: neighbouring triangles share no
sample and leave none out. A CUDA twin does the same with a 64-bit atomicMin.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, jit

SAMPLES = 4
SUBPIXEL = 256
# Rotated grid (sub-pixel x, y): every sample has its own row and column, so a nearly horizontal
# or vertical edge still passes through all five coverage levels.
OFFSETS = ((96, 32), (224, 96), (32, 160), (160, 224))
EMPTY = np.int64(0x7FFFFFFFFFFFFFFF)
DEPTH_ONE = float(2**31 - 129)  # key depth of z = 1, below EMPTY's
FRONT, BOTH, BACK = 0, 1, 2  # which faces of a triangle are drawn

I64 = npt.NDArray[np.int64]
_OX0, _OX1, _OX2, _OX3 = (x for x, _ in OFFSETS)
_OY0, _OY1, _OY2, _OY3 = (y for _, y in OFFSETS)
_LIMIT = 1 << 22  # snapped coordinates beyond this are off any screen and could overflow


@jit
def _bias(dx: Scalar, dy: Scalar) -> Scalar:
    """0 for a top or left edge, whose samples belong to the triangle; -1 for the others."""
    return 0 if dy < 0 or (dy == 0 and dx > 0) else -1


@jit
def _fill(keys: I64, box: Scalar, p: Scalar, z: Scalar, t: Scalar) -> None:
    """Write one triangle, corners (x, y) in `p` ordered so that its doubled area is positive."""
    x0, y0, x1, y1, x2, y2 = p
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    # Edge functions e_k = a_k x + b_k y + c_k, >= 0 inside; e_k vanishes opposite corner k.
    a0, b0 = y1 - y2, x2 - x1
    a1, b1 = y2 - y0, x0 - x2
    a2, b2 = y0 - y1, x1 - x0
    left, top = box[0] * SUBPIXEL, box[1] * SUBPIXEL
    row0 = a0 * (left - x1) + b0 * (top - y1) + _bias(b0, -a0)
    row1 = a1 * (left - x2) + b1 * (top - y2) + _bias(b1, -a1)
    row2 = a2 * (left - x0) + b2 * (top - y0) + _bias(b2, -a2)
    g1, g2 = (z[1] - z[0]) / area, (z[2] - z[0]) / area
    zx, zy = a1 * g1 + a2 * g2, b1 * g1 + b2 * g2
    # Edge value and depth of the four samples relative to the pixel's corner.
    s00, s01, s02, s03 = (
        a0 * _OX0 + b0 * _OY0, a0 * _OX1 + b0 * _OY1, a0 * _OX2 + b0 * _OY2, a0 * _OX3 + b0 * _OY3
    )  # fmt: skip
    s10, s11, s12, s13 = (
        a1 * _OX0 + b1 * _OY0, a1 * _OX1 + b1 * _OY1, a1 * _OX2 + b1 * _OY2, a1 * _OX3 + b1 * _OY3
    )  # fmt: skip
    s20, s21, s22, s23 = (
        a2 * _OX0 + b2 * _OY0, a2 * _OX1 + b2 * _OY1, a2 * _OX2 + b2 * _OY2, a2 * _OX3 + b2 * _OY3
    )  # fmt: skip
    far0, far1, far2 = (
        max(s00, s01, s02, s03), max(s10, s11, s12, s13), max(s20, s21, s22, s23)
    )  # fmt: skip
    d0, d1, d2, d3 = (
        zx * _OX0 + zy * _OY0, zx * _OX1 + zy * _OY1, zx * _OX2 + zy * _OY2, zx * _OX3 + zy * _OY3
    )  # fmt: skip
    step0, step1, step2 = a0 * SUBPIXEL, a1 * SUBPIXEL, a2 * SUBPIXEL
    for y in range(box[1], box[3]):
        e0, e1, e2 = row0, row1, row2
        depth_row = z[0] + zx * (left - x0) + zy * (y * SUBPIXEL - y0)
        inside = False
        for x in range(box[0], box[2]):
            if e0 + far0 >= 0 and e1 + far1 >= 0 and e2 + far2 >= 0:
                inside = True
                d = depth_row + zx * ((x - box[0]) * SUBPIXEL)
                if (e0 + s00) | (e1 + s10) | (e2 + s20) >= 0:
                    key = (np.int64(d + d0) << 32) | t
                    if key < keys[y, x, 0]:
                        keys[y, x, 0] = key
                if (e0 + s01) | (e1 + s11) | (e2 + s21) >= 0:
                    key = (np.int64(d + d1) << 32) | t
                    if key < keys[y, x, 1]:
                        keys[y, x, 1] = key
                if (e0 + s02) | (e1 + s12) | (e2 + s22) >= 0:
                    key = (np.int64(d + d2) << 32) | t
                    if key < keys[y, x, 2]:
                        keys[y, x, 2] = key
                if (e0 + s03) | (e1 + s13) | (e2 + s23) >= 0:
                    key = (np.int64(d + d3) << 32) | t
                    if key < keys[y, x, 3]:
                        keys[y, x, 3] = key
            elif inside:
                break
            e0 += step0
            e1 += step1
            e2 += step2
        row0 += b0 * SUBPIXEL
        row1 += b1 * SUBPIXEL
        row2 += b2 * SUBPIXEL


@jit
def rasterize(
    screen: npt.NDArray[np.float32],
    triangles: npt.NDArray[np.int32],
    sides: npt.NDArray[np.uint8],
    keys: I64,
) -> None:
    """Overwrite `keys` with the nearest triangle at each of four samples of each pixel.

    screen [V, 3] float32: x right and y down in pixels, z in [0, 1) with 0 nearest; triangles
    [F, 3] int32, counter-clockwise seen from their front; sides [F] uint8: FRONT, BOTH or BACK
    faces are drawn; keys [H, W, 4] int64. A triangle with a corner outside 0 <= z < 1 (behind the
    camera, too far, not a number) is left out.
    """
    height, width = keys.shape[0], keys.shape[1]
    keys[:] = EMPTY
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        zi, zj, zk = screen[i, 2], screen[j, 2], screen[k, 2]
        if not (0 <= zi < 1 and 0 <= zj < 1 and 0 <= zk < 1):
            continue
        xi = np.int64(np.floor(screen[i, 0] * SUBPIXEL + 0.5))
        yi = np.int64(np.floor(screen[i, 1] * SUBPIXEL + 0.5))
        xj = np.int64(np.floor(screen[j, 0] * SUBPIXEL + 0.5))
        yj = np.int64(np.floor(screen[j, 1] * SUBPIXEL + 0.5))
        xk = np.int64(np.floor(screen[k, 0] * SUBPIXEL + 0.5))
        yk = np.int64(np.floor(screen[k, 1] * SUBPIXEL + 0.5))
        area = (xj - xi) * (yk - yi) - (xk - xi) * (yj - yi)
        # y points down: a counter-clockwise front has a negative area here.
        if area == 0 or (sides[t] == FRONT and area > 0) or (sides[t] == BACK and area < 0):
            continue
        x_low, x_high = min(xi, xj, xk), max(xi, xj, xk)
        y_low, y_high = min(yi, yj, yk), max(yi, yj, yk)
        if max(abs(x_low), abs(x_high), abs(y_low), abs(y_high)) > _LIMIT:
            continue
        box = (
            max(x_low // SUBPIXEL, 0),
            max(y_low // SUBPIXEL, 0),
            min(x_high // SUBPIXEL + 1, width),
            min(y_high // SUBPIXEL + 1, height),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        di, dj, dk = zi * DEPTH_ONE, zj * DEPTH_ONE, zk * DEPTH_ONE
        if area > 0:
            _fill(keys, box, (xi, yi, xj, yj, xk, yk), (di, dj, dk), t)
        else:
            _fill(keys, box, (xi, yi, xk, yk, xj, yj), (di, dk, dj), t)


def empty(height: int, width: int) -> I64:
    """A key buffer [H, W, 4] for `rasterize`."""
    return np.full((height, width, SAMPLES), EMPTY, np.int64)


def triangle_of(key: Any) -> Any:
    """Triangle number of a key or an array of keys (meaningless where the key is EMPTY)."""
    return key & 0xFFFFFFFF
