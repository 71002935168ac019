"""Causal log-mel: one row per 20 ms hop, two stacked 10 ms frames of 80 bands.

Contract: row of hop j uses the 560 newest samples at the hop's end and nothing clip-wide; its
label time is `hop.start + 40` samples (notes: window of 560 samples, label in its middle), so the
newest sample used lies `LATENCY` samples after it.
"""

from math import isfinite
from typing import NamedTuple

import numpy as np

from engine.errors import AudioError
from engine.frames import F32, HOP, HOP_PHASE, MEL_HOP, SAMPLE_RATE

WINDOW = 400  # 25 ms
FFT = 512
BANDS = 80
LOW_HZ, HIGH_HZ = 50.0, 7600.0
FLOOR = 1e-5  # added to band energy: fixed, so that silence and level mean the same everywhere
SPAN = WINDOW + MEL_HOP  # samples behind one row
PAST = SPAN - HOP  # samples carried from hop to hop
LATENCY = SPAN // 2  # samples between a row's label time and the newest sample it needs
ROW = 2 * BANDS
LOUDEST = 1e9  # a sample's largest size: the power of a window of such samples is still finite
# Label time of hop j's row, counted from the hop's first sample.
LABEL_OFFSET = HOP - LATENCY
# Of a clip that begins at sample 0, PPG row k (made by hop k + 1) is labelled at 320 k + LABEL_AT.
LABEL_AT = HOP_PHASE + HOP + LABEL_OFFSET

_FINE = 16  # sub-divisions of an FFT bin when triangles are folded onto bins
_CHUNK = 4096  # rows per FFT call: bounds the memory of an hour-long clip


def mel_filters() -> F32:
    """[FFT // 2 + 1, BANDS] triangles equally spaced on the mel scale (2595 log10(1 + f / 700)).

    Low bands are narrower than an FFT bin, so each triangle is evaluated on a finer grid and
    folded linearly onto the two nearest bins: no band stays empty.
    """
    bins = FFT // 2 + 1

    def mel(hz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2) / 2595.0) - 1.0)
    position = np.arange((bins - 1) * _FINE + 1) / _FINE
    hz = position * SAMPLE_RATE / FFT
    rise = (hz[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[None, 2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    fine = np.maximum(0.0, np.minimum(rise, fall)) / _FINE
    filters = np.zeros((bins, BANDS))
    below = np.minimum(position.astype(int), bins - 2)
    share = position - below
    np.add.at(filters, below, fine * (1.0 - share)[:, None])
    np.add.at(filters, below + 1, fine * share[:, None])
    return filters.astype(np.float32)


def require_finite(x: F32) -> None:
    """Raise AudioError that names the first sample of [B, S] which is NaN, infinite or so large
    that its power could be infinite."""
    size = np.abs(x)
    if size.max(initial=0.0) <= LOUDEST:  # false for NaN
        return
    at = int(np.flatnonzero(~(size <= LOUDEST).all(axis=0))[0])
    worst = float(size[:, at].max())
    found = f"{worst:.3g}" if isfinite(worst) else "NaN or infinity"
    raise AudioError(
        f"sound holds {found} at sample {at} of this block of {x.shape[1]}; "
        "expected finite samples in [-1, 1]"
    )


def on_grid(pcm: F32, hops: int) -> F32:
    """A clip [S] that begins at sample 0 -> the first `hops` hops of the grid [320 * hops], as
    engine.audio.chunker cuts them; silence before and after."""
    stream = np.zeros(hops * HOP, np.float32)
    part = pcm[: len(stream) + HOP_PHASE]
    stream[-HOP_PHASE : len(part) - HOP_PHASE] = part
    return stream


_FILTERS = mel_filters()
_HANN = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


class MelState(NamedTuple):
    """The last samples of the hop before."""

    past: F32  # [B, PAST]


class Mel:
    """Stage: pcm [B, 320 * T] float32 at 16 kHz -> log-mel rows [B, T, 160], natural log."""

    latency = LATENCY

    def init_state(self, batch: int) -> MelState:
        """Silence before the session."""
        return MelState(np.zeros((batch, PAST), np.float32))

    def step(self, x: F32, state: MelState) -> tuple[F32, MelState]:
        """Advance by whole hops. Raises AudioError for anything but finite float32 hops."""
        if x.ndim != 2 or x.shape[1] % HOP or x.dtype != np.float32:
            raise AudioError(
                f"mel input is {x.dtype} {x.shape}, expected float32 [B, {HOP} * T]; "
                "cut the stream with engine.audio.chunker.Chunker"
            )
        require_finite(x)
        joined = np.concatenate([state.past, x], axis=1)
        return log_mel(joined), MelState(joined[:, -PAST:].copy())

    def forward(self, x: F32) -> F32:
        """The whole clip [B, 320 * T], with silence before it."""
        return self.step(x, self.init_state(len(x)))[0]


def log_mel(pcm: F32) -> F32:
    """Rows of all whole windows: pcm [B, 240 + 320 * T] -> [B, T, 160]; row t covers samples
    320 t .. 320 t + 560."""
    batch, samples = pcm.shape
    rows = (samples - PAST) // HOP
    if rows <= 0:
        return np.zeros((batch, 0, ROW), np.float32)
    # An overlapping view without a copy; numpy's sliding_window_view takes longer than the FFT.
    pcm = np.ascontiguousarray(pcm)
    strides = (pcm.strides[0], MEL_HOP * pcm.itemsize, pcm.itemsize)
    frames: F32 = np.ndarray((batch, 2 * rows, WINDOW), np.float32, pcm, 0, strides)
    out = np.empty((batch, 2 * rows, BANDS), np.float32)
    for at in range(0, 2 * rows, _CHUNK):
        spectrum = np.fft.rfft(frames[:, at : at + _CHUNK] * _HANN, FFT)
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        bands = power @ _FILTERS
        bands += np.float32(FLOOR)
        np.log(bands, out=out[:, at : at + _CHUNK])
    return out.reshape(batch, rows, ROW)
