"""Triangles -> visibility keys, four samples per pixel; the first half of the G-buffer.

A key is `depth << 32 | triangle` as int64: the smaller key wins, so equal depths go to the lower
triangle number and the result does not depend on drawing order. Positions are snapped to 1/256
pixel and depths to integers, coverage is decided in integers with the top-left rule: neighbouring
triangles share no sample and leave none out. A CUDA twin does the same with a 64-bit atomicMin.
"""

from typing import Any, NamedTuple

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

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
_OX0, _OX1, _OX2, _OX3 = (x for x, _ in OFFSETS)
_OY0, _OY1, _OY2, _OY3 = (y for _, y in OFFSETS)
FRACTION = 12
_SLACK = 256  # key depth: more than rounding can bring a sample nearer than its corners
TILE = 8
_ONE = float(1 << FRACTION)
_U1, _U2, _U3, _U4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_AWAY = 1e300
_STEEPEST = 2.0**44
_FAR = 16384.0  # px: coordinates beyond this are off any screen and could overflow


@inlined
def _bias(dx: Scalar, dy: Scalar) -> Scalar:
    """0 for a top or left edge, whose samples belong to the triangle; -1 for the others."""
    return 0 if dy < 0 or (dy == 0 and dx > 0) else -1


@inlined
def _span(edge: Scalar, step: Scalar, b: Scalar, count: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """Where edge + step x may be >= 0 in the first row: (low, high, move of both by row).

    A bound that the edge does not give lies so far outside that no row's move brings it in; a
    level edge gives none, as the rows themselves end there.
    """
    if step > 0:
        inverse = 1.0 / step
        return -edge * inverse - 0.5, _AWAY, -b * SUBPIXEL * inverse
    if step < 0:
        inverse = 1.0 / step
        return -_AWAY, -edge * inverse + 0.5, -b * SUBPIXEL * inverse
    return -_AWAY, _AWAY, 0.0


@inlined
def _relative(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """a x + b y at the four samples of a pixel, relative to its corner."""
    return a * _OX0 + b * _OY0, a * _OX1 + b * _OY1, a * _OX2 + b * _OY2, a * _OX3 + b * _OY3


@inlined
def _slope(g1: Scalar, g2: Scalar, e1: Scalar, e2: Scalar) -> Scalar:
    """Change of depth along an axis in fixed point, FRACTION bits below one key step: integers
    here, integers on a GPU."""
    return np.int64(min(max(e1 * g1 + e2 * g2, -_STEEPEST), _STEEPEST))


@inlined
def _key(e0: Scalar, e1: Scalar, e2: Scalar, depth: Scalar, t: Scalar) -> Scalar:
    """The key of a sample. Branch-free: one that lies outside turns into EMPTY, which never
    wins."""
    return (((depth >> FRACTION) << 32) | t | (e0 | e1 | e2) >> 63) & EMPTY


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
    s00, s01, s02, s03 = _relative(a0, b0)
    s10, s11, s12, s13 = _relative(a1, b1)
    s20, s21, s22, s23 = _relative(a2, b2)
    far0, far1 = max(s00, s01, s02, s03), max(s10, s11, s12, s13)
    far2 = max(s20, s21, s22, s23)
    g1, g2 = float(z[1] - z[0]) * _ONE / area, float(z[2] - z[0]) * _ONE / area
    zx, zy = _slope(g1, g2, a1, a2), _slope(g1, g2, b1, b2)
    depth_row = (z[0] << FRACTION) + zx * (left - x0) + zy * (top - y0)
    d0, d1, d2, d3 = _relative(zx, zy)
    step0, step1, step2, stepz = a0 * SUBPIXEL, a1 * SUBPIXEL, a2 * SUBPIXEL, zx * SUBPIXEL
    count = float(box[2] - box[0] - 1)
    # First and last pixel of a row that may have a covered sample, by edge: they move by a fixed
    # step from row to row. Half a pixel of slack keeps rounding from deciding anything.
    low0, high0, move0 = _span(row0 + far0, step0, b0, count)
    low1, high1, move1 = _span(row1 + far1, step1, b1, count)
    low2, high2, move2 = _span(row2 + far2, step2, b2, count)
    for y in range(box[1], box[3]):
        low, high = max(0.0, low0, low1, low2), min(count, high0, high1, high2)
        if low <= high:
            first = np.int64(low)
            e0, e1, e2 = row0 + step0 * first, row1 + step1 * first, row2 + step2 * first
            d = depth_row + stepz * first
            # Unsigned, so that numba does not test each index for being negative.
            at = np.uint64((y * width + box[0] + first) * SAMPLES)
            for _ in range(first, np.int64(high) + 1):
                keys[at] = min(keys[at], _key(e0 + s00, e1 + s10, e2 + s20, d + d0, t))
                keys[at + _U1] = min(keys[at + _U1], _key(e0 + s01, e1 + s11, e2 + s21, d + d1, t))
                keys[at + _U2] = min(keys[at + _U2], _key(e0 + s02, e1 + s12, e2 + s22, d + d2, t))
                keys[at + _U3] = min(keys[at + _U3], _key(e0 + s03, e1 + s13, e2 + s23, d + d3, t))
                e0 += step0
                e1 += step1
                e2 += step2
                d += stepz
                at += _U4
        low0, high0 = low0 + move0, high0 + move0
        low1, high1 = low1 + move1, high1 + move1
        low2, high2 = low2 + move2, high2 + move2
        row0 += b0 * SUBPIXEL
        row1 += b1 * SUBPIXEL
        row2 += b2 * SUBPIXEL
        depth_row += zy * SUBPIXEL


@jit
def snap(screen: F32, out: I32) -> None:
    """Screen [V, 3] -> x and y in 1/SUBPIXEL pixels and key depth [V, 3]; impossible ones have
    depth -1."""
    for v in range(len(screen)):
        x, y, z = screen[v, 0], screen[v, 1], screen[v, 2]
        # Written so that a coordinate that is not a number fails too.
        if 0 <= z < 1 and abs(x) < _FAR and abs(y) < _FAR:
            out[v, 0] = np.int32(np.floor(x * SUBPIXEL + 0.5))
            out[v, 1] = np.int32(np.floor(y * SUBPIXEL + 0.5))
            out[v, 2] = np.int32(z * DEPTH_ONE)
        else:
            out[v, 2] = -1


@jit
def _hidden(tiles: I64, box: Scalar, nearest: Scalar) -> Scalar:
    """Whether a depth lies behind everything drawn in a box of pixels."""
    for y in range(box[1] // TILE, (box[3] - 1) // TILE + 1):
        for x in range(box[0] // TILE, (box[2] - 1) // TILE + 1):
            if nearest <= tiles[y, x]:
                return False
    return True


@jit
def _draw(
    corners: I32, triangles: I32, sides: U8, first: int, last: int, tested: bool, tiles: I64,
    keys: I64,
) -> None:  # fmt: skip
    """Merge triangles `first` to `last` - 1, corners [V, 3] of `_snap`, into keys; `tested`: those
    behind their tiles' farthest depth are left out."""
    height, width = keys.shape[0], keys.shape[1]
    flat = keys.reshape(-1)
    for n in range(first, last):
        t = np.uint64(n)
        i, j = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1])
        k = np.uint64(triangles[t, 2])
        zi, zj, zk = np.int64(corners[i, 2]), np.int64(corners[j, 2]), np.int64(corners[k, 2])
        if zi | zj | zk < 0:
            continue
        xi, yi = np.int64(corners[i, 0]), np.int64(corners[i, 1])
        xj, yj = np.int64(corners[j, 0]), np.int64(corners[j, 1])
        xk, yk = np.int64(corners[k, 0]), np.int64(corners[k, 1])
        area = (xj - xi) * (yk - yi) - (xk - xi) * (yj - yi)
        # y points down: a counter-clockwise front has a negative area here.
        if area == 0 or (sides[t] == FRONT and area > 0) or (sides[t] == BACK and area < 0):
            continue
        box = (
            max(min(xi, xj, xk) // SUBPIXEL, 0),
            max(min(yi, yj, yk) // SUBPIXEL, 0),
            min(max(xi, xj, xk) // SUBPIXEL + 1, width),
            min(max(yi, yj, yk) // SUBPIXEL + 1, height),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        if tested and _hidden(tiles, box, min(zi, zj, zk) - _SLACK):
            continue
        if area > 0:
            _fill(flat, width, box, (xi, yi, xj, yj, xk, yk), (zi, zj, zk), n)
        else:
            _fill(flat, width, box, (xi, yi, xk, yk, xj, yj), (zi, zk, zj), n)


@jit
def _survey(keys: I64, tiles: I64, clear: F32) -> None:
    """Of each tile of TILE x TILE pixels: the farthest depth, and the share of pixels whose first
    sample is empty."""
    height, width = keys.shape[0], keys.shape[1]
    flat = keys.reshape(-1)
    for ty in range(tiles.shape[0]):
        for tx in range(tiles.shape[1]):
            rows, columns = min(TILE, height - ty * TILE), min(TILE, width - tx * TILE)
            far0, far1 = np.int64(0), np.int64(0)
            far2, far3, count = far0, far1, 0
            for y in range(ty * TILE, ty * TILE + rows):
                at = np.uint64((y * width + tx * TILE) * SAMPLES)
                for _ in range(columns):
                    key = flat[at]
                    count += key == EMPTY
                    far0, far1 = max(far0, key), max(far1, flat[at + _U1])
                    far2, far3 = max(far2, flat[at + _U2]), max(far3, flat[at + _U3])
                    at += _U4
            tiles[ty, tx] = max(far0, far1, far2, far3) >> 32
            clear[ty, tx] = np.float32(count) / np.float32(rows * columns)


class Tiles(NamedTuple):
    """What is known of each tile of TILE x TILE pixels after `rasterize`."""

    farthest: I64  # [H / TILE, W / TILE] key depth behind which nothing shows
    clear: F32  # [H / TILE, W / TILE] share of pixels that nothing covers


def tiles_of(height: int, width: int) -> Tiles:
    """Buffers for `rasterize` at one size."""
    shape = -(-height // TILE), -(-width // TILE)
    return Tiles(np.empty(shape, np.int64), np.empty(shape, np.float32))


def rasterize(
    screen: F32, triangles: I32, sides: U8, late: int, keys: I64, tiles: Tiles | None = None
) -> None:
    """Overwrite `keys` with the nearest triangle at each of four samples of each pixel.

    screen [V, 3] float32: x right and y down in pixels, z in [0, 1) with 0 nearest; triangles
    [F, 3] int32, counter-clockwise seen from their front; sides [F] uint8: FRONT, BOTH or BACK
    faces are drawn; keys [H, W, 4] int64. Triangles from `late` on are likely to be hidden by
    those before: they are first compared with the farthest depth of each TILE x TILE pixels, which
    changes the time, never the result. `tiles`: filled with what lies in each tile after the first
    `late` triangles. A triangle with a corner outside 0 <= z < 1 (behind the camera, too far, not a
    number) is left out.
    """
    tiles = tiles or tiles_of(*keys.shape[:2])
    keys[:] = EMPTY
    corners = np.empty(screen.shape, np.int32)
    snap(screen, corners)
    _draw(corners, triangles, sides, 0, late, False, tiles.farthest, keys)
    _survey(keys, *tiles)
    _draw(corners, triangles, sides, late, len(triangles), True, tiles.farthest, keys)


def overlay(
    screen: F32, triangles: I32, sides: U8, first: int, keys: I64, tiles: Tiles
) -> None:  # fmt: skip
    """Merge triangles `first` and up into `keys` and `tiles` that `rasterize` has filled; the
    numbers in keys are those of `triangles`."""
    corners = np.empty(screen.shape, np.int32)
    snap(screen, corners)
    _draw(corners, triangles, sides, first, len(triangles), True, tiles.farthest, keys)


def empty(height: int, width: int) -> I64:
    """A key buffer [H, W, 4] for `rasterize`."""
    return np.full((height, width, SAMPLES), EMPTY, np.int64)


def triangle_of(key: Any) -> Any:
    """Triangle number of a key or an array of keys (meaningless where the key is EMPTY)."""
    return key & 0xFFFFFFFF
