"""Triangles -> visibility keys, four samples per pixel; the first half of the G-buffer.

A key is `depth << 32 | triangle` as int64: the smaller key wins, so equal depths go to the lower
triangle number and the result does not depend on drawing order. Positions are snapped to 1/256
pixel and coverage is decided in integers with the top-left rule: neighbouring triangles share no
sample and leave none out. A CUDA twin does the same with a 64-bit atomicMin.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit

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
FRACTION = 12
_SLACK = 256  # key depth: more than rounding can bring a sample nearer than its corners
TILE = 8
_ONE = float(1 << FRACTION)
_U1, _U2, _U3, _U4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_FAR = 16384.0  # px: coordinates beyond this are off any screen and could overflow


@inlined
def _bias(dx: Scalar, dy: Scalar) -> Scalar:
    """0 for a top or left edge, whose samples belong to the triangle; -1 for the others."""
    return 0 if dy < 0 or (dy == 0 and dx > 0) else -1


@inlined
def _narrow(low: Scalar, high: Scalar, edge: Scalar, inverse: Scalar) -> tuple[Scalar, Scalar]:
    """The part of low..high where edge + x / inverse may be >= 0; inverse 0: the edge is level."""
    x = -edge * inverse
    if inverse > 0:
        return max(low, x - 0.5), high
    if inverse < 0:
        return low, min(high, x + 0.5)
    return low, high if edge >= 0 else -1.0


@jit
def _fill(keys: I64, width: Scalar, box: Scalar, p: Scalar, z: Scalar, t: Scalar) -> None:
    """Write one triangle, corners (x, y) in `p` ordered so that its doubled area is positive.

    keys [H * W * 4]; box: first and one past the last pixel, x0, y0, x1, y1; z: key depths.
    """
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
    # Edge values of the four samples relative to the pixel's corner.
    s00, s01 = a0 * _OX0 + b0 * _OY0, a0 * _OX1 + b0 * _OY1
    s02, s03 = a0 * _OX2 + b0 * _OY2, a0 * _OX3 + b0 * _OY3
    s10, s11 = a1 * _OX0 + b1 * _OY0, a1 * _OX1 + b1 * _OY1
    s12, s13 = a1 * _OX2 + b1 * _OY2, a1 * _OX3 + b1 * _OY3
    s20, s21 = a2 * _OX0 + b2 * _OY0, a2 * _OX1 + b2 * _OY1
    s22, s23 = a2 * _OX2 + b2 * _OY2, a2 * _OX3 + b2 * _OY3
    far0, far1 = max(s00, s01, s02, s03), max(s10, s11, s12, s13)
    far2 = max(s20, s21, s22, s23)
    # Depth in fixed point, FRACTION bits below one key step: integers here, integers on a GPU.
    g1, g2 = (z[1] - z[0]) * _ONE / area, (z[2] - z[0]) * _ONE / area
    fx, fy = a1 * g1 + a2 * g2, b1 * g1 + b2 * g2
    limit = 2.0**44
    zx = np.int64(min(max(fx, -limit), limit))
    zy = np.int64(min(max(fy, -limit), limit))
    depth_row = np.int64(z[0] * _ONE) + zx * (left - x0) + zy * (top - y0)
    d0, d1 = zx * _OX0 + zy * _OY0, zx * _OX1 + zy * _OY1
    d2, d3 = zx * _OX2 + zy * _OY2, zx * _OX3 + zy * _OY3
    step0, step1, step2, stepz = a0 * SUBPIXEL, a1 * SUBPIXEL, a2 * SUBPIXEL, zx * SUBPIXEL
    i0 = 1.0 / step0 if step0 else 0.0
    i1 = 1.0 / step1 if step1 else 0.0
    i2 = 1.0 / step2 if step2 else 0.0
    count = float(box[2] - box[0] - 1)
    for y in range(box[1], box[3]):
        # First and last pixel of this row that may have a covered sample; half a pixel of slack
        # keeps the division's rounding from deciding anything.
        low, high = 0.0, count
        low, high = _narrow(low, high, row0 + far0, i0)
        low, high = _narrow(low, high, row1 + far1, i1)
        low, high = _narrow(low, high, row2 + far2, i2)
        if low <= high:
            first = np.int64(low)
            e0, e1, e2 = row0 + step0 * first, row1 + step1 * first, row2 + step2 * first
            d = depth_row + stepz * first
            # Unsigned, so that numba does not test each index for being negative.
            at = np.uint64((y * width + box[0] + first) * SAMPLES)
            for _ in range(first, np.int64(high) + 1):
                # Branch-free: outside samples turn into EMPTY, which never wins.
                out0 = ((e0 + s00) | (e1 + s10) | (e2 + s20)) >> 63
                out1 = ((e0 + s01) | (e1 + s11) | (e2 + s21)) >> 63
                out2 = ((e0 + s02) | (e1 + s12) | (e2 + s22)) >> 63
                out3 = ((e0 + s03) | (e1 + s13) | (e2 + s23)) >> 63
                key0 = ((((d + d0) >> FRACTION) << 32) | t | out0) & EMPTY
                key1 = ((((d + d1) >> FRACTION) << 32) | t | out1) & EMPTY
                key2 = ((((d + d2) >> FRACTION) << 32) | t | out2) & EMPTY
                key3 = ((((d + d3) >> FRACTION) << 32) | t | out3) & EMPTY
                keys[at] = min(keys[at], key0)
                keys[at + _U1] = min(keys[at + _U1], key1)
                keys[at + _U2] = min(keys[at + _U2], key2)
                keys[at + _U3] = min(keys[at + _U3], key3)
                e0 += step0
                e1 += step1
                e2 += step2
                d += stepz
                at += _U4
        row0 += b0 * SUBPIXEL
        row1 += b1 * SUBPIXEL
        row2 += b2 * SUBPIXEL
        depth_row += zy * SUBPIXEL


@jit
def _farthest(keys: I64, tiles: I64) -> None:
    """tiles [H / TILE, W / TILE] = the largest depth among the samples of each tile."""
    height, width = keys.shape[0], keys.shape[1]
    tiles[:] = 0
    for y in range(height):
        for x in range(width):
            key = max(keys[y, x, 0], keys[y, x, 1], keys[y, x, 2], keys[y, x, 3]) >> 32
            if key > tiles[y // TILE, x // TILE]:
                tiles[y // TILE, x // TILE] = key


@jit
def _hidden(tiles: I64, box: Scalar, nearest: Scalar) -> Scalar:
    """Whether a depth lies behind everything drawn in a box of pixels."""
    for y in range(box[1] // TILE, (box[3] - 1) // TILE + 1):
        for x in range(box[0] // TILE, (box[2] - 1) // TILE + 1):
            if nearest <= tiles[y, x]:
                return False
    return True


@jit
def rasterize(
    screen: npt.NDArray[np.float32],
    triangles: npt.NDArray[np.int32],
    sides: npt.NDArray[np.uint8],
    late: int,
    keys: I64,
) -> None:
    """Overwrite `keys` with the nearest triangle at each of four samples of each pixel.

    screen [V, 3] float32: x right and y down in pixels, z in [0, 1) with 0 nearest; triangles
    [F, 3] int32, counter-clockwise seen from their front; sides [F] uint8: FRONT, BOTH or BACK
    faces are drawn; keys [H, W, 4] int64. Triangles from `late` on are likely to be hidden by
    those before: they are first compared with the farthest depth of each TILE x TILE pixels, which
    changes the time, never the result. A triangle with a corner outside 0 <= z < 1 (behind the
    camera, too far, not a number) is left out.
    """
    height, width = keys.shape[0], keys.shape[1]
    keys[:] = EMPTY
    flat = keys.reshape(-1)
    tiles = np.empty(((height + TILE - 1) // TILE, (width + TILE - 1) // TILE), np.int64)
    for t in range(triangles.shape[0]):
        if t == late:
            _farthest(keys, tiles)
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        zi, zj, zk = screen[i, 2], screen[j, 2], screen[k, 2]
        if not (0 <= zi < 1 and 0 <= zj < 1 and 0 <= zk < 1):
            continue
        ax, ay, bx, by = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1]
        cx, cy = screen[k, 0], screen[k, 1]
        # Written so that a coordinate that is not a number fails too.
        if not (abs(ax) < _FAR and abs(bx) < _FAR and abs(cx) < _FAR):
            continue
        if not (abs(ay) < _FAR and abs(by) < _FAR and abs(cy) < _FAR):
            continue
        xi = np.int64(np.floor(ax * SUBPIXEL + 0.5))
        yi = np.int64(np.floor(ay * SUBPIXEL + 0.5))
        xj = np.int64(np.floor(bx * SUBPIXEL + 0.5))
        yj = np.int64(np.floor(by * SUBPIXEL + 0.5))
        xk = np.int64(np.floor(cx * SUBPIXEL + 0.5))
        yk = np.int64(np.floor(cy * SUBPIXEL + 0.5))
        area = (xj - xi) * (yk - yi) - (xk - xi) * (yj - yi)
        # y points down: a counter-clockwise front has a negative area here.
        if area == 0 or (sides[t] == FRONT and area > 0) or (sides[t] == BACK and area < 0):
            continue
        x_low, x_high = min(xi, xj, xk), max(xi, xj, xk)
        y_low, y_high = min(yi, yj, yk), max(yi, yj, yk)
        box = (
            max(x_low // SUBPIXEL, 0),
            max(y_low // SUBPIXEL, 0),
            min(x_high // SUBPIXEL + 1, width),
            min(y_high // SUBPIXEL + 1, height),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        if t >= late and _hidden(tiles, box, np.int64(min(zi, zj, zk) * DEPTH_ONE) - _SLACK):
            continue
        di, dj, dk = zi * DEPTH_ONE, zj * DEPTH_ONE, zk * DEPTH_ONE
        if area > 0:
            _fill(flat, width, box, (xi, yi, xj, yj, xk, yk), (di, dj, dk), t)
        else:
            _fill(flat, width, box, (xi, yi, xk, yk, xj, yj), (di, dk, dj), t)


def empty(height: int, width: int) -> I64:
    """A key buffer [H, W, 4] for `rasterize`."""
    return np.full((height, width, SAMPLES), EMPTY, np.int64)


def triangle_of(key: Any) -> Any:
    """Triangle number of a key or an array of keys (meaningless where the key is EMPTY)."""
    return key & 0xFFFFFFFF
