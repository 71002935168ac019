"""Channels cover ARKIT once; the opening follows its definition."""

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.motion.channels import OPENNESS, STRONG, WEAK, opening


def test_strong_and_weak_cover_every_channel_once() -> None:
    assert sorted(STRONG + WEAK) == list(range(52))
    assert {"jawOpen", "mouthClose", "tongueOut"} <= {ARKIT[i] for i in STRONG}
    assert {"eyeBlinkLeft", "browInnerUp", "eyeLookInLeft"} <= {ARKIT[i] for i in WEAK}


def test_opening_is_the_defined_sum() -> None:
    weights = np.random.default_rng(0).random((7, 52)).astype(np.float32)

    def w(name: str) -> np.ndarray:
        return weights[:, INDEX[name]]

    lips = sum(w(f"mouth{p}{s}") for p in ("LowerDown", "UpperUp") for s in ("Left", "Right"))
    expected = w("jawOpen") - w("mouthClose") + 0.35 * lips / 2
    expected = expected - 0.3 * (w("mouthPressLeft") + w("mouthPressRight")) / 2
    expected = expected - 0.3 * (w("mouthRollLower") + w("mouthRollUpper")) / 2
    np.testing.assert_allclose(opening(weights), expected, atol=1e-6)


def test_openness_closes_for_bilabials_only() -> None:
    assert {p for p, value in OPENNESS.items() if value == 0} == {"SIL", "P", "B", "M"}
    assert max(OPENNESS, key=OPENNESS.__getitem__) == "AA"
