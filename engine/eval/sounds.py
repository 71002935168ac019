"""Sounds of a room that are no speech, made from numbers: noises, keys, breath, thumps.

Contract: a function of (kind, samples, generator); 16 kHz mono float32, no file is read, so the
measures that use them run anywhere and give the same figures twice.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.frames import F32, SAMPLE_RATE

Rng = np.random.Generator
_SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}  # amplitude falls as f ** -slope
NOISES = (*_SLOPES, "hum", "babble")
_TALKERS = 6


def rms(pcm: npt.NDArray[Any]) -> float:
    """Root mean square, never zero."""
    return max(float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))), 1e-9)


def decibels(db: float) -> float:
    """An amplitude factor."""
    return float(10 ** (db / 20))


def noise(kind: str, samples: int, rng: Rng, voices: Sequence[F32] = ()) -> F32:
    """Steady noise of unit rms; `voices`: what babble is made of."""
    if kind == "babble":
        sound: npt.NDArray[Any] = np.zeros(samples)
        for _ in range(_TALKERS):
            order = [voices[i] / rms(voices[i]) for i in rng.permutation(len(voices))]
            sound += np.roll(np.resize(np.concatenate(order), samples), rng.integers(samples))
    elif kind == "hum":
        time = np.arange(samples) / SAMPLE_RATE
        odd = np.array([1, 2, 3, 5, 7])[:, None]
        tones = (np.sin(2 * np.pi * 50 * odd * time + odd) / odd).sum(axis=0)
        sound = tones + 0.3 * _coloured(samples, 0.8, rng)
    else:
        sound = _coloured(samples, _SLOPES[kind], rng)
    return np.asarray(sound / rms(sound), np.float32)


def _coloured(samples: int, slope: float, rng: Rng) -> F32:
    size = 1 << max(samples - 1, 1).bit_length()  # FFT noise of arbitrary length is slow
    hz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * hz**-slope, size)[:samples]
    return np.asarray(wave / rms(wave), np.float32)


def _band(samples: int, low_hz: float, high_hz: float, rng: Rng) -> F32:
    """Noise between two frequencies, with soft edges."""
    size = 1 << max(samples - 1, 1).bit_length()
    hz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
    shape = 1 / (1 + (low_hz / hz) ** 6) / (1 + (hz / high_hz) ** 6)
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * shape, size)[:samples]
    return np.asarray(wave / rms(wave), np.float32)


def _ring(hz: float, decay_ms: float, rng: Rng) -> F32:
    """A struck body: one damped resonance."""
    time = np.arange(int(decay_ms * 6e-3 * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * hz * time + rng.uniform(0, 6)) * np.exp(-time / decay_ms * 1e3)
    return np.asarray(wave, np.float32)


def _sum(parts: Sequence[tuple[int, F32]]) -> F32:
    out = np.zeros(max(at + len(part) for at, part in parts), np.float32)
    for at, part in parts:
        out[at : at + len(part)] += part
    return out


def _strike(rng: Rng, sharp_hz: tuple[float, float], body_hz: float, body_ms: float) -> F32:
    """5 to 30 ms: a burst of noise, its resonances, the body beneath."""
    burst = _band(int(rng.uniform(0.002, 0.006) * SAMPLE_RATE), 1500, 7500, rng)
    rings = [_ring(rng.uniform(*sharp_hz), rng.uniform(1, 4), rng) for _ in range(3)]
    body = 0.6 * _ring(body_hz * rng.uniform(0.8, 1.25), body_ms, rng)
    return _sum([(0, 0.4 * burst), *((0, ring) for ring in rings), (0, body)])


def _key(rng: Rng) -> F32:
    """A key going down and, weaker, coming up."""
    up = int(rng.uniform(0.06, 0.12) * SAMPLE_RATE)
    down, release = (_strike(rng, (1800, 6000), 250, 5) for _ in range(2))
    return _sum([(0, down), (up, 0.4 * release)])


def _mouse(rng: Rng) -> F32:
    up = int(rng.uniform(0.07, 0.13) * SAMPLE_RATE)
    down, release = (_strike(rng, (2500, 7000), 900, 1.5) for _ in range(2))
    return _sum([(0, down), (up, 0.8 * release)])


def _breath(rng: Rng) -> F32:
    """Air through an open mouth, 0.3 to 0.8 s, rising and falling."""
    samples = int(rng.uniform(0.3, 0.8) * SAMPLE_RATE)
    peak = rng.uniform(0.3, 0.8)
    time = np.linspace(0, 1, samples)
    shape = np.interp(time, (0, peak, 1), (0, 1, 0)) ** 1.2
    wide = _band(samples, 400, 5000, rng)
    throat = _band(samples, rng.uniform(900, 1400), rng.uniform(1700, 2400), rng)
    return np.asarray((0.6 * wide + 0.6 * throat) * shape, np.float32)


def _thump(rng: Rng) -> F32:
    """A door, a foot against the desk."""
    parts = [_ring(rng.uniform(45, 130), rng.uniform(25, 70), rng) for _ in range(3)]
    knock = 0.25 * _band(int(0.008 * SAMPLE_RATE), 100, 1500, rng)
    return _sum([(0, knock), *((0, part) for part in parts)])


def _rustle(rng: Rng) -> F32:
    """Cloth or a chair: noise in irregular bursts."""
    samples = int(rng.uniform(0.3, 0.9) * SAMPLE_RATE)
    points = rng.uniform(0, 1, max(3, samples // 1200)) ** 2
    shape = np.interp(np.linspace(0, 1, samples), np.linspace(0, 1, len(points)), points)
    return np.asarray(_band(samples, rng.uniform(500, 1500), 6000, rng) * shape, np.float32)


# Kind -> (sound, peak level in dBFS beside speech of -25 dBFS rms, from quiet to loud).
EVENTS: dict[str, tuple[Callable[[Rng], F32], float, float]] = {
    "key": (_key, -32.0, -12.0),
    "mouse": (_mouse, -36.0, -18.0),
    "breath": (_breath, -38.0, -22.0),
    "thump": (_thump, -30.0, -10.0),
    "rustle": (_rustle, -36.0, -22.0),
}


def event(kind: str, rng: Rng) -> F32:
    """One event at a level as a headset or a laptop hears it."""
    make, quiet, loud = EVENTS[kind]
    sound = make(rng)
    peak = decibels(rng.uniform(quiet, loud)) / max(float(np.abs(sound).max()), 1e-9)
    return np.asarray(sound * peak, np.float32)
