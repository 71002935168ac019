"""What happens to a voice between the mouth and the model: speed, room, noise, microphone, call.

Contract: `augment` returns the changed sound and the factor by which its times were stretched;
apart from that factor and the pause before, nothing moves by more than 10 ms (every
filter is zero-phase or starts at its direct sound), so phone times stay exact.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from scipy import fft, signal

from engine.frames import F32, HOP, SAMPLE_RATE
from engine.train.noises import Noises, events
from engine.train.opus import Call, carry, library, lost
from engine.train.rooms import impulse
from engine.train.tempo import retime

_EQ_HZ = (0.0, 150.0, 400.0, 1000.0, 2200.0, 4200.0, 8000.0)
_BITRATES = (8_000, 12_000, 16_000, 24_000, 24_000, 32_000, 48_000)
_PAUSE_DB = 22.0  # below the clip's rms a stretch counts as a pause


@dataclass(frozen=True, slots=True)
class Recipe:
    """Chances and ranges; levels in dBFS rms, ratios in dB."""

    speed: tuple[float, float] = (0.84, 1.19)  # moves pitch, formants and rate together
    speed_chance: float = 0.75
    tempo: tuple[float, float] = (0.78, 1.3)  # moves the rate alone
    tempo_chance: float = 0.35
    pause_chance: float = 0.4
    reverb_chance: float = 0.35
    rt60_s: tuple[float, float] = (0.08, 0.7)
    noise_chance: float = 0.6
    snr_db: tuple[float, float] = (3.0, 38.0)
    event_chance: float = 0.15
    eq_chance: float = 0.8
    eq_db: float = 8.0
    lowpass_chance: float = 0.12
    fade_chance: float = 0.1
    clip_chance: float = 0.04
    telephone_chance: float = 0.08
    codec_chance: float = 0.3
    loss_chance: float = 0.5  # of calls
    level_dbfs: tuple[float, float] = (-38.0, -8.0)


def rms(x: F32) -> float:
    """Root mean square, never quite zero."""
    return max(float(np.sqrt(np.mean(x * x))), 1e-5)


def augment(
    pcm: F32, rng: np.random.Generator, noises: Noises, recipe: Recipe | None = None
) -> tuple[F32, float, int]:
    """One random path from mouth to model.

    Returns (pcm' [S'], stretch, lead): a time t in seconds of the input lies at
    t * stretch + lead / 16000 in the output.
    """
    r = recipe or Recipe()
    pcm, stretch = _paced(pcm, rng, r)
    lead = 0
    if rng.random() < r.pause_chance:
        lead, tail = (int(n) for n in rng.integers(0, SAMPLE_RATE * 8 // 10, 2))
        pcm = np.concatenate([np.zeros(lead, np.float32), pcm, np.zeros(tail, np.float32)])
    if rng.random() < r.reverb_chance:
        room = impulse(rng, float(np.exp(rng.uniform(*np.log(r.rt60_s)))))  # small rooms abound
        pcm = np.asarray(signal.oaconvolve(pcm, room)[: len(pcm)], np.float32)
    pcm = _surrounded(pcm, rng, noises, r)
    pcm = _equalised(pcm, rng, r)
    pcm = _recorded(pcm, rng, r)
    return _transmitted(pcm, rng, r), stretch, lead


def _paced(pcm: F32, rng: np.random.Generator, r: Recipe) -> tuple[F32, float]:
    """Another speaker's rate and size."""
    stretch = 1.0
    if rng.random() < r.speed_chance:
        stretch = float(rng.uniform(*r.speed))
        rate = SAMPLE_RATE * stretch
        pcm = np.asarray(soxr.resample(pcm, SAMPLE_RATE, rate, quality="MQ"), np.float32)
    if rng.random() < r.tempo_chance:
        tempo = float(rng.uniform(*r.tempo))
        pcm, stretch = retime(pcm, tempo), stretch * tempo
    return pcm, stretch


def _surrounded(pcm: F32, rng: np.random.Generator, noises: Noises, r: Recipe) -> F32:
    """Noise under the voice, and now and then things that happen: anywhere but loudly only in
    the pauses, where the lips must not follow them."""
    loud = rms(pcm)
    if rng.random() < r.noise_chance:
        gain = loud * 10 ** (-rng.uniform(*r.snr_db) / 20)
        pcm = pcm + np.float32(gain) * noises.draw(rng, len(pcm))
    if rng.random() < r.event_chance:
        line = events(rng, len(pcm))
        if rng.random() < 0.7:
            pcm = pcm + line * pauses(pcm, loud) * np.float32(loud * 10 ** rng.uniform(-1, 0.5))
        else:
            pcm = pcm + line * np.float32(loud * 10 ** rng.uniform(-1.5, -0.3))
    return pcm


def pauses(pcm: F32, loud: float) -> F32:
    """1 in the pauses of a voice of rms `loud`, 0 in speech, with soft edges."""
    window = SAMPLE_RATE // 10
    ends = np.concatenate([np.zeros(1), np.cumsum(pcm.astype(np.float64) ** 2)])
    at = np.arange(len(pcm))
    low, high = np.maximum(at - window, 0), np.minimum(at + window, len(pcm))
    power = (ends[high] - ends[low]) / (2 * window)
    over_db = 10 * np.log10(power + 1e-12) - 20 * np.log10(loud) + _PAUSE_DB
    return np.asarray(np.clip(-over_db / 4, 0, 1), np.float32)


def _equalised(pcm: F32, rng: np.random.Generator, r: Recipe) -> F32:
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


def _recorded(pcm: F32, rng: np.random.Generator, r: Recipe) -> F32:
    """The microphone's gain: level, slow drift, overload."""
    if rng.random() < r.fade_chance:
        knots = np.linspace(0, len(pcm), 2 + int(rng.integers(1, 5)))
        drift_db = np.interp(np.arange(len(pcm)), knots, rng.uniform(-8, 8, len(knots)))
        pcm = pcm * (10 ** (drift_db / 20)).astype(np.float32)
    if rng.random() < r.clip_chance:
        most = np.float32(rms(pcm) * rng.uniform(0.7, 3.0))
        pcm = np.clip(pcm, -most, most)
    low, high = r.level_dbfs
    level = rng.uniform(low, high) if rng.random() < 0.6 else np.clip(rng.normal(-25, 3), low, high)
    return np.asarray(np.clip(pcm * (10 ** (level / 20) / rms(pcm)), -1.0, 1.0), np.float32)


def _transmitted(pcm: F32, rng: np.random.Generator, r: Recipe) -> F32:
    """Telephone band, Opus with lost packets, and 16 bits."""
    if rng.random() < r.telephone_chance:
        narrow = soxr.resample(pcm, SAMPLE_RATE, 8000, quality="HQ")
        wide = soxr.resample(narrow, 8000, SAMPLE_RATE, quality="HQ")
        pcm = np.resize(np.asarray(wide, np.float32), len(pcm))
    if rng.random() < r.codec_chance and library() is not None:
        loses = rng.random() < r.loss_chance
        call = Call(
            bitrate=int(rng.choice(_BITRATES)),
            complexity=int(rng.integers(1, 6)),
            loss=float(rng.uniform(0.01, 0.15)) if loses else 0.0,
            burst=float(rng.uniform(1.0, 3.5)),
            repair=bool(rng.random() < 0.4),
        )
        pcm = carry(pcm, call, lost(rng, len(pcm) // HOP + 2, call))
    pcm = np.clip(pcm, -1.0, 1.0)
    return np.asarray(np.round(pcm * 32767) / 32768, np.float32)
