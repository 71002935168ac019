"""The lip figures: known curves get known numbers."""

from pathlib import Path

import numpy as np

from engine.eval.lips import LAGS_MS, Clip, closures, correlations, prepare, summarise
from engine.eval.recordings import Recording, read_manifest

WORD = [("SIL", 0, 20), ("M", 20, 8), ("AA", 28, 14), ("P", 42, 8), ("AE", 50, 14), ("S", 64, 10),
        ("AY", 74, 16), ("B", 90, 8), ("IY", 98, 12), ("SIL", 110, 20)]  # fmt: skip


def clip() -> Clip:
    from engine.eval.lips import _WINDOW
    from engine.motion.channels import OPENNESS

    steps = np.zeros(130, np.float32)
    for phone, start, duration in WORD:
        steps[start : start + duration] = OPENNESS[phone]
    record = Recording("librispeech", "x", "x", Path("x"), 1.3, tuple(WORD), "")
    truth = np.convolve(steps, _WINDOW, "same").astype(np.float32)
    return Clip(record, np.zeros(20_800, np.float32), truth)


def shown(c: Clip, late_ms: float) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(32) * 640
    place = (at - late_ms * 16) / 160 - 0.5
    return at, np.interp(place, np.arange(len(c.truth)), c.truth)


def test_truth_gives_one_at_its_lag() -> None:
    c = clip()
    for late in (-80, 0, 40, 120):
        rows = correlations(c, shown(c, late))
        assert LAGS_MS[int(rows.argmax())] == late and rows.max() > 0.999


def test_closures_are_counted() -> None:
    c = clip()
    found, wanted, false, vowels = closures(c, shown(c, 0))
    assert (wanted, vowels, false) == (3, 3, 0) and found >= 2
    at, values = shown(c, 0)
    assert closures(c, (at, 1 - values))[0] == 0 and closures(c, (at, 1 - values))[2] >= 2


def test_summary_of_noise_is_low() -> None:
    c = clip()
    rng = np.random.default_rng(0)
    noise = [(np.arange(32) * 640, rng.random(32)) for _ in range(8)]
    assert summarise([c] * 8, noise)["r"] < 0.4


def test_bundled_clips_have_a_truth() -> None:
    root = Path(__file__).parents[3] / "tests" / "golden" / "speech"
    c = prepare(read_manifest(root / "clips.jsonl", "librispeech")[0])
    assert 0.8 < c.truth.max() <= 0.96 and c.truth.min() == 0
    assert abs(len(c.truth) * 160 - len(c.pcm)) <= 160
