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
    HALF_X = 21  # unit vector halfway between the light and the viewer at +z
    HALF_Y = 22
    HALF_Z = 23


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
REACHES = ((0.085, 0.030, 0.075), (0.22, 0.08, 0.18), (0.40, 0.16, 0.28))
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
_LEAST = np.float32(1e-6)
_OCCLUDED, _BLURRED, _DEEP = np.float32(0.6), np.float32(0.25), np.float32(0.9)
_CONTACT = np.float32(0.4)  # contact shadows are as deep as this much occlusion
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
def _cover(fine: Scalar, fine_share: Scalar, broad: Scalar, broad_share: Scalar) -> Scalar:
    """Samples of a cell that throw shadows, by kind."""
    return np.float32(np.int32(fine)) * fine_share + np.float32(np.int32(broad)) * broad_share


@inlined
def _gap(depth: Scalar, units: Scalar, ahead: Scalar, grow: Scalar) -> Scalar:
    """How far a key depth lies before the depth `ahead` (dm), from 0 to 1."""
    return min(max((ahead - np.float32(depth) * units) * grow, _ZERO), _ONE)


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
    one = depth.shape[1] == width
    cells = np.float32(_ONE if one else _HALF)
    norm = np.float32(_QUARTER if one else 1 / 16)
    x_most, y_most = np.float32(depth.shape[1] - 1.01), np.float32(depth.shape[0] - 1.01)
    units = scene[6] * _DEPTH
    row, first = 0, 0  # of the pixel at hand; a division for each would cost more
    last, m = np.int32(-2), _U0
    # The triangle at hand: neighbouring fragments mostly share it. Corner 0, and edges from it.
    ox, oy, x1, y1, x2, y2, inverse = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    nx0, ny0, nz0, nx1, ny1, nz1 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    nx2, ny2, nz2, z0, z1, z2 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    u0, v0, u1, v1, u2, v2 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    o0, o1, o2, s0, s1, s2 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    a0, a1, a2 = _ZERO, _ZERO, _ZERO
    for n in range(count):
        at = np.uint64(pixel[n])
        if triangle[n] < 0:
            r, g = np.float32(background[at, 0]), np.float32(background[at, 1])
            b = np.float32(background[at, 2])
        else:
            if triangle[n] != last:
                last = triangle[n]
                t = np.uint64(last)
                m = np.uint64(materials[t])
                if table[m, 16] == _ZERO:
                    i, j = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1])
                    k = np.uint64(triangles[t, 2])
                    ox, oy, z0 = screen[i, 0], screen[i, 1], screen[i, 2]
                    x1, y1, z1 = screen[j, 0] - ox, screen[j, 1] - oy, screen[j, 2] - z0
                    x2, y2, z2 = screen[k, 0] - ox, screen[k, 1] - oy, screen[k, 2] - z0
                    inverse = x1 * y2 - x2 * y1
                    # The smallest area the rasterizer draws is far above this.
                    inverse = _ONE / (inverse if abs(inverse) > _LEAST else _LEAST)
                    nx0, ny0, nz0 = traits[i, 0], traits[i, 1], traits[i, 2]
                    nx1, ny1, nz1 = traits[j, 0] - nx0, traits[j, 1] - ny0, traits[j, 2] - nz0
                    nx2, ny2, nz2 = traits[k, 0] - nx0, traits[k, 1] - ny0, traits[k, 2] - nz0
                    u0, v0 = traits[i, 3], traits[i, 4]
                    u1, v1, u2, v2 = (
                        traits[j, 3] - u0, traits[j, 4] - v0, traits[k, 3] - u0, traits[k, 4] - v0
                    )  # fmt: skip
                    o0, s0, a0 = traits[i, 5], traits[i, 6], traits[i, 7]
                    o1, s1, a1 = traits[j, 5] - o0, traits[j, 6] - s0, traits[j, 7] - a0
                    o2, s2, a2 = traits[k, 5] - o0, traits[k, 6] - s0, traits[k, 7] - a0
            r, g, b = table[m, 0], table[m, 1], table[m, 2]
            if table[m, 16] == _ZERO:
                while pixel[n] >= first + width:
                    row, first = row + 1, first + width
                px, py = np.float32(pixel[n] - first) + _HALF, np.float32(row) + _HALF
                # The pixel's centre may lie just outside a triangle that covers only one of its
                # samples.
                x, y = px - ox, py - oy
                b1 = min(max((x * y2 - x2 * y) * inverse, _ZERO), _ONE)
                b2 = min(max((x1 * y - x * y1) * inverse, _ZERO), _ONE)
                if b1 + b2 > _ONE:
                    over = _ONE / (b1 + b2)
                    b1, b2 = b1 * over, b2 * over
                image = np.int64(table[m, 15])
                if image >= 0:
                    u, v = u0 + b1 * u1 + b2 * u2, v0 + b1 * v1 + b2 * v2
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
                nx, ny = nx0 + b1 * nx1 + b2 * nx2, ny0 + b1 * ny1 + b2 * ny2
                nz = nz0 + b1 * nz1 + b2 * nz2
                length = _ONE / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
                # The back of a two-sided sheet faces the viewer too.
                if nz * length < np.float32(-0.35):
                    length = -length
                nx, ny, nz = nx * length, ny * length, nz * length
                closed = table[m, 18] * (_ONE - (o0 + b1 * o1 + b2 * o2))
                lx, ly, lz = table[m, 6], table[m, 7], table[m, 8]
                towards = nx * lx + ny * ly + nz * lz
                lit = _step(
                    table[m, 9] + _OCCLUDED * closed, table[m, 10] + _BLURRED * closed, towards
                )
                if table[m, 19] * lit > np.float32(0.01):
                    shelter = s0 + b1 * s1 + b2 * s2
                    here = (z0 + b1 * z1 + b2 * z2) * scene[6]
                    scale = _ONE / (scene[5] + here)
                    shadow = _ZERO
                    taps = 3 if shelter > np.float32(0.02) else 1
                    for tap in range(taps):
                        reach, begin, grow, fine = _R0, _B0, _G0, _ONE
                        if tap == 1:
                            reach, begin, grow, fine = _R1, _B1, _G1, shelter
                        elif tap == 2:
                            reach, begin, grow, fine = _R2, _B2, _G2, shelter
                        reach *= scale
                        x = px * cells + scene[7] * reach - _HALF
                        y = py * cells + scene[8] * reach - _HALF
                        x, y = min(max(x, _ZERO), x_most), min(max(y, _ZERO), y_most)
                        cx, cy = np.uint64(x), np.uint64(y)
                        dx, dy = cx + _U1, cy + _U1
                        c00 = _cover(cover[cy, cx, _U0], fine, cover[cy, cx, _U1], shelter)
                        c01 = _cover(cover[cy, dx, _U0], fine, cover[cy, dx, _U1], shelter)
                        c10 = _cover(cover[dy, cx, _U0], fine, cover[dy, cx, _U1], shelter)
                        c11 = _cover(cover[dy, dx, _U0], fine, cover[dy, dx, _U1], shelter)
                        if c00 + c01 + c10 + c11 <= _ZERO:
                            continue
                        fx, fy = x - np.float32(np.int32(cx)), y - np.float32(np.int32(cy))
                        ahead = here - begin
                        w11 = fx * fy
                        found = (
                            c00 * (_ONE - fx - fy + w11) * _gap(depth[cy, cx], units, ahead, grow)
                        )
                        found += c01 * (fx - w11) * _gap(depth[cy, dx], units, ahead, grow)
                        found += c10 * (fy - w11) * _gap(depth[dy, cx], units, ahead, grow)
                        found += c11 * w11 * _gap(depth[dy, dx], units, ahead, grow)
                        shadow = max(shadow, found)
                    shadow = table[m, 19] * min(shadow * norm, _ONE)
                    closed = max(closed, _CONTACT * shadow * lit)
                    lit *= _ONE - shadow
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
                    shine = nx * table[m, 21] + ny * table[m, 22] + nz * table[m, 23]
                    if table[m, 20] > _ZERO:
                        along = a0 + b1 * a1 + b2 * a2
                        faced = min(max(shine * np.float32(1.5), _ZERO), _ONE)
                        shine = np.sqrt(max(_ONE - along * along, _ZERO)) * faced
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
