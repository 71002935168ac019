"""Deferred cel shading of a key buffer, fused with the resolve of its four samples to RGB.

A pixel whose samples lie on one surface is shaded once; only pixels on an edge are shaded once per
distinct surface and averaged. That gives the edges of 2 x 2 supersampling for little more than the
price of one sample: fusing it with the resolve means no shaded sample is ever stored.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, jit
from kernels.raster import EMPTY

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
_ONE_255 = np.float32(1 / 255)


@jit
def _step(edge: Scalar, softness: Scalar, x: Scalar) -> Scalar:
    """Smooth step from 0 to 1 around `edge`."""
    t = (x - edge) / (2 * softness) + np.float32(0.5)
    t = min(max(t, np.float32(0)), np.float32(1))
    return t * t * (np.float32(3) - np.float32(2) * t)


@jit
def _sample(
    textures: U8, offset: Scalar, height: Scalar, width: Scalar, u: Scalar, v: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """Bilinear RGB in [0, 1]; v = 0 is the last row; clamped at the border."""
    x = min(max(u * width - np.float32(0.5), np.float32(0)), np.float32(width - 1))
    y = (np.float32(1) - v) * height - np.float32(0.5)
    y = min(max(y, np.float32(0)), np.float32(height - 1))
    x0, y0 = int(x), int(y)
    fx, fy = x - x0, y - y0
    right = 3 if x0 < width - 1 else 0
    down = 3 * width if y0 < height - 1 else 0
    at = offset + 3 * (y0 * width + x0)
    w11 = fx * fy
    w01, w10 = fx - w11, fy - w11
    w00 = np.float32(1) - fx - w10
    w00, w01, w10, w11 = w00 * _ONE_255, w01 * _ONE_255, w10 * _ONE_255, w11 * _ONE_255
    b, c, d = at + right, at + down, at + right + down
    red = textures[at] * w00 + textures[b] * w01 + textures[c] * w10 + textures[d] * w11
    green = (
        textures[at + 1] * w00 + textures[b + 1] * w01 + textures[c + 1] * w10
        + textures[d + 1] * w11
    )  # fmt: skip
    blue = (
        textures[at + 2] * w00 + textures[b + 2] * w01 + textures[c + 2] * w10
        + textures[d + 2] * w11
    )  # fmt: skip
    return red, green, blue


@jit
def barycentric(
    screen: F32, triangles: I32, t: Scalar, px: Scalar, py: Scalar
) -> tuple[Scalar, Scalar]:
    """Weights of corners 1 and 2 at pixel position (px, py), clamped into the triangle."""
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0 = screen[i, 0], screen[i, 1]
    x1, y1 = screen[j, 0] - x0, screen[j, 1] - y0
    x2, y2 = screen[k, 0] - x0, screen[k, 1] - y0
    x, y = px - x0, py - y0
    area = x1 * y2 - x2 * y1
    if abs(area) < np.float32(1e-6):
        return np.float32(0.33333), np.float32(0.33333)
    inverse = np.float32(1) / area
    b1 = (x * y2 - x2 * y) * inverse
    b2 = (x1 * y - x * y1) * inverse
    # The pixel's centre may lie just outside a triangle that covers only one of its samples.
    b1, b2 = max(b1, np.float32(0)), max(b2, np.float32(0))
    total = b1 + b2
    if total > 1:
        b1, b2 = b1 / total, b2 / total
    return b1, b2


@jit
def _surface(
    t: Scalar, px: Scalar, py: Scalar, screen: F32, triangles: I32, materials: U8, normals: F32,
    uvs: F32, table: F32, textures: U8, index: I32,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Shaded colour in 0..255 of triangle t at a pixel position."""
    m = materials[t]
    red, green, blue = table[m, 0], table[m, 1], table[m, 2]
    scale = np.float32(255)
    if table[m, 16] > 0:
        return red * scale, green * scale, blue * scale
    b1, b2 = barycentric(screen, triangles, t, px, py)
    b0 = np.float32(1) - b1 - b2
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    nx = b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
    ny = b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
    nz = b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
    inverse = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
    if nz < 0:  # the back of a two-sided sheet, or a normal smoothed past the silhouette
        inverse = -inverse if nz * inverse < np.float32(-0.35) else inverse
    nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
    texture = int(table[m, 15])
    if texture >= 0:
        u = b0 * uvs[i, 0] + b1 * uvs[j, 0] + b2 * uvs[k, 0]
        v = b0 * uvs[i, 1] + b1 * uvs[j, 1] + b2 * uvs[k, 1]
        r, g, b = _sample(textures, index[texture, 0], index[texture, 1], index[texture, 2], u, v)
        red, green, blue = red * r, green * g, blue * b
    lx, ly, lz = table[m, 6], table[m, 7], table[m, 8]
    facing = nx * lx + ny * ly + nz * lz
    lit = _step(table[m, 9], table[m, 10], facing)
    dark = np.float32(1) - lit
    lift = table[m, 17] * np.float32(4) * lit * dark
    red = red * (lit + dark * table[m, 3]) * (np.float32(1) + lift)
    green = green * (lit + dark * table[m, 4]) * (np.float32(1) - lift * np.float32(0.35))
    blue = blue * (lit + dark * table[m, 5]) * (np.float32(1) - lift * np.float32(0.35))
    rim = np.float32(1) - max(nz, np.float32(0))
    add = table[m, 11] * rim * rim * rim * (np.float32(0.35) + np.float32(0.65) * lit)
    if table[m, 12] > 0:
        # Half vector between the light and the viewer at +z.
        hz = lz + np.float32(1)
        h = np.float32(1) / np.sqrt(lx * lx + ly * ly + hz * hz)
        add += table[m, 12] * _step(table[m, 13], table[m, 14], (nx * lx + ny * ly + nz * hz) * h)
    red, green, blue = red + add, green + add, blue + add
    return (
        min(red, np.float32(1)) * scale,
        min(green, np.float32(1)) * scale,
        min(blue, np.float32(1)) * scale,
    )


@jit
def _same(a: Scalar, b: Scalar, materials: U8) -> Scalar:
    """Whether two keys lie on one surface: both empty, or one material at nearly one depth."""
    if a == b:
        return True
    if a == EMPTY or b == EMPTY:
        return False
    return materials[a & _ID] == materials[b & _ID] and abs((a >> 32) - (b >> 32)) < _SAME_DEPTH


@jit
def shade(
    keys: I64, screen: F32, triangles: I32, materials: U8, normals: F32, uvs: F32, table: F32,
    textures: U8, index: I32, background: U8, out: U8,
) -> None:  # fmt: skip
    """Write the picture.

    keys [H, W, 4] from `rasterize` with the same screen [V, 3] and triangles [F, 3]; materials
    [F] uint8 rows of table [M, LOOKS]; normals [V, 3] in view space; uvs [V, 2]; textures: all
    RGB images end to end, uint8; index [T, 3] int32: offset in bytes, height, width of each;
    background [H, W, 3]; out [H, W, 3] uint8.
    """
    height, width = keys.shape[0], keys.shape[1]
    for y in range(height):
        for x in range(width):
            k0, k1, k2, k3 = keys[y, x, 0], keys[y, x, 1], keys[y, x, 2], keys[y, x, 3]
            if k0 == EMPTY and k1 == EMPTY and k2 == EMPTY and k3 == EMPTY:
                out[y, x, 0] = background[y, x, 0]
                out[y, x, 1] = background[y, x, 1]
                out[y, x, 2] = background[y, x, 2]
                continue
            px: Scalar = np.float32(x + 0.5)
            py: Scalar = np.float32(y + 0.5)
            done1 = _same(k1, k0, materials)
            done2 = _same(k2, k0, materials)
            done3 = _same(k3, k0, materials)
            red: Scalar = np.float32(0.5)
            green: Scalar = np.float32(0.5)
            blue: Scalar = np.float32(0.5)
            for s in range(4):
                if s == 0:
                    key, share = k0, 1 + int(done1) + int(done2) + int(done3)
                elif s == 1:
                    if done1:
                        continue
                    also2, also3 = _same(k2, k1, materials), _same(k3, k1, materials)
                    key, share = k1, 1 + int(not done2 and also2) + int(not done3 and also3)
                    done2, done3 = done2 or also2, done3 or also3
                elif s == 2:
                    if done2:
                        continue
                    also3 = _same(k3, k2, materials)
                    key, share = k2, 1 + int(not done3 and also3)
                    done3 = done3 or also3
                else:
                    if done3:
                        continue
                    key, share = k3, 1
                weight = np.float32(0.25) * share
                if key == EMPTY:
                    r = np.float32(background[y, x, 0])
                    g = np.float32(background[y, x, 1])
                    b = np.float32(background[y, x, 2])
                else:
                    r, g, b = _surface(
                        key & _ID, px, py, screen, triangles, materials, normals, uvs, table,
                        textures, index,
                    )  # fmt: skip
                red += weight * r
                green += weight * g
                blue += weight * b
            out[y, x, 0] = np.uint8(red)
            out[y, x, 1] = np.uint8(green)
            out[y, x, 2] = np.uint8(blue)
