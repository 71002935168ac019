"""Gestures: rates as the manner says, causal, and a function of prosody and noise."""

import numpy as np

from engine.face.blendshapes import INDEX
from engine.motion import noise as noises
from engine.motion.prosody import FEATURES, NAMES
from engine.train.gestures import BLINK, Gestures, gestures
from engine.train.manner import BUNDLED, random_manner

TICKS = 9000  # six minutes


def prosody(ticks: int, talking: bool) -> np.ndarray:
    rows = np.zeros((ticks, 2 * FEATURES), np.float32)
    if talking:
        t = np.arange(ticks) / 25
        for half in (0, FEATURES):
            rows[:, half + NAMES.index("loudness")] = 0.6 + 0.3 * np.sin(8 * t)
            rows[:, half + NAMES.index("activity")] = 0.6
            rows[:, half + NAMES.index("stress")] = np.clip(np.sin(3 * t), 0, 1)
    return rows


def make(name: str, ticks: int = TICKS, talking: bool = True) -> Gestures:
    count = np.arange(ticks, dtype=np.int64)
    noise = noises.draw(np.full(ticks, 7, np.uint64), count)
    return gestures(prosody(ticks, talking), noise, BUNDLED[name])


def test_blink_rates_are_human() -> None:
    for name, manner in BUNDLED.items():
        per_minute = make(name).events[:, BLINK].sum() / (TICKS / 25 / 60)
        assert 0.6 * manner.blink_per_minute < per_minute < 1.5 * manner.blink_per_minute, name
        assert 5 < per_minute < 34


def test_a_blink_closes_and_is_short() -> None:
    made = make("neutral")
    lid = made.weights[:, INDEX["eyeBlinkLeft"]]
    for t in np.flatnonzero(made.events[:, BLINK])[:20]:
        if t + 20 < TICKS:
            assert lid[t : t + 4].max() > 0.95
    runs = np.diff(np.flatnonzero(np.diff((lid > 0.5).astype(int))))[::2]
    assert runs.max() <= 6


def test_causal() -> None:
    ticks = 400
    noise = noises.draw(np.full(ticks, 3, np.uint64), np.arange(ticks, dtype=np.int64))
    one = prosody(ticks, True)
    two = one.copy()
    two[200:] = 0.0
    a, b = gestures(one, noise, BUNDLED["emphatic"]), gestures(two, noise, BUNDLED["emphatic"])
    np.testing.assert_array_equal(a.weights[:200], b.weights[:200])
    np.testing.assert_array_equal(a.pose[:200], b.pose[:200])


def test_head_moves_like_a_person() -> None:
    for name in BUNDLED:
        spread = make(name).pose[:, :3].std(0)
        assert (spread > 0.3).all() and (spread < 9).all(), (name, spread)
        quiet = make(name, talking=False).pose
        assert quiet[:, 0].std() > 0.3
    assert make("emphatic").pose[:, 1].std() > 2 * make("calm").pose[:, 1].std()


def test_any_manner_stays_in_range() -> None:
    rng = np.random.default_rng(0)
    count = np.arange(500, dtype=np.int64)
    for seed in range(20):
        noise = noises.draw(np.full(500, seed, np.uint64), count)
        made = gestures(prosody(500, True), noise, random_manner(rng))
        assert made.weights.min() >= 0 and made.weights.max() <= 1
        assert np.isfinite(made.pose).all() and np.abs(made.pose[:, :3]).max() < 45
