"""What both passes of the teacher's shading share: tables, noise, textures, one highlight.

All light is linear RGB in which a white surface in full light is about 1; directions are unit
vectors in the world, whose z axis points to the viewer.
"""

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.neural.jit import Scalar, inlined, jit
from kernels.gbuffer import corner_weights

I32 = npt.NDArray[np.int32]


class Lamp(IntEnum):
    """Entries of the vector [LAMPS] float32 that holds for a whole picture."""

    KEY = 0  # direction
    KEY_COLOR = 3
    RIM = 6
    RIM_COLOR = 9
    ABOVE = 12  # the sky's colour, for reflections
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
def step(low: Scalar, high: Scalar, x: Scalar) -> Scalar:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@inlined
def card(x: Scalar, y: Scalar, half: Scalar, tall: Scalar, soft: Scalar) -> Scalar:
    """A soft box seen in a mirror: 1 inside, round corners, 0 from `soft` outside on."""
    dx, dy = max(abs(x) - half, 0.0), max(abs(y) - tall, 0.0)
    return step(soft, 0.0, math.sqrt(dx * dx + dy * dy))


@inlined
def lobe(nh: Scalar, vh: Scalar, rough: Scalar, base: Scalar) -> Scalar:
    """A GGX highlight (Walter et al., "Microfacet models for refraction", EGSR 2007) with the
    visibility term of Kelemen and Szirmay-Kalos (2001)."""
    a = rough * rough
    a = a * a
    d = nh * nh * (a - 1) + 1
    fresnel = base + (1 - base) * (1 - vh) ** 5
    return a / (math.pi * d * d + 1e-9) * fresnel / (4 * vh * vh + 0.05)


@inlined
def blend(
    table: F32, column: Scalar, i: Scalar, j: Scalar, k: Scalar, b0: Scalar, b1: Scalar, b2: Scalar
) -> Scalar:
    """A column of a vertex table at weights b0, b1, b2 of vertices i, j, k."""
    return b0 * table[i, column] + b1 * table[j, column] + b2 * table[k, column]


@jit
def corners(
    triangles: I32, screen: F32, t: Scalar, x: Scalar, y: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Vertices of triangle t and their weights at the middle of pixel (x, y)."""
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    b1, b2 = corner_weights(
        screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0], screen[k, 1],
        np.float32(x + 0.5), np.float32(y + 0.5),
    )  # fmt: skip
    return i, j, k, np.float32(1) - b1 - b2, b1, b2


@inlined
def unit(x: Scalar, y: Scalar, z: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """The same direction at length 1."""
    f = 1 / math.sqrt(x * x + y * y + z * z + 1e-12)
    return x * f, y * f, z * f


@jit
def texel(
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
