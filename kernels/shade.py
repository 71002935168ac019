"""Deferred cel shading of a key buffer, resolved to RGB.

A pixel whose samples lie on one surface is shaded once; only pixels on an edge are shaded once per
distinct surface and averaged. That gives the edges of 2 x 2 supersampling for little more than the
price of one sample. `fragments` lists what is to be shaded, `shade` colours the list in order.

Kernels here pass no arrays to inner functions: numba would count references in the inner loop,
which doubled the time of a picture.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit
from kernels.raster import EMPTY, SAMPLES

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


class Look(IntEnum):
    """Columns of the material table [M, LOOKS] float32; colours and tints in [0, 1]."""

    RED = 0
    GREEN = 1
    BLUE = 2
    SHADOW_RED = 3  # tint of the shadow tone: multiplies the colour
    SHADOW_GREEN = 4
    SHADOW_BLUE = 5
    LIGHT_X = 6  # unit vector to the light, view space
    LIGHT_Y = 7
    LIGHT_Z = 8
    THRESHOLD = 9  # n . l at the middle of the step from shadow to light
    SOFTNESS = 10  # half width of that step
    RIM = 11  # strength of the light on grazing normals
    SHINE = 12  # strength of the highlight
    SHINE_EDGE = 13  # n . h where the highlight is half
    SHINE_SOFTNESS = 14
    TEXTURE = 15  # row of the texture index, -1 for none
    FLAT = 16  # 1: no lighting at all (outlines, line work)
    LIFT = 17  # warm line where light turns to shadow: strength


LOOKS = len(Look)
_SAME_DEPTH = np.int64(9_000_000)  # of 2**31: samples this near belong to one surface
_ID = np.int64(0xFFFFFFFF)
_NONE = np.int64(-1)  # fragment of the background
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_THREE, _QUARTER = np.float32(3), np.float32(0.25)
_BYTE = np.float32(255)
_ONE_255 = np.float32(1 / 255)
# Indices are unsigned, so that numba does not test each of them for being negative.
_U1 = np.uint64(1)


class Fragments(NamedTuple):
    """A growing list of (pixel, triangle, share); those of one pixel are neighbours."""

    pixel: I32  # [N] y * W + x
    triangle: I32  # [N] -1 for the background
    share: U8  # [N] samples of the pixel, 1 to 4


def room(height: int, width: int) -> Fragments:
    """Buffers for a picture whose every sample is a fragment of its own."""
    count = height * width * SAMPLES
    return Fragments(
        np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.uint8)
    )


@inlined
def _step(edge: Scalar, softness: Scalar, x: Scalar) -> Scalar:
    """Smooth step from 0 to 1 around `edge`."""
    t = (x - edge) / (softness + softness) + _HALF
    t = min(max(t, _ZERO), _ONE)
    return t * t * (_THREE - t - t)


@inlined
def _alike(a: Scalar, b: Scalar, material_a: Scalar, material_b: Scalar) -> Scalar:
    """Whether two keys lie on one surface: one material (-1 background) at nearly one depth."""
    return material_a == material_b and abs((a >> 32) - (b >> 32)) < _SAME_DEPTH


@jit
def fragments(
    keys: I64, materials: U8, background: U8, pixel: I32, triangle: I32, share: U8, out: U8
) -> Scalar:
    """List the distinct surfaces of each pixel; returns how many fragments there are.

    keys [H, W, 4]; materials [F]; pixel, triangle, share: buffers of `room`. Pixels of pure
    background [H, W, 3] are copied to `out` [H, W, 3] at once and get no fragment.
    """
    height, width = keys.shape[0], keys.shape[1]
    count = np.uint64(0)
    for y in range(height):
        for x in range(width):
            k0, k1, k2, k3 = keys[y, x, 0], keys[y, x, 1], keys[y, x, 2], keys[y, x, 3]
            if k0 & k1 & k2 & k3 == EMPTY:
                for c in range(3):
                    out[y, x, c] = background[y, x, c]
                continue
            pixel[count] = y * width + x
            if (k0 ^ k1) & _ID == 0 and (k0 ^ k2) & _ID == 0 and (k0 ^ k3) & _ID == 0:
                triangle[count], share[count] = k0 & _ID, 4
                count += _U1
                continue
            m0 = _NONE if k0 == EMPTY else np.int64(materials[np.uint64(k0 & _ID)])
            m1 = _NONE if k1 == EMPTY else np.int64(materials[np.uint64(k1 & _ID)])
            m2 = _NONE if k2 == EMPTY else np.int64(materials[np.uint64(k2 & _ID)])
            m3 = _NONE if k3 == EMPTY else np.int64(materials[np.uint64(k3 & _ID)])
            left = 15  # one bit per sample that has no fragment yet
            while left:
                if left & 1:
                    key, m = k0, m0
                elif left & 2:
                    key, m = k1, m1
                elif left & 4:
                    key, m = k2, m2
                else:
                    key, m = k3, m3
                same = int(_alike(key, k0, m, m0)) | int(_alike(key, k1, m, m1)) << 1
                same |= int(_alike(key, k2, m, m2)) << 2 | int(_alike(key, k3, m, m3)) << 3
                same &= left
                left ^= same
                pixel[count] = y * width + x
                triangle[count] = _NONE if m < 0 else key & _ID
                share[count] = (same & 1) + (same >> 1 & 1) + (same >> 2 & 1) + (same >> 3)
                count += _U1
    return count


@inlined
def corner_weights(
    x0: Scalar, y0: Scalar, x1: Scalar, y1: Scalar, x2: Scalar, y2: Scalar, px: Scalar, py: Scalar
) -> tuple[Scalar, Scalar]:
    """Weights of corners 1 and 2 of a screen triangle at (px, py), clamped into it."""
    x1, y1, x2, y2, x, y = x1 - x0, y1 - y0, x2 - x0, y2 - y0, px - x0, py - y0
    area = x1 * y2 - x2 * y1
    # The smallest area the rasterizer draws is far above this.
    inverse = _ONE / (area if abs(area) > np.float32(1e-6) else np.float32(1e-6))
    # The pixel's centre may lie just outside a triangle that covers only one of its samples.
    b1 = min(max((x * y2 - x2 * y) * inverse, _ZERO), _ONE)
    b2 = min(max((x1 * y - x * y1) * inverse, _ZERO), _ONE)
    if b1 + b2 > _ONE:
        total = b1 + b2
        b1, b2 = b1 / total, b2 / total
    return b1, b2


@inlined
def _mix(
    a: Scalar, b: Scalar, c: Scalar, d: Scalar, wa: Scalar, wb: Scalar, wc: Scalar, wd: Scalar
) -> Scalar:
    """Weighted sum of four bytes."""
    return np.float32(a) * wa + np.float32(b) * wb + np.float32(c) * wc + np.float32(d) * wd


@inlined
def _light(
    nx: Scalar, ny: Scalar, nz: Scalar, lx: Scalar, ly: Scalar, lz: Scalar, threshold: Scalar,
    softness: Scalar, rim: Scalar, shine: Scalar, edge: Scalar, shine_softness: Scalar,
) -> tuple[Scalar, Scalar]:  # fmt: skip
    """Share of light, and what rim and highlight add, for a normal of any length."""
    inverse = _ONE / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
    # The back of a two-sided sheet faces the viewer too.
    if nz * inverse < np.float32(-0.35):
        inverse = -inverse
    nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
    lit = _step(threshold, softness, nx * lx + ny * ly + nz * lz)
    grazing = _ONE - max(nz, _ZERO)
    add = rim * grazing * grazing * grazing * (np.float32(0.35) + np.float32(0.65) * lit)
    if shine > _ZERO:
        # Half vector between the light and the viewer at +z.
        hz = lz + _ONE
        h = _ONE / np.sqrt(lx * lx + ly * ly + hz * hz)
        add += shine * _step(edge, shine_softness, (nx * lx + ny * ly + nz * hz) * h)
    return lit, add


@jit
def shade(
    count: int, width: int, pixel: I32, triangle: I32, share: U8, screen: F32, triangles: I32,
    materials: U8, normals: F32, uvs: F32, table: F32, textures: U8, index: I32, background: U8,
    out: U8,
) -> None:  # fmt: skip
    """Colour `count` fragments of a picture `width` pixels wide.

    screen [V, 3] and triangles [F, 3] as rasterized; materials [F] uint8 rows of table
    [M, LOOKS]; normals [V, 3] in view space; uvs [V, 2]; textures: all RGB images end to end,
    uint8; index [T, 3] int32: offset in bytes, height, width of each; background and out
    [H * W, 3] uint8.
    """
    red, green, blue, total = _HALF, _HALF, _HALF, 0
    for n in range(count):
        at = np.uint64(pixel[n])
        r, g, b = _BYTE, _BYTE, _BYTE
        if triangle[n] < 0:
            r, g = np.float32(background[at, 0]), np.float32(background[at, 1])
            b = np.float32(background[at, 2])
        else:
            t = np.uint64(triangle[n])
            m = np.uint64(materials[t])
            r, g, b = table[m, 0], table[m, 1], table[m, 2]
            if table[m, 16] == _ZERO:
                i, j = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1])
                k = np.uint64(triangles[t, 2])
                px = np.float32(pixel[n] % width) + _HALF
                py = np.float32(pixel[n] // width) + _HALF
                b1, b2 = corner_weights(
                    screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0],
                    screen[k, 1], px, py,
                )  # fmt: skip
                b0 = _ONE - b1 - b2
                image = np.int64(table[m, 15])
                if image >= 0:
                    u = b0 * uvs[i, 0] + b1 * uvs[j, 0] + b2 * uvs[k, 0]
                    v = b0 * uvs[i, 1] + b1 * uvs[j, 1] + b2 * uvs[k, 1]
                    rows, columns = index[image, 1], index[image, 2]
                    x = min(max(u * np.float32(columns) - _HALF, _ZERO), np.float32(columns - 1))
                    y = (_ONE - v) * np.float32(rows) - _HALF
                    y = min(max(y, _ZERO), np.float32(rows - 1))
                    x0, y0 = np.int32(x), np.int32(y)
                    fx, fy = x - np.float32(x0), y - np.float32(y0)
                    right = np.uint64(3 if x0 < columns - 1 else 0)
                    down = np.uint64(3 * columns if y0 < rows - 1 else 0)
                    p = np.uint64(index[image, 0] + 3 * (y0 * columns + x0))
                    q = p + down
                    w11 = fx * fy * _ONE_255
                    w01, w10 = fx * _ONE_255 - w11, fy * _ONE_255 - w11
                    p1, q1 = p + right, q + right
                    w00 = _ONE_255 - w01 - w10 - w11
                    r *= _mix(
                        textures[p], textures[p1], textures[q], textures[q1], w00, w01, w10, w11
                    )
                    p, q, p1, q1 = p + _U1, q + _U1, p1 + _U1, q1 + _U1
                    g *= _mix(
                        textures[p], textures[p1], textures[q], textures[q1], w00, w01, w10, w11
                    )
                    p, q, p1, q1 = p + _U1, q + _U1, p1 + _U1, q1 + _U1
                    b *= _mix(
                        textures[p], textures[p1], textures[q], textures[q1], w00, w01, w10, w11
                    )
                nx = b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
                ny = b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
                nz = b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
                lit, add = _light(
                    nx, ny, nz, table[m, 6], table[m, 7], table[m, 8], table[m, 9], table[m, 10],
                    table[m, 11], table[m, 12], table[m, 13], table[m, 14],
                )  # fmt: skip
                dark = _ONE - lit
                lift = table[m, 17] * lit * dark
                r = r * (lit + dark * table[m, 3]) * (_ONE + lift * np.float32(4)) + add
                g = g * (lit + dark * table[m, 4]) * (_ONE - lift * np.float32(1.4)) + add
                b = b * (lit + dark * table[m, 5]) * (_ONE - lift * np.float32(1.4)) + add
            r, g, b = min(r, _ONE) * _BYTE, min(g, _ONE) * _BYTE, min(b, _ONE) * _BYTE
        weight = _QUARTER * np.float32(share[n])
        red, green, blue = red + weight * r, green + weight * g, blue + weight * b
        total += share[n]
        if total == SAMPLES:
            out[at, 0], out[at, 1], out[at, 2] = np.uint8(red), np.uint8(green), np.uint8(blue)
            red, green, blue, total = _HALF, _HALF, _HALF, 0
