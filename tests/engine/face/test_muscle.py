"""What a face does by itself when shapes meet."""

import numpy as np
import pytest

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.muscle import correct
from engine.frames import F32
from tests.golden.pictures import STILL, motion

REST = np.zeros(52, np.float32)


def drawn(**weights: float) -> dict[str, float]:
    return dict(zip(ARKIT, correct(motion(STILL, **weights).weights, REST).tolist(), strict=True))


def test_what_stands_alone_stays_as_it_is() -> None:
    for name in ("jawOpen", "browDownLeft", "mouthFunnel", "mouthPucker", "cheekPuff", "jawLeft"):
        weights = correct(motion(STILL, **{name: 0.6}).weights, REST)
        expected = np.zeros(52, np.float32)
        expected[INDEX[name]] = 0.6
        np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_a_smile_lifts_lip_cheek_and_lower_lid_of_its_side() -> None:
    face = drawn(mouthSmileLeft=1.0)
    for name in ("mouthUpperUp", "cheekSquint", "eyeSquint"):
        assert face[f"{name}Left"] > 0.2 and face[f"{name}Right"] == 0
    faint = drawn(mouthSmile=0.2)
    assert faint["mouthUpperUpLeft"] == 0 and faint["jawOpen"] == 0


@pytest.mark.parametrize(
    "seal",
    [
        {"mouthPress": 0.4},
        {"mouthPress": 0.2, "mouthRollLower": 0.08, "mouthRollUpper": 0.05, "mouthClose": 0.05},
        {"mouthPucker": 0.5},
        {"mouthRollLower": 0.4},
        {"mouthClose": 0.3, "jawOpen": 0.3},
        {"cheekPuff": 0.9},
    ],
)
def test_sealed_lips_stay_sealed_in_a_smile(seal: dict[str, float]) -> None:
    weights = motion(mouthSmile=0.9).weights + motion(STILL, **seal).weights
    face = dict(zip(ARKIT, correct(weights, REST), strict=True))
    assert face["mouthUpperUpLeft"] < 0.05 and face["jawOpen"] < seal.get("jawOpen", 0) + 0.02


def test_pucker_and_funnel_hold_the_corners() -> None:
    assert drawn(mouthSmile=0.8, mouthPucker=0.8)["mouthSmileLeft"] < 0.45
    assert drawn(mouthSmile=0.8, mouthFunnel=0.8)["mouthSmileLeft"] < 0.65


def test_close_undoes_no_more_than_the_jaw_and_presses_with_the_rest() -> None:
    alone = drawn(mouthClose=0.8)
    assert alone["mouthClose"] == 0 and alone["mouthPressLeft"] > 0.3
    assert drawn(mouthClose=0.5, jawOpen=0.5)["mouthClose"] == pytest.approx(0.5)


def test_the_tongue_opens_the_lips_it_comes_through() -> None:
    assert drawn(tongueOut=1.0)["jawOpen"] > 0.2
    assert drawn(tongueOut=1.0, jawOpen=0.7)["jawOpen"] == pytest.approx(0.7)


def test_any_weights_come_out_finite_and_bounded() -> None:
    noise = np.random.default_rng(2)
    for _ in range(50):
        weights: F32 = noise.choice([0, 1, -3, np.nan, np.inf, -np.inf, 0.4, 1e30], 52).astype(
            np.float32
        )
        out = correct(weights, REST)
        assert np.isfinite(out).all() and out.min() >= 0 and out.max() < 3


def test_more_jaw_is_more_jaw_whatever_else_the_mouth_does() -> None:
    for other in ({}, {"mouthSmile": 0.9}, {"tongueOut": 0.8}, {"mouthClose": 0.3}):
        jaws = [
            correct(motion(STILL, **{"jawOpen": w, **other}).weights, REST)[INDEX["jawOpen"]]
            for w in np.linspace(0, 1, 11).tolist()
        ]
        assert (np.diff(jaws) >= -1e-6).all()


def test_many_faces_at_once_are_as_each_alone() -> None:
    random = np.random.default_rng(3)
    weights = random.uniform(-0.2, 1.4, (40, 52)).astype(np.float32)
    weights[random.random((40, 52)) < 0.5], weights[7, 3] = 0, np.nan
    rest = random.uniform(0, 0.1, 52).astype(np.float32)
    many = correct(weights.reshape(5, 8, 52), rest).reshape(40, 52)
    for one, asked in zip(many, weights, strict=True):
        np.testing.assert_array_equal(one, correct(asked, rest))
