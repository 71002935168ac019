"""Second pass over the teacher's pixels: what surfaces send to the viewer.

Skin is uneven and shines in two lobes; eyes have a bulging cornea over a deeper iris; hair under
the strands is dark and streaked; cloth is woven. What varies is anchored on the rest pose.
"""

import math

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit
from engine.train.neural.optics import blend, card, corners, lobe, noise, step, texel, unit
from engine.train.neural.surface import Column, Kind

I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

_SKY, _W, _R = int(Column.SKY), int(Column.WORLD), int(Column.REST)
_A, _T = int(Column.AMBIENT), int(Column.TANGENT)
_SKIN, _EYE, _MOUTH, _TOOTH = int(Kind.SKIN), int(Kind.EYE), int(Kind.MOUTH), int(Kind.TOOTH)
_TONGUE, _HAIR, _CLOTH = int(Kind.TONGUE), int(Kind.HAIR), int(Kind.CLOTH)


@inlined
def _behind(
    eyes: F32, eye: Scalar, u: Scalar, v: Scalar, vx: Scalar, vy: Scalar, vz: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """Where the line of sight, bent by the cornea, meets the iris, which lies deeper than the
    ball: (u, v) there, and how far out on the ball the sight enters, in radii of the iris."""
    ex = vx * eyes[eye, 0] + vy * eyes[eye, 3] + vz * eyes[eye, 6]
    ey = vx * eyes[eye, 1] + vy * eyes[eye, 4] + vz * eyes[eye, 7]
    ez = max(vx * eyes[eye, 2] + vy * eyes[eye, 5] + vz * eyes[eye, 8], 0.3)
    radius = eyes[eye, 9]
    dx, dy = (u - eyes[eye, 10]) / radius, (v - eyes[eye, 11]) / radius
    out = math.sqrt(dx * dx + dy * dy)
    deep = 0.30 * max(1 - out * out, 0.0) * radius
    return u - ex / ez * deep, v - ey / ez * deep, out


@inlined
def _iris(
    eyes: F32, eye: Scalar, dx: Scalar, dy: Scalar, out: Scalar, lamps: F32, r: Scalar, g: Scalar,
    b: Scalar,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Colour of an eye at (dx, dy) radii of the iris."""
    away = math.sqrt(dx * dx + dy * dy)
    inside = step(1.06, 0.94, away)
    # Light from above lands on the far side of the iris: a caustic.
    lx = lamps[0] * eyes[eye, 0] + lamps[1] * eyes[eye, 3] + lamps[2] * eyes[eye, 6]
    ly = lamps[0] * eyes[eye, 1] + lamps[1] * eyes[eye, 4] + lamps[2] * eyes[eye, 7]
    glow = max(-(dx * lx + dy * ly), 0.0) * step(0.42, 0.60, away) * step(1.0, 0.6, away)
    tint = 1 - inside + inside * (0.72 + 1.5 * glow)
    # The ball is pink towards its corners.
    rim = min(max(out - 1, 0.0), 1.2)
    return r * tint, g * tint * (1 - 0.16 * rim), b * tint * (1 - 0.13 * rim)


@inlined
def _mirror(
    eyes: F32, eye: Scalar, dx: Scalar, dy: Scalar, nx: Scalar, ny: Scalar, nz: Scalar, vx: Scalar,
    vy: Scalar, vz: Scalar, lamps: F32, lit: Scalar, sky: Scalar,
) -> Scalar:  # fmt: skip
    """What an eye mirrors: a soft box at the key light, a fainter one across, the sky. The cornea
    bulges over the iris."""
    bulge = step(1.25, 0.85, math.sqrt(dx * dx + dy * dy))
    cx, cy = 0.72 * dx, 0.72 * dy
    gx = eyes[eye, 0] * cx + eyes[eye, 1] * cy + eyes[eye, 2]
    gy = eyes[eye, 3] * cx + eyes[eye, 4] * cy + eyes[eye, 5]
    gz = eyes[eye, 6] * cx + eyes[eye, 7] * cy + eyes[eye, 8]
    nx, ny, nz = unit(nx + bulge * (gx - nx), ny + bulge * (gy - ny), nz + bulge * (gz - nz))
    nv = max(nx * vx + ny * vy + nz * vz, 0.0)
    mx, my, mz = 2 * nv * nx - vx, 2 * nv * ny - vy, 2 * nv * nz - vz
    wx = mx * lamps[23] + my * lamps[24] + mz * lamps[25]
    wy = mx * lamps[26] + my * lamps[27] + mz * lamps[28]
    front = mx * lamps[0] + my * lamps[1] + mz * lamps[2]
    window = card(wx, wy, 0.13, 0.15, 0.15) if front > 0 else 0.0
    window *= 0.35 + 0.65 * lit
    low = step(0.975, 0.995, mx * 0.38 - my * 0.34 + mz * 0.86) * 0.22
    above = 0.10 * step(-0.2, 0.9, my) * (0.29 + 0.96 * (1 - nv) ** 4)
    return 2.4 * window * (0.35 + 0.65 * bulge) + low * bulge + above * sky


@inlined
def _blood(
    px: Scalar, py: Scalar, pz: Scalar, r: Scalar, g: Scalar, b: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Uneven blood and pigment: skin's colour, and how its normal tips in x and y."""
    blotch = noise(px * 7, py * 7, pz * 7) - 0.5
    fine = noise(px * 28 + 7, py * 28, pz * 28) - 0.5
    pore = noise(px * 68, py * 68 + 3, pz * 68) - 0.5
    r *= 1 + 0.030 * blotch + 0.020 * fine + 0.030 * pore
    g *= 1 - 0.050 * blotch + 0.030 * fine + 0.050 * pore
    b *= 1 - 0.055 * blotch + 0.030 * fine + 0.050 * pore
    return r, g, b, pore, fine


@inlined
def _streaks(
    tx: Scalar, ty: Scalar, tz: Scalar, hx: Scalar, hy: Scalar, hz: Scalar, streak: Scalar,
    lit: Scalar,
) -> tuple[Scalar, Scalar]:  # fmt: skip
    """Hair below the strands: how dark it is, and its highlight across the tangent."""
    tx, ty, tz = unit(tx, ty, tz)
    th = tx * hx + ty * hy + tz * hz
    return 0.40 + 0.45 * streak, max(1 - th * th, 0.0) ** 24 * (0.3 + streak) * lit * 0.10


@inlined
def _gloss(
    nx: Scalar, ny: Scalar, nz: Scalar, hx: Scalar, hy: Scalar, hz: Scalar, vx: Scalar, vy: Scalar,
    vz: Scalar, rough: Scalar, lamps: F32,
) -> Scalar:  # fmt: skip
    """Two highlights of one surface, a broad one and a narrow one."""
    nx, ny, nz = unit(nx, ny, nz)
    nl = max(nx * lamps[0] + ny * lamps[1] + nz * lamps[2], 0.0)
    nh, vh = max(nx * hx + ny * hy + nz * hz, 0.0), max(vx * hx + vy * hy + vz * hz, 0.0)
    return (lobe(nh, vh, rough, 0.04) * 0.6 + lobe(nh, vh, rough * 0.6, 0.04) * 0.4) * nl


@jit
def _pixel(
    x: Scalar, y: Scalar, t: Scalar, kind: Scalar, light: F32, screen: F32, triangles: I32,
    table: F32, matter: F32, lamps: F32, textures: F32, index: I32, eyes: F32, out: F32,
) -> None:  # fmt: skip
    """Radiance of one pixel of material `kind`."""
    what = int(matter[kind, 0])
    i, j, k, b0, b1, b2 = corners(triangles, screen, t, x, y)
    nx, ny, nz = unit(
        blend(table, 0, i, j, k, b0, b1, b2), blend(table, 1, i, j, k, b0, b1, b2),
        blend(table, 2, i, j, k, b0, b1, b2),
    )  # fmt: skip
    if nz < -0.3 and what != _SKIN:
        nx, ny, nz = -nx, -ny, -nz
    u, v = blend(table, 3, i, j, k, b0, b1, b2), blend(table, 4, i, j, k, b0, b1, b2)
    px, py, pz = (
        blend(table, _R, i, j, k, b0, b1, b2), blend(table, _R + 1, i, j, k, b0, b1, b2),
        blend(table, _R + 2, i, j, k, b0, b1, b2),
    )  # fmt: skip
    vx, vy, vz = unit(
        lamps[18] - blend(table, _W, i, j, k, b0, b1, b2),
        lamps[19] - blend(table, _W + 1, i, j, k, b0, b1, b2),
        lamps[20] - blend(table, _W + 2, i, j, k, b0, b1, b2),
    )
    ambient = blend(table, _A, i, j, k, b0, b1, b2)
    sky, lit = blend(table, _SKY + 1, i, j, k, b0, b1, b2), light[y, x, 3]
    hx, hy, hz = unit(lamps[0] + vx, lamps[1] + vy, lamps[2] + vz)
    eye = 1 if px > 0 else 0
    entry, extra, hue = 0.0, 0.0, 0.0  # extra: light mirrored; hue: of it, by the colour
    if what == _EYE:
        u, v, entry = _behind(eyes, eye, u, v, vx, vy, vz)
    r, g, b, wet = matter[kind, 1], matter[kind, 2], matter[kind, 3], 0.0
    image = int(matter[kind, 4])
    if image >= 0:
        r, g, b, wet = texel(textures, index[image, 0], index[image, 1], index[image, 2], u, v)
    rough, specular = matter[kind, 5], matter[kind, 6]
    nv = max(nx * vx + ny * vy + nz * vz, 0.0)
    if what == _SKIN:
        r, g, b, pore, fine = _blood(px, py, pz, r, g, b)
        nx, ny = nx + (1 - wet) * 0.05 * pore, ny + (1 - wet) * 0.05 * fine
        rough, specular = rough + (0.26 - rough) * wet + 0.10 * fine, specular * (1 + 1.3 * wet)
    elif what == _EYE:
        dx, dy = (u - eyes[eye, 10]) / eyes[eye, 9], (v - eyes[eye, 11]) / eyes[eye, 9]
        r, g, b = _iris(eyes, eye, dx, dy, entry, lamps, r, g, b)
        extra = _mirror(eyes, eye, dx, dy, nx, ny, nz, vx, vy, vz, lamps, lit, sky)
    elif what == _HAIR:
        dark, shine = _streaks(
            blend(table, _T, i, j, k, b0, b1, b2), blend(table, _T + 1, i, j, k, b0, b1, b2),
            blend(table, _T + 2, i, j, k, b0, b1, b2), hx, hy, hz,
            noise(u * 34 + px * 3, v * 2.0, pz * 3), lit,
        )  # fmt: skip
        r, g, b, extra, hue = r * dark, g * dark, b * dark, shine * 0.3, shine
    elif what == _CLOTH:
        weave = math.sin(px * 300) * math.sin(py * 300 + pz * 120)
        grain = 1 + 0.045 * weave + 0.06 * (noise(px * 14, py * 14, pz * 14) - 0.5)
        r, g, b, nx = r * grain, g * grain, b * grain, nx + 0.05 * weave
    gloss, edge = 0.0, 0.0
    if specular > 0:
        gloss = _gloss(nx, ny, nz, hx, hy, hz, vx, vy, vz, rough, lamps) * specular * lit
        if what == _MOUTH or what == _TONGUE or what == _TOOTH:
            gloss *= ambient
        edge = specular * 0.35 * (0.02 + 0.98 * (1 - nv) ** 5) * sky
    sheen = matter[kind, 7] * (1 - nv) ** 3
    for c, own in enumerate((r, g, b)):
        out[y, x, c] = (
            own * light[y, x, c] + gloss * lamps[3 + c] + extra + hue * own + edge * lamps[12 + c]
            + sheen * light[y, x, c] * (0.3 + 0.7 * own)
        )  # fmt: skip
    out[y, x, 3] = 1


@jit
def color(
    seen: I32, light: F32, screen: F32, triangles: I32, material: U8, table: F32, matter: F32,
    lamps: F32, textures: F32, index: I32, eyes: F32, out: F32,
) -> None:  # fmt: skip
    """out [H, W, 4] = radiance, premultiplied, and alpha 1 where seen [H, W] >= 0.

    light [H, W, 4]: of `irradiate`, scattered where there is skin. eyes [2, 12]: of each eye
    (right, left) the rotation, row by row, and the iris's radius and place in its texture.
    """
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            at = seen[y, x]
            if at < 0:
                for c in range(4):
                    out[y, x, c] = 0
                continue
            t = np.uint64(at)
            _pixel(
                x, y, t, material[t], light, screen, triangles, table, matter, lamps, textures,
                index, eyes, out,
            )  # fmt: skip
