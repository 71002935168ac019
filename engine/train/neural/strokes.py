"""Strands posed, lit and drawn as thin lines over a picture.

Shading after Kajiya and Kay ("Rendering fur with three dimensional textures", SIGGRAPH 1989) with
two shifted highlights (Marschner et al., "Light scattering from human hair fibers", SIGGRAPH 2003,
in the form of Scheuermann, "Practical real-time hair rendering and shading", 2004).
"""

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit

I32 = npt.NDArray[np.int32]
_ROUND = np.float32(0.7)  # as engine.train.neural.surface rounds, and a little more


@inlined
def _power(base: Scalar, doublings: Scalar) -> Scalar:
    for _ in range(doublings):
        base = base * base
    return base


@inlined
def _leans(points: F32, smooth: F32, v: Scalar, x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """How far (x, y, z) lies under the tangent plane of vertex v."""
    return (
        (points[v, 0] - x) * smooth[v, 0] + (points[v, 1] - y) * smooth[v, 1]
        + (points[v, 2] - z) * smooth[v, 2]
    )  # fmt: skip


@inlined
def _rounded(
    points: F32, smooth: F32, i: Scalar, j: Scalar, m: Scalar, b0: Scalar, b1: Scalar, b2: Scalar,
    height: Scalar,
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]:  # fmt: skip
    """A point `height` over the rounded surface (Phong tessellation), and its normal."""
    x = b0 * points[i, 0] + b1 * points[j, 0] + b2 * points[m, 0]
    y = b0 * points[i, 1] + b1 * points[j, 1] + b2 * points[m, 1]
    z = b0 * points[i, 2] + b1 * points[j, 2] + b2 * points[m, 2]
    ri = _ROUND * b0 * _leans(points, smooth, i, x, y, z)
    rj = _ROUND * b1 * _leans(points, smooth, j, x, y, z)
    rm = _ROUND * b2 * _leans(points, smooth, m, x, y, z)
    nx = b0 * smooth[i, 0] + b1 * smooth[j, 0] + b2 * smooth[m, 0]
    ny = b0 * smooth[i, 1] + b1 * smooth[j, 1] + b2 * smooth[m, 1]
    nz = b0 * smooth[i, 2] + b1 * smooth[j, 2] + b2 * smooth[m, 2]
    g = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-9))
    nx, ny, nz = nx * g, ny * g, nz * g
    x += ri * smooth[i, 0] + rj * smooth[j, 0] + rm * smooth[m, 0] + height * nx
    y += ri * smooth[i, 1] + rj * smooth[j, 1] + rm * smooth[m, 1] + height * ny
    z += ri * smooth[i, 2] + rj * smooth[j, 2] + rm * smooth[m, 2] + height * nz
    return x, y, z, nx, ny, nz


@jit
def place(
    triangle: I32, weight: F32, height: F32, beyond: F32, aside: F32, faces: I32, points: F32,
    smooth: F32, sky: F32, out: F32, sight: F32,
) -> None:  # fmt: skip
    """Posed strand points -> out [N, K, 6]: world position and sky's light; sight [N, K, 3]: the
    surface's normal there. The first five: of Strands; points, smooth, sky [V, 3]: posed."""
    for n in range(triangle.shape[0]):
        for k in range(triangle.shape[1]):
            t = triangle[n, k]
            i, j, m = faces[t, 0], faces[t, 1], faces[t, 2]
            b1, b2 = weight[n, k, 0], weight[n, k, 1]
            b0 = np.float32(1) - b1 - b2
            x, y, z, nx, ny, nz = _rounded(points, smooth, i, j, m, b0, b1, b2, height[n, k])
            past = beyond[n, k]
            if k > 1 and past > 0:
                # Straight on, and a little down: hair falls.
                way = past - beyond[n, k - 1]
                dx = out[n, k - 1, 0] - out[n, k - 2, 0]
                dy = out[n, k - 1, 1] - out[n, k - 2, 1] - np.float32(0.06) * way
                dz = out[n, k - 1, 2] - out[n, k - 2, 2]
                g = way / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-9))
                x = out[n, k - 1, 0] + dx * g
                y = out[n, k - 1, 1] + dy * g
                z = out[n, k - 1, 2] + dz * g
            elif k > 0:
                dx, dy, dz = x - out[n, k - 1, 0], y - out[n, k - 1, 1], z - out[n, k - 1, 2]
                g = (aside[n, k] - aside[n, k - 1]) / np.sqrt(
                    dx * dx + dy * dy + dz * dz + np.float32(1e-9)
                )
                x += g * (dy * nz - dz * ny)
                y += g * (dz * nx - dx * nz)
                z += g * (dx * ny - dy * nx)
            out[n, k, 0], out[n, k, 1], out[n, k, 2] = x, y, z
            for c in range(3):
                out[n, k, 3 + c] = b0 * sky[i, c] + b1 * sky[j, c] + b2 * sky[m, c]
            sight[n, k, 0], sight[n, k, 1], sight[n, k, 2] = nx, ny, nz


@inlined
def _lit(
    depth: F32, matrix: F32, taps: F32, unit: Scalar, x: Scalar, y: Scalar, z: Scalar
) -> Scalar:
    """Share of the key light at a point, softly: taps [T, 2] of a disc nine texels wide."""
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
    last, lit = depth.shape[0] - 1, 0.0
    for s in range(len(taps)):
        i = min(max(int(u + taps[s, 0] * 9), 0), last)
        j = min(max(int(v + taps[s, 1] * 9), 0), last)
        lit += min(max((depth[j, i] - w) / (0.06 * unit) + 1, 0.0), 1.0)
    return lit / len(taps)


@jit
def shade(
    at: F32, sight: F32, color: F32, shine: F32, lamps: F32, depth: F32, matrix: F32, taps: F32,
    out: F32,
) -> None:  # fmt: skip
    """Radiance out [N, K, 3] of strands with points `at` [N, K, 6] of colour [N, K, 3]."""
    kx, ky, kz = lamps[0], lamps[1], lamps[2]
    rx, ry, rz = lamps[6], lamps[7], lamps[8]
    count = at.shape[1]
    for n in range(at.shape[0]):
        for k in range(count):
            a, b = max(k - 1, 0), min(k + 1, count - 1)
            tx, ty = at[n, b, 0] - at[n, a, 0], at[n, b, 1] - at[n, a, 1]
            tz = at[n, b, 2] - at[n, a, 2]
            f = 1 / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx, ty, tz = tx * f, ty * f, tz * f
            nx, ny, nz = sight[n, k, 0], sight[n, k, 1], sight[n, k, 2]
            vx, vy, vz = lamps[18] - at[n, k, 0], lamps[19] - at[n, k, 1], lamps[20] - at[n, k, 2]
            f = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * f, vy * f, vz * f
            lit = _lit(
                depth, matrix, taps, lamps[22], at[n, k, 0] + 0.03 * nx, at[n, k, 1] + 0.03 * ny,
                at[n, k, 2] + 0.03 * nz,
            )  # fmt: skip
            facing = nx * kx + ny * ky + nz * kz
            along = tx * kx + ty * ky + tz * kz
            across = np.sqrt(max(1 - along * along, 0.0))
            wrapped = min(max(0.5 * facing + 0.5, 0.0), 1.0)
            diffuse = (0.45 * across + 0.55 * max(facing, 0.0)) * wrapped * lit
            hx, hy, hz = kx + vx, ky + vy, kz + vz
            f = 1 / np.sqrt(hx * hx + hy * hy + hz * hz)
            th = (tx * hx + ty * hy + tz * hz) * f
            # Scales tilt the first highlight to the root; the second has been inside.
            shift = shine[n, 2]
            s1, s2 = th + 0.10 + shift, th - 0.14 + shift
            first = _power(max(1 - s1 * s1, 0.0), 6)
            second = _power(max(1 - s2 * s2, 0.0), 4)
            front = lit * min(max(facing * 1.6 + 0.25, 0.0), 1.0)
            back = tx * rx + ty * ry + tz * rz
            rim = np.sqrt(max(1 - back * back, 0.0)) * max(nx * rx + ny * ry + nz * rz, 0.0)
            edge = 1 - max(nx * vx + ny * vy + nz * vz, 0.0)
            rim *= edge * edge * 1.6 * min(4 * shine[n, 1], 1.0)
            for c in range(3):
                hue = color[n, k, c]
                glow = shine[n, 0] * first * front * (0.25 + 0.75 * hue) * 0.9
                glow += shine[n, 1] * second * front * (hue * 1.1 + 0.02)
                out[n, k, c] = (
                    hue * (lamps[3 + c] * diffuse + at[n, k, 3 + c])
                    + glow * lamps[3 + c] + rim * lamps[9 + c] * (0.10 + 0.9 * hue)
                )  # fmt: skip


@inlined
def _lay(image: F32, x: Scalar, y: Scalar, cover: Scalar, r: Scalar, g: Scalar, b: Scalar) -> None:
    keep = 1 - cover
    image[y, x, 0] = image[y, x, 0] * keep + r * cover
    image[y, x, 1] = image[y, x, 1] * keep + g * cover
    image[y, x, 2] = image[y, x, 2] * keep + b * cover
    image[y, x, 3] = image[y, x, 3] * keep + cover


@jit
def draw(
    screen: F32, radiance: F32, width: F32, alpha: F32, gap: F32, per_dm: float, range_dm: float,
    far: F32, image: F32,
) -> None:  # fmt: skip
    """Blend strands, screen [N, K, 3] (pixels, depth), over premultiplied image [H, W, 4] where
    far [H, W] does not hide them; width [N, K] dm, per_dm: pixels of one."""
    height, wide = far.shape[0], far.shape[1]
    for n in range(screen.shape[0]):
        slack = gap[n] / range_dm
        for k in range(screen.shape[1] - 1):
            a0, a1 = alpha[n, k], alpha[n, k + 1]
            if a0 <= 0.004 and a1 <= 0.004:
                continue
            x0, y0, z0 = screen[n, k, 0], screen[n, k, 1], screen[n, k, 2]
            x1, y1, z1 = screen[n, k + 1, 0], screen[n, k + 1, 1], screen[n, k + 1, 2]
            i0, j0 = min(max(int(x0), 0), wide - 1), min(max(int(y0), 0), height - 1)
            i1, j1 = min(max(int(x1), 0), wide - 1), min(max(int(y1), 0), height - 1)
            if z0 - slack > far[j0, i0] and z1 - slack > far[j1, i1]:
                continue  # hidden at both ends
            dx, dy = x1 - x0, y1 - y0
            steep = abs(dy) > abs(dx)
            if steep:
                x0, y0, x1, y1, dx, dy = y0, x0, y1, x1, dy, dx
            if dx == 0:
                continue
            lean = 1 / np.sqrt(1 + (dy / dx) * (dy / dx))  # of the distance across to that down
            first, last = (x0, x1) if dx > 0 else (x1, x0)
            begin, end = int(np.ceil(first - 0.5)), int(np.ceil(last - 0.5))
            begin, end = max(begin, 0), min(end, height if steep else wide)
            for major in range(begin, end):
                f = (major + 0.5 - x0) / dx
                f = min(max(f, 0.0), 1.0)
                middle, z = y0 + f * dy, z0 + f * (z1 - z0) - slack
                half = 0.5 * per_dm * (width[n, k] + f * (width[n, k + 1] - width[n, k]))
                # Thinner than a pixel: as wide as one, and fainter.
                thin = min(half * 2, 1.0)
                half = max(half, 0.5)
                share = thin * (a0 + f * (a1 - a0))
                r = radiance[n, k, 0] + f * (radiance[n, k + 1, 0] - radiance[n, k, 0])
                g = radiance[n, k, 1] + f * (radiance[n, k + 1, 1] - radiance[n, k, 1])
                b = radiance[n, k, 2] + f * (radiance[n, k + 1, 2] - radiance[n, k, 2])
                reach = (half + 0.5) / lean
                low, high = int(np.floor(middle - reach)), int(np.ceil(middle + reach))
                for minor in range(low, high + 1):
                    cover = half + 0.5 - abs(minor + 0.5 - middle) * lean
                    if cover <= 0:
                        continue
                    cover = min(cover, 1.0) * share
                    if steep:
                        if 0 <= minor < wide and z < far[major, minor]:
                            _lay(image, minor, major, cover, r, g, b)
                    elif 0 <= minor < height and z < far[minor, major]:
                        _lay(image, major, minor, cover, r, g, b)
