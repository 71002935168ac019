"""A small scene for the kernels alone, which no change of the cast touches."""

import numpy as np

from kernels import casters, empty, fragments, rasterize, room, shade
from kernels.look import LOOKS, SCENES, TRAITS, Cast, Look, Scene, Trait
from kernels.raster import BOTH

SIZE = 48


def draw() -> tuple[np.ndarray, np.ndarray]:
    """Keys [48, 48, 4] int64 and colours [48, 48, 3] uint8 of forty crossing triangles."""
    random = np.random.default_rng(7)
    middle = random.uniform(0, SIZE, (40, 1, 2))
    corners = middle + random.uniform(-14, 14, (40, 3, 2))
    depth = random.uniform(0.1, 0.9, (40, 3, 1))
    screen = np.concatenate([corners, depth], 2).reshape(-1, 3).astype(np.float32)
    triangles = np.arange(120, dtype=np.int32).reshape(-1, 3)
    materials = (np.arange(40) % 3).astype(np.uint8)
    keys, buffers, shadows = empty(SIZE, SIZE), room(SIZE, SIZE), casters(SIZE, SIZE)
    rasterize(screen, triangles, np.full(40, BOTH, np.uint8), 20, keys)
    traits = random.uniform(-1, 1, (120, TRAITS)).astype(np.float32)
    traits[:, [Trait.NORMAL_Z, Trait.U, Trait.V, Trait.AMBIENT, Trait.SHELTER]] = random.uniform(
        0, 1, (120, 5)
    )
    background = np.full((SIZE, SIZE, 3), 200, np.uint8)
    out = np.zeros_like(background)
    casts = np.array([Cast.NONE, Cast.FINE, Cast.BROAD], np.uint8)
    count = fragments(keys, materials, casts, background, *buffers[:4], *shadows, out)
    words = random.integers(0, 1 << 24, 64).astype(np.uint32)
    shade(
        count, SIZE, *buffers, screen, triangles, traits, _table(), _whole(), *shadows, words,
        np.array([[0, 8, 8]], np.int32), background.reshape(-1, 3), out.reshape(-1, 3),
    )  # fmt: skip
    return keys, out


def _table() -> np.ndarray:
    table = np.zeros((3, LOOKS), np.float32)
    table[:, Look.RED : Look.BLUE + 1] = [[0.9, 0.7, 0.6], [0.4, 0.3, 0.2], [0.2, 0.4, 0.8]]
    table[:, Look.SHADOW_RED : Look.SHADOW_BLUE + 1] = [0.8, 0.6, 0.7]
    table[:, Look.LIGHT_X : Look.LIGHT_Z + 1] = [-0.6, 0.48, 0.64]
    table[:, Look.HALF_X : Look.HALF_Z + 1] = [-0.3313, 0.265, 0.9055]
    table[:, Look.SOFTNESS], table[:, Look.SHINE_SOFTNESS] = 0.2, 0.05
    table[:, Look.SHINE_EDGE], table[:, Look.SHINE] = 0.8, [0, 0.3, 0.1]
    table[:, Look.RIM], table[:, Look.LIFT] = [0.2, 0.5, 0], [0.05, 0, 0]
    table[:, Look.TEXTURE], table[:, Look.STRAND] = [0, -1, -1], [0, 1, 0]
    table[:, Look.AMBIENT], table[:, Look.RECEIVES] = [1, 0.5, 0], [1, 0, 0.7]
    return table


def _whole() -> np.ndarray:
    scene = np.zeros(SCENES, np.float32)
    scene[: Scene.RIM_BLUE + 1] = [1, 0.9, 0.8]
    scene[Scene.RIM_X], scene[Scene.RIM_Y] = 0.8, 0.6
    scene[Scene.NEAR], scene[Scene.RANGE] = 5, 2
    scene[Scene.AWAY_X], scene[Scene.AWAY_Y] = -200, -160
    return scene
