"""What a clean clip says about voicing and loudness, read at any time: targets beside the phones.

Contract: `clean_targets` looks at the clip before augmentation; voicing is the soft decision of a
normalised autocorrelation (Boersma 1993), energy the mean log-mel of the clip levelled to
`LEVEL_DBFS`, both on a 10 ms grid.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

from engine.audio.mel import BANDS, FLOOR, WINDOW, log_mel
from engine.frames import F32, MEL_HOP, SAMPLE_RATE

LEVEL_DBFS = -25.0
SILENCE = float(np.log(FLOOR))  # energy where there is no sound

_RATE = 8000  # Hz: the first four kilohertz hold all that tells a voice from noise
_FRAME = 320  # 40 ms: two and a half periods of the lowest pitch
_STEP = _RATE * MEL_HOP // SAMPLE_RATE
_LAGS = slice(_RATE // 500, _RATE // 60 + 1)  # 500 to 60 Hz
_SIZE = 512
_CORRELATION, _SLOPE = 0.5, 0.06  # half voiced at this correlation; width of the soft edge
_QUIET_DB = 28.0  # below the clip's loud frames: whatever repeats there is hum, not voice
_CHUNK = 4096  # frames at a time: bounds the memory of a long clip
_HANN = np.hanning(_FRAME + 2)[1:-1].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Clean:
    """Targets of a clip on frames of 10 ms; frame n is centred on sample 160 n + 200."""

    voicing: F32  # [N] probability
    energy: F32  # [N] mean over bands, natural log

    def at(self, samples: npt.NDArray[np.float64]) -> F32:
        """[T, 2] voicing and energy of PPG rows labelled at these samples of the clip; silence
        outside of it. A row's two mel frames lie 80 samples before and after its label."""
        grid = np.arange(len(self.energy)) * MEL_HOP + WINDOW // 2
        half = MEL_HOP / 2
        before, after = (np.interp(samples + d, grid, self.energy, SILENCE, SILENCE)
                         for d in (-half, half))  # fmt: skip
        voicing = np.interp(samples, grid, self.voicing, 0.0, 0.0)
        return np.stack([voicing, (before + after) / 2], axis=1).astype(np.float32)


def clean_targets(pcm: F32) -> Clean:
    """Voicing and energy of a clip [S] without noise."""
    gain = np.float32(10 ** (LEVEL_DBFS / 20) / max(float(np.sqrt(np.mean(pcm**2))), 1e-5))
    pcm = np.concatenate([pcm * gain, np.zeros(2 * WINDOW, np.float32)])
    energy = log_mel(pcm[None])[0].reshape(-1, BANDS).mean(axis=1)
    return Clean(voicing(pcm)[: len(energy)], energy)


def voicing(pcm: F32) -> F32:
    """[N] probability that a voice sounds in each frame of 10 ms."""
    slow = np.asarray(soxr.resample(pcm, SAMPLE_RATE, _RATE, quality="MQ"), np.float32)
    # Frame n of 10 ms is centred WINDOW / 2 samples after its start, at the higher rate.
    lead = _FRAME // 2 - WINDOW // 2 * _RATE // SAMPLE_RATE
    slow = np.concatenate([np.zeros(lead, np.float32), slow, np.zeros(_FRAME, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(slow, _FRAME)[::_STEP]
    parts = [_strength(frames[at : at + _CHUNK]) for at in range(0, len(frames), _CHUNK)]
    peak, power = (np.concatenate(p) for p in zip(*parts, strict=True))
    level = 10 * np.log10(power + 1e-12)
    loud = np.percentile(level, 95)
    score = (peak - _CORRELATION) / _SLOPE
    score = np.minimum(score, (level - loud + _QUIET_DB) / 2)
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -20, 20))), np.float32)


_HANN_CORRELATION = fft.irfft(np.abs(fft.rfft(_HANN, 2 * _SIZE)) ** 2, 2 * _SIZE)[: _LAGS.stop + 1]


def _strength(frames: F32) -> tuple[F32, F32]:
    """Highest normalised autocorrelation in the range of pitch, and power, of each frame."""
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _HANN
    spectrum = fft.rfft(frames, _SIZE)
    found = fft.irfft(spectrum.real**2 + spectrum.imag**2, _SIZE)[:, : _LAGS.stop + 1]
    power = found[:, 0]
    found = found / (power[:, None] + 1e-9) * (_HANN_CORRELATION[0] / _HANN_CORRELATION)
    best = found[:, _LAGS].argmax(axis=1) + _LAGS.start
    row = np.arange(len(found))
    left, middle, right = found[row, best - 1], found[row, best], found[row, best + 1]
    # A parabola through the three points: at high pitch a lag is coarse.
    bend = np.maximum(2 * middle - left - right, 1e-6)
    peak = middle + np.clip((left - right) ** 2 / (8 * bend), 0, 0.1)
    return peak.astype(np.float32), (power / np.float32(np.sum(_HANN**2))).astype(np.float32)
