"""Alignment finds the motions that put a rig's landmarks where they were seen."""

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.camera import POSE_LIMITS, limit_pose
from engine.face.package import ASSETS, Package, load
from engine.frames import BLENDSHAPES, F32
from engine.train.avatar import read
from engine.train.bust import I64
from engine.train.clay import Clay
from engine.train.fit import bounded
from engine.train.neural.alignment import Aligner, unlimited
from engine.train.neural.identity import anchored

SIZE = 256


@pytest.fixture(scope="module")
def fitted() -> tuple[Package, I64]:
    package = load("mira")
    who = read(ASSETS / "mira" / "recipe.json")
    return package, anchored(Clay.load(), who, package)


@pytest.fixture(scope="module")
def aligner(fitted: tuple[Package, I64]) -> Aligner:
    return Aligner(*fitted, SIZE)


def face(**named: float) -> F32:
    weights = np.zeros(BLENDSHAPES, np.float32)
    for name, value in named.items():
        weights[INDEX[name]] = value
    return weights


def test_pose_and_weights_are_found_again(aligner: Aligner) -> None:
    true = face(jawOpen=0.4, mouthSmileLeft=0.5, mouthSmileRight=0.5, eyeBlinkLeft=0.6)
    pose = np.array([12.0, -6.0, 4.0, 0.04, -0.03, 0.05])
    seen = aligner.project(true, pose)
    hazy = np.clip(true + 0.08, 0, 1)  # what a tracker would say
    found = aligner.align(seen[None], hazy[None])
    assert float(found.error.mean()) < 0.4
    assert np.abs(limit_pose(found.pose[0])[:3] - pose[:3]).max() < 1.0
    assert abs(float(found.weights[0, INDEX["jawOpen"]]) - 0.4) < 0.05
    assert (found.weights >= 0).all() and (found.weights <= 1).all()


def test_eyes_that_shut_are_shut_whatever_the_tracker_says(aligner: Aligner) -> None:
    true, half = (face(eyeBlinkLeft=w, eyeBlinkRight=w) for w in (1.0, 0.45))
    pose = np.array([8.0, 4.0, -3.0, 0.0, 0.02, 0.0])
    rng = np.random.default_rng(0)
    found = aligner.align(
        aligner.project(true, pose)[None] + rng.normal(0, 0.4, (468, 2)), half[None]
    )
    assert found.weights[0, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].min() > 0.9


def test_lips_that_meet_meet_whatever_the_tracker_says(aligner: Aligner) -> None:
    shut = aligner.project(face(), np.zeros(6))
    seen = shut + np.random.default_rng(0).normal(0, 0.4, (468, 2))
    found = aligner.align(seen[None], face(jawOpen=0.15, mouthLowerDownLeft=0.1)[None])
    made = aligner.project(found.weights[0], limit_pose(found.pose[0]).astype(float))
    apart, rest = (
        np.linalg.norm(p[[13, 82, 312]] - p[[14, 87, 317]], axis=1) for p in (made, shut)
    )
    assert np.abs(apart - rest).max() < 1.0


def test_a_clip_is_followed_and_its_noise_is_not(aligner: Aligner) -> None:
    rng = np.random.default_rng(0)
    weights = [face(jawOpen=0.3 + 0.3 * np.sin(t / 2)) for t in range(8)]
    poses = [np.array([2.0 * t, t, 0.0, 0.0, 0.0, 0.0]) for t in range(8)]
    seen = np.array([aligner.project(w, p) for w, p in zip(weights, poses, strict=True)])
    found = aligner.align(seen + rng.normal(0, 0.5, seen.shape), np.array(weights))
    assert np.abs(limit_pose(found.pose[-1])[:2] - poses[-1][:2]).max() < 1.0
    assert float(np.abs(found.weights - weights).max()) < 0.2


def test_no_trust_in_landmarks_keeps_the_trackers_weights(
    aligner: Aligner, fitted: tuple[Package, I64]
) -> None:
    told = face(jawOpen=0.2)
    seen = aligner.project(face(jawOpen=0.6), np.zeros(6))
    found = Aligner(*fitted, SIZE, trust=0).align(seen[None], told[None])
    assert (found.weights[0] == told).all()


def test_drawn_poses_are_asked_for() -> None:
    drawn = np.array([30.0, -10.0, 20.0, 0.18, 0.05, -0.3])
    assert limit_pose(unlimited(drawn)) == pytest.approx(drawn, rel=1e-3)
    assert np.isfinite(unlimited(2 * POSE_LIMITS)).all()


def test_bounded_least_squares() -> None:
    normal, right = np.eye(3) * 2, np.array([4.0, -4.0, 1.0])
    low, high = np.full(3, -1.0), np.full(3, 1.0)
    assert bounded(normal, right, low, high) == pytest.approx([1.0, -1.0, 0.5])


def test_rows_that_do_not_match_are_refused(aligner: Aligner) -> None:
    with pytest.raises(TrackingError, match="frames"):
        aligner.align(np.zeros((2, 468, 2)), np.zeros((1, BLENDSHAPES), np.float32))
