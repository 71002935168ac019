"""The teacher follows the openness table in every manner, and closes, tucks and rounds lips."""

import numpy as np
import pytest

from engine.eval.synchrony import RATE, WINDOW
from engine.face.blendshapes import INDEX
from engine.motion.channels import OPENNESS_ROW, STRONG, opening
from engine.train.manner import BUNDLED, Manner, random_manner
from engine.train.teacher import at_samples, grid, lips

# "The map of my vow was peculiar to moviegoers", about 80 ms a phone.
SENTENCE = (
    "SIL DH AH M AE P AH V M AY V AW W AA Z P IH K Y UW L Y ER T UW M UW V IY G OW ER Z SIL".split()
)
PHONES = [(p, 0.08 * i, 0.08) for i, p in enumerate(SENTENCE)]
SECONDS = 0.08 * len(SENTENCE)


@pytest.mark.parametrize("name", list(BUNDLED))
def test_opening_follows_the_table_up_to_a_gain(name: str) -> None:
    index, _ = grid(PHONES, SECONDS)
    truth = np.convolve(OPENNESS_ROW[index], WINDOW, "same")
    made = opening(lips(PHONES, SECONDS, BUNDLED[name]))
    # Hypo-articulation brings all but the closures together.
    least = 0.91 if BUNDLED[name].articulation >= 0.85 else 0.86
    assert np.corrcoef(truth, made)[0, 1] > least


@pytest.mark.parametrize("name", list(BUNDLED))
def test_lips_close_on_p_b_m_in_every_manner(name: str) -> None:
    loud = np.ones(round(SECONDS * RATE), np.float32)
    for stress in (None, loud):
        made = opening(lips(PHONES, SECONDS, BUNDLED[name], stress))
        assert made[middle("M")] < 0 and made[middle("P")] < 0
        assert made[middle("V")] < 0.35 * made[middle("AA")]
        assert made[0] < 0.02 and made[-1] < 0.02


def test_articulation_overshoots_or_stays_half_way() -> None:
    hypo, plain, hyper = (
        opening(lips(PHONES, SECONDS, Manner(articulation=a))) for a in (0.6, 1.0, 1.35)
    )
    for phone, side in (("AA", 1), ("AE", 1), ("V", -1), ("Z", -1)):
        at = middle(phone)
        assert side * (hyper[at] - plain[at]) > 0 and side * (plain[at] - hypo[at]) > 0, phone
    assert max(o[middle(p)] for o in (hypo, plain, hyper) for p in ("M", "P")) < 0


def test_stress_opens_wider() -> None:
    manner = Manner(emphasis=0.4)
    loud = np.ones(round(SECONDS * RATE), np.float32)
    soft, strong = (opening(lips(PHONES, SECONDS, manner, s)) for s in (0 * loud, loud))
    assert strong[middle("AA")] > 1.2 * soft[middle("AA")]


def middle(phone: str) -> int:
    return int((0.08 * SENTENCE.index(phone) + 0.04) * RATE)


def test_shapes_of_phones() -> None:
    curve = lips(PHONES, SECONDS, BUNDLED["neutral"])
    made = opening(curve)
    assert made[middle("M")] < 0 and made[middle("P")] < 0.02
    assert made[middle("AA")] > 0.35 and curve[:, INDEX["jawOpen"]].max() < 0.75
    assert curve[middle("V"), INDEX["mouthRollLower"]] > 0.15
    assert curve[middle("UW"), INDEX["mouthPucker"]] > 0.35
    assert curve[middle("IH"), INDEX["mouthStretchLeft"]] > 0.05
    # Rounding starts before its phone, in the middle of the Y.
    assert curve[middle("UW") - 7, INDEX["mouthPucker"]] > 0.1


def test_any_manner_stays_in_range_and_closes() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        curve = lips(PHONES, SECONDS, random_manner(rng))
        assert curve.min() >= 0 and curve.max() <= 1
        weak = [i for i in range(52) if i not in STRONG]
        assert not curve[:, weak].any()
        made = opening(curve)
        assert made[middle("M")] < 0.25 * made[middle("AA")]


def test_rows_at_samples() -> None:
    curve = np.arange(300, dtype=np.float32)[:, None] @ np.ones((1, 52), np.float32)
    rows = at_samples(curve, np.array([0, 80, 240, 16000, 10**7]))
    np.testing.assert_allclose(rows[:, 0], [0, 0, 1, 99.5, 299], atol=1e-4)
