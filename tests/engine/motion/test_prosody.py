"""Prosody streams, is finite for any sound, and tells loud from quiet and high from low."""

import numpy as np

from engine.audio.mel import Mel
from engine.motion.prosody import FEATURES, NAMES, Prosody
from tests.contract import assert_streams


def rows(pcm: np.ndarray) -> np.ndarray:
    pcm = pcm[: len(pcm) // 320 * 320].astype(np.float32)
    return Prosody().forward(Mel().forward(pcm[None]))[0]


def voice(hz: float, seconds: float, level: float) -> np.ndarray:
    t = np.arange(int(16_000 * seconds)) / 16_000
    return level * sum(np.sin(2 * np.pi * n * hz * t) / n for n in range(1, 12))


def test_streams() -> None:
    x = np.random.default_rng(0).normal(-3, 3, (3, 40, 160)).astype(np.float32)
    assert_streams(Prosody(), x)


def test_any_sound_gives_finite_bounded_rows() -> None:
    rng = np.random.default_rng(1)
    for pcm in (
        np.zeros(8000),
        np.ones(8000),
        rng.choice([-1.0, 1.0], 16000),
        1e-6 * rng.random(8000),
    ):
        out = rows(pcm)
        assert np.isfinite(out).all() and np.abs(out).max() <= 1.5 and out.shape[1] == FEATURES


def test_level_does_not_matter_for_long() -> None:
    sound = np.concatenate([voice(180, 0.3, 0.2), np.zeros(4800)] * 6)
    loud, quiet = rows(sound), rows(0.1 * sound)
    tail = slice(-30, None)
    assert np.corrcoef(loud[tail, 0], quiet[tail, 0])[0, 1] > 0.95


def test_silence_is_inactive_and_speech_active() -> None:
    out = rows(np.concatenate([np.zeros(16000), voice(150, 1.0, 0.2)]))
    activity = out[:, NAMES.index("activity")]
    assert activity[:45].max() < 0.05 and activity[-5:].min() > 0.5


def test_a_rise_of_pitch_is_seen() -> None:
    out = rows(np.concatenate([voice(180, 1.0, 0.2), voice(250, 0.3, 0.2)]))
    pitch = out[:, NAMES.index("pitch")]
    assert pitch[-5:].mean() > pitch[40:48].mean() + 0.1
