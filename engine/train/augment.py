"""What happens to a voice between the mouth and the model: speed, room, microphone, noise, codec.

Contract: `augment` returns the changed sound and the factor by which its times were stretched;
apart from that factor nothing moves in time (every filter is zero-phase or starts at its direct
sound), so phone times stay exact.
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from scipy import fft, signal

from engine.frames import F32, SAMPLE_RATE

_BANK = 1 << 20  # samples of each prebuilt noise: FFT noise of arbitrary length is slow
_EQ_HZ = (0.0, 150.0, 400.0, 1000.0, 2200.0, 4200.0, 8000.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Chances and ranges; levels in dBFS rms, ratios in dB."""

    speed: tuple[float, float] = (0.84, 1.19)
    speed_chance: float = 0.8
    reverb_chance: float = 0.35
    rt60_s: tuple[float, float] = (0.08, 0.5)
    eq_chance: float = 0.8
    eq_db: float = 8.0
    telephone_chance: float = 0.12
    lowpass_chance: float = 0.12
    codec_chance: float = 0.2
    noise_chance: float = 0.6
    snr_db: tuple[float, float] = (5.0, 38.0)
    pause_chance: float = 0.4
    clip_chance: float = 0.03
    level_dbfs: tuple[float, float] = (-38.0, -10.0)


class Noises:
    """Prebuilt noise: white, pink, brown, speech-shaped hum and babble of given voices."""

    def __init__(self, rng: np.random.Generator, voices: list[F32]) -> None:
        white = rng.standard_normal(_BANK)
        spectrum = fft.rfft(white)
        hz = np.maximum(fft.rfftfreq(_BANK, 1 / SAMPLE_RATE), 20.0)
        self._bank: list[F32] = []
        for slope in (0.0, 0.5, 1.0, 0.8):
            self._bank.append(_unit(fft.irfft(spectrum * hz**-slope, _BANK)))
        time = np.arange(_BANK) / SAMPLE_RATE
        hum = sum(np.sin(2 * np.pi * 50 * n * time + n) / n for n in (1, 2, 3, 5, 7))
        self._bank[3] = _unit(self._bank[3] + 0.7 * np.asarray(hum))
        for talkers in (3, 8):
            if voices:
                babble = np.zeros(_BANK)
                for _ in range(talkers):
                    line = np.concatenate([voices[i] for i in rng.permutation(len(voices))[:40]])
                    babble += np.resize(line, _BANK) / max(float(line.std()), 1e-6)
                self._bank.append(_unit(babble))

    def draw(self, rng: np.random.Generator, samples: int) -> F32:
        """`samples` of unit-rms noise of a random kind."""
        noise = self._bank[int(rng.integers(len(self._bank)))]
        at = int(rng.integers(_BANK))
        return np.resize(np.roll(noise, -at) if samples > _BANK - at else noise[at:], samples)


def _unit(x: np.ndarray) -> F32:
    return np.asarray(x / max(float(np.sqrt(np.mean(x**2))), 1e-9), np.float32)


def _rms(x: F32) -> float:
    return max(float(np.sqrt(np.mean(x * x))), 1e-5)


def augment(
    pcm: F32, rng: np.random.Generator, noises: Noises, recipe: Recipe | None = None
) -> tuple[F32, float, int]:
    """One random path from mouth to model.

    Returns (pcm' [S'], stretch, lead): a time t in seconds of the input lies at
    t * stretch + lead / 16000 in the output.
    """
    r = recipe or Recipe()
    stretch = 1.0
    if rng.random() < r.speed_chance:
        stretch = float(rng.uniform(*r.speed))
        pcm = np.asarray(
            soxr.resample(pcm, SAMPLE_RATE, SAMPLE_RATE * stretch, quality="MQ"), np.float32
        )
    lead = 0
    if rng.random() < r.pause_chance:
        lead, tail = (int(n) for n in rng.integers(0, SAMPLE_RATE * 8 // 10, 2))
        pcm = np.concatenate([np.zeros(lead, np.float32), pcm, np.zeros(tail, np.float32)])
    if rng.random() < r.reverb_chance:
        pcm = _reverb(pcm, rng, r)
    pcm = _equalise(pcm, rng, r)
    if rng.random() < r.codec_chance:
        pcm = _codec(pcm, rng)
    if rng.random() < r.telephone_chance:
        narrow = soxr.resample(pcm, SAMPLE_RATE, 8000, quality="HQ")
        pcm = np.resize(soxr.resample(narrow, 8000, SAMPLE_RATE, quality="HQ"), len(pcm))
    if rng.random() < r.noise_chance:
        gain = _rms(pcm) * 10 ** (-rng.uniform(*r.snr_db) / 20)
        pcm = pcm + np.float32(gain) * noises.draw(rng, len(pcm))
    low, high = r.level_dbfs
    level = rng.uniform(low, high) if rng.random() < 0.6 else np.clip(rng.normal(-25, 3), low, high)
    pcm = pcm * np.float32(10 ** (level / 20) / _rms(pcm))
    if rng.random() < r.clip_chance:
        pcm = pcm * np.float32(rng.uniform(2, 6))
    pcm = np.clip(pcm, -1.0, 1.0)
    return np.asarray(np.round(pcm * 32767) / 32768, np.float32), stretch, lead


def _reverb(pcm: F32, rng: np.random.Generator, r: Recipe) -> F32:
    rt60 = rng.uniform(*r.rt60_s)
    time = np.arange(int(rt60 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / rt60)
    tail[: int(rng.integers(16, 160))] = 0.0
    direct_db = rng.uniform(0.0, 15.0)  # direct sound over the tail
    tail *= 10 ** (-direct_db / 20) / max(float(np.sqrt(np.sum(tail**2))), 1e-9)
    tail[0] = 1.0
    return np.asarray(signal.oaconvolve(pcm, tail.astype(np.float32))[: len(pcm)], np.float32)


def _equalise(pcm: F32, rng: np.random.Generator, r: Recipe) -> F32:
    """Random bands and low-pass as one zero-phase filter."""
    bend, low = rng.random() < r.eq_chance, rng.random() < r.lowpass_chance
    if not (bend or low):
        return pcm
    size = fft.next_fast_len(len(pcm) + SAMPLE_RATE // 10, real=True)
    hz = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    gain_db = np.zeros(len(hz))
    if bend:
        bands = rng.uniform(-r.eq_db, r.eq_db, len(_EQ_HZ))
        gain_db += np.interp(hz, _EQ_HZ, bands - bands.mean())
    if low:
        gain_db -= np.clip((hz - rng.uniform(3000, 7000)) / 500, 0, 1) * 60
    shaped = fft.irfft(fft.rfft(pcm, size) * (10 ** (gain_db / 20)).astype(np.float32), size)
    return np.asarray(shaped[: len(pcm)], np.float32)


def _codec(pcm: F32, rng: np.random.Generator) -> F32:
    """Opus and back (libsndfile removes the codec's delay)."""
    buffer = io.BytesIO()
    peak = max(float(np.abs(pcm).max()), 1e-5)
    effort = float(rng.uniform(0.88, 0.98))  # about 32 down to 10 kbit/s
    soundfile.write(
        buffer, pcm / peak * 0.7, SAMPLE_RATE, format="OGG", subtype="OPUS",
        compression_level=effort,
    )  # fmt: skip
    buffer.seek(0)
    back, _ = soundfile.read(buffer, dtype="float32")
    return np.asarray(np.resize(back, len(pcm)) * (peak / 0.7), np.float32)
