"""Tempo without pitch: waveform-similarity overlap-add (Verhelst and Roelands 1993).

Contract: sound at sample t lies at t * stretch, within 10 ms.
"""

import numpy as np

from engine.frames import F32, SAMPLE_RATE

TOLERANCE = 80  # 5 ms: half a period of most voices

_HOP = 200  # 12.5 ms between frames of twice that
_FRAME = 2 * _HOP
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)
_TRIES = 2 * TOLERANCE + 1
# Price of leaving the exact place: where nothing repeats (silence, noise) nothing moves.
_DRIFT = 0.1 * (np.arange(-TOLERANCE, TOLERANCE + 1) / TOLERANCE) ** 2


def retime(pcm: F32, stretch: float) -> F32:
    """The sound [S], `stretch` times as long, at its own pitch."""
    count = int(len(pcm) * stretch) // _HOP
    if count == 0:
        return pcm
    places = np.arange(count) * _HOP / stretch
    return _overlapped(pcm, places)[: int(len(pcm) * stretch)]


def bend(pcm: F32, source_s: np.ndarray, target_s: np.ndarray) -> F32:
    """The sound with its moment source_s[i] moved to target_s[i] (both ascending from 0, in
    seconds, the last one the end), linear between, at its own pitch."""
    count = int(target_s[-1] * SAMPLE_RATE) // _HOP
    moments = np.arange(count) * _HOP / SAMPLE_RATE
    return _overlapped(pcm, np.interp(moments, target_s, source_s) * SAMPLE_RATE)


def _overlapped(pcm: F32, places: np.ndarray) -> F32:
    """Frame n of the output is taken near sample places[n] of the input."""
    count = len(places)
    edge = _FRAME + _HOP + 2 * TOLERANCE
    source = np.concatenate([np.zeros(edge, np.float32), pcm, np.zeros(edge, np.float32)])
    total = np.concatenate([[0.0], np.cumsum(source.astype(np.float64) ** 2)])
    out = np.zeros((count + 1) * _HOP, np.float32)
    at = edge - _HOP
    for n in range(count):
        # Frames are placed by their middles: frame n is centred on output sample n * hop.
        aim = edge + round(float(places[n])) - _HOP
        low = aim - TOLERANCE
        region = source[low : low + _FRAME + 2 * TOLERANCE]
        follows = source[at + _HOP : at + _HOP + _FRAME]
        likeness = np.correlate(region, follows, "valid")
        power = total[low + _FRAME : low + _FRAME + _TRIES] - total[low : low + _TRIES]
        strength = np.sqrt(power * (total[at + _HOP + _FRAME] - total[at + _HOP])) + 1e-3
        at = low + int(np.argmax(likeness / strength - _DRIFT)) if n else aim
        frame = source[at : at + _FRAME] * _HANN
        first = (n - 1) * _HOP
        if first < 0:
            out[:_HOP] += frame[_HOP:]
        else:
            out[first : first + _FRAME] += frame
    return out
