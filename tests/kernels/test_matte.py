"""Alpha of silhouettes: what triangles cover, finer than the keys, and no foreign colours."""

import numpy as np

from kernels import empty, overlay, rasterize, silhouette, tiles_of
from kernels.matte import GRAIN
from kernels.raster import BOTH, EMPTY

SIDE = 24


def drawn(
    screen: np.ndarray, late: int | None = None, sides: int = BOTH
) -> tuple[np.ndarray, np.ndarray]:
    """(keys, rgba) of triangles of three vertices each, all of the colour (200, 100, 50)."""
    points = screen.reshape(-1, 3).astype(np.float32)
    triangles = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
    faces = np.full(len(triangles), sides, np.uint8)
    keys, tiles = empty(SIDE, SIDE), tiles_of(SIDE, SIDE)
    first = len(triangles) if late is None else late
    rasterize(points, triangles[:first], faces[:first], first, keys, tiles)
    overlay(points, triangles, faces, first, keys, tiles)
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    covered = (keys != EMPTY).sum(2)[..., None]
    rgba[..., :3] = (np.array([200, 100, 50]) * covered + 2) // 4
    silhouette(points, triangles, faces, keys, rgba)
    return keys, rgba


def half(slope: float, at: float) -> np.ndarray:
    """A triangle that fills all below y = at + slope x."""
    far = 400.0
    return np.array([
        [-far, at - slope * far, 0.5], [far, at + slope * far, 0.5], [0.0, far * 4, 0.5]
    ])  # fmt: skip


def area(slope: float, at: float) -> np.ndarray:
    """Share of each pixel that lies below that line."""
    grain = (np.arange(SIDE * 64) + 0.5) / 64
    below = grain[:, None] > at + slope * grain[None, :]
    return np.asarray(below.reshape(SIDE, 64, SIDE, 64).mean((1, 3)))


def test_alpha_is_the_covered_area() -> None:
    for slope, at in ((0.02, 9.3), (0.31, 6.8), (-0.9, 20.1), (0.0, 11.4)):
        _, rgba = drawn(half(slope, at))
        error = np.abs(rgba[..., 3] / 255 - area(slope, at))
        assert error.max() < 1.6 / GRAIN + 0.02, (slope, at)
    # A nearly level edge passes through many steps, not through five.
    assert len(np.unique(drawn(half(0.02, 9.3))[1][..., 3])) > 12


def test_colours_are_the_figures_own_up_to_the_edge() -> None:
    _, rgba = drawn(half(0.31, 6.8))
    seen = rgba[rgba[..., 3] > 0]
    assert np.abs(seen[:, :3].astype(int) - [200, 100, 50]).max() <= 2
    assert (rgba[rgba[..., 3] == 0] == 0).all()


def test_meeting_triangles_leave_no_seam() -> None:
    rows = np.array([[-5, -5, 0.5], [40, -5, 0.5], [40, 40, 0.5], [-5, -5, 0.5], [40, 40, 0.5],
                     [-5, 40, 0.5]])  # fmt: skip
    assert (drawn(rows)[1][..., 3] == 255).all()
    assert (drawn(rows, late=1)[1][..., 3] == 255).all()


def test_what_is_not_drawn_covers_nothing() -> None:
    gone = half(0.1, 5.0)
    gone[0, 2] = -1.0
    assert (drawn(gone)[1] == 0).all()


def test_a_thread_between_the_samples_stays() -> None:
    thread = np.array([[-5, 10.30, 0.5], [40, 10.30, 0.5], [40, 10.42, 0.5]])
    keys, rgba = drawn(thread)
    row = rgba[10, :, 3]
    assert row.max() > 0 and row.max() < 64
    assert (row[(keys[10] != EMPTY).any(1)] > 0).all()


def test_slivers_beside_an_edge_have_no_colour_of_their_own() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        start = random.uniform(0, SIDE, 2)
        along = random.normal(size=2)
        along *= random.uniform(1, 6) / np.hypot(*along)
        thin = np.array([start, start + along, start + along * 0.5 + random.normal(size=2) * 0.1])
        sliver = np.column_stack([thin, np.full(3, 0.4)])
        _, rgba = drawn(np.concatenate([half(0.0, 11.4), sliver]))
        seen = rgba[rgba[..., 3] > 0]
        assert np.abs(seen[:, :3].astype(int) - [200, 100, 50]).max() <= 2
