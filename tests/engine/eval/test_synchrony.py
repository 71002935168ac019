"""The lip figures: known curves get known numbers."""

import numpy as np
import pytest

from engine.eval.recordings import bundled
from engine.eval.synchrony import (
    LAGS_MS,
    Clip,
    closures,
    contrast,
    correlations,
    openness,
    pearson,
    prepare,
    summarise,
)

WORD = (("SIL", 0, 20), ("M", 20, 8), ("AA", 28, 14), ("P", 42, 8), ("AE", 50, 14), ("S", 64, 10),
        ("AY", 74, 16), ("B", 90, 8), ("IY", 98, 12), ("SIL", 110, 20))  # fmt: skip
WORDS = Clip("x", "native", np.zeros(20_800, np.float32), WORD)


def shown(late_ms: float) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(32) * 640
    return at, np.interp(at - late_ms * 16, *WORDS.truth)


def test_truth_gives_one_at_its_lag() -> None:
    for late in (-80, 0, 40, 120):
        rows = correlations(WORDS.truth, shown(late))
        assert LAGS_MS[int(rows.argmax())] == late and rows.max() > 0.999


def test_closures_are_counted() -> None:
    found, wanted, false, vowels = closures(WORDS, shown(0))
    assert (wanted, vowels, false) == (3, 3, 0) and found >= 2
    at, values = shown(0)
    assert closures(WORDS, (at, 1 - values))[0] == 0 and closures(WORDS, (at, 1 - values))[2] >= 2


def test_contrast_has_its_lag() -> None:
    for late in (-40, 0, 80):
        found = contrast([WORDS], [shown(late)])
        assert found["contrast_z"] < -1.3 and abs(found["contrast_lag_ms"] - late) <= 10
    assert contrast([Clip("y", "", WORDS.pcm, ())], [shown(0)])["contrast_z"] == 0


def test_summary_of_noise_is_low() -> None:
    rng = np.random.default_rng(0)
    noise = [(np.arange(32) * 640, rng.random(32)) for _ in range(8)]
    found = summarise([WORDS] * 8, noise)
    assert found["r"] < 0.4 and found["lag_ms_p10"] < found["lag_ms_p90"]


def test_what_does_not_move_correlates_with_nothing() -> None:
    assert pearson(np.ones(9), np.arange(9.0)) == 0.0
    assert pearson(np.arange(9.0), -np.arange(9.0)) == pytest.approx(-1)


def test_bundled_clips_have_a_truth() -> None:
    clip = prepare(bundled()[0])
    at, truth = clip.truth
    assert 0.8 < truth.max() <= 0.96 and truth.min() == 0 and clip.group == "librispeech"
    assert abs(len(truth) * 160 - len(clip.pcm)) <= 160 and at[0] == 80


def test_openness_of_a_long_vowel() -> None:
    curve = openness([("AA", 10, 30)], 60)
    assert curve[25] == pytest.approx(0.95) and curve[:5].max() == 0
