"""First pass over the teacher's pixels: the light that arrives at each of them.

Between this and the second pass (engine.train.neural.shade) skin lets its light wander.
"""

import math

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit
from engine.train.neural.optics import blend, corners, step, unit
from engine.train.neural.surface import Column, Kind
from kernels.raster import DEPTH_ONE, EMPTY

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

_ID = np.int64(0xFFFFFFFF)
_SKY, _W, _A = int(Column.SKY), int(Column.WORLD), int(Column.AMBIENT)
_SKIN, _EYE, _MOUTH, _TOOTH = int(Kind.SKIN), int(Kind.EYE), int(Kind.MOUTH), int(Kind.TOOTH)
_TONGUE, _HAIR = int(Kind.TONGUE), int(Kind.HAIR)
_OFF = 0.022  # dm by which a point stands off its surface when it looks at the lamp
_SAME = 0.0006  # depth: neighbouring pixels this near share a shadow


@jit
def visible(
    depth: F32, x: Scalar, y: Scalar, z: Scalar, texel: Scalar, unit_: Scalar, search: F32,
    taps: F32, penumbra: F32,
) -> Scalar:  # fmt: skip
    """Share of the key light at (x, y, z) of its map; penumbrae widen with what throws them.

    penumbra [3]: the lamp's width, least and most radius in dm.
    """
    last = depth.shape[0] - 1
    blockers, total = 0, 0.0
    for n in range(len(search)):
        i = min(max(int(x + search[n, 0] * penumbra[2] * texel), 0), last)
        j = min(max(int(y + search[n, 1] * penumbra[2] * texel), 0), last)
        if depth[j, i] < z - 0.01 * unit_:
            total += depth[j, i]
            blockers += 1
    if blockers == 0:
        return 1.0
    wide = (z - total / blockers) / unit_ * penumbra[0]
    radius = min(max(wide, penumbra[1]), penumbra[2]) * texel
    lit = 0.0
    for n in range(len(taps)):
        i = min(max(int(x + taps[n, 0] * radius), 0), last)
        j = min(max(int(y + taps[n, 1] * radius), 0), last)
        lit += min(max((depth[j, i] - z) / (0.03 * unit_) + 1, 0.0), 1.0)
    return lit / len(taps)


@inlined
def _through(depth: F32, u: Scalar, v: Scalar, w: Scalar, unit_: Scalar, facing: Scalar) -> Scalar:
    """Light that came in on the other side of thin skin (Jimenez et al., "Real-time realistic skin
    translucency", IEEE CG&A 2010)."""
    last = depth.shape[0] - 1
    thick = max((w - depth[min(max(int(v), 0), last), min(max(int(u), 0), last)]) / unit_, 0.0)
    return math.exp(-((thick / 0.16) ** 2)) * max(0.15 - facing, 0.0) ** 1.5


@inlined
def _sky(
    what: Scalar, r: Scalar, g: Scalar, b: Scalar, ambient: Scalar, up: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """The sky's light by kind of surface; `up`: the normal's y."""
    if what == _HAIR:
        r, g, b = r + 0.05, g + 0.05, b + 0.05
    elif what == _EYE:
        # The upper lid and its lashes always hang over the ball.
        shade = 0.45 + 0.55 * step(0.55, 0.05, up)
        r, g, b = r * shade + 0.06, g * shade + 0.06, b * shade + 0.06
    elif what == _MOUTH or what == _TOOTH or what == _TONGUE:
        # Light goes around in a mouth, and comes back red.
        glow = 0.05 + 0.20 * ambient if what == _TOOTH else 0.07 + 0.10 * ambient
        r = r * ambient + 1.15 * glow
        g = g * ambient + 0.85 * glow
        b = b * ambient + 0.80 * glow
    return r, g, b


@inlined
def _wrap(what: Scalar) -> Scalar:
    """How far light reaches around a surface."""
    if what == _SKIN:
        return 0.10
    if what == _HAIR or what == _TONGUE or what == _EYE:
        return 0.25
    return 0.0


@jit
def _pixel(
    x: Scalar, y: Scalar, t: Scalar, what: Scalar, shared: Scalar, screen: F32, triangles: I32,
    table: F32, lamps: F32, depth: F32, matrix: F32, search: F32, taps: F32, penumbra: F32,
    out: F32,
) -> None:  # fmt: skip
    """Light at one pixel; `shared`: a neighbour's share of the key light, or -1."""
    i, j, k, b0, b1, b2 = corners(triangles, screen, t, x, y)
    nx, ny, nz = unit(
        blend(table, 0, i, j, k, b0, b1, b2), blend(table, 1, i, j, k, b0, b1, b2),
        blend(table, 2, i, j, k, b0, b1, b2),
    )  # fmt: skip
    if nz < -0.3 and what != _SKIN:
        nx, ny, nz = -nx, -ny, -nz
    ambient = blend(table, _A, i, j, k, b0, b1, b2)
    sr, sg, sb = _sky(
        what, blend(table, _SKY, i, j, k, b0, b1, b2), blend(table, _SKY + 1, i, j, k, b0, b1, b2),
        blend(table, _SKY + 2, i, j, k, b0, b1, b2), ambient, ny,
    )  # fmt: skip
    facing = nx * lamps[0] + ny * lamps[1] + nz * lamps[2]
    wrap, lit, through = _wrap(what), 0.0, 0.0
    if facing > -wrap or what == _SKIN:
        px = blend(table, _W, i, j, k, b0, b1, b2) + nx * _OFF
        py = blend(table, _W + 1, i, j, k, b0, b1, b2) + ny * _OFF
        pz = blend(table, _W + 2, i, j, k, b0, b1, b2) + nz * _OFF
        u = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz + matrix[0, 3]
        v = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz + matrix[1, 3]
        w = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz + matrix[2, 3]
        if shared >= 0:
            lit = shared
        elif facing > -wrap:
            lit = visible(depth, u, v, w, lamps[21], lamps[22], search, taps, penumbra)
        if what == _SKIN and facing < 0.25:
            through = _through(depth, u, v, w, lamps[22], facing)
    if what == _EYE:
        facing *= 0.45 + 0.55 * step(0.55, 0.05, ny)
    direct = max((facing + wrap) / ((1 + wrap) * (1 + wrap)), 0.0) * lit
    behind = max(nx * lamps[6] + ny * lamps[7] + nz * lamps[8], 0.0) * ambient
    if what == _MOUTH or what == _TOOTH or what == _TONGUE:
        behind = 0.0
        direct *= 0.35 + 0.65 * ambient
    out[y, x, 0] = lamps[3] * (direct + 0.30 * through) + sr + lamps[9] * behind
    out[y, x, 1] = lamps[4] * (direct + 0.05 * through) + sg + lamps[10] * behind
    out[y, x, 2] = lamps[5] * (direct + 0.02 * through) + sb + lamps[11] * behind
    out[y, x, 3] = lit


@jit
def irradiate(
    keys: I64, screen: F32, triangles: I32, material: U8, table: F32, matter: F32, lamps: F32,
    depth: F32, matrix: F32, search: F32, taps: F32, penumbra: F32, seen: I32, far: F32,
    out: F32,
) -> None:  # fmt: skip
    """All pixels of keys [H, W, 4]. screen [V, 3], table [V, COLUMNS]: of the surface; depth,
    matrix: of the key light's map; search, taps: discs.

    seen [H, W] = the nearest triangle at any of a pixel's samples or -1 (silhouettes are up to half
    a pixel wider for it), far [H, W] its depth (2 where there is none),
    out [H, W, 4] = irradiance RGB and the key light's visibility.
    """
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
            # Soft shadows do not need every pixel.
            shared = -1.0
            if x & 1 and seen[y, x - 1] >= 0 and abs(far[y, x - 1] - far[y, x]) < _SAME:
                shared = out[y, x - 1, 3]
            elif y & 1 and seen[y - 1, x] >= 0 and abs(far[y - 1, x] - far[y, x]) < _SAME:
                shared = out[y - 1, x, 3]
            _pixel(
                x, y, t, int(matter[material[t], 0]), shared, screen, triangles, table, lamps,
                depth, matrix, search, taps, penumbra, out,
            )  # fmt: skip
