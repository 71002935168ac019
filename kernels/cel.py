"""Deferred cel shading of a key buffer, resolved to RGB.

A pixel whose samples lie on one surface is shaded once; only pixels on an edge are shaded once per
distinct surface and averaged. That gives the edges of 2 x 2 supersampling for little more than the
price of one sample. `fragments` lists what is to be shaded and what throws shadows, `shade` colours
the list in order.

Contact shadows are drawn as by hand: the silhouette of what casts them, moved away from the light.
A fragment looks towards the light at a few fixed distances for casters that lie nearer to the
viewer. Casters are kept per cell of a few pixels as coverage and nearest depth and are read
bilinearly, so that a shadow's edge is soft and moves with them by fractions of a pixel.

Kernels here pass no arrays to inner functions: numba would count references in the inner loop,
which doubled the time of a picture.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit
from kernels.raster import DEPTH_ONE, EMPTY, SAMPLES

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


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
    RIM = 11  # strength of the light from behind
    SHINE = 12  # strength of the highlight
    SHINE_EDGE = 13  # n . h where the highlight is half
    SHINE_SOFTNESS = 14
    TEXTURE = 15  # row of the texture index, -1 for none
    FLAT = 16  # 1: no lighting at all (outlines, line work)
    LIFT = 17  # warm line where light turns to shadow: strength
    AMBIENT = 18  # how much of the baked occlusion is shown
    RECEIVES = 19  # how dark contact shadows are
    STRAND = 20  # 1: the highlight is a band across strands


class Trait(IntEnum):
    """Columns of the vertex table [V, TRAITS] float32 that `shade` interpolates."""

    NORMAL_X = 0  # view space, any length
    NORMAL_Y = 1
    NORMAL_Z = 2
    U = 3
    V = 4
    AMBIENT = 5  # light that baked occlusion leaves, 1 = all
    SHELTER = 6  # how far a vertex takes shadows of Cast.BROAD surfaces, 0 to 1
    STRAND = 7  # cosine between its strand and the half vector of light and viewer


class Scene(IntEnum):
    """Entries of the vector [SCENES] float32 that holds for the whole picture."""

    RIM_RED = 0
    RIM_GREEN = 1
    RIM_BLUE = 2
    RIM_X = 3  # unit vector to the light from behind, in the screen's plane
    RIM_Y = 4
    NEAR = 5  # distance at z = 0, dm
    RANGE = 6  # distance at z = 1 less NEAR, dm
    AWAY_X = 7  # where shadows look for casters: cells, times dm of distance, per dm of reach
    AWAY_Y = 8


class Cast(IntEnum):
    """Which contact shadows a material throws."""

    NONE = 0
    FINE = 1  # on all that receives them: hair, glasses
    BROAD = 2  # only on sheltered vertices: a head on its neck, never a nose on its cheek


LOOKS, TRAITS, SCENES = len(Look), len(Trait), len(Scene)
# How far towards the light a fragment looks, dm, and from which difference in depth to which the
# shadow grows. The last ones serve sheltered vertices only.
REACHES = ((0.085, 0.030, 0.075), (0.20, 0.10, 0.20), (0.32, 0.18, 0.30))
_R0, _R1, _R2 = (np.float32(r) for r, _, _ in REACHES)
_B0, _B1, _B2 = (np.float32(b) for _, b, _ in REACHES)
_G0, _G1, _G2 = (np.float32(1 / (e - b)) for _, b, e in REACHES)
_SAME_DEPTH = np.int64(9_000_000)  # of 2**31: samples this near belong to one surface
_ID = np.int64(0xFFFFFFFF)
_NONE = np.int64(-1)  # fragment of the background
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_THREE, _QUARTER = np.float32(3), np.float32(0.25)
_BYTE = np.float32(255)
_ONE_255 = np.float32(1 / 255)
_DEPTH = np.float32(1 / DEPTH_ONE)
# Indices are unsigned, so that numba does not test each of them for being negative.
_U0, _U1 = np.uint64(0), np.uint64(1)
_LOW, _EIGHT = np.uint32(255), np.uint32(8)
_FAR = np.int32(2**31 - 1)
_OCCLUDED, _BLURRED, _DEEP = np.float32(0.6), np.float32(0.25), np.float32(0.9)
_RIM_EDGE, _RIM_SOFT = np.float32(0.62), np.float32(0.10)


class Fragments(NamedTuple):
    """A list of (pixel, triangle, share); those of one pixel are neighbours."""

    pixel: I32  # [N] y * W + x
    triangle: I32  # [N] -1 for the background
    share: U8  # [N] samples of the pixel, 1 to 4


class Casters(NamedTuple):
    """What throws contact shadows, by cell of 1 x 1 or 2 x 2 pixels."""

    depth: I32  # [h, w] nearest key depth, 2**31 - 1 for none
    cover: U8  # [h, w, 2] samples that Cast.FINE and Cast.BROAD surfaces cover


SMALL = 320  # px: pictures whose shorter side is longer have cells of 2 x 2 pixels


def room(height: int, width: int) -> Fragments:
    """Buffers for a picture whose every pixel has two fragments; `fragments` stops there."""
    count = height * width * 2 + SAMPLES
    return Fragments(
        np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.uint8)
    )


def casters(height: int, width: int) -> Casters:
    """Buffers for what throws shadows in a picture."""
    cell = 1 if min(height, width) <= SMALL else 2
    shape = height // cell, width // cell
    return Casters(np.empty(shape, np.int32), np.empty((*shape, 2), np.uint8))


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
    keys: I64, materials: U8, casts: U8, background: U8, pixel: I32, triangle: I32, share: U8,
    depth: I32, cover: U8, out: U8,
) -> Scalar:  # fmt: skip
    """List the distinct surfaces of each pixel; returns how many fragments there are.

    keys [H, W, 4]; materials [F]; casts [M]: a Cast by material; pixel, triangle, share: buffers of
    `room`; depth, cover: buffers of `casters`. Pixels of pure background [H, W, 3] are copied to
    `out` [H, W, 3] at once and get no fragment.
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
                triangle[count], share[count] = t, 4
                count += _U1
                cast = casts[materials[t]]
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
                samples = (same & 1) + (same >> 1 & 1) + (same >> 2 & 1) + (same >> 3)
                pixel[count] = y * width + x
                triangle[count] = _NONE if m < 0 else key & _ID
                share[count] = samples
                count += _U1
                if m >= 0 and casts[np.uint64(m)] != 0:
                    depth[row, column] = min(depth[row, column], np.int32(key >> 32))
                    cover[row, column, np.uint64(casts[np.uint64(m)] - 1)] += samples
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
    """Weighted sum of the lowest bytes of four words."""
    return (
        np.float32(np.int32(a & _LOW)) * wa + np.float32(np.int32(b & _LOW)) * wb
        + np.float32(np.int32(c & _LOW)) * wc + np.float32(np.int32(d & _LOW)) * wd
    )  # fmt: skip


@inlined
def _cell(
    fine: Scalar, broad: Scalar, depth: Scalar, weight: Scalar, here: Scalar, shelter: Scalar,
    begin: Scalar, grow: Scalar,
) -> Scalar:  # fmt: skip
    """Shadow of one cell: its coverage, times how far it lies before a surface `here` (dm)."""
    cover = np.float32(fine) + np.float32(broad) * shelter
    if cover <= _ZERO:
        return _ZERO
    return weight * cover * min(max((here - np.float32(depth) - begin) * grow, _ZERO), _ONE)


@jit
def shade(
    count: int, width: int, pixel: I32, triangle: I32, share: U8, screen: F32, triangles: I32,
    materials: U8, traits: F32, table: F32, scene: F32, depth: I32, cover: U8, textures: U32,
    index: I32, background: U8, out: U8,
) -> None:  # fmt: skip
    """Colour `count` fragments of a picture `width` pixels wide.

    screen [V, 3] and triangles [F, 3] as rasterized; materials [F] uint8 rows of table
    [M, LOOKS]; traits [V, TRAITS]; scene [SCENES]; depth, cover: what `fragments` has filled;
    textures: all images end to end, a pixel as red | green << 8 | blue << 16; index [T, 3] int32:
    offset in pixels, height, width of each; background and out [H * W, 3] uint8.
    """
    red, green, blue, total = _HALF, _HALF, _HALF, 0
    cells = np.float32(_ONE if depth.shape[1] == width else _HALF)
    norm = _QUARTER if depth.shape[1] == width else np.float32(1 / 16)
    x_most, y_most = np.float32(depth.shape[1] - 1.01), np.float32(depth.shape[0] - 1.01)
    units = scene[6] * _DEPTH
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
                    u = b0 * traits[i, 3] + b1 * traits[j, 3] + b2 * traits[k, 3]
                    v = b0 * traits[i, 4] + b1 * traits[j, 4] + b2 * traits[k, 4]
                    rows, columns = index[image, 1], index[image, 2]
                    x = min(max(u * np.float32(columns) - _HALF, _ZERO), np.float32(columns - 1))
                    y = (_ONE - v) * np.float32(rows) - _HALF
                    y = min(max(y, _ZERO), np.float32(rows - 1))
                    x0, y0 = np.int32(x), np.int32(y)
                    fx, fy = x - np.float32(x0), y - np.float32(y0)
                    p = np.uint64(index[image, 0] + y0 * columns + x0)
                    q = p + np.uint64(columns if y0 < rows - 1 else 0)
                    right = np.uint64(1 if x0 < columns - 1 else 0)
                    w11 = fx * fy * _ONE_255
                    w01, w10 = fx * _ONE_255 - w11, fy * _ONE_255 - w11
                    w00 = _ONE_255 - w01 - w10 - w11
                    c00, c01 = textures[p], textures[p + right]
                    c10, c11 = textures[q], textures[q + right]
                    r *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)
                    c00, c01, c10, c11 = c00 >> _EIGHT, c01 >> _EIGHT, c10 >> _EIGHT, c11 >> _EIGHT
                    g *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)
                    c00, c01, c10, c11 = c00 >> _EIGHT, c01 >> _EIGHT, c10 >> _EIGHT, c11 >> _EIGHT
                    b *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)
                nx = b0 * traits[i, 0] + b1 * traits[j, 0] + b2 * traits[k, 0]
                ny = b0 * traits[i, 1] + b1 * traits[j, 1] + b2 * traits[k, 1]
                nz = b0 * traits[i, 2] + b1 * traits[j, 2] + b2 * traits[k, 2]
                inverse = _ONE / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
                # The back of a two-sided sheet faces the viewer too.
                if nz * inverse < np.float32(-0.35):
                    inverse = -inverse
                nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
                open_ = b0 * traits[i, 5] + b1 * traits[j, 5] + b2 * traits[k, 5]
                closed = table[m, 18] * (_ONE - open_)
                lx, ly, lz = table[m, 6], table[m, 7], table[m, 8]
                towards = nx * lx + ny * ly + nz * lz
                lit = _step(
                    table[m, 9] + _OCCLUDED * closed, table[m, 10] + _BLURRED * closed, towards
                )
                if table[m, 19] > _ZERO:
                    z = b0 * screen[i, 2] + b1 * screen[j, 2] + b2 * screen[k, 2]
                    shelter = b0 * traits[i, 6] + b1 * traits[j, 6] + b2 * traits[k, 6]
                    here = z * scene[6]
                    scale = _ONE / (scene[5] + here)
                    shadow = _ZERO
                    taps = 3 if shelter > np.float32(0.02) else 1
                    for tap in range(taps):
                        reach, begin, grow = _R0, _B0, _G0
                        if tap == 1:
                            reach, begin, grow = _R1, _B1, _G1
                        elif tap == 2:
                            reach, begin, grow = _R2, _B2, _G2
                        reach *= scale
                        x = px * cells + scene[7] * reach - _HALF
                        y = py * cells + scene[8] * reach - _HALF
                        x, y = min(max(x, _ZERO), x_most), min(max(y, _ZERO), y_most)
                        cx, cy = np.uint64(x), np.uint64(y)
                        fx, fy = x - np.float32(cx), y - np.float32(cy)
                        found = _ZERO
                        for corner in range(4):
                            ax, ay = cx + np.uint64(corner & 1), cy + np.uint64(corner >> 1)
                            wx = fx if corner & 1 else _ONE - fx
                            wy = fy if corner & 2 else _ONE - fy
                            found += _cell(
                                cover[ay, ax, 0], cover[ay, ax, 1],
                                np.float32(depth[ay, ax]) * units, wx * wy, here, shelter, begin,
                                grow,
                            )  # fmt: skip
                        shadow = max(shadow, found)
                    lit *= _ONE - table[m, 19] * min(shadow * norm, _ONE)
                dark = _ONE - lit
                lift = table[m, 17] * lit * dark
                r = r * (lit + dark * table[m, 3]) * (_ONE + lift * np.float32(4))
                g = g * (lit + dark * table[m, 4]) * (_ONE - lift * np.float32(1.4))
                b = b * (lit + dark * table[m, 5]) * (_ONE - lift * np.float32(1.4))
                # Where little light comes in, the shadow's tint is laid on once more.
                r *= _ONE - closed * (_DEEP - _DEEP * table[m, 3])
                g *= _ONE - closed * (_DEEP - _DEEP * table[m, 4])
                b *= _ONE - closed * (_DEEP - _DEEP * table[m, 5])
                grazing = _ONE - max(nz, _ZERO)
                if table[m, 11] > _ZERO and grazing > np.float32(0.3):
                    side = nx * scene[3] + ny * scene[4]
                    rim = table[m, 11] * _step(_RIM_EDGE, _RIM_SOFT, grazing)
                    rim *= _step(np.float32(0.40), np.float32(0.30), side) * (_ONE - closed)
                    r += rim * (scene[0] - _HALF * r)
                    g += rim * (scene[1] - _HALF * g)
                    b += rim * (scene[2] - _HALF * b)
                if table[m, 12] > _ZERO:
                    # Half vector between the light and the viewer at +z.
                    hz = lz + _ONE
                    h = _ONE / np.sqrt(lx * lx + ly * ly + hz * hz)
                    shine = (nx * lx + ny * ly + nz * hz) * h
                    if table[m, 20] > _ZERO:
                        along = b0 * traits[i, 7] + b1 * traits[j, 7] + b2 * traits[k, 7]
                        shine = np.sqrt(max(_ONE - along * along, _ZERO)) * min(
                            max(shine * np.float32(1.5), _ZERO), _ONE
                        )
                    add = table[m, 12] * _step(table[m, 13], table[m, 14], shine)
                    add *= (_HALF + _HALF * lit) * (_ONE - closed)
                    r, g, b = r + add, g + add, b + add
            r, g, b = min(r, _ONE) * _BYTE, min(g, _ONE) * _BYTE, min(b, _ONE) * _BYTE
        weight = _QUARTER * np.float32(share[n])
        red, green, blue = red + weight * r, green + weight * g, blue + weight * b
        total += share[n]
        if total == SAMPLES:
            out[at, 0], out[at, 1], out[at, 2] = np.uint8(red), np.uint8(green), np.uint8(blue)
            red, green, blue, total = _HALF, _HALF, _HALF, 0
