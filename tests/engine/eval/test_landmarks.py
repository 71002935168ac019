"""Landmarks lie where a face has them, on either avatar, and move with the shapes they should."""

import numpy as np
import pytest

from engine.eval.landmarks import (
    BROWS,
    EYES,
    INNER_LIPS,
    JAW,
    MOUTH,
    NOSE,
    OUTER_LIPS,
    POINTS,
    Face,
    face,
)
from engine.face import package
from engine.face.blendshapes import INDEX
from engine.face.mesh import Figure
from engine.frames import Motion


def posed(of: Face, **weights: float) -> np.ndarray:
    row = np.zeros((1, 52), np.float32)
    for name, value in weights.items():
        row[0, INDEX[name]] = value
    return of.points(row)[0] - of.neutral


@pytest.fixture(params=["mira", "theo"])
def anyone(request: pytest.FixtureRequest) -> Face:
    return face(request.param)


def test_groups_lie_in_order(anyone: Face) -> None:
    at = anyone.neutral
    assert at.shape == (POINTS, 3) and len(set(anyone.index.tolist())) >= POINTS - 4
    assert at[BROWS, 1].min() > at[EYES, 1].max() > at[NOSE, 1].mean() > at[OUTER_LIPS, 1].max()
    assert at[JAW, 1].argmin() in range(6, 11) and at[8, 1] < at[MOUTH, 1].min()
    # Right comes first everywhere, and both halves mirror each other.
    # Hair on one side may leave an end of the brow to the nearest vertex that is seen.
    for part, apart in ((JAW, 0.03), (BROWS, 0.12)):
        x = at[part, 0]
        assert x[0] < 0 < x[-1]
        np.testing.assert_allclose(x, -x[::-1], atol=apart)
    assert at[INNER_LIPS, 0][0] < 0 < at[INNER_LIPS, 0][4]
    upper, gap, lower = at[OUTER_LIPS, 1][3], at[INNER_LIPS, 1][[2, 6]], at[OUTER_LIPS, 1][9]
    assert upper > gap.max() and gap.min() > lower and np.ptp(gap) < 0.02


def test_shapes_move_their_own_points(anyone: Face) -> None:
    jaw = posed(anyone, jawOpen=0.5)
    inner = jaw[INNER_LIPS]
    assert inner[6, 1] < -0.05 and abs(inner[2, 1]) < 0.05 and jaw[8, 1] < -0.05
    assert np.abs(jaw[BROWS]).max() < 1e-3
    brows = posed(anyone, browInnerUp=1.0)
    assert brows[BROWS, 1].max() > 0.02 and np.abs(brows[MOUTH]).max() < 1e-3
    lids = posed(anyone, eyeBlinkLeft=1.0)[EYES]
    assert lids[6:, 1].min() < -0.05 and np.abs(lids[:6]).max() < 1e-3


def test_the_head_turns_all_points(anyone: Face) -> None:
    still = np.zeros((1, 52), np.float32)
    turn = np.array([[10.0, 0, 0, 0, 0, 0]], np.float32)
    moved = anyone.points(still, turn)[0] - anyone.neutral
    # The nose moves to the subject's left.
    assert moved[30, 0] > 0.05 and moved[NOSE, 0].min() > 0


def test_points_move_as_they_are_drawn() -> None:
    source = package.load("mira")
    rng = np.random.default_rng(0)
    weights = rng.random((3, 52)).astype(np.float32)
    pose = (5 * rng.standard_normal((3, 6))).astype(np.float32)
    figure, moved = Figure(source), face("mira").points(weights, pose)
    for t in range(3):
        whole = figure.vertices(Motion(0, weights[t], pose[t]))
        np.testing.assert_allclose(moved[t], whole[face("mira").index], atol=1e-5)
