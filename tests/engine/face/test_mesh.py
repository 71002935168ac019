"""What the shapes and the pose do to the bundled faces, measured at their landmarks."""

import numpy as np
import pytest

from engine.face import package
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.mesh import Figure, correct, lip_aperture
from engine.frames import Motion
from tests.golden.pictures import motion


@pytest.fixture(scope="module", params=package.names())
def figure(request: pytest.FixtureRequest) -> Figure:
    return Figure(package.load(request.param))


def at(figure: Figure, posed: Motion) -> dict[str, np.ndarray]:
    return figure.named(figure.vertices(posed))


def test_jaw_opens_the_lips(figure: Figure) -> None:
    gaps = []
    for weight in (0.0, 0.2, 0.5, 1.0):
        marks = at(figure, motion(jawOpen=weight))
        gaps.append(marks["lip_upper_inner"][1] - marks["lip_lower_inner"][1])
    assert abs(gaps[0]) < 0.02  # closed at rest
    assert np.all(np.diff(gaps) > 0.02) and gaps[-1] > 0.2


def test_lip_aperture_grows_with_the_jaw() -> None:
    face = package.load("mira")
    values = [lip_aperture(face, motion(jawOpen=w).weights) for w in (0.0, 0.3, 0.8)]
    assert values[0] < 0.02 < values[1] < values[2]


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_blink_closes_its_own_lid(figure: Figure, side: str) -> None:
    other = "Right" if side == "Left" else "Left"

    def opening(marks: dict[str, np.ndarray], which: str) -> float:
        return float(
            marks[f"lid_upper_{which.lower()}"][1] - marks[f"lid_lower_{which.lower()}"][1]
        )

    rest, shut = at(figure, motion()), at(figure, motion(**{f"eyeBlink{side}": 1.0}))
    assert opening(rest, side) > 0.12
    assert opening(shut, side) < 0.03
    assert abs(opening(shut, other) - opening(rest, other)) < 0.01


def test_left_is_the_subjects_left(figure: Figure) -> None:
    rest = at(figure, motion())
    for name in ("mouth_corner", "eye_outer", "lid_upper", "shoulder"):
        assert rest[f"{name}_left"][0] > 0 > rest[f"{name}_right"][0]
    smile = at(figure, motion(mouthSmileLeft=1.0))
    moved = {s: np.linalg.norm(smile[f"mouth_corner_{s}"] - rest[f"mouth_corner_{s}"])
             for s in ("left", "right")}  # fmt: skip
    assert moved["left"] > 4 * moved["right"]
    assert at(figure, motion(jawLeft=1.0))["chin"][0] > rest["chin"][0] + 0.02


def test_smile_pulls_corners_up_and_out_and_frown_down(figure: Figure) -> None:
    rest, smile, frown = (at(figure, m)["mouth_corner_left"] for m in
                          (motion(), motion(mouthSmile=1.0), motion(mouthFrown=1.0)))  # fmt: skip
    assert smile[0] > rest[0] + 0.02 and smile[1] > rest[1] + 0.02
    assert frown[1] < rest[1] - 0.01


def test_pucker_narrows_and_stretch_widens(figure: Figure) -> None:
    def width(posed: Motion) -> float:
        marks = at(figure, posed)
        return float(marks["mouth_corner_left"][0] - marks["mouth_corner_right"][0])

    assert width(motion(mouthPucker=1.0)) < width(motion()) - 0.03
    assert width(motion(mouthStretch=1.0)) > width(motion()) + 0.02


def test_pose_signs(figure: Figure) -> None:
    rest = at(figure, motion())
    assert at(figure, motion((20, 0, 0, 0, 0, 0)))["nose_tip"][0] > rest["nose_tip"][0] + 0.1
    assert at(figure, motion((0, 15, 0, 0, 0, 0)))["nose_tip"][1] > rest["nose_tip"][1] + 0.1
    assert at(figure, motion((0, 0, 10, 0, 0, 0)))["crown"][0] > rest["crown"][0] + 0.1
    for axis in range(3):
        pose = [0.0] * 6
        pose[3 + axis] = 0.1
        shift = at(figure, motion(tuple(pose)))["nose_tip"] - rest["nose_tip"]
        assert shift[axis] > 0.1 and np.abs(np.delete(shift, axis)).max() < 0.01


@pytest.mark.parametrize("pose", [(30, 10, -8, 0, 0, 0), (-25, -12, 10, 0.1, -0.1, 0.2)])
def test_the_neck_bends_more_than_shoulders(figure: Figure, pose: tuple[float, ...]) -> None:
    still, turned = figure.vertices(motion()), figure.vertices(motion(pose))
    marks, moved = figure.named(still), figure.named(turned)
    for side in ("left", "right"):
        follows = np.linalg.norm(moved[f"shoulder_{side}"] - marks[f"shoulder_{side}"])
        assert 0.005 < follows < 0.15
    assert np.linalg.norm(moved["nose_tip"] - marks["nose_tip"]) > 0.1
    # The head moves rigidly: distances between its points are kept.
    for one, two in (("nose_tip", "crown"), ("eye_outer_left", "eye_outer_right")):
        before = np.linalg.norm(marks[one] - marks[two])
        assert abs(np.linalg.norm(moved[one] - moved[two]) - before) < 0.01


def test_neck_weight_has_no_jump() -> None:
    mesh = package.load("mira").mesh
    ends = mesh.neck[mesh.triangle]
    skin = mesh.material[:, None] == 0
    span = np.ptp(mesh.position[mesh.triangle][..., 1], axis=1, keepdims=True)
    steep = np.ptp(ends, axis=1, keepdims=True)[skin] / np.maximum(span[skin], 0.05)
    assert steep.max() < 4


def test_correctives() -> None:
    rest = np.zeros(52, np.float32)
    smile = correct(motion(mouthSmile=1.0).weights, rest)
    assert smile[INDEX["mouthUpperUpLeft"]] > 0.2
    sealed = correct(motion(mouthSmile=1.0, mouthPress=0.5).weights, rest)
    assert sealed[INDEX["mouthUpperUpLeft"]] == 0 and sealed[INDEX["jawOpen"]] == 0
    odd = correct(np.full(52, np.nan, np.float32), rest)
    assert np.isfinite(odd).all()
    wild = correct(np.float32([1e9, -1e9] * 26), rest)
    assert wild.max() < 3 and wild.min() >= 0


def test_impossible_poses_stay_finite(figure: Figure) -> None:
    for pose in ((1e9, -1e9, 1e9, 9, 9, 9), (np.nan,) * 6, (np.inf,) * 6):
        assert np.isfinite(figure.vertices(motion(pose))).all()


def test_every_shape_moves_something() -> None:
    mesh = package.load("mira").mesh
    assert (np.diff(mesh.shape_start) > 0).all() and len(ARKIT) == 52


def test_motions_that_are_no_motions_are_drawn_sanely(figure: Figure) -> None:
    rest = figure.vertices(motion())
    reach = np.abs(rest).max()
    odd = motion()
    odd.weights[:], odd.pose[:] = np.nan, np.nan
    np.testing.assert_array_equal(figure.vertices(odd), rest)
    turned = motion()
    turned.weights[INDEX["jawOpen"]], turned.pose[:2] = np.nan, (np.nan, 5)
    np.testing.assert_array_equal(
        figure.vertices(turned), figure.vertices(motion((0, 5, 0, 0, 0, 0)))
    )
    for value in (np.inf, -np.inf, 1e30, -9.0, 9.0):
        odd.weights[:], odd.pose[:] = value, value
        swung = Motion(0, odd.weights, odd.pose, np.full(3, value, np.float32))
        points = figure.vertices(swung)
        assert np.isfinite(points).all() and np.abs(points).max() < 3 * reach
    # What is far too much shows no more than what is a little too much.
    np.testing.assert_array_equal(
        figure.vertices(motion(jawOpen=9.0)), figure.vertices(motion(jawOpen=1.2))
    )
