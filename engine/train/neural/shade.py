"""Pixels of the teacher: irradiance first, then what surfaces send to the viewer.

Between the two passes skin lets its light wander (engine.train.neural.skin). All light is linear
RGB in which a white surface in full light is about 1; directions are unit vectors in the world,
whose z axis points to the viewer. Specular lobes are GGX (Walter et al., "Microfacet models for
refraction", EGSR 2007) with the visibility term of Kelemen and Szirmay-Kalos (2001).
"""

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit
from engine.train.neural.surface import Column, Kind
from kernels.gbuffer import corner_weights
from kernels.raster import DEPTH_ONE, EMPTY

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

_ID = np.int64(0xFFFFFFFF)
_N, _UV, _SKY, _W = int(Column.NORMAL), int(Column.U), int(Column.SKY), int(Column.WORLD)
_R, _A, _T = int(Column.REST), int(Column.AMBIENT), int(Column.TANGENT)
_SKIN, _EYE, _MOUTH, _TOOTH = int(Kind.SKIN), int(Kind.EYE), int(Kind.MOUTH), int(Kind.TOOTH)
_TONGUE, _HAIR, _CLOTH, _GLOSS = (
    int(Kind.TONGUE), int(Kind.HAIR), int(Kind.CLOTH), int(Kind.GLOSS)
)  # fmt: skip


class Lamp(IntEnum):
    """Entries of the vector [LAMPS] float32 that holds for a whole picture."""

    KEY = 0  # direction
    KEY_COLOR = 3
    RIM = 6
    RIM_COLOR = 9
    ABOVE = 12  # sky's colours, for reflections
    BELOW = 15
    EYE = 18  # the pinhole
    TEXEL = 21  # of the key's depth map, per dm
    UNIT = 22  # of its depth, per dm
    WINDOW_X = 23  # axes of the soft box that eyes reflect
    WINDOW_Y = 26


LAMPS = 29


class Matter(IntEnum):
    """Columns of the material table [M, MATTERS] float32."""

    KIND = 0
    COLOR = 1
    TEXTURE = 4  # row of the texture index, -1 for none
    ROUGH = 5
    SPECULAR = 6
    SHEEN = 7


MATTERS = 8


@inlined
def _hash(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    h = (x * 374761393 + y * 668265263 + z * 1440670441) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65535.0


@jit
def noise(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """Smooth value noise in [0, 1] of features one unit apart."""
    x0, y0, z0 = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - x0, y - y0, z - z0
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    i, j, k = int(x0), int(y0), int(z0)
    a = _hash(i, j, k) + fx * (_hash(i + 1, j, k) - _hash(i, j, k))
    b = _hash(i, j + 1, k) + fx * (_hash(i + 1, j + 1, k) - _hash(i, j + 1, k))
    c = _hash(i, j, k + 1) + fx * (_hash(i + 1, j, k + 1) - _hash(i, j, k + 1))
    d = _hash(i, j + 1, k + 1) + fx * (_hash(i + 1, j + 1, k + 1) - _hash(i, j + 1, k + 1))
    a, c = a + fy * (b - a), c + fy * (d - c)
    return a + fz * (c - a)


@inlined
def _step(low: Scalar, high: Scalar, x: Scalar) -> Scalar:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@inlined
def _card(x: Scalar, y: Scalar, half: Scalar, tall: Scalar, soft: Scalar) -> Scalar:
    """A soft box seen in a mirror: 1 inside, round corners, 0 from `soft` outside on."""
    dx, dy = max(abs(x) - half, 0.0), max(abs(y) - tall, 0.0)
    return _step(soft, 0.0, math.sqrt(dx * dx + dy * dy))


@jit
def visible(
    depth: F32, x: Scalar, y: Scalar, z: Scalar, texel: Scalar, unit: Scalar, search: F32,
    taps: F32, lamp: Scalar, narrow: Scalar, wide: Scalar,
) -> Scalar:  # fmt: skip
    """Share of the key light at (x, y, z) of its map; penumbrae widen with the caster's distance."""
    last = depth.shape[0] - 1
    blockers, total = 0, 0.0
    for n in range(len(search)):
        i = min(max(int(x + search[n, 0] * wide * texel), 0), last)
        j = min(max(int(y + search[n, 1] * wide * texel), 0), last)
        if depth[j, i] < z - 0.01 * unit:
            total += depth[j, i]
            blockers += 1
    if blockers == 0:
        return 1.0
    radius = min(max((z - total / blockers) / unit * lamp, narrow), wide) * texel
    lit = 0.0
    for n in range(len(taps)):
        i = min(max(int(x + taps[n, 0] * radius), 0), last)
        j = min(max(int(y + taps[n, 1] * radius), 0), last)
        lit += min(max((depth[j, i] - z) / (0.03 * unit) + 1, 0.0), 1.0)
    return lit / len(taps)


@jit
def irradiate(
    keys: I64, screen: F32, triangles: I32, material: U8, table: F32, matter: F32, lamps: F32,
    depth: F32, matrix: F32, search: F32, taps: F32, penumbra: F32, seen: I32, far: F32,
    out: F32,
) -> None:  # fmt: skip
    """First pass over keys [H, W, 4].

    seen [H, W] = the nearest triangle or -1, far [H, W] its depth (2 where there is none),
    out [H, W, 4] = irradiance RGB and the key light's visibility.
    """
    kx, ky, kz = lamps[0], lamps[1], lamps[2]
    rx, ry, rz = lamps[6], lamps[7], lamps[8]
    texel, unit = lamps[21], lamps[22]
    for y in range(keys.shape[0]):
        for x in range(keys.shape[1]):
            best = min(min(keys[y, x, 0], keys[y, x, 1]), min(keys[y, x, 2], keys[y, x, 3]))
            if best == EMPTY:
                seen[y, x] = -1
                far[y, x] = 2
                continue
            t = np.uint64(best & _ID)
            seen[y, x] = np.int32(t)
            far[y, x] = (best >> 32) / DEPTH_ONE
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b1, b2 = corner_weights(
                screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0],
                screen[k, 1], np.float32(x + 0.5), np.float32(y + 0.5),
            )  # fmt: skip
            b0 = np.float32(1) - b1 - b2
            nx = b0 * table[i, 0] + b1 * table[j, 0] + b2 * table[k, 0]
            ny = b0 * table[i, 1] + b1 * table[j, 1] + b2 * table[k, 1]
            nz = b0 * table[i, 2] + b1 * table[j, 2] + b2 * table[k, 2]
            f = 1 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            nx, ny, nz = nx * f, ny * f, nz * f
            what = int(matter[material[t], 0])
            if nz < -0.3 and what != _SKIN:
                nx, ny, nz = -nx, -ny, -nz
            px = b0 * table[i, _W] + b1 * table[j, _W] + b2 * table[k, _W]
            py = b0 * table[i, _W + 1] + b1 * table[j, _W + 1] + b2 * table[k, _W + 1]
            pz = b0 * table[i, _W + 2] + b1 * table[j, _W + 2] + b2 * table[k, _W + 2]
            sr = b0 * table[i, _SKY] + b1 * table[j, _SKY] + b2 * table[k, _SKY]
            sg = b0 * table[i, _SKY + 1] + b1 * table[j, _SKY + 1] + b2 * table[k, _SKY + 1]
            sb = b0 * table[i, _SKY + 2] + b1 * table[j, _SKY + 2] + b2 * table[k, _SKY + 2]
            ambient = b0 * table[i, _A] + b1 * table[j, _A] + b2 * table[k, _A]
            if what == _HAIR:
                sr, sg, sb = sr + 0.05, sg + 0.05, sb + 0.05
            if what == _MOUTH or what == _TOOTH or what == _TONGUE:
                sr, sg, sb = sr * ambient, sg * ambient, sb * ambient
            facing = nx * kx + ny * ky + nz * kz
            wrap = 0.0
            if what == _SKIN:
                wrap = 0.10
            elif what == _HAIR or what == _TONGUE or what == _EYE:
                wrap = 0.25
            lit, through = 0.0, 0.0
            if facing > -wrap or what == _SKIN:
                off = 0.022
                qx, qy, qz = px + nx * off, py + ny * off, pz + nz * off
                u = matrix[0, 0] * qx + matrix[0, 1] * qy + matrix[0, 2] * qz + matrix[0, 3]
                v = matrix[1, 0] * qx + matrix[1, 1] * qy + matrix[1, 2] * qz + matrix[1, 3]
                w = matrix[2, 0] * qx + matrix[2, 1] * qy + matrix[2, 2] * qz + matrix[2, 3]
                if x & 1 and seen[y, x - 1] >= 0 and abs(far[y, x - 1] - far[y, x]) < 0.0006:
                    lit = out[y, x - 1, 3]  # soft shadows do not need every pixel
                elif y & 1 and seen[y - 1, x] >= 0 and abs(far[y - 1, x] - far[y, x]) < 0.0006:
                    lit = out[y - 1, x, 3]
                elif facing > -wrap:
                    lit = visible(
                        depth, u, v, w, texel, unit, search, taps, penumbra[0], penumbra[1],
                        penumbra[2],
                    )  # fmt: skip
                if what == _SKIN and facing < 0.25:
                    # Thin parts glow: light that came in on the other side (Jimenez et al.,
                    # "Real-time realistic skin translucency", IEEE CG&A 2010).
                    m = depth[min(max(int(v), 0), len(depth) - 1),
                              min(max(int(u), 0), len(depth) - 1)]  # fmt: skip
                    thick = max((w - m) / unit, 0.0)
                    through = math.exp(-((thick / 0.16) ** 2)) * max(0.15 - facing, 0.0) ** 1.5
            if what == _EYE:
                # The upper lid and its lashes always hang over the ball.
                shade = 0.45 + 0.55 * _step(0.55, 0.05, ny)
                sr, sg, sb = sr * shade + 0.06, sg * shade + 0.06, sb * shade + 0.06
                facing *= shade
            direct = max((facing + wrap) / ((1 + wrap) * (1 + wrap)), 0.0) * lit
            behind = max(nx * rx + ny * ry + nz * rz, 0.0) * ambient
            if what == _MOUTH or what == _TOOTH or what == _TONGUE:
                behind = 0.0
                direct *= 0.35 + 0.65 * ambient
                # Light goes around in a mouth, and comes back red.
                glow = 0.05 + 0.20 * ambient if what == _TOOTH else 0.07 + 0.10 * ambient
                sr, sg, sb = sr + 1.15 * glow, sg + 0.85 * glow, sb + 0.80 * glow
            out[y, x, 0] = lamps[3] * (direct + 0.30 * through) + sr + lamps[9] * behind
            out[y, x, 1] = lamps[4] * (direct + 0.05 * through) + sg + lamps[10] * behind
            out[y, x, 2] = lamps[5] * (direct + 0.02 * through) + sb + lamps[11] * behind
            out[y, x, 3] = lit


@jit
def _texel(
    textures: F32, offset: Scalar, height: Scalar, width: Scalar, u: Scalar, v: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """Bilinear RGBA of a texture [height, width] that begins at `offset`."""
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max((1 - v) * height - 0.5, 0.0), height - 1.001)
    x0, y0 = int(x), int(y)
    fx, fy = x - x0, y - y0
    p = offset + y0 * width + x0
    q = p + width
    a, b, c, d = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    return (
        a * textures[p, 0] + b * textures[p + 1, 0] + c * textures[q, 0] + d * textures[q + 1, 0],
        a * textures[p, 1] + b * textures[p + 1, 1] + c * textures[q, 1] + d * textures[q + 1, 1],
        a * textures[p, 2] + b * textures[p + 1, 2] + c * textures[q, 2] + d * textures[q + 1, 2],
        a * textures[p, 3] + b * textures[p + 1, 3] + c * textures[q, 3] + d * textures[q + 1, 3],
    )


@inlined
def _lobe(nh: Scalar, vh: Scalar, rough: Scalar, base: Scalar) -> Scalar:
    """GGX highlight times its Fresnel and visibility terms."""
    a = rough * rough
    a = a * a
    d = nh * nh * (a - 1) + 1
    fresnel = base + (1 - base) * (1 - vh) ** 5
    return a / (math.pi * d * d + 1e-9) * fresnel / (4 * vh * vh + 0.05)


@jit
def color(
    seen: I32, light: F32, screen: F32, triangles: I32, material: U8, table: F32, matter: F32,
    lamps: F32, textures: F32, index: I32, eyes: F32, out: F32,
) -> None:  # fmt: skip
    """Second pass: out [H, W, 4] = radiance, premultiplied, and alpha 1 where seen [H, W] >= 0.

    light [H, W, 4]: of `irradiate`, scattered where there is skin. eyes [2, 13]: of each eye (right,
    left) the rotation, row by row, the iris's radius and place in the texture, and a free entry.
    """
    kx, ky, kz = lamps[0], lamps[1], lamps[2]
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            at = seen[y, x]
            if at < 0:
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = out[y, x, 3] = 0
                continue
            t = np.uint64(at)
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b1, b2 = corner_weights(
                screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0],
                screen[k, 1], np.float32(x + 0.5), np.float32(y + 0.5),
            )  # fmt: skip
            b0 = np.float32(1) - b1 - b2
            nx = b0 * table[i, 0] + b1 * table[j, 0] + b2 * table[k, 0]
            ny = b0 * table[i, 1] + b1 * table[j, 1] + b2 * table[k, 1]
            nz = b0 * table[i, 2] + b1 * table[j, 2] + b2 * table[k, 2]
            f = 1 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            nx, ny, nz = nx * f, ny * f, nz * f
            kind = material[t]
            what = int(matter[kind, 0])
            if nz < -0.3 and what != _SKIN:
                nx, ny, nz = -nx, -ny, -nz
            u = b0 * table[i, 3] + b1 * table[j, 3] + b2 * table[k, 3]
            v = b0 * table[i, 4] + b1 * table[j, 4] + b2 * table[k, 4]
            px = b0 * table[i, _R] + b1 * table[j, _R] + b2 * table[k, _R]
            py = b0 * table[i, _R + 1] + b1 * table[j, _R + 1] + b2 * table[k, _R + 1]
            pz = b0 * table[i, _R + 2] + b1 * table[j, _R + 2] + b2 * table[k, _R + 2]
            ambient = b0 * table[i, _A] + b1 * table[j, _A] + b2 * table[k, _A]
            sky = b0 * table[i, _SKY + 1] + b1 * table[j, _SKY + 1] + b2 * table[k, _SKY + 1]
            vx = lamps[18] - (b0 * table[i, _W] + b1 * table[j, _W] + b2 * table[k, _W])
            vy = lamps[19] - (
                b0 * table[i, _W + 1] + b1 * table[j, _W + 1] + b2 * table[k, _W + 1]
            )
            vz = lamps[20] - (
                b0 * table[i, _W + 2] + b1 * table[j, _W + 2] + b2 * table[k, _W + 2]
            )
            f = 1 / math.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * f, vy * f, vz * f
            lr, lg, lb, lit = light[y, x, 0], light[y, x, 1], light[y, x, 2], light[y, x, 3]
            r, g, b, wet = matter[kind, 1], matter[kind, 2], matter[kind, 3], 0.0
            image = int(matter[kind, 4])
            eye = 1 if px > 0 else 0
            if what == _EYE:
                # Seen through the cornea, the iris lies deeper than the ball's surface.
                ex = vx * eyes[eye, 0] + vy * eyes[eye, 3] + vz * eyes[eye, 6]
                ey = vx * eyes[eye, 1] + vy * eyes[eye, 4] + vz * eyes[eye, 7]
                ez = max(vx * eyes[eye, 2] + vy * eyes[eye, 5] + vz * eyes[eye, 8], 0.3)
                cu, cv, radius = eyes[eye, 10], eyes[eye, 11], eyes[eye, 9]
                dx, dy = (u - cu) / radius, (v - cv) / radius
                rho = dx * dx + dy * dy
                deep = 0.30 * max(1 - rho, 0.0)
                u -= ex / ez * deep * radius
                v -= ey / ez * deep * radius
            if image >= 0:
                r, g, b, wet = _texel(
                    textures, index[image, 0], index[image, 1], index[image, 2], u, v
                )
            rough, specular = matter[kind, 5], matter[kind, 6]
            nv = max(nx * vx + ny * vy + nz * vz, 0.0)
            extra_r, extra_g, extra_b = 0.0, 0.0, 0.0
            if what == _SKIN:
                # Uneven blood and pigment, anchored on the rest pose.
                blotch = noise(px * 7, py * 7, pz * 7) - 0.5
                fine = noise(px * 28 + 7, py * 28, pz * 28) - 0.5
                pore = noise(px * 68, py * 68 + 3, pz * 68) - 0.5
                r *= 1 + 0.030 * blotch + 0.020 * fine + 0.030 * pore
                g *= 1 - 0.050 * blotch + 0.030 * fine + 0.050 * pore
                b *= 1 - 0.055 * blotch + 0.030 * fine + 0.050 * pore
                nx += (1 - wet) * 0.05 * pore
                ny += (1 - wet) * 0.05 * fine
                rough = rough + (0.26 - rough) * wet + 0.10 * fine
                specular *= 1 + 1.3 * wet
            elif what == _EYE:
                dx, dy = (u - cu) / radius, (v - cv) / radius
                inside = _step(1.06, 0.94, math.sqrt(dx * dx + dy * dy))
                # Light from above lands on the far side of the iris: a caustic.
                lx = kx * eyes[eye, 0] + ky * eyes[eye, 3] + kz * eyes[eye, 6]
                ly = kx * eyes[eye, 1] + ky * eyes[eye, 4] + kz * eyes[eye, 7]
                glow = max(-(dx * lx + dy * ly), 0.0)
                glow *= _step(0.42, 0.60, math.sqrt(dx * dx + dy * dy))
                caustic = inside * (0.72 + 1.5 * glow * _step(1.0, 0.6, math.sqrt(dx * dx + dy * dy)))
                r, g, b = (
                    r * (1 - inside + caustic), g * (1 - inside + caustic),
                    b * (1 - inside + caustic),
                )  # fmt: skip
                # The ball is pink towards its corners, and shaded by both lids.
                rim = min(max(math.sqrt(rho) - 1, 0.0), 1.2)
                g *= 1 - 0.16 * rim
                b *= 1 - 0.13 * rim
            elif what == _HAIR:
                tx = b0 * table[i, _T] + b1 * table[j, _T] + b2 * table[k, _T]
                ty = b0 * table[i, _T + 1] + b1 * table[j, _T + 1] + b2 * table[k, _T + 1]
                tz = b0 * table[i, _T + 2] + b1 * table[j, _T + 2] + b2 * table[k, _T + 2]
                f = 1 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-9)
                th = (tx * (kx + vx) + ty * (ky + vy) + tz * (kz + vz)) * f
                th /= math.sqrt((kx + vx) ** 2 + (ky + vy) ** 2 + (kz + vz) ** 2)
                streak = noise(u * 34 + px * 3, v * 2.0, pz * 3)
                dark = 0.40 + 0.45 * streak
                r, g, b = r * dark, g * dark, b * dark
                shine = max(1 - th * th, 0.0) ** 24 * (0.3 + streak) * lit * 0.10
                extra_r, extra_g, extra_b = (
                    shine * (0.3 + r), shine * (0.3 + g), shine * (0.3 + b)
                )  # fmt: skip
                specular = 0.0
            elif what == _CLOTH:
                weave = math.sin(px * 300) * math.sin(py * 300 + pz * 120)
                soft = noise(px * 14, py * 14, pz * 14) - 0.5
                grain = 1 + 0.045 * weave + 0.06 * soft
                r, g, b = r * grain, g * grain, b * grain
                nx += 0.05 * weave
            sheen = matter[kind, 7] * (1 - nv) ** 3
            hx, hy, hz = kx + vx, ky + vy, kz + vz
            f = 1 / math.sqrt(hx * hx + hy * hy + hz * hz)
            hx, hy, hz = hx * f, hy * f, hz * f
            vh = max(vx * hx + vy * hy + vz * hz, 0.0)
            if what == _EYE:
                # The cornea bulges over the iris and mirrors a window.
                dx, dy = (u - cu) / radius, (v - cv) / radius
                bulge = _step(1.25, 0.85, math.sqrt(dx * dx + dy * dy))
                cx, cy, cz = 0.72 * dx, 0.72 * dy, 1.0
                gx = eyes[eye, 0] * cx + eyes[eye, 1] * cy + eyes[eye, 2] * cz
                gy = eyes[eye, 3] * cx + eyes[eye, 4] * cy + eyes[eye, 5] * cz
                gz = eyes[eye, 6] * cx + eyes[eye, 7] * cy + eyes[eye, 8] * cz
                nx, ny, nz = nx + bulge * (gx - nx), ny + bulge * (gy - ny), nz + bulge * (gz - nz)
                f = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
                nx, ny, nz = nx * f, ny * f, nz * f
                nv = max(nx * vx + ny * vy + nz * vz, 0.0)
                mx, my, mz = 2 * nv * nx - vx, 2 * nv * ny - vy, 2 * nv * nz - vz
                wx = mx * lamps[23] + my * lamps[24] + mz * lamps[25]
                wy = mx * lamps[26] + my * lamps[27] + mz * lamps[28]
                front = mx * kx + my * ky + mz * kz
                window = _card(wx, wy, 0.13, 0.15, 0.15) if front > 0 else 0.0
                window *= 0.35 + 0.65 * lit
                fill = mx * 0.38 - my * 0.34 + mz * 0.86
                low = _step(0.975, 0.995, fill) * 0.22
                above = 0.10 * _step(-0.2, 0.9, my) * (0.04 + 0.96 * (1 - nv) ** 4 + 0.25)
                mirror = 2.4 * window * (0.35 + 0.65 * bulge) + low * bulge + above * sky
                extra_r += mirror
                extra_g += mirror
                extra_b += mirror
                specular = 0.0
            gloss = 0.0
            if specular > 0:
                f = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
                nh = max((nx * hx + ny * hy + nz * hz) * f, 0.0)
                nl = max((nx * kx + ny * ky + nz * kz) * f, 0.0)
                gloss = _lobe(nh, vh, rough, 0.04) * 0.6
                gloss += _lobe(nh, vh, rough * 0.6, 0.04) * 0.4
                gloss *= specular * nl * lit
                if what == _MOUTH or what == _TONGUE or what == _TOOTH:
                    gloss *= ambient
                edge = specular * 0.35 * (0.02 + 0.98 * (1 - nv) ** 5) * sky
                extra_r += edge * lamps[12]
                extra_g += edge * lamps[13]
                extra_b += edge * lamps[14]
            out[y, x, 0] = r * lr + gloss * lamps[3] + extra_r + sheen * lr * (0.3 + 0.7 * r)
            out[y, x, 1] = g * lg + gloss * lamps[4] + extra_g + sheen * lg * (0.3 + 0.7 * g)
            out[y, x, 2] = b * lb + gloss * lamps[5] + extra_b + sheen * lb * (0.3 + 0.7 * b)
            out[y, x, 3] = 1
