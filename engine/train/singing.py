"""Singing, synthesised: spoken sentences of synthetic voices with their vowels held, on notes, with
vibrato; phone times stay exact. Labelled synthetic wherever it is named.

Contract: `sing` keeps the order of phones; vowels last 2 to 4.5 times as long in a ballad or an
opera, everything is quicker in rap. No pitch tracker and no score: the notes are random steps of a
major scale around the voice's own pitch (for the adaptation of the 2D paper's singing styles).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from engine.frames import F32, SAMPLE_RATE
from engine.speech.phonemes import PHONES
from engine.train.corpus import Clip
from engine.train.tempo import bend
from engine.train.voices import UNKNOWN, Edge
from engine.train.voicing import clean_targets

VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
_SONORANTS = frozenset("L M N NG R W Y".split())
_SCALE = np.array([-5, -3, -1, 0, 2, 4, 5])  # semitones
_GRID = 100  # Hz of the pitch curve


@dataclass(frozen=True, slots=True)
class Song:
    """How a style holds its sounds."""

    vowel: tuple[float, float]  # stretch of each vowel
    sonorant: float
    other: float
    vibrato: float  # depth, share of the pitch
    vibrato_hz: float
    leap: int  # steps of the scale between neighbouring notes


SONGS: dict[str, Song] = {
    "singing ballad": Song((2.0, 3.2), 1.3, 1.12, 0.018, 5.2, 1),
    "singing opera": Song((2.5, 4.5), 1.5, 1.2, 0.035, 5.8, 3),
    "singing rap": Song((0.72, 0.95), 0.8, 0.8, 0.0, 0.0, 1),
}


def sing(clip: Clip, song: Song, rng: np.random.Generator) -> Clip:
    """The sentence, sung."""
    starts = np.array([0.0, *(start for _, start in clip.edges), len(clip.pcm) / SAMPLE_RATE])
    starts = np.maximum.accumulate(np.minimum(starts, starts[-1]))
    names = ["SIL", *("SIL" if c == UNKNOWN else PHONES[c] for c, _ in clip.edges)]
    factors = np.array([_factor(name, song, rng) for name in names])
    ends = np.concatenate([[0.0], np.cumsum(np.diff(starts) * factors)])
    pitch = _melody(names, ends, song, rng)
    # Reading faster raises the pitch: the sound is first bent as much longer.
    read = np.concatenate([[0.0], np.cumsum(pitch)]) / _GRID
    times = np.arange(len(read)) / _GRID
    held = bend(clip.pcm, starts, np.interp(ends, times, read))
    moments = np.arange(int(ends[-1] * SAMPLE_RATE)) / SAMPLE_RATE
    at = np.interp(moments, times, read) * SAMPLE_RATE
    pcm = np.interp(at, np.arange(len(held)), held).astype(np.float32)
    edges: tuple[Edge, ...] = tuple(
        (name, float(end)) for (name, _), end in zip(clip.edges, ends[1:-1], strict=True)
    )
    return Clip(pcm, edges, clean_targets(pcm))


def _factor(name: str, song: Song, rng: np.random.Generator) -> float:
    if name in VOWELS:
        return float(rng.uniform(*song.vowel))
    if name == "SIL":
        return 1.0
    return song.sonorant if name in _SONORANTS else song.other


def _melody(names: list[str], ends: np.ndarray, song: Song, rng: np.random.Generator) -> F32:
    """Pitch over the voice's own, at 100 Hz: a note a vowel, vibrato where it is held."""
    count = int(np.ceil(ends[-1] * _GRID)) + 2
    notes = np.zeros(count)
    depth = np.zeros(count)
    step = int(rng.integers(2, 5))
    for name, begin, end in zip(names, ends[:-1], ends[1:], strict=True):
        a, b = int(begin * _GRID), int(np.ceil(end * _GRID)) + 1
        if name in VOWELS:
            step = int(np.clip(step + rng.integers(-song.leap, song.leap + 1), 0, len(_SCALE) - 1))
            if end - begin > 0.25:
                depth[a + 15 : b] = song.vibrato
        notes[a:] = _SCALE[step]
    curve = 2.0 ** (gaussian_filter1d(notes, 4.0) / 12.0)
    swing = np.sin(2 * np.pi * song.vibrato_hz * np.arange(count) / _GRID)
    return np.asarray(curve * (1.0 + gaussian_filter1d(depth, 8.0) * swing), np.float32)
