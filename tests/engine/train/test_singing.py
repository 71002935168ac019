"""Singing: vowels are held, phones keep their order and their sound, the voice gets notes."""

import numpy as np
import pytest

from engine.frames import SAMPLE_RATE
from engine.speech.phonemes import INDEX, PHONES
from engine.train.corpus import Clip
from engine.train.singing import SONGS, VOWELS, sing
from engine.train.voicing import clean_targets

EDGES = (("S", 0.1), ("AA", 0.25), ("M", 0.4), ("IY", 0.5), ("SIL", 0.65))


def spoken() -> Clip:
    """Noise for S, hums of different loudness for the rest, silence around."""
    t = np.arange(int(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
    level = np.select([t < 0.1, t < 0.25, t < 0.4, t < 0.5, t < 0.65], [0, 0, 0.5, 0.1, 0.4], 0.0)
    hum = sum(np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 8))
    hiss = 0.1 * np.random.default_rng(0).standard_normal(len(t)) * ((t >= 0.1) & (t < 0.25))
    pcm = (level * hum / 2 + hiss).astype(np.float32)
    edges = tuple((INDEX[name], start) for name, start in EDGES)
    return Clip(pcm, edges, clean_targets(pcm))


@pytest.mark.parametrize("name", list(SONGS))
def test_phones_stay_with_their_sound(name: str) -> None:
    song = SONGS[name]
    sung = sing(spoken(), song, np.random.default_rng(2))
    assert [c for c, _ in sung.edges] == [INDEX[n] for n, _ in EDGES]
    starts = np.array([start for _, start in sung.edges])
    lengths, before = np.diff(starts), np.diff([start for _, start in EDGES])
    for (phone, _), new, old in zip(EDGES, lengths, before, strict=False):
        if phone in VOWELS:
            assert song.vowel[0] - 0.02 < new / old < song.vowel[1] + 0.02
        else:
            assert 0.75 < new / old < 1.6
    # The loud vowel is loud where its edges say, the nasal after it is soft.
    power = np.convolve(sung.pcm**2, np.ones(160) / 160, "same")
    (_, a, m, i, s) = (starts * SAMPLE_RATE).astype(int)
    assert np.median(power[a + 800 : m - 400]) > 6 * np.median(power[m + 400 : i - 300])
    assert power[s + 800 :].max() < 0.05 * power[a:m].max()


def test_a_seed_sings_the_same() -> None:
    song = SONGS["singing opera"]
    one, two = (sing(spoken(), song, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.pcm, two.pcm)
    assert one.edges == two.edges
    assert VOWELS < set(PHONES)
