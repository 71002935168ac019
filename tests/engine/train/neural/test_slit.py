"""A mouth's slit is found by the mesh: two rims, and whose lip each point is."""

import numpy as np
import pytest

from engine.face.blendshapes import INDEX
from engine.face.package import Package, load
from engine.train.neural.alignment import units
from engine.train.neural.slit import Slit, at, shares


@pytest.fixture(scope="module")
def package() -> Package:
    return load("mira")


@pytest.fixture(scope="module")
def slit(package: Package) -> Slit:
    return Slit.of(package)


def test_both_rims_go_from_corner_to_corner(package: Package, slit: Slit) -> None:
    place = package.mesh.position
    for end in (0, -1):
        np.testing.assert_array_equal(place[slit.upper[end]], place[slit.lower[end]])
    for rim in (slit.upper, slit.lower):
        assert place[rim[0], 0] < -0.1 < 0.1 < place[rim[-1], 0]
        assert len(np.unique(rim)) == len(rim) > 10
        assert (np.diff(slit.along[rim]) > 0).all()


def test_the_jaw_takes_the_lower_rim_alone(package: Package, slit: Slit) -> None:
    drop = units(package, np.arange(len(package.mesh.position)))[INDEX["jawOpen"], :, 1]
    inner = slice(3, -3)
    assert np.median(drop[slit.lower[inner]]) < np.median(drop[slit.upper[inner]]) - 0.05


def test_sides_are_told_apart_where_lips_touch(package: Package, slit: Slit) -> None:
    assert (slit.side[slit.upper[1:-1]] == 1).all()
    assert (slit.side[slit.lower[1:-1]] == -1).all()
    place = package.mesh.position
    nose = np.linalg.norm(place - place[slit.upper].mean(0) - [0, 0.5, 0], axis=1).argmin()
    assert abs(slit.side[nose]) < 0.3  # what is far belongs to neither


def test_lines_are_walked_by_length() -> None:
    line = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(shares(line), np.array([0, 0.75, 1]))
    np.testing.assert_allclose(at(line, np.array([0.5, 0.875])), np.array([[2, 0], [3, 0.5]]))
