"""Attributes of the nearest surface at each pixel: what a neural renderer reads."""

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit
from kernels.raster import DEPTH_ONE, EMPTY

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
_ID = np.int64(0xFFFFFFFF)
_ZERO, _ONE = np.float32(0), np.float32(1)


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


@jit
def interpolate(
    keys: npt.NDArray[np.int64],
    screen: F32,
    triangles: I32,
    materials: U8,
    normals: F32,
    uvs: F32,
    uv: F32,
    normal: F32,
    depth: F32,
    mask: U8,
) -> None:
    """Resolve keys [H, W, 4]: the nearest of a pixel's samples gives its attributes.

    Writes uv [H, W, 2], normal [H, W, 3] unit, depth
    [H, W] in [0, 1) and mask [H, W] = material + 1; all 0 on the background. A pixel is covered
    when at least two of its samples are.
    """
    for y in range(keys.shape[0]):
        for x in range(keys.shape[1]):
            best, covered = EMPTY, 0
            for s in range(4):
                key = keys[y, x, s]
                if key != EMPTY:
                    covered += 1
                    best = min(best, key)
            if covered < 2:
                uv[y, x] = 0
                normal[y, x] = 0
                depth[y, x] = 0
                mask[y, x] = 0
                continue
            t: Scalar = np.uint64(best & _ID)
            px: Scalar = np.float32(x + 0.5)
            py: Scalar = np.float32(y + 0.5)
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b1, b2 = corner_weights(
                screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0],
                screen[k, 1], px, py,
            )  # fmt: skip
            b0 = np.float32(1) - b1 - b2
            for c in range(2):
                value = b0 * uvs[i, c] + b1 * uvs[j, c] + b2 * uvs[k, c]
                uv[y, x, c] = min(max(value, np.float32(0)), np.float32(1))
            nx = b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
            ny = b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
            nz = b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
            f = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = nx * f, ny * f, nz * f
            depth[y, x] = np.float32((best >> 32) / DEPTH_ONE)
            mask[y, x] = materials[t] + 1
