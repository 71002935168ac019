"""The grid: one camera with the picture, one account of the mesh for training and for drawing."""

import numpy as np
import pytest

from engine.face.mesh import Figure
from engine.face.package import load, names
from engine.frames import Motion
from engine.render.atlas import atlas
from engine.render.gbuffer import Visibility
from engine.render.grid import SIDE, WIDEST, Surfaces, grid, rounded, shrink
from engine.render.workspace import workspace
from kernels.raster import EMPTY
from tests.golden.pictures import motion

MIRA = load("mira")
UV = atlas(MIRA)
POSED = motion((15, 5, 3, 0, 0, 0), jawOpen=0.5)


def coverage(width: int, height: int, posed: Motion) -> np.ndarray:
    """Of the picture itself."""
    seen = Visibility(MIRA, height, width)
    with workspace(height, width).lend() as buffers:
        seen.draw(posed, buffers, (0.0, 0.0, 1.0), outline=0)
        return np.asarray((buffers.keys != EMPTY).mean(2))


@pytest.mark.parametrize(("size", "pixels"), [((512, 512), 2), ((256, 256), 1), ((320, 240), 1),
                                              ((640, 360), 2), ((1280, 720), 2)])  # fmt: skip
def test_small_pictures_are_drawn_whole(size: tuple[int, int], pixels: int) -> None:
    assert shrink(*size) == pixels


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (512, 512), (1280, 720), (300, 420),
                                  (1920, 64), (64, 1920)])  # fmt: skip
def test_grids_have_one_scale_and_cover_the_picture(size: tuple[int, int]) -> None:
    found = grid(*size)
    assert min(found) == SIDE and max(found) <= WIDEST
    for side, pixels in zip(found, size, strict=True):
        shown = pixels * SIDE / min(size)
        assert side % 16 == 0 and side - shown < 16 and (side >= shown or side == WIDEST)


def test_no_figure_of_ours_is_wider_than_the_widest_grid() -> None:
    for name in names():
        face = load(name)
        figure, camera = Figure(face), face.manifest.camera
        for sign in (-1, 1):
            pose = np.array([sign * 42, 0, sign * 26, sign * 0.2, 0, 0.35], np.float32)
            points = figure.vertices(Motion(0, np.zeros(52, np.float32), pose))
            x = camera.project(points, WIDEST, SIDE)[:, 0]
            assert x.min() > 0 and x.max() < WIDEST, name


def test_sides_are_rounded_up_to_what_a_network_can_halve() -> None:
    assert [rounded(n) for n in (1, 16, 17, 256, 360)] == [16, 16, 32, 256, 368]


@pytest.mark.parametrize("size", [(512, 512), (400, 300)])
def test_grid_lies_on_the_picture_pixel_by_pixel(size: tuple[int, int]) -> None:
    width, height = size
    grid = Surfaces(MIRA, UV, (width // 2, height // 2)).trace(POSED).coverage
    fine = coverage(width, height, POSED).reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    difference = grid[: height // 2, : width // 2] - fine
    # Both are shares of few samples, so edges differ, but to no side.
    assert np.abs(difference).max() <= 0.5 and np.abs(difference).mean() < 0.003
    assert abs(difference.mean()) < 2e-4
    # The grid goes on where the picture ends.
    assert grid.shape == (rounded(height // 2), rounded(width // 2))


def test_trace_tells_what_draw_reads() -> None:
    surfaces = Surfaces(MIRA, UV, 128)
    trace = surfaces.trace(POSED)
    texture = np.random.default_rng(0).random((64, 64, 8)).astype(np.float32)
    image = surfaces.draw(POSED, texture)
    np.testing.assert_array_equal(np.moveaxis(image[8:11], 0, 2), trace.normal)
    np.testing.assert_array_equal(image[11], trace.depth)
    np.testing.assert_array_equal(image[12], trace.coverage)
    outside = trace.coverage == 0
    assert (image[8:13, outside] == 0).all() and (image[:8, ~outside] > 0).all()
    assert (image[:8, :8, :8] == 0).all()  # colours go on beyond edges, but not everywhere
    assert (trace.triangle[outside] == -1).all() and (trace.triangle[~outside] >= 0).all()
    whole = trace.coverage == 1
    assert (np.linalg.norm(trace.normal[whole], axis=1) < 1.001).all()
    assert 0.2 < trace.depth[whole].min() and trace.depth[whole].max() < 0.8
    # A trace is kept while others are drawn.
    kept = trace.uv.copy()
    surfaces.trace(motion())
    np.testing.assert_array_equal(trace.uv, kept)


def test_uv_is_that_of_the_nearest_triangle() -> None:
    trace = Surfaces(MIRA, UV, 128).trace(POSED)
    inside = (trace.coverage == 1) & (trace.uv == trace.uv[:, :, :1]).all((2, 3))
    corners = UV[trace.triangle[inside]]
    low, high = corners.min(1) - 1 / 200, corners.max(1) + 1 / 200
    uv = trace.uv[inside][:, 0]
    assert inside.mean() > 0.3 and ((uv >= low) & (uv <= high)).all()


def test_motions_that_are_no_numbers_are_drawn_at_rest() -> None:
    surfaces = Surfaces(MIRA, UV, 64)
    broken = Motion(0, np.full(52, np.nan, np.float32), np.full(6, np.nan, np.float32))
    np.testing.assert_array_equal(surfaces.trace(broken).uv, surfaces.trace(motion()).uv)
