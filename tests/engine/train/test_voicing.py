"""Voicing and energy of clean sound: pulses are voiced, noise is not, levels do not matter."""

import numpy as np
import pytest

from engine.eval.recordings import bundled
from engine.speech.phonemes import INDEX
from engine.train.corpus import label_samples, labels, rows_of
from engine.train.espeak import Espeak
from engine.train.voicing import SILENCE, clean_targets

VOWELS = [INDEX[p] for p in "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()]
VOICELESS = [INDEX[p] for p in "S F T K".split()]


def glottis(hz: float, samples: int) -> np.ndarray:
    """Pulses through one resonance."""
    pulses = (np.diff(np.floor(np.arange(samples + 1) * hz / 16000)) > 0).astype(np.float64)
    time = np.arange(400) / 16000
    ring = np.exp(-time * 400) * np.sin(2 * np.pi * 700 * time)
    return np.convolve(pulses, ring)[:samples]


@pytest.mark.parametrize("hz", [70, 120, 230, 400])
def test_pulses_are_voiced_and_noise_is_not(hz: float) -> None:
    rng = np.random.default_rng(0)
    parts = [glottis(hz, 8000), 0.2 * rng.standard_normal(8000), np.zeros(8000)]
    found = clean_targets(np.concatenate(parts).astype(np.float32)).voicing
    assert found[8:42].mean() > 0.9
    assert found[58:92].mean() < 0.1
    assert found[108:140].max() < 0.01


def test_targets_lie_in_time_and_ignore_level() -> None:
    pcm = np.zeros(32000, np.float32)
    pcm[16000:24000] = glottis(150, 8000)
    one, half = clean_targets(pcm), clean_targets(0.1 * pcm)
    at = np.arange(0, 32000, 40.0)
    np.testing.assert_allclose(one.at(at), half.at(at), atol=0.02)
    for column, half_way in ((0, 0.5), (1, -7.0)):
        up = at[(one.at(at)[:, column] > half_way).argmax()]
        down = at[len(at) - 1 - (one.at(at)[::-1, column] > half_way).argmax()]
        assert abs(up - 16000) < 320 and abs(down - 24000) < 320
    np.testing.assert_allclose(one.at(np.array([-9e9, 9e9])), [[0, SILENCE]] * 2, atol=1e-5)


def test_silence_and_short_clips() -> None:
    for samples in (1, 300, 5000):
        silent = clean_targets(np.zeros(samples, np.float32))
        assert (silent.voicing < 0.01).all() and np.allclose(silent.energy, SILENCE)


def test_spoken_vowels_are_voiced() -> None:
    engine = Espeak.find()
    if engine is None:
        pytest.skip("libespeak-ng is not installed")
    rng = np.random.default_rng(0)
    heard: list[np.ndarray] = []
    classes: list[np.ndarray] = []
    for spoken in engine.speak([r.text for r in bundled()] * 2, rng):
        rows = rows_of(len(spoken.pcm))
        heard.append(clean_targets(spoken.pcm).at(label_samples(rows))[:, 0] > 0.5)
        classes.append(labels(spoken.edges, rows))
    voiced, y = np.concatenate(heard), np.concatenate(classes)
    assert voiced[np.isin(y, VOWELS)].mean() > 0.88
    assert voiced[np.isin(y, VOICELESS)].mean() < 0.2
