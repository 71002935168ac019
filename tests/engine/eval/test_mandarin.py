"""The jaw's clock, and the measure on curves with known answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.audio.mel import LABEL_AT
from engine.eval import mandarin
from engine.eval.mandarin import LAGS_MS, Jaw
from engine.frames import HOP, SAMPLE_RATE
from engine.speech.ppg import PPG

SECONDS = 12.0


def jaw(late_ms: float = 0.0) -> Jaw:
    """A jaw at 30 fps; its opening at t shows the sound of t - late_ms."""
    times = np.arange(int(SECONDS * 30)) / 30
    opening = wave(times - late_ms / 1000)
    return Jaw("x", np.zeros(int(SECONDS * SAMPLE_RATE), np.float32), times, opening)


def wave(seconds: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * 1.3 * seconds) + np.sin(2 * np.pi * 2.9 * seconds + 1)


def curve() -> np.ndarray:
    rows = int(SECONDS * SAMPLE_RATE) // HOP
    return wave((np.arange(rows) * HOP + LABEL_AT) / SAMPLE_RATE).astype(np.float32)


@pytest.mark.parametrize("late_ms", [-80, 0, 50])
def test_lag_is_found(late_ms: int) -> None:
    r = mandarin.follow(curve(), jaw(late_ms))
    assert LAGS_MS[int(r.argmax())] == late_ms and r.max() > 0.99


def test_nothing_follows_a_jaw_at_rest() -> None:
    still = Jaw("x", jaw().pcm, jaw().times, np.zeros_like(jaw().opening))
    assert not mandarin.follow(curve(), still).any()
    assert not mandarin.follow(np.zeros_like(curve()), jaw()).any()


def test_manifest_shift_is_applied(tmp_path: Path) -> None:
    folder = tmp_path / "motion" / "facegood"
    folder.mkdir(parents=True)
    import soundfile

    soundfile.write(folder / "a.flac", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    weights = np.zeros((30, 2), np.float16)
    weights[:, 1] = np.arange(30) / 30
    np.savez(folder / "a.npz", weights=weights, names=["other", mandarin.JAW], fps=30.0)
    rows = [{"name": "a", "folder": "facegood", "shift": -1}, {"name": "b", "folder": "grid"}]
    (tmp_path / "motion" / "manifest.json").write_text(json.dumps(rows))
    (found,) = mandarin.read(tmp_path)
    assert found.times[0] == pytest.approx(-1 / 30) and len(found.pcm) == 16_000
    np.testing.assert_allclose(found.opening, weights[:, 1].astype(float))
    assert mandarin.read(tmp_path / "elsewhere") == []


@pytest.mark.data
def test_mouth_follows_mandarin(data_dir: Path) -> None:
    jaws = mandarin.read(data_dir)
    assert len(jaws) == 5
    table = mandarin.measure(jaws, PPG(20))
    assert table["openness"]["r_at_0"] >= 0.7
    assert table["openness"]["r_at_0"] > table["loudness"]["r_at_0"]
