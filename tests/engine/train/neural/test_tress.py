"""Strands: they follow their field over any triangles, and are drawn where nothing hides them."""

import numpy as np

from engine.train.neural.strokes import draw
from engine.train.neural.tress import neighbours, scattered, walk

N = 9


def sheet() -> tuple[np.ndarray, np.ndarray]:
    """A unit square of N x N vertices: points [V, 3], triangles [F, 3]."""
    x, y = np.meshgrid(np.linspace(0, 1, N), np.linspace(0, 1, N))
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(N - 1)[:, None] * N + np.arange(N - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + N + 1], 1), np.stack([a, a + N + 1, a + N], 1)])
    return points, faces.astype(np.int32)


def at(
    points: np.ndarray, faces: np.ndarray, triangle: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    w = np.concatenate([1 - weight.sum(-1, keepdims=True), weight], -1)
    return np.asarray((points[faces[triangle]] * w[..., None]).sum(-2))


def test_neighbours_lie_across_edges() -> None:
    _, faces = sheet()
    across = neighbours(faces)
    assert (across < 0).sum() == 4 * (N - 1)  # the rim
    for t, row in enumerate(across):
        for edge, other in enumerate(row):
            if other >= 0:
                ends = {faces[t, edge], faces[t, (edge + 1) % 3]}
                assert ends <= set(faces[other].tolist())


def test_a_strand_runs_straight_along_an_even_field_and_counts_the_way_past_the_edge() -> None:
    points, faces = sheet()
    field = np.tile(np.array([0.6, 0.8, 0], np.float32), (len(points), 1))
    seed, start = scattered(points, faces, 50, np.random.default_rng(1))
    step = np.full(50, 0.03, np.float32)
    linked = neighbours(faces)
    triangle, weight, past = walk(points, faces, faces, linked, field, seed, start, step, 12)
    way = at(points, faces, triangle, weight)
    begin = way[:, :1]
    expected = begin + np.arange(12)[None, :, None] * 0.03 * np.array([0.6, 0.8, 0])
    inside = (expected[..., :2] < 0.995).all(2)
    assert np.abs(way - expected)[inside].max() < 3e-3
    assert (past[inside] == 0).all()
    outside = (expected[..., :2] > 1.01).any(2)
    assert outside.any() and (past[outside] > 0).all()
    back, _, _ = walk(points, faces, faces, linked, field, seed, start, step, 2, -1.0)
    assert back.shape == (50, 2)


def test_seeds_are_spread_by_area() -> None:
    points, faces = sheet()
    seed, start = scattered(points, faces, 4000, np.random.default_rng(0))
    where = at(points, faces, seed, start)
    assert np.abs(where[:, :2].mean(0) - 0.5).max() < 0.02
    assert (start >= 0).all() and (start.sum(1) <= 1 + 1e-6).all()


def drawn(z: float, width: float = 3.0) -> np.ndarray:
    image, far = np.zeros((32, 32, 4), np.float32), np.full((32, 32), 2, np.float32)
    far[:, 16:] = 0.5
    line = np.array([[[2, 10.5, z], [30, 10.5, z]]], np.float32)
    one = np.ones((1, 2), np.float32)
    draw(line, np.ones((1, 2, 3), np.float32), one * width, one, np.zeros(1, np.float32), 1.0, 1.0,
         far, image)  # fmt: skip
    return image


def test_a_line_is_as_wide_as_it_says_and_hidden_by_what_is_nearer() -> None:
    whole, half = drawn(0.4), drawn(0.6)
    assert abs(whole[:, 8, 3].sum() - 3) < 0.05 and abs(whole[:, 24, 3].sum() - 3) < 0.05
    assert half[:, 8, 3].sum() > 2.9 and half[:, 24, 3].sum() == 0
    thin = drawn(0.4, 0.4)
    assert abs(thin[:, 8, 3].sum() - 0.4) < 0.05  # thinner than a pixel: fainter
    assert np.allclose(whole[..., :3], whole[..., 3:])  # premultiplied
