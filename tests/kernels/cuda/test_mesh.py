"""The vertex kernels, run on the CPU, against the numba line that draws one avatar at a time."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from engine.face.package import Package, load, names
from engine.frames import Motion
from engine.render.figures import Batch, Figures
from engine.render.gbuffer import Visibility
from engine.render.setting import Setting
from engine.render.toon import Toon
from engine.render.workspace import Buffers
from kernels.look import Trait
from kernels.raster import EMPTY, triangle_of
from tests.kernels.cuda.shim import Shim, sanitized


class Drawn(NamedTuple):
    """A batch as the kernels draw it."""

    points: np.ndarray  # [B, V, 4]
    normal: np.ndarray
    screen: np.ndarray  # [B, 2 V, 4]
    keys: np.ndarray  # [B, H, W, 4]
    clear: np.ndarray


def motion(seed: int, swing: bool = True) -> Motion:
    random = np.random.default_rng(seed)
    weights = np.float32(random.uniform(0, 1, 52) * (random.random(52) < 0.3))
    pose = np.float32(random.uniform(-1, 1, 6) * [40, 25, 25, 0.2, 0.1, 0.3])
    lag = np.float32(random.uniform(-8, 8, 3)) if swing else None
    return Motion(int(random.integers(0, 10**6)), weights, pose, swing=lag)


def draw(
    packages: list[Package], settings: list[Setting], motions: list[Motion], height: int,
    width: int, variant: str = "plain", bad: float | None = None,
) -> Drawn:  # fmt: skip
    """Every step from weights to keys, outlines included; `bad`: in place of all the numbers."""
    shim = Shim(variant)
    figures = Figures(shim, height, width, room=len(packages) + 2)
    rows = [figures.add(p, s) for p, s in zip(packages, settings, strict=True)][::-1]
    batch, most = len(rows), figures.most
    tables = Batch.of(batch, most.shapes)
    figures.fill(tables, rows, motions[::-1])
    for table in () if bad is None else tables[1:5]:
        table[:] = bad
    who, weights, swings, poses, view, _ = (shim.upload(table) for table in tables)
    wide = 2 * most.vertices
    points = shim.empty((batch, most.vertices, 4), np.float32)
    normal = shim.empty((batch, most.vertices, 4), np.float32)
    screen = shim.empty((batch, wide, 4), np.float32)
    corners = shim.empty((batch, wide, 4), np.int32)
    keys = shim.empty((batch, height, width, 4), np.int64)
    tiles = batch, -(-height // 8), -(-width // 8)
    farthest, clear = shim.empty(tiles, np.int32), shim.empty(tiles, np.float32)
    one = figures.rows, who
    per = batch, most.vertices
    shim.launch(
        "mesh_pose", (*per, most.shapes), *one, weights, most.shapes, swings, poses, view, points,
        most.vertices,
    )  # fmt: skip
    shim.launch("mesh_catchlight", (batch,), *one, poses, view, points, most.vertices)
    shim.launch(
        "mesh_project", per, *one, points, most.vertices, poses, view, normal, screen, corners,
        wide, height, width,
    )  # fmt: skip
    shim.launch("raster_clear", (batch, height, width), keys, 2 * batch * height * width)
    for late, count in ((0, most.shown), (1, most.triangles)):
        if late:
            shim.launch(
                "raster_survey", (batch, height, width), keys, farthest, clear, height, width,
                batch,
            )  # fmt: skip
            shim.launch(
                "mesh_outline", per, *one, view, normal, most.vertices, clear, screen, corners,
                wide, height, width,
            )  # fmt: skip
        shim.launch(
            "raster_draw", (batch, count, height, width), *one, corners, wide, farthest, late,
            keys, height, width,
        )  # fmt: skip
    found = (held.array[::-1] for held in (points, normal, screen, keys, clear))
    return Drawn(*found)


def sharp(package: Package, points: np.ndarray) -> np.ndarray:
    """[V] whether the triangles around a vertex have an area, or there are none: otherwise its
    normal is but noise."""
    mesh = package.mesh
    corner = points[mesh.triangle].astype(float)
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros((int(mesh.weld.max()) + 1, 3))
    for c in range(3):
        np.add.at(total, mesh.weld[mesh.triangle[:, c]], across)
    alone = np.bincount(mesh.weld[mesh.triangle].ravel(), minlength=len(total)) == 0
    return np.asarray((alone | (np.linalg.norm(total, axis=1) > 1e-12))[mesh.weld])


def compare(
    packages: list[Package], settings: list[Setting], motions: list[Motion], height: int,
    width: int, variant: str = "plain",
) -> None:  # fmt: skip
    """The same from engine.render.gbuffer, one avatar after another. Numba's sums are fused, these
    are not: they differ by roundings of float32 numbers of the picture's size."""
    drawn = draw(packages, settings, motions, height, width, variant)
    px = 2 * np.spacing(np.float32(2 * max(height, width)))
    for b, (package, setting, move) in enumerate(zip(packages, settings, motions, strict=True)):
        seen, buffers = Visibility(package, height, width), Buffers(height, width)
        light = Toon(package, height, width, setting).light
        seen.draw(move, buffers, light, setting.outline)
        count, turned = len(seen.normals), seen.figure.vertices(move)
        seen.catchlight.turn(turned, seen.figure.poses(move.pose)[0][-1], light)
        check = partial(np.testing.assert_allclose, rtol=0, err_msg=package.name)
        check(drawn.points[b, :count, :3], turned, atol=2e-6)
        good, normal = sharp(package, turned), drawn.normal[b, :count]
        off = np.abs(normal[:, :3] - seen.normals).max(1)[good]
        assert off.max() < 2e-3 and np.quantile(off, 0.999) < 1e-4, package.name
        check(normal[:, 3], seen.traits[:, Trait.STRAND], atol=1e-6)
        screen, hull = drawn.screen[b, : 2 * count], seen.screen[count:, 2] > 0
        hull &= setting.outline > 0
        drawn_ones = np.append(np.ones(count, bool), hull & good)
        check(screen[drawn_ones, :2], seen.screen[drawn_ones, :2], atol=px)
        check(screen[drawn_ones, 2], seen.screen[drawn_ones, 2], atol=1e-6)
        assert (screen[count:][~hull, 2] < 0).all() and (screen[:, 3] == 0).all()
        check(drawn.clear[b], buffers.tiles.clear, atol=2 / 64)
        same = triangle_of(drawn.keys[b]) == triangle_of(buffers.keys)
        same &= (drawn.keys[b] == EMPTY) == (buffers.keys == EMPTY)
        assert same.mean() > 0.9999, package.name


def test_every_avatar_in_one_batch() -> None:
    cast = [load(name) for name in names()]
    settings = [Setting(light=(0.5 - 0.1 * n, 0.3, 0.6)) for n in range(len(cast))]
    compare(cast, settings, [motion(n) for n in range(len(cast))], 201, 163)


def test_two_at_the_size_of_a_call_from_the_last_thread_to_the_first() -> None:
    cast = [load(name) for name in names()[1:3]]
    settings = [Setting(light=(-0.4, 0.2, 0.7), outline=2.5), Setting(outline=0)]
    compare(cast, settings, [motion(20), motion(21, swing=False)], 512, 512, "reversed")


def test_one_avatar_in_several_settings_and_poses_shares_its_mesh() -> None:
    package = load(names()[0])
    settings = [Setting(light=(x, 0.1, 0.5), outline=line) for x, line in ((-1, 1), (1, 0.4))]
    still = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
    compare(
        [package] * 3, [*settings, Setting(light=(0, 0, 1))], [motion(30), still, still], 96, 130
    )


def wild() -> Motion:
    """What a tracker gone mad may send."""
    weights, pose = np.full(52, 1e30, np.float32), np.float32([1e9, -1e9, np.nan, np.inf, 3, -9])
    weights[::3] = np.nan
    return Motion(2**40, weights, pose, swing=np.float32([np.nan, np.inf, -1e30]))


def hard() -> None:
    """What the sanitizers watch."""
    cast = [load(name) for name in names()[:2]]
    compare(cast, [Setting(), Setting(outline=3)], [motion(40), wild()], 67, 101, "sanitized")
    draw(cast, [Setting()] * 2, [motion(40)] * 2, 8, 9, "sanitized", np.nan)


def test_sanitizers_find_nothing() -> None:
    sanitized("tests.kernels.cuda.test_mesh:hard")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38, -1e38])
def test_numbers_that_are_none_touch_no_other_memory(bad: float) -> None:
    drawn = draw([load(names()[0])], [Setting()], [motion(50)], 33, 47, bad=bad)
    assert (drawn.keys == EMPTY).all() and (drawn.clear == 1).all()
