"""Neural textures: keys -> where each sample lies in an atlas -> what a network reads -> picture.

`surfaces` says where the samples of a pixel lie, `sample` reads the atlas there: two steps, because
training keeps the first for thousands of frames and learns the second. A pixel is read once, at
the middle of its samples, unless they lie on surfaces that are apart in the atlas; then once on
each. All means are over the samples that something covers. Channels lie side by side in memory, as
convolutions want them.
"""

import numpy as np
import numpy.typing as npt

from kernels.gbuffer import corner_weights
from kernels.jit import Scalar, inlined, jit
from kernels.raster import DEPTH_ONE, EMPTY, OFFSETS, SAMPLES, SUBPIXEL

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

DEPTH = 8  # channels of an atlas
PLANES = 16  # of an image: atlas 0:8, normal 8:11, depth 11, coverage 12, background 13:16
_ID = np.int64(0xFFFFFFFF)
_OX0, _OX1, _OX2, _OX3 = (np.float32(x / SUBPIXEL) for x, _ in OFFSETS)
_OY0, _OY1, _OY2, _OY3 = (np.float32(y / SUBPIXEL) for _, y in OFFSETS)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_NOTHING = np.float32(np.nan)
_QUARTER, _BYTE = np.float32(0.25), np.float32(255)
_FARTHEST = np.float32(1 / DEPTH_ONE)
_EIGHT = np.uint64(DEPTH)
SPREAD = 3  # px that an atlas runs over the edge of what is covered
NEAR = 1 / 256  # of the atlas: samples of a pixel no farther apart, on either axis, are one place
_NEAR = np.float32(NEAR)


@inlined
def _alike(key: Scalar, k0: Scalar, k1: Scalar, k2: Scalar, k3: Scalar) -> Scalar:
    """Bits of the samples that show the same triangle as `key`."""
    same = int((k0 ^ key) & _ID == 0) | int((k1 ^ key) & _ID == 0) << 1
    return same | int((k2 ^ key) & _ID == 0) << 2 | int((k3 ^ key) & _ID == 0) << 3


@inlined
def _middle(same: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """(how many samples, the mean of their places in a pixel) of bits."""
    on0, on1 = np.float32(same & 1), np.float32(same >> 1 & 1)
    on2, on3 = np.float32(same >> 2 & 1), np.float32(same >> 3)
    count = on0 + on1 + on2 + on3
    px = (on0 * _OX0 + on1 * _OX1 + on2 * _OX2 + on3 * _OX3) / count
    py = (on0 * _OY0 + on1 * _OY1 + on2 * _OY2 + on3 * _OY3) / count
    return count, px, py


@jit
def surfaces(
    keys: I64, screen: F32, triangles: I32, normals: F32, corners: F32, uv: F32, image: F32
) -> None:
    """Resolve keys [H, W, 4] into places in an atlas and planes 8:13 of an image.

    screen [V, 3], triangles [F, 3] and normals [V, 3] as for `interpolate`; corners [F, 3, 2]: uv
    of each triangle's corners in [0, 1]. Writes uv [H, W, 4, 2], NaN for samples that nothing
    covers, and of image [H, W, PLANES]: normal (mean, so shorter than 1 on an edge), depth in
    [0, 1) and the share of samples that are covered; 0 where nothing is.
    """
    for y in range(keys.shape[0]):
        for x in range(keys.shape[1]):
            k0, k1, k2, k3 = keys[y, x, 0], keys[y, x, 1], keys[y, x, 2], keys[y, x, 3]
            left = int(k0 != EMPTY) | int(k1 != EMPTY) << 1
            left |= int(k2 != EMPTY) << 2 | int(k3 != EMPTY) << 3
            if left != 15:
                for s in range(SAMPLES):
                    if not left >> s & 1:
                        uv[y, x, s, 0] = uv[y, x, s, 1] = _NOTHING
            if left == 0:
                image[y, x, 8:13] = 0
                continue
            covered = (left & 1) + (left >> 1 & 1) + (left >> 2 & 1) + (left >> 3)
            nx, ny, nz, depth = _ZERO, _ZERO, _ZERO, np.int64(0)
            u_low, v_low, u_high, v_high = _ONE + _ONE, _ONE + _ONE, -_ONE, -_ONE
            u_sum, v_sum = _ZERO, _ZERO
            while left:
                key = k0 if left & 1 else k1 if left & 2 else k2 if left & 4 else k3
                same = left & _alike(key, k0, k1, k2, k3)
                left ^= same
                count, px, py = _middle(same)
                px += np.float32(x)
                py += np.float32(y)
                t = np.uint64(key & _ID)
                i, j = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1])
                k = np.uint64(triangles[t, 2])
                b1, b2 = corner_weights(
                    screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0],
                    screen[k, 1], px, py,
                )  # fmt: skip
                b0 = _ONE - b1 - b2
                u = b0 * corners[t, 0, 0] + b1 * corners[t, 1, 0] + b2 * corners[t, 2, 0]
                v = b0 * corners[t, 0, 1] + b1 * corners[t, 1, 1] + b2 * corners[t, 2, 1]
                for s in range(SAMPLES):
                    if same >> s & 1:
                        uv[y, x, s, 0], uv[y, x, s, 1] = u, v
                u_low, u_high = min(u_low, u), max(u_high, u)
                v_low, v_high = min(v_low, v), max(v_high, v)
                u_sum, v_sum = u_sum + count * u, v_sum + count * v
                nx += count * (b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0])
                ny += count * (b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1])
                nz += count * (b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2])
                # Of all its samples: their mean lies in the key of no single one.
                depth += int(same & 1) * (k0 >> 32) + int(same >> 1 & 1) * (k1 >> 32)
                depth += int(same >> 2 & 1) * (k2 >> 32) + int(same >> 3) * (k3 >> 32)
            share = _ONE / np.float32(covered)
            if u_high - u_low <= _NEAR and v_high - v_low <= _NEAR:
                for s in range(SAMPLES):
                    if uv[y, x, s, 0] == uv[y, x, s, 0]:
                        uv[y, x, s, 0], uv[y, x, s, 1] = u_sum * share, v_sum * share
            image[y, x, 8], image[y, x, 9], image[y, x, 10] = nx * share, ny * share, nz * share
            image[y, x, 11] = np.float32(depth) * share * _FARTHEST
            image[y, x, 12] = np.float32(covered) * _QUARTER


@inlined
def _place(at: Scalar, side: Scalar) -> tuple[Scalar, Scalar]:
    """(first of two texels, share of the second) of a coordinate in [0, 1]; the border's texels
    go on outside. What is no number counts as 0."""
    x = at * np.float32(side) - _HALF
    x = x if x > _ZERO else _ZERO
    x = min(x, np.float32(side - 1))
    first = min(np.int64(x), np.int64(side - 2))
    return first, x - np.float32(first)


@jit
def sample(uv: F32, atlas: F32, image: F32) -> None:
    """Read an atlas [R, S, DEPTH], R and S at least 2, at uv [H, W, 4, 2] of `surfaces`.

    Writes channels 0:8 of image [H, W, PLANES]: bilinear, mean over the samples that are not NaN, 0
    where all are. uv (0, 0) is the corner of the first texel of the first row; outside [0, 1] the
    border goes on: torch's grid_sample with align_corners=False and padding_mode="border".
    """
    rows, columns = atlas.shape[0], atlas.shape[1]
    texels = atlas.reshape(-1)
    step = np.uint64(columns * DEPTH)
    total = np.empty(DEPTH, np.float32)
    for y in range(uv.shape[0]):
        for x in range(uv.shape[1]):
            total[:] = 0
            covered = _ZERO
            left = 0
            for s in range(SAMPLES):
                if uv[y, x, s, 0] == uv[y, x, s, 0]:
                    left |= 1 << s
                    covered += _ONE
            if left == 0:
                image[y, x, :DEPTH] = 0
                continue
            share = _ONE / covered
            for s in range(SAMPLES):
                if not left >> s & 1:
                    continue
                u, v, count = uv[y, x, s, 0], uv[y, x, s, 1], _ONE
                for other in range(s + 1, SAMPLES):
                    same = left >> other & 1
                    if same and uv[y, x, other, 0] == u and uv[y, x, other, 1] == v:
                        left ^= 1 << other
                        count += _ONE
                column, fx = _place(u, columns)
                row, fy = _place(v, rows)
                count *= share
                w11, w10 = count * fy * fx, count * fy * (_ONE - fx)
                w01, w00 = count * (_ONE - fy) * fx, count * (_ONE - fy) * (_ONE - fx)
                at = np.uint64(row * columns + column) * _EIGHT
                for c in range(np.uint64(DEPTH)):
                    n = at + c
                    total[c] += (
                        w00 * texels[n] + w01 * texels[n + _EIGHT]
                        + w10 * texels[n + step] + w11 * texels[n + step + _EIGHT]
                    )  # fmt: skip
            for c in range(DEPTH):
                image[y, x, c] = total[c]


@jit
def _beside(level: U8, queue: I32) -> Scalar:
    """Put the pixels beside those of level 1 [H, W] into a queue, as level 2: how many."""
    height, width = level.shape
    near = np.empty(width + 2, np.uint8)
    near[0] = near[width + 1] = 0
    count = 0
    for y in range(height):
        # Whole rows at a time, which the compiler turns into vector instructions.
        above, here, below = level[max(y - 1, 0)], level[y], level[min(y + 1, height - 1)]
        for x in range(width):
            near[x + 1] = (above[x] == 1) | (here[x] == 1) | (below[x] == 1)
        for x in range(width):
            if here[x] == 0 and (near[x] | near[x + 1] | near[x + 2]):
                queue[count] = y * width + x
                count += 1
    for n in range(count):
        level[queue[n] // width, queue[n] % width] = 2
    return count


@jit
def spread(image: F32, level: U8, queue: I32) -> None:
    """Let channels 0:8 of image [H, W, PLANES] run over the edge of what is covered (channel 12)
    by SPREAD pixels: one takes the mean of its known neighbours, those beside the edge first.

    Alpha reaches a little beyond the mesh (strands, smoothed edges); without this a network would
    have to paint colours there on top of nothing. level [H, W] and queue [H * W] are scratch.
    """
    height, width = level.shape
    for y in range(height):
        for x in range(width):
            level[y, x] = image[y, x, 12] > _ZERO
    total = np.empty(DEPTH, np.float32)
    begin, end = 0, _beside(level, queue)
    for ring in range(1, SPREAD + 1):
        last = end
        for n in range(begin, last):
            y, x = queue[n] // width, queue[n] % width
            count = 0
            total[:] = 0
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    if 0 < level[v, u] <= ring:
                        count += 1
                        for c in range(DEPTH):
                            total[c] += image[v, u, c]
                    elif level[v, u] == 0 and ring < SPREAD:  # of the next ring
                        level[v, u] = ring + 2
                        queue[end] = v * width + u
                        end += 1
            for c in range(DEPTH):
                image[y, x, c] = total[c] / np.float32(count)
        begin = last


@inlined
def _byte(value: Scalar) -> Scalar:
    """[0, 1] -> 0 to 255, rounded; outside held, and what is no number counts as 0."""
    value = value if value > _ZERO else _ZERO
    return np.uint8(min(value, _ONE) * _BYTE + _HALF)


@jit
def composite(rgba: F32, background: U8, out: U8) -> None:
    """Lay rgba [h, w, 4], not premultiplied, over a background [H, W, 3] -> out [H, W, 3] uint8,
    H <= h and W <= w: what is beyond is left out. Values outside [0, 1] are held."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            alpha = rgba[y, x, 3]
            alpha = min(alpha, _ONE) if alpha > _ZERO else _ZERO
            for c in range(3):
                value = rgba[y, x, c]
                value = min(value, _ONE) if value > _ZERO else _ZERO
                behind = np.float32(background[y, x, c])
                out[y, x, c] = np.uint8(behind + alpha * (value * _BYTE - behind) + _HALF)


@jit
def cut_out(rgba: F32, out: U8) -> None:
    """rgba [h, w, 4] -> out [H, W, 4] uint8, not premultiplied; H <= h and W <= w. Values outside
    [0, 1] are held."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for c in range(4):
                out[y, x, c] = _byte(rgba[y, x, c])
