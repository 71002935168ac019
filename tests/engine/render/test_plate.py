"""The face's surroundings are taken out of what lies behind, wherever the mesh is."""

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.learned import Erode
from engine.render.plate import filled, hull, opening, softened, veil

SCREEN = np.array([[20, 20, 0], [40, 20, 0], [40, 44, 0], [20, 44, 0], [30, 30, 0]], np.float32)


def test_the_hull_goes_round_and_leaves_the_middle_out() -> None:
    corners = hull(SCREEN[:, :2].astype(float))
    assert sorted(map(tuple, corners.tolist())) == [(20, 20), (20, 44), (40, 20), (40, 44)]
    x, y = corners.T
    area = float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    assert abs(area) == pytest.approx(20 * 24)


def test_hulls_of_a_line_and_of_one_point() -> None:
    assert len(hull(np.zeros((5, 2)))) == 1
    assert len(hull(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))) == 2


def test_the_hole_is_the_widened_hull() -> None:
    hole = opening(Erode((0, 1, 2, 3, 4), 0.1), SCREEN, 64, 64)
    y, x = np.mgrid[:64, :64] + 0.5
    away = np.hypot(np.maximum(np.abs(x - 30) - 10, 0), np.maximum(np.abs(y - 32) - 12, 0))
    assert hole[away < 5].all()
    assert not hole[away > 8].any()


def test_a_face_beside_the_picture_leaves_it_whole() -> None:
    assert not opening(Erode((0, 1, 2), 0.02), SCREEN + 200, 64, 64).any()


@pytest.mark.parametrize(("vertices", "widen"), [((0, 1), 0.1), ((0, 1, 2), -0.1), ((0, 1, 2), 2)])
def test_impossible_erosions_are_refused(vertices: tuple[int, ...], widen: float) -> None:
    with pytest.raises(PackageError, match="erode"):
        Erode(vertices, widen)


@pytest.mark.parametrize("where", [[[5, 5]] * 5, [[5, 5], [9, 9], [5, 5], [9, 9], [7, 7]]])
def test_a_face_without_breadth_leaves_a_small_hole(where: list[list[int]]) -> None:
    hole = opening(Erode((0, 1, 2, 3, 4), 0.05), np.array(where, np.float32), 64, 64)
    assert 0 < hole.sum() < 200


def test_the_holes_edge_is_soft_inwards_and_outside_it_nothing_is_drawn() -> None:
    erode = Erode((0, 1, 2, 3, 4), 0.1)
    hole, soft = opening(erode, SCREEN * 4, 256, 256), veil(erode, SCREEN * 4, 256, 256)
    assert ((soft > 0) == hole).all() and set(np.unique(soft)) == {0, 0.25, 0.5, 0.75, 1}
    row = soft[128]
    assert (np.diff(row[:128]) >= 0).all() and np.abs(np.diff(row)).max() == 0.25


def test_a_hole_takes_the_colours_around_it_smoothly() -> None:
    y, x = np.mgrid[:61, :80].astype(np.float32)
    ramp = np.stack([x / 80, y / 61, np.full_like(x, 0.5)])
    hole = np.hypot(x - 40, y - 30) < 20
    secret = np.where(hole, np.float32(9), ramp)
    made = filled(secret, hole)
    np.testing.assert_array_equal(made[:, ~hole], ramp[:, ~hole])
    assert np.abs(made - ramp)[:, hole].max() < 0.25 and np.abs(made - ramp)[2].max() < 1e-5
    assert np.abs(np.diff(made, axis=2)).max() < 0.08


def test_a_hole_without_a_rim_takes_the_mean_colour() -> None:
    halves = np.zeros((3, 8, 9), np.float32)
    halves[0, :4], halves[2] = 0.5, 1.0
    made = filled(halves, np.ones((8, 9), bool))
    np.testing.assert_allclose(made, np.float32([0.25, 0, 1])[:, None, None] + 0 * halves)


def test_an_edge_is_spread_over_its_neighbours() -> None:
    met = np.zeros((6, 8), bool)
    met[:, 4:] = True
    np.testing.assert_allclose(softened(met)[2], [0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1], atol=1e-6)
    assert (softened(met) == softened(met)[0]).all()
