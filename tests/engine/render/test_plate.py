"""The face's surroundings are taken out of what lies behind, wherever the mesh is."""

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.learned import Erode
from engine.render.plate import hull, opening

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
