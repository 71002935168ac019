"""Keys -> fragments: the distinct surfaces of each pixel, and what of them throws shadows.

Contact shadows need to know of casters only roughly where and how far they are. They are kept per
cell of a few pixels as coverage and nearest depth, which is read bilinearly: a shadow's edge is
soft and moves with its caster by fractions of a pixel.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit
from kernels.raster import EMPTY, SAMPLES

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

SMALL = 320  # px: pictures whose shorter side is longer have cells of 2 x 2 pixels
_SAME_DEPTH = np.int64(9_000_000)  # of 2**31: samples this near belong to one surface
_ID = np.int64(0xFFFFFFFF)
_BEHIND = np.int64(255)
_NONE = np.int64(-1)  # fragment of the background
# Indices are unsigned, so that numba does not test each of them for being negative.
_U0, _U1 = np.uint64(0), np.uint64(1)
_FAR = np.int32(2**31 - 1)


class Fragments(NamedTuple):
    """Lists of N fragments; those of one pixel are neighbours."""

    pixel: I32  # [N] y * W + x
    triangle: I32  # [N] -1 for the background
    share: U8  # [N] samples of the pixel, 1 to 4
    kind: U8  # [N] material, 255 for the background
    order: I32  # [N] scratch of `shade`: the fragments by material
    tint: npt.NDArray[np.uint32]  # [N] and the colours of those that share a pixel


class Casters(NamedTuple):
    """What throws contact shadows, by cell of 1 x 1 or 2 x 2 pixels."""

    depth: I32  # [h, w] nearest key depth, 2**31 - 1 for none
    cover: U8  # [h, w, 2] samples that Cast.FINE and Cast.BROAD surfaces cover


def room(height: int, width: int) -> Fragments:
    """Buffers for a picture with one and a quarter fragments a pixel; `fragments` stops there."""
    count = height * width * 5 // 4 + SAMPLES
    return Fragments(
        np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.uint8),
        np.empty(count, np.uint8), np.empty(count, np.int32), np.empty(count, np.uint32),
    )  # fmt: skip


def casters(height: int, width: int) -> Casters:
    """Buffers for what throws shadows in a picture."""
    cell = 1 if min(height, width) <= SMALL else 2
    shape = height // cell, width // cell
    return Casters(np.empty(shape, np.int32), np.empty((*shape, 2), np.uint8))


@inlined
def _alike(a: Scalar, b: Scalar, material_a: Scalar, material_b: Scalar) -> Scalar:
    """Whether two keys lie on one surface: one material (-1 background) at nearly one depth."""
    return material_a == material_b and abs((a >> 32) - (b >> 32)) < _SAME_DEPTH


@inlined
def _first(
    left: Scalar, k0: Scalar, k1: Scalar, k2: Scalar, k3: Scalar, m0: Scalar, m1: Scalar,
    m2: Scalar, m3: Scalar,
) -> tuple[Scalar, Scalar]:  # fmt: skip
    """Key and material of the first sample whose bit is set in `left`."""
    if left & 1:
        return k0, m0
    if left & 2:
        return k1, m1
    if left & 4:
        return k2, m2
    return k3, m3


@jit
def fragments(
    keys: I64, materials: U8, casts: U8, background: U8, pixel: I32, triangle: I32, share: U8,
    kind: U8, depth: I32, cover: U8, out: U8,
) -> Scalar:  # fmt: skip
    """List the distinct surfaces of each pixel; returns how many fragments there are.

    keys [H, W, 4]; materials [F], below 255; casts [M]: a Cast by material; pixel, triangle,
    share, kind: buffers of `room`; depth, cover: buffers of `casters`. Pixels of pure background
    [H, W, 3] are copied to `out` [H, W, 3] at once and get no fragment.
    """
    height, width = keys.shape[0], keys.shape[1]
    wide = 1 if depth.shape[0] < height else 0
    depth[:] = _FAR
    cover[:] = 0
    count, most = _U0, np.uint64(len(pixel) - SAMPLES)
    for y in range(height):
        row = np.uint64(y >> wide)
        for x in range(width):
            k0, k1, k2, k3 = keys[y, x, 0], keys[y, x, 1], keys[y, x, 2], keys[y, x, 3]
            if k0 & k1 & k2 & k3 == EMPTY or count > most:
                for c in range(3):
                    out[y, x, c] = background[y, x, c]
                continue
            column = np.uint64(x >> wide)
            pixel[count] = y * width + x
            if (k0 ^ k1) & _ID == 0 and (k0 ^ k2) & _ID == 0 and (k0 ^ k3) & _ID == 0:
                t = np.uint64(k0 & _ID)
                m = materials[t]
                triangle[count], share[count], kind[count] = t, 4, m
                count += _U1
                cast = casts[m]
                if cast != 0:
                    depth[row, column] = min(depth[row, column], np.int32(k0 >> 32))
                    cover[row, column, np.uint64(cast - 1)] += 4
                continue
            m0 = _NONE if k0 == EMPTY else np.int64(materials[np.uint64(k0 & _ID)])
            m1 = _NONE if k1 == EMPTY else np.int64(materials[np.uint64(k1 & _ID)])
            m2 = _NONE if k2 == EMPTY else np.int64(materials[np.uint64(k2 & _ID)])
            m3 = _NONE if k3 == EMPTY else np.int64(materials[np.uint64(k3 & _ID)])
            left = 15  # one bit per sample that has no fragment yet
            while left:
                key, m = _first(left, k0, k1, k2, k3, m0, m1, m2, m3)
                same = int(_alike(key, k0, m, m0)) | int(_alike(key, k1, m, m1)) << 1
                same |= int(_alike(key, k2, m, m2)) << 2 | int(_alike(key, k3, m, m3)) << 3
                same &= left
                left ^= same
                samples = (same & 1) + (same >> 1 & 1) + (same >> 2 & 1) + (same >> 3)
                pixel[count] = y * width + x
                triangle[count] = _NONE if m < 0 else key & _ID
                share[count], kind[count] = samples, _BEHIND if m < 0 else m
                count += _U1
                if m >= 0 and casts[np.uint64(m)] != 0:
                    depth[row, column] = min(depth[row, column], np.int32(key >> 32))
                    cover[row, column, np.uint64(casts[np.uint64(m)] - 1)] += samples
    return count
