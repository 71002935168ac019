"""Hair as strands: grown once over the rest mesh, carried by its triangles, drawn as thin lines.

A strand is a row of points (triangle, barycentric weights) found by walking over the mesh along a
field of directions, and what it has of its own: height over the surface, colour, width. It moves
with the surface, so nothing crawls. Shading after Kajiya and Kay ("Rendering fur with three
dimensional textures", SIGGRAPH 1989) with two shifted highlights (Marschner et al., "Light
scattering from human hair fibers", SIGGRAPH 2003, in the form of Scheuermann, 2004).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass
class Strands:
    """N strands of K points; all arrays are fixed once grown."""

    triangle: I32  # [N, K] of the coarse mesh
    weight: F32  # [N, K, 2] of its corners 1 and 2
    height: F32  # [N, K] dm over the surface
    beyond: F32  # [N, K] dm past the mesh's edge, along the strand
    aside: F32  # [N, K] dm across the strand
    color: F32  # [N, K, 3] linear
    width: F32  # [N, K] dm
    alpha: F32  # [N, K]
    shine: F32  # [N, 3] strengths of the two highlights, and how they are shifted
    gap: F32  # [N] dm by which it may lie behind what hides it

    @staticmethod
    def joined(parts: "list[Strands]") -> "Strands":
        """One after the other: later ones are drawn over earlier ones."""
        return Strands(
            *(np.concatenate([getattr(p, n) for p in parts]) for n in Strands.__annotations__)
        )


def neighbours(corners: I32) -> I32:
    """Triangles [F, 3] across the edges 01, 12, 20 of triangles of place numbers, -1 for none."""
    count = int(corners.max()) + 1
    edge = np.stack([corners, np.roll(corners, -1, 1)], -1).reshape(-1, 2).astype(np.int64)
    ends = np.sort(edge, axis=1)
    code = ends[:, 0] * count + ends[:, 1]
    order = np.argsort(code, kind="stable")
    out = np.full(len(code), -1, np.int32)
    same = np.flatnonzero(code[order][1:] == code[order][:-1])
    a, b = order[same], order[same + 1]
    out[a], out[b] = b // 3, a // 3
    return out.reshape(-1, 3)


@jit
def _walk(
    points: F32, faces: I32, places: I32, across: I32, field: F32, seed: I32, start: F32,
    step: F32, sign: float, triangle: I32, weight: F32, beyond: F32,
) -> None:  # fmt: skip
    """Follow `field` [V, 3] over triangles from seeds [N] (triangle) and start [N, 2] (weights).

    Writes K points a strand, step [N] dm apart; from the mesh's edge on `beyond` counts the way.
    """
    for n in range(len(seed)):
        t, b1, b2 = seed[n], start[n, 0], start[n, 1]
        past = 0.0
        for k in range(triangle.shape[1]):
            triangle[n, k], weight[n, k, 0], weight[n, k, 1], beyond[n, k] = t, b1, b2, past
            left = step[n]
            if past > 0:
                past += left
                continue
            for _ in range(24):
                i, j, m = faces[t, 0], faces[t, 1], faces[t, 2]
                b0 = 1 - b1 - b2
                e1x, e1y, e1z = (
                    points[j, 0] - points[i, 0], points[j, 1] - points[i, 1],
                    points[j, 2] - points[i, 2],
                )  # fmt: skip
                e2x, e2y, e2z = (
                    points[m, 0] - points[i, 0], points[m, 1] - points[i, 1],
                    points[m, 2] - points[i, 2],
                )  # fmt: skip
                dx = sign * (b0 * field[i, 0] + b1 * field[j, 0] + b2 * field[m, 0])
                dy = sign * (b0 * field[i, 1] + b1 * field[j, 1] + b2 * field[m, 1])
                dz = sign * (b0 * field[i, 2] + b1 * field[j, 2] + b2 * field[m, 2])
                g11 = e1x * e1x + e1y * e1y + e1z * e1z
                g12 = e1x * e2x + e1y * e2y + e1z * e2z
                g22 = e2x * e2x + e2y * e2y + e2z * e2z
                r1 = dx * e1x + dy * e1y + dz * e1z
                r2 = dx * e2x + dy * e2y + dz * e2z
                det = g11 * g22 - g12 * g12
                if det < 1e-14:
                    past = left
                    break
                d1, d2 = (r1 * g22 - r2 * g12) / det, (r2 * g11 - r1 * g12) / det
                length = np.sqrt(max(d1 * d1 * g11 + 2 * d1 * d2 * g12 + d2 * d2 * g22, 0.0))
                if length < 1e-7:
                    past = left
                    break
                d1, d2 = d1 / length, d2 / length
                d0 = -d1 - d2
                # Where it leaves: which weight falls to nothing first.
                far, out = left, -1
                if d0 < 0 and -b0 / d0 < far:
                    far, out = -b0 / d0, 1  # edge 12 lies opposite corner 0
                if d1 < 0 and -b1 / d1 < far:
                    far, out = -b1 / d1, 2
                if d2 < 0 and -b2 / d2 < far:
                    far, out = -b2 / d2, 0
                far = max(far, 0.0)
                b1, b2 = b1 + far * d1, b2 + far * d2
                left -= far
                if out < 0:
                    break
                other = across[t, out]
                if other < 0:
                    past = left + 1e-6
                    break
                # The same point in the next triangle, by place.
                w = (1 - b1 - b2, b1, b2)
                c1, c2 = 0.0, 0.0
                for c in range(3):
                    if c == (out + 2) % 3:
                        continue
                    p = places[t, c]
                    if places[other, 1] == p:
                        c1 += w[c]
                    elif places[other, 2] == p:
                        c2 += w[c]
                # A little inside, so that rounding does not send it back.
                b1, b2, t = c1 * 0.9996 + 0.0001, c2 * 0.9996 + 0.0001, other


def walk(
    points: F32, faces: I32, places: I32, across: I32, field: F32, seed: I32, start: F32,
    step: F32, count: int, sign: float = 1.0,
) -> tuple[I32, F32, F32]:  # fmt: skip
    """Triangles [N, K], weights [N, K, 2] and ways past the edge [N, K] of `count` points."""
    triangle = np.empty((len(seed), count), np.int32)
    weight = np.empty((len(seed), count, 2), np.float32)
    beyond = np.empty((len(seed), count), np.float32)
    _walk(
        points, faces, places, across, field.astype(np.float32), seed, start.astype(np.float32),
        step.astype(np.float32), sign, triangle, weight, beyond,
    )  # fmt: skip
    return triangle, weight, beyond


def scattered(
    points: F32, faces: I32, count: int, chance: np.random.Generator,
    share: npt.NDArray[np.floating] | None = None,
) -> tuple[I32, F32]:  # fmt: skip
    """Seeds over triangles [F, 3], evenly by area times `share` [F]: (triangle [N], weights)."""
    a, b, c = (points[faces[:, k]].astype(float) for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    area = area if share is None else area * share
    total = np.cumsum(area)
    at = (np.arange(count) + chance.uniform(0, 1, count)) / count * total[-1]
    seed = np.minimum(np.searchsorted(total, at), len(faces) - 1).astype(np.int32)
    u, v = chance.uniform(0, 1, (2, count))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return seed, np.stack([u, v], 1).astype(np.float32)


@inlined
def _power(base: Scalar, doublings: Scalar) -> Scalar:
    for _ in range(doublings):
        base = base * base
    return base


@jit
def place(
    triangle: I32, weight: F32, height: F32, beyond: F32, aside: F32, faces: I32, points: F32,
    smooth: F32, sky: F32, out: F32, sight: F32,
) -> None:  # fmt: skip
    """Posed strand points -> out [N, K, 6]: world position and sky's light; sight [N, K, 3]: the
    surface's normal there."""
    for n in range(triangle.shape[0]):
        for k in range(triangle.shape[1]):
            t = triangle[n, k]
            i, j, m = faces[t, 0], faces[t, 1], faces[t, 2]
            b1, b2 = weight[n, k, 0], weight[n, k, 1]
            b0 = np.float32(1) - b1 - b2
            x = b0 * points[i, 0] + b1 * points[j, 0] + b2 * points[m, 0]
            y = b0 * points[i, 1] + b1 * points[j, 1] + b2 * points[m, 1]
            z = b0 * points[i, 2] + b1 * points[j, 2] + b2 * points[m, 2]
            # Rounded as the surface is (Phong tessellation).
            ri = (
                (points[i, 0] - x) * smooth[i, 0] + (points[i, 1] - y) * smooth[i, 1]
                + (points[i, 2] - z) * smooth[i, 2]
            ) * b0  # fmt: skip
            rj = (
                (points[j, 0] - x) * smooth[j, 0] + (points[j, 1] - y) * smooth[j, 1]
                + (points[j, 2] - z) * smooth[j, 2]
            ) * b1  # fmt: skip
            rm = (
                (points[m, 0] - x) * smooth[m, 0] + (points[m, 1] - y) * smooth[m, 1]
                + (points[m, 2] - z) * smooth[m, 2]
            ) * b2  # fmt: skip
            f = np.float32(0.7)
            nx = b0 * smooth[i, 0] + b1 * smooth[j, 0] + b2 * smooth[m, 0]
            ny = b0 * smooth[i, 1] + b1 * smooth[j, 1] + b2 * smooth[m, 1]
            nz = b0 * smooth[i, 2] + b1 * smooth[j, 2] + b2 * smooth[m, 2]
            g = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-9))
            nx, ny, nz = nx * g, ny * g, nz * g
            h = height[n, k]
            x += f * (ri * smooth[i, 0] + rj * smooth[j, 0] + rm * smooth[m, 0]) + h * nx
            y += f * (ri * smooth[i, 1] + rj * smooth[j, 1] + rm * smooth[m, 1]) + h * ny
            z += f * (ri * smooth[i, 2] + rj * smooth[j, 2] + rm * smooth[m, 2]) + h * nz
            if k > 0:
                dx, dy, dz = x - out[n, k - 1, 0], y - out[n, k - 1, 1], z - out[n, k - 1, 2]
                past = beyond[n, k]
                if past > 0 and k > 1:
                    # Straight on, and a little down: hair falls.
                    way = past - beyond[n, k - 1]
                    dx = out[n, k - 1, 0] - out[n, k - 2, 0]
                    dy = out[n, k - 1, 1] - out[n, k - 2, 1] - np.float32(0.06) * way
                    dz = out[n, k - 1, 2] - out[n, k - 2, 2]
                    g = way / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-9))
                    dx, dy, dz = dx * g, dy * g, dz * g
                    x = out[n, k - 1, 0] + dx
                    y = out[n, k - 1, 1] + dy
                    z = out[n, k - 1, 2] + dz
                else:
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


@jit
def shade(
    at: F32, sight: F32, color: F32, shine: F32, lamps: F32, depth: F32, matrix: F32, taps: F32,
    out: F32,
) -> None:  # fmt: skip
    """Radiance out [N, K, 3] of strands with points `at` [N, K, 6] of colour [N, K, 3]."""
    kx, ky, kz = lamps[0], lamps[1], lamps[2]
    rx, ry, rz = lamps[6], lamps[7], lamps[8]
    last = depth.shape[0] - 1
    count = at.shape[1]
    for n in range(at.shape[0]):
        for k in range(count):
            a, b = max(k - 1, 0), min(k + 1, count - 1)
            tx, ty, tz = at[n, b, 0] - at[n, a, 0], at[n, b, 1] - at[n, a, 1], at[n, b, 2] - at[n, a, 2]  # noqa: E501
            f = 1 / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx, ty, tz = tx * f, ty * f, tz * f
            nx, ny, nz = sight[n, k, 0], sight[n, k, 1], sight[n, k, 2]
            vx, vy, vz = lamps[18] - at[n, k, 0], lamps[19] - at[n, k, 1], lamps[20] - at[n, k, 2]
            f = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * f, vy * f, vz * f
            px, py, pz = at[n, k, 0] + 0.03 * nx, at[n, k, 1] + 0.03 * ny, at[n, k, 2] + 0.03 * nz
            u = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz + matrix[0, 3]
            v = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz + matrix[1, 3]
            w = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz + matrix[2, 3]
            lit = 0.0
            for s in range(len(taps)):
                i = min(max(int(u + taps[s, 0] * 9), 0), last)
                j = min(max(int(v + taps[s, 1] * 9), 0), last)
                lit += min(max((depth[j, i] - w) / (0.06 * lamps[22]) + 1, 0.0), 1.0)
            lit /= len(taps)
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
