"""Cutting along alpha: areas, edges, mixtures, and what too little room does."""

import numpy as np
import pytest

from engine.train.cutout import clip, joined, sample

SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def disc(size: int, radius: float) -> np.ndarray:
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size - 0.5
    return np.clip((radius - np.hypot(x, y)) * size + 0.5, 0, 1)


def area(uv: np.ndarray, triangle: np.ndarray) -> float:
    a, b, c = (uv[triangle[:, k]] for k in range(3))
    ab, ac = b - a, c - a
    return float((ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]).sum() / 2)


def test_a_disc_keeps_its_area_and_its_winding() -> None:
    triangle, source, weight = joined(clip(TWO, SQUARE, disc(128, 0.3), 0.5, 4000))
    uv = np.einsum("vk,vkd->vd", weight, SQUARE[source])
    assert area(uv, triangle) == pytest.approx(np.pi * 0.09, rel=0.02)
    assert np.hypot(*(uv - 0.5).T).max() < 0.31
    np.testing.assert_allclose(weight.sum(1), 1)
    assert weight.min() >= -1e-9
    # Corners are shared: an edge belongs to at most two triangles.
    edges = np.sort(np.concatenate([triangle[:, [0, 1]], triangle[:, [1, 2]], triangle[:, [2, 0]]]))
    assert np.unique(edges, axis=0, return_counts=True)[1].max() <= 2


def test_all_or_nothing() -> None:
    whole = clip(TWO, SQUARE, np.ones((8, 8)), 0.5, 0)
    assert whole.complete and len(whole.source) == 2
    assert len(clip(TWO, SQUARE, np.zeros((8, 8)), 0.5, 0).source) == 0


def test_little_room_makes_it_coarser() -> None:
    cut = clip(TWO, SQUARE, disc(256, 0.4), 0.5, 30)
    assert not cut.complete and len(cut.source) <= 40


def test_alpha_is_read_between_texels_and_repeats() -> None:
    alpha = np.array([[0.0, 1.0]])
    at = np.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.5], [1.25, 0.5], [-0.75, 0.5]])
    np.testing.assert_allclose(sample(alpha, at), [0, 0.5, 1, 0, 0], atol=1e-12)
