"""The CUDA rasterizer, run on the CPU, against its numba twin: keys equal to the bit."""

from typing import NamedTuple

import numpy as np
import pytest

from engine.face.package import load, names
from engine.frames import Motion
from engine.render.gbuffer import Visibility
from engine.render.workspace import Buffers
from kernels.cuda.layout import FIGURE
from kernels.raster import BACK, BOTH, EMPTY, FRONT, Tiles, empty, rasterize, snap, tiles_of
from tests.golden.scene import SIZE
from tests.kernels.cuda.shim import Shim, sanitized
from tests.kernels.test_raster import soup


class Scene(NamedTuple):
    """Triangles of one item of a batch."""

    screen: np.ndarray  # [V, 3]
    triangles: np.ndarray  # [F, 3]
    sides: np.ndarray  # [F]
    late: int


def scene(screen: np.ndarray, triangles: np.ndarray, late: int, seed: int | None = None) -> Scene:
    """Sides at random where there is a seed, BOTH where there is none."""
    sides = np.full(len(triangles), BOTH, np.uint8)
    if seed is not None:
        sides[:] = np.random.default_rng(seed).choice([FRONT, BOTH, BACK], len(triangles))
    return Scene(np.float32(screen), np.int32(triangles), sides, late)


NOTHING = scene(np.zeros((3, 3)), np.zeros((0, 3)), 0)


def expected(given: Scene, height: int, width: int) -> tuple[np.ndarray, Tiles]:
    keys, tiles = empty(height, width), tiles_of(height, width)
    with np.errstate(all="ignore"):
        rasterize(given.screen, given.triangles, given.sides, given.late, keys, tiles)
    return keys, tiles


def draw(
    scenes: list[Scene], height: int, width: int, variant: str = "plain"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys [B, H, W, 4], farthest depth and clear share of tiles of a batch, each item a figure of
    its own, listed backwards."""
    shim = Shim(variant)
    batch, stride = len(scenes), max(len(s.screen) for s in scenes) + 3
    most = max(len(s.triangles) for s in scenes)
    screen = np.full((batch, stride, 4), np.nan, np.float32)
    figures, held = np.zeros(batch, FIGURE), []
    for b, one in enumerate(scenes):
        screen[b, : len(one.screen), :3] = one.screen
        row = figures[batch - 1 - b]
        held.append(shim.upload(np.column_stack([one.triangles, one.sides]).astype(np.int32)))
        row["triangle"], row["shown"] = held[-1].pointer, one.late
        row["surfaces"] = row["triangles"] = len(one.triangles)
    device = shim.upload(figures)
    who = shim.upload(np.arange(batch, dtype=np.int32)[::-1])
    corners = shim.empty((batch, stride, 4), np.int32)
    keys = shim.empty((batch, height, width, 4), np.int64)
    shape = batch, -(-height // 8), -(-width // 8)
    farthest, clear = shim.empty(shape, np.int32), shim.empty(shape, np.float32)
    shim.launch("raster_clear", (batch, height, width), keys, 2 * batch * height * width)
    shim.launch("raster_snap", (batch * stride,), shim.upload(screen), corners, batch * stride)
    for late in (0, 1):
        shim.launch(
            "raster_draw", (batch, most, height, width), device, who, corners, stride,
            farthest, late, keys, height, width,
        )  # fmt: skip
        if not late:
            shim.launch(
                "raster_survey", (batch, height, width), keys, farthest, clear, height, width,
                batch,
            )  # fmt: skip
    return keys.array, farthest.array, clear.array


def compare(scenes: list[Scene], height: int, width: int, variant: str = "plain") -> None:
    keys, farthest, clear = draw(scenes, height, width, variant)
    for b, one in enumerate(scenes):
        wanted, tiles = expected(one, height, width)
        np.testing.assert_array_equal(keys[b], wanted)
        np.testing.assert_array_equal(farthest[b], tiles.farthest)
        np.testing.assert_array_equal(clear[b], tiles.clear)


def golden() -> Scene:
    """The triangles of tests.golden.scene."""
    random = np.random.default_rng(7)
    middle = random.uniform(0, SIZE, (40, 1, 2))
    corners = middle + random.uniform(-14, 14, (40, 3, 2))
    depth = random.uniform(0.1, 0.9, (40, 3, 1))
    return scene(
        np.concatenate([corners, depth], 2).reshape(-1, 3), np.arange(120).reshape(-1, 3), 20
    )


def hostile(seed: int) -> Scene:
    """Triangles of all sizes and depths with corners that are no numbers, huge, far outside, on one
    line or one point, or exactly on the picture's grid."""
    random = np.random.default_rng(seed)
    count = 160
    size = 10 ** random.uniform(-1, 4.3, (count, 1, 1))
    middle = random.uniform(-40, 120, (count, 1, 2))
    xy = middle + random.uniform(-1, 1, (count, 3, 2)) * size
    z = random.uniform(-0.02, 1.02, (count, 3, 1))
    z[: count // 2] = random.uniform(0.2, 0.7, (count // 2, 1, 1))
    screen = np.concatenate([xy, z], 2)
    screen[::11] = np.round(screen[::11])
    screen[3::29, 2] = screen[3::29, 1]
    screen[5::31] = screen[5::31, :1]
    flat = screen.reshape(-1, 3)
    odd = [np.nan, np.inf, -np.inf, 1e30, -1e30, 16383.99, -16384, 0.99999994, -0.0]
    at = random.integers(0, len(flat), 40)
    flat[at, random.integers(0, 3, 40)] = random.choice(odd, 40)
    return scene(flat, np.arange(3 * count).reshape(-1, 3), 50, seed)


def figures(height: int, width: int, which: tuple[str, ...]) -> list[Scene]:
    """Avatars as their own numba line prepares them, outlines included, in odd poses."""
    scenes = []
    for n, name in enumerate(which):
        random = np.random.default_rng(n)
        seen, buffers = Visibility(load(name), height, width), Buffers(height, width)
        weights = np.float32(random.uniform(0, 1, 52) * (random.random(52) < 0.3))
        pose = np.float32(random.uniform(-1, 1, 6) * [40, 25, 25, 0.2, 0.1, 0.3])
        seen.draw(Motion(0, weights, pose), buffers, (0.3, 0.4, 0.866))
        scenes.append(Scene(seen.screen.copy(), seen.triangles, seen.sides, seen.late))
    return scenes


@pytest.mark.parametrize("variant", ["plain", "reversed"])
def test_the_golden_scene(variant: str) -> None:
    compare([golden()], SIZE, SIZE, variant)


def test_every_avatar_in_one_batch_of_an_odd_size() -> None:
    compare(figures(203, 317, names()), 203, 317)


def test_avatars_at_the_size_of_a_call_from_the_last_thread_to_the_first() -> None:
    compare(figures(512, 512, names()[::4]), 512, 512, "reversed")


@pytest.mark.parametrize("seed", range(4))
def test_hostile_corners(seed: int) -> None:
    compare([hostile(seed), hostile(seed + 10), golden()], 61, 83)


def test_large_triangles_on_a_large_picture() -> None:
    screen, triangles = soup(30, 3, 640)
    screen[:, :2] = 320 + 3 * (screen[:, :2] - 320)
    compare([scene(screen, triangles, 10, 1)], 640, 700)


def test_a_batch_of_none_and_of_nothing_shown() -> None:
    far = soup(9, 1)
    compare([NOTHING, scene(far[0] + [500, -700, 0], far[1], 9), golden()], 9, 130)


def test_corners_are_snapped_as_the_twin_does() -> None:
    given = hostile(3).screen
    shim = Shim()
    out, wanted = shim.empty((len(given), 4), np.int32), np.full(given.shape, 0, np.int32)
    padded = np.column_stack([given, np.zeros(len(given))]).astype(np.float32)
    shim.launch("raster_snap", (len(given),), shim.upload(padded), out, len(given))
    snap(given, wanted)
    np.testing.assert_array_equal(out.array[:, :3], np.where(wanted[:, 2:] < 0, [0, 0, -1], wanted))


def hard() -> None:
    """What the sanitizers watch."""
    compare([hostile(1), golden(), hostile(2)], 61, 83, "sanitized")
    compare(figures(101, 67, names()[:1]), 101, 67, "sanitized")


def test_sanitizers_find_nothing() -> None:
    sanitized("tests.kernels.cuda.test_raster:hard")


def test_keys_where_nothing_is_drawn_are_empty() -> None:
    keys, farthest, clear = draw([NOTHING], 5, 3)
    assert (keys == EMPTY).all() and (clear == 1).all() and (farthest == EMPTY >> 32).all()
