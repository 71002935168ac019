"""Sounds that are no speech: steady noises and babble, and what hands, breath and things do.

Contract: everything comes at rms 1 (`Noises.draw`) or at peak 1 (`events`); levels are the
caller's business.
"""

import numpy as np
from scipy import fft, signal

from engine.frames import F32, SAMPLE_RATE

_BANK = 1 << 20  # samples of each prebuilt noise: FFT noise of arbitrary length is slow
_MAINS_HZ = (50.0, 60.0)


class Noises:
    """Prebuilt noise: white, pink, brown, hums, and babble of given voices."""

    def __init__(self, rng: np.random.Generator, voices: list[F32]) -> None:
        spectrum = fft.rfft(rng.standard_normal(_BANK))
        hz = np.maximum(fft.rfftfreq(_BANK, 1 / SAMPLE_RATE), 20.0)
        coloured = [unit(fft.irfft(spectrum * hz**-slope, _BANK)) for slope in (0, 0.5, 1, 0.8)]
        self._bank: list[F32] = coloured[:3]
        time = np.arange(_BANK) / SAMPLE_RATE
        for mains in _MAINS_HZ:
            hum = sum(np.sin(2 * np.pi * mains * n * time + n) / n for n in (1, 2, 3, 5, 7))
            self._bank.append(unit(coloured[3] + 0.7 * np.asarray(hum)))
        for talkers in (3, 8):
            if voices:
                babble = np.zeros(_BANK)
                for _ in range(talkers):
                    line = np.concatenate([voices[i] for i in rng.permutation(len(voices))[:40]])
                    babble += np.resize(line, _BANK) / max(float(line.std()), 1e-6)
                self._bank.append(unit(babble))

    def draw(self, rng: np.random.Generator, samples: int) -> F32:
        """`samples` of unit-rms noise of a random kind."""
        noise = self._bank[int(rng.integers(len(self._bank)))]
        at = int(rng.integers(_BANK))
        return np.resize(np.roll(noise, -at) if samples > _BANK - at else noise[at:], samples)


def unit(x: np.ndarray) -> F32:
    """The sound at rms 1."""
    return np.asarray(x / max(float(np.sqrt(np.mean(x**2))), 1e-9), np.float32)


def events(rng: np.random.Generator, samples: int) -> F32:
    """A line of one random kind of event, at peak 1."""
    kinds = (_keys, _keys, _clicks, _breaths, _breaths, _rustle, _knocks, _chime)
    line = kinds[int(rng.integers(len(kinds)))](rng, samples)
    return np.asarray(line / max(float(np.abs(line).max()), 1e-9), np.float32)


def _band(rng: np.random.Generator, samples: int, low: float, high: float) -> F32:
    """White noise between two frequencies."""
    size = fft.next_fast_len(samples, real=True)
    hz = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum = fft.rfft(rng.standard_normal(size).astype(np.float32))
    spectrum *= 1 / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4)
    return np.asarray(fft.irfft(spectrum, size)[:samples], np.float32)


def _place(line: F32, at: int, sound: np.ndarray) -> None:
    end = min(at + len(sound), len(line))
    if 0 <= at < end:
        line[at:end] += sound[: end - at].astype(np.float32)


def _decay(samples: int, seconds: float) -> np.ndarray:
    return np.exp(-np.arange(samples) / (seconds * SAMPLE_RATE))


def _press(rng: np.random.Generator) -> np.ndarray:
    """A key going down: a tick of high noise over the thud of the desk."""
    count = int(0.06 * SAMPLE_RATE)
    tick = _band(rng, count, rng.uniform(1200, 3000), rng.uniform(4000, 7500))
    tick = tick / max(float(np.abs(tick).max()), 1e-6) * _decay(count, rng.uniform(0.002, 0.009))
    time = np.arange(count) / SAMPLE_RATE
    thud = np.sin(2 * np.pi * rng.uniform(90, 320) * time) * _decay(count, 0.012)
    return np.asarray(tick + rng.uniform(0.05, 0.6) * thud)


def _keys(rng: np.random.Generator, samples: int) -> F32:
    """Typing: presses, each with a softer release, in bursts."""
    line = np.zeros(samples, np.float32)
    at, pace = 0.0, rng.uniform(0.09, 0.28)
    kinds = [_press(rng) for _ in range(4)]
    while at < samples:
        sound = kinds[int(rng.integers(4))] * rng.uniform(0.4, 1.0)
        _place(line, int(at), sound)
        _place(line, int(at + rng.uniform(0.06, 0.12) * SAMPLE_RATE), 0.35 * sound)
        pause = rng.uniform(0.4, 1.5) if rng.random() < 0.08 else 0.0
        at += (pace * rng.uniform(0.5, 1.7) + pause) * SAMPLE_RATE
    return line


def _clicks(rng: np.random.Generator, samples: int) -> F32:
    """Mouse buttons and pops of a loose plug."""
    line = np.zeros(samples, np.float32)
    for _ in range(1 + int(rng.poisson(samples / SAMPLE_RATE * 1.2))):
        count = int(rng.uniform(0.002, 0.03) * SAMPLE_RATE)
        sound = _band(rng, count, 300, 7000) * _decay(count, rng.uniform(0.0004, 0.004))
        at, gain = int(rng.integers(samples)), rng.uniform(0.3, 1.0)
        sound *= gain / max(float(np.abs(sound).max()), 1e-6)
        _place(line, at, sound)
        _place(line, at + int(rng.uniform(0.05, 0.16) * SAMPLE_RATE), 0.7 * sound)
    return line


def _breaths(rng: np.random.Generator, samples: int) -> F32:
    """Breath in and out: noise that swells, with the throat's broad peaks."""
    line = np.zeros(samples, np.float32)
    at = rng.uniform(0.0, 0.8) * SAMPLE_RATE
    while at < samples:
        count = int(rng.uniform(0.25, 1.1) * SAMPLE_RATE)
        sound = _band(rng, count, rng.uniform(200, 900), rng.uniform(2500, 7000))
        peak = rng.uniform(700, 2800)
        b, a = signal.iirpeak(peak, rng.uniform(1.0, 4.0), SAMPLE_RATE)
        sound = sound + rng.uniform(0.5, 2.5) * signal.lfilter(b, a, sound)
        swell = np.sin(np.pi * np.linspace(0, 1, count) ** rng.uniform(0.5, 1.6)) ** 1.5
        _place(line, int(at), rng.uniform(0.4, 1.0) * swell * sound)
        at += count + rng.uniform(0.3, 2.5) * SAMPLE_RATE
    return line


def _rustle(rng: np.random.Generator, samples: int) -> F32:
    """Cloth, paper or a hand on the microphone: noise in irregular strokes."""
    points = np.cumsum(rng.uniform(0.02, 0.15, 4 + samples // (SAMPLE_RATE // 25)))
    strength = rng.random(len(points)) ** 4
    envelope = np.interp(np.arange(samples) / SAMPLE_RATE, points, strength)
    low, high = (400, 6500) if rng.random() < 0.6 else (40, 700)
    return np.asarray(envelope * _band(rng, samples, low, high), np.float32)


def _knocks(rng: np.random.Generator, samples: int) -> F32:
    """Cups, doors and bumped tables: damped low tones with a knock."""
    line = np.zeros(samples, np.float32)
    count = int(0.3 * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    for _ in range(1 + int(rng.poisson(samples / SAMPLE_RATE * 0.6))):
        sound = np.zeros(count)
        for _ in range(4):
            tone = np.sin(2 * np.pi * rng.uniform(60, 1800) * time)
            sound += rng.random() * tone * _decay(count, rng.uniform(0.01, 0.07))
        sound += 0.5 * rng.standard_normal(count) * _decay(count, 0.002)
        _place(line, int(rng.integers(samples)), rng.uniform(0.3, 1.0) * sound)
    return line


def _chime(rng: np.random.Generator, samples: int) -> F32:
    """Messages and ringing: short chords of a few harmonics."""
    line = np.zeros(samples, np.float32)
    at = rng.uniform(0.0, 1.0) * SAMPLE_RATE
    while at < samples:
        count = int(rng.uniform(0.15, 0.7) * SAMPLE_RATE)
        time, root = np.arange(count) / SAMPLE_RATE, rng.uniform(300, 1600)
        tones = [np.sin(2 * np.pi * root * n * time) / n**1.5 for n in (1, 2, 3)]
        rise = np.minimum(np.arange(count) / 80, 1.0)
        _place(line, int(at), rise * sum(tones) * _decay(count, rng.uniform(0.05, 0.4)))
        at += rng.uniform(0.15, 1.5) * SAMPLE_RATE
    return line
