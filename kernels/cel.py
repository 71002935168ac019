"""Deferred cel shading of the fragments of a picture, resolved to RGB.

A pixel whose samples lie on one surface is one fragment; only pixels on an edge have one for each
distinct surface, and these are averaged. That gives the edges of 2 x 2 supersampling for little
more than the price of one sample.

Contact shadows are drawn as by hand: the silhouette of what casts them, moved away from the light.
A fragment looks towards the light at a few fixed distances for casters that lie nearer to the
viewer (kernels.fragment).

Fragments are shaded material by material in runs of `RUN`: gathering from vertices, textures and
casters is one loop each, and the arithmetic of light is another, without branches, that the
compiler turns into vector instructions.
"""

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit
from kernels.raster import DEPTH_ONE, SAMPLES

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

RUN = 1024  # fragments
# How far towards the light a fragment looks, dm, and from which difference in depth to which the
# shadow grows. The last ones serve sheltered vertices only.
REACHES = ((0.085, 0.030, 0.075), (0.22, 0.08, 0.18), (0.40, 0.16, 0.28))
_R0, _R1, _R2 = (np.float32(r) for r, _, _ in REACHES)
_B0, _B1, _B2 = (np.float32(b) for _, b, _ in REACHES)
_G0, _G1, _G2 = (np.float32(1 / (e - b)) for _, b, e in REACHES)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_THREE, _QUARTER = np.float32(3), np.float32(0.25)
_BYTE = np.float32(255)
_ONE_255 = np.float32(1 / 255)
_DEPTH = np.float32(1 / DEPTH_ONE)
# Indices are unsigned, so that numba does not test each of them for being negative.
_U0, _U1 = np.uint64(0), np.uint64(1)
_LOW, _EIGHT, _SIXTEEN = np.uint32(255), np.uint32(8), np.uint32(16)
_LEAST = np.float32(1e-6)
_OCCLUDED, _BLURRED, _DEEP = np.float32(0.6), np.float32(0.25), np.float32(0.9)
_CONTACT = np.float32(0.4)  # contact shadows are as deep as this much occlusion
_RIM_EDGE, _RIM_SOFT = np.float32(0.62), np.float32(0.10)
_SIDE_EDGE, _SIDE_SOFT = np.float32(0.40), np.float32(0.30)
# Rows of a run's scratch: 0-2 normal, 3 occlusion, 4 shelter, 5 strand, 6 depth, 7-8 uv,
# 9-10 pixel, 11 light, 12 contact shadow, 13-15 colour.
_ROWS = 16


@inlined
def _step(edge: Scalar, softness: Scalar, x: Scalar) -> Scalar:
    """Smooth step from 0 to 1 around `edge`."""
    t = (x - edge) / (softness + softness) + _HALF
    t = min(max(t, _ZERO), _ONE)
    return t * t * (_THREE - t - t)


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
def _gather(
    part: I32, width: int, pixel: I32, triangle: I32, screen: F32, triangles: I32, traits: F32,
    rows: F32,
) -> None:  # fmt: skip
    """Interpolate what the fragments `part` need at their pixels' centres into `rows`."""
    row = np.int64(pixel[part[0]]) // width  # kept up with: a division each would cost more
    first, last = row * width, np.int32(-1)
    # The triangle at hand: neighbouring fragments mostly share it. Corner 0, and edges from it.
    x0, y0, x1, y1, x2, y2, inverse = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    i, j, k = _U0, _U0, _U0
    for n in range(len(part)):
        at = np.uint64(part[n])
        if triangle[at] != last:
            last = triangle[at]
            t = np.uint64(last)
            i, j, k = (
                np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
            )  # fmt: skip
            x0, y0 = screen[i, 0], screen[i, 1]
            x1, y1 = screen[j, 0] - x0, screen[j, 1] - y0
            x2, y2 = screen[k, 0] - x0, screen[k, 1] - y0
            inverse = x1 * y2 - x2 * y1
            # The smallest area the rasterizer draws is far above this.
            inverse = _ONE / (inverse if abs(inverse) > _LEAST else _LEAST)
        while pixel[at] >= first + width:
            row, first = row + 1, first + width
        px, py = np.float32(pixel[at] - first) + _HALF, np.float32(row) + _HALF
        # The pixel's centre may lie just outside a triangle that covers only one of its samples.
        x, y = px - x0, py - y0
        b1 = min(max((x * y2 - x2 * y) * inverse, _ZERO), _ONE)
        b2 = min(max((x1 * y - x * y1) * inverse, _ZERO), _ONE)
        if b1 + b2 > _ONE:
            over = _ONE / (b1 + b2)
            b1, b2 = b1 * over, b2 * over
        b0 = _ONE - b1 - b2
        rows[0, n] = b0 * traits[i, 0] + b1 * traits[j, 0] + b2 * traits[k, 0]
        rows[1, n] = b0 * traits[i, 1] + b1 * traits[j, 1] + b2 * traits[k, 1]
        rows[2, n] = b0 * traits[i, 2] + b1 * traits[j, 2] + b2 * traits[k, 2]
        rows[7, n] = b0 * traits[i, 3] + b1 * traits[j, 3] + b2 * traits[k, 3]
        rows[8, n] = b0 * traits[i, 4] + b1 * traits[j, 4] + b2 * traits[k, 4]
        rows[3, n] = _ONE - (b0 * traits[i, 5] + b1 * traits[j, 5] + b2 * traits[k, 5])
        rows[4, n] = b0 * traits[i, 6] + b1 * traits[j, 6] + b2 * traits[k, 6]
        rows[5, n] = b0 * traits[i, 7] + b1 * traits[j, 7] + b2 * traits[k, 7]
        rows[6, n] = b0 * screen[i, 2] + b1 * screen[j, 2] + b2 * screen[k, 2]
        rows[9, n], rows[10, n] = px, py


@jit
def _color(
    count: int, image: int, textures: U32, index: I32, us: F32, vs: F32, r: F32, g: F32, b: F32
) -> None:
    """Multiply colours r, g, b [RUN] by image `image`, read bilinearly at us, vs."""
    offset, height, width = index[image, 0], index[image, 1], index[image, 2]
    x_most, y_most = np.float32(width - 1), np.float32(height - 1)
    for n in range(count):
        x = min(max(us[n] * np.float32(width) - _HALF, _ZERO), x_most)
        y = min(max((_ONE - vs[n]) * np.float32(height) - _HALF, _ZERO), y_most)
        x0, y0 = np.int32(x), np.int32(y)
        fx, fy = x - np.float32(x0), y - np.float32(y0)
        p = np.uint64(offset + y0 * width + x0)
        q = p + np.uint64(width if y0 < height - 1 else 0)
        right = np.uint64(1 if x0 < width - 1 else 0)
        w11 = fx * fy * _ONE_255
        w01, w10 = fx * _ONE_255 - w11, fy * _ONE_255 - w11
        w00 = _ONE_255 - w01 - w10 - w11
        c00, c01, c10, c11 = textures[p], textures[p + right], textures[q], textures[q + right]
        r[n] *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)
        c00, c01, c10, c11 = c00 >> _EIGHT, c01 >> _EIGHT, c10 >> _EIGHT, c11 >> _EIGHT
        g[n] *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)
        c00, c01, c10, c11 = c00 >> _EIGHT, c01 >> _EIGHT, c10 >> _EIGHT, c11 >> _EIGHT
        b[n] *= _mix(c00, c01, c10, c11, w00, w01, w10, w11)


@jit
def _light(count: int, look: F32, nx: F32, ny: F32, nz: F32, closed: F32, lit: F32) -> None:
    """Make normals unit vectors that face the viewer; scale `closed` by the material's share;
    lit = share of the key light."""
    lx, ly, lz, threshold, softness, ambient = (
        look[6],
        look[7],
        look[8],
        look[9],
        look[10],
        look[18],
    )
    for n in range(count):
        x, y, z, c = nx[n], ny[n], nz[n], ambient * closed[n]
        length = _ONE / np.sqrt(x * x + y * y + z * z + np.float32(1e-12))
        # The back of a two-sided sheet faces the viewer too.
        length = -length if z * length < np.float32(-0.35) else length
        x, y, z = x * length, y * length, z * length
        nx[n], ny[n], nz[n], closed[n] = x, y, z, c
        towards = x * lx + y * ly + z * lz
        lit[n] = _step(threshold + _OCCLUDED * c, softness + _BLURRED * c, towards)


@jit
def _contact(
    count: int, receives: Scalar, scene: F32, depth: I32, cover: U8, one: bool, rows: F32
) -> None:
    """rows[12] = contact shadow of each fragment of a run; `one`: cells are single pixels."""
    cells = np.float32(1) if one else np.float32(0.5)
    norm = receives * np.float32(1 / 4 if one else 1 / 16)
    x_most, y_most = np.float32(depth.shape[1] - 1.01), np.float32(depth.shape[0] - 1.01)
    units = scene[6] * _DEPTH
    for n in range(count):
        rows[12, n] = _ZERO
        if rows[11, n] <= np.float32(0.01):
            continue
        shelter, here = rows[4, n], rows[6, n] * scene[6]
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
            x = rows[9, n] * cells + scene[7] * reach - _HALF
            y = rows[10, n] * cells + scene[8] * reach - _HALF
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
            ahead, w11 = here - begin, fx * fy
            found = c00 * (_ONE - fx - fy + w11) * _gap(depth[cy, cx], units, ahead, grow)
            found += c01 * (fx - w11) * _gap(depth[cy, dx], units, ahead, grow)
            found += c10 * (fy - w11) * _gap(depth[dy, cx], units, ahead, grow)
            found += c11 * w11 * _gap(depth[dy, dx], units, ahead, grow)
            shadow = max(shadow, found)
        rows[12, n] = min(shadow * norm, receives)


@jit
def _tone(
    count: int, look: F32, scene: F32, nx: F32, ny: F32, nz: F32, closed: F32, along: F32,
    lit: F32, shadow: F32, r: F32, g: F32, b: F32,
) -> None:  # fmt: skip
    """Turn surface colours r, g, b [RUN] into what is seen, in [0, 255.5)."""
    dark_r, dark_g, dark_b = look[3], look[4], look[5]
    deep_r, deep_g, deep_b = _DEEP - _DEEP * dark_r, _DEEP - _DEEP * dark_g, _DEEP - _DEEP * dark_b
    rim, shine, edge, softness = look[11], look[12], look[13], look[14]
    strand, hx, hy, hz = look[20], look[21], look[22], look[23]
    lift_up, lift_down = look[17] * np.float32(4), look[17] * np.float32(-1.4)
    rim_r, rim_g, rim_b, side_x, side_y = scene[0], scene[1], scene[2], scene[3], scene[4]
    for n in range(count):
        x, y, z, light, cast = nx[n], ny[n], nz[n], lit[n], shadow[n]
        hollow = max(closed[n], _CONTACT * cast * light)
        light *= _ONE - cast
        dark = _ONE - light
        warm = light * dark
        # Where little light comes in, the shadow's tint is laid on once more.
        red = r[n] * (light + dark * dark_r) * (_ONE + lift_up * warm) * (_ONE - hollow * deep_r)
        green = g[n] * (light + dark * dark_g) * (_ONE + lift_down * warm)
        blue = b[n] * (light + dark * dark_b) * (_ONE + lift_down * warm)
        green, blue = green * (_ONE - hollow * deep_g), blue * (_ONE - hollow * deep_b)
        behind = rim * _step(_RIM_EDGE, _RIM_SOFT, _ONE - max(z, _ZERO))
        behind *= _step(_SIDE_EDGE, _SIDE_SOFT, x * side_x + y * side_y) * (_ONE - hollow)
        gloss = x * hx + y * hy + z * hz
        faced = min(max(gloss * np.float32(1.5), _ZERO), _ONE)
        band = np.sqrt(max(_ONE - along[n] * along[n], _ZERO)) * faced
        gloss += strand * (band - gloss)
        gloss = shine * _step(edge, softness, gloss) * (_HALF + _HALF * light) * (_ONE - hollow)
        red += behind * (rim_r - _HALF * red) + gloss
        green += behind * (rim_g - _HALF * green) + gloss
        blue += behind * (rim_b - _HALF * blue) + gloss
        r[n] = min(red, _ONE) * _BYTE + _HALF
        g[n] = min(green, _ONE) * _BYTE + _HALF
        b[n] = min(blue, _ONE) * _BYTE + _HALF


@jit
def _resolve(
    count: int, pixel: I32, triangle: I32, share: U8, tint: U32, background: U8, out: U8
) -> None:
    """Average the tints of the fragments of pixels that have several into out [H * W, 3]."""
    red, green, blue, total = np.int32(2), np.int32(2), np.int32(2), np.int32(0)
    for n in range(count):
        weight = np.int32(share[n])
        if weight == SAMPLES:
            continue
        at = np.uint64(pixel[n])
        if triangle[n] >= 0:
            word = np.int32(tint[n])
            r, g, b = word & 255, word >> 8 & 255, word >> 16
        else:
            r, g = np.int32(background[at, 0]), np.int32(background[at, 1])
            b = np.int32(background[at, 2])
        red, green, blue = red + weight * r, green + weight * g, blue + weight * b
        total += weight
        if total == SAMPLES:
            out[at, 0], out[at, 1], out[at, 2] = red >> 2, green >> 2, blue >> 2
            red, green, blue, total = np.int32(2), np.int32(2), np.int32(2), np.int32(0)


@jit
def _store(part: I32, pixel: I32, share: U8, rows: F32, tint: U32, out: U8) -> None:
    """Colours of a run: into the picture where they fill a pixel, else into tint [N]."""
    for n in range(len(part)):
        at = np.uint64(part[n])
        r, g, b = np.uint32(rows[13, n]), np.uint32(rows[14, n]), np.uint32(rows[15, n])
        if share[at] == SAMPLES:
            p = np.uint64(pixel[at])
            out[p, 0], out[p, 1], out[p, 2] = r, g, b
        else:
            tint[at] = r | g << _EIGHT | b << _SIXTEEN


@jit
def _arrange(count: int, kind: U8, first: I64, order: I32) -> None:
    """order [N]: the fragments sorted by kind; those of kind m stand at first[m] : first[m + 1]."""
    first[:] = 0
    m, held = _U0, 0  # the kind at hand and how many of it: neighbours mostly share it
    for n in range(count):
        if kind[n] != m:
            first[m + _U1] += held
            m, held = np.uint64(kind[n]), 0
        held += 1
    first[m + _U1] += held
    for k in range(len(first) - 1):
        first[k + 1] += first[k]
    at = first.copy()
    m, place = _U0, np.uint64(at[_U0])
    for n in range(count):
        if kind[n] != m:
            at[m] = place
            m = np.uint64(kind[n])
            place = np.uint64(at[m])
        order[place] = n
        place += _U1


@jit
def shade(
    count: int, width: int, pixel: I32, triangle: I32, share: U8, kind: U8, order: I32, tint: U32,
    screen: F32, triangles: I32, traits: F32, table: F32, scene: F32, depth: I32, cover: U8,
    textures: U32, index: I32, background: U8, out: U8,
) -> None:  # fmt: skip
    """Colour `count` fragments of a picture `width` pixels wide.

    pixel ... tint: of kernels.fragment.Fragments; screen [V, 3] and triangles [F, 3]
    as rasterized; traits [V, TRAITS], table [M, LOOKS] by kind, scene [SCENES]: kernels.look;
    depth, cover: kernels.fragment.Casters; textures: all images end to end, a pixel as
    red | green << 8 | blue << 16 uint32; index [T, 3] int32: offset in pixels, height, width of
    each; background and out [H * W, 3] uint8.
    """
    first, rows = np.empty(257, np.int64), np.empty((_ROWS, RUN), np.float32)
    _arrange(count, kind, first, order)
    for m in range(len(table)):
        look = table[m]
        for begin in range(first[m], first[m + 1], RUN):
            part = order[begin : min(begin + RUN, first[m + 1])]
            size = len(part)
            for c in range(3):
                rows[13 + c, :size] = look[c]
            if look[16] != _ZERO:
                rows[13:, :size] *= _BYTE
                rows[13:, :size] += _HALF
            else:
                _gather(part, width, pixel, triangle, screen, triangles, traits, rows)
                if look[15] >= _ZERO:
                    _color(
                        size, int(look[15]), textures, index, rows[7], rows[8], rows[13], rows[14],
                        rows[15],
                    )  # fmt: skip
                _light(size, look, rows[0], rows[1], rows[2], rows[3], rows[11])
                rows[12, :size] = _ZERO
                if look[19] > _ZERO:
                    _contact(size, look[19], scene, depth, cover, depth.shape[1] == width, rows)
                _tone(
                    size, look, scene, rows[0], rows[1], rows[2], rows[3], rows[5], rows[11],
                    rows[12], rows[13], rows[14], rows[15],
                )  # fmt: skip
            _store(part, pixel, share, rows, tint, out)
    _resolve(count, pixel, triangle, share, tint, background, out)
