"""Streaming resampler to 16 kHz: linear phase, time-exact, holding back 4 ms.

Contract: output sample m is the sound at time m / 16000, computed as soon as input up to 4 ms
(64 output samples, or fewer) past it is there. python-soxr's stream holds back 20 to 80 ms in
blocks (its lightest setting with a filter: 320 samples), so this is a Kaiser-windowed sinc with
one polyphase row per fraction.
"""

from math import ceil, gcd

import numpy as np

from engine.errors import AudioError
from engine.frames import F32, SAMPLE_RATE

LOWEST_HZ, HIGHEST_HZ = 4_000, 192_000
HALF = 64  # output samples on each side of the filter: 4 ms held back
_BETA = 7.0  # Kaiser: about 70 dB
_BLOCK = 1024  # outputs at a time: bounds the memory of a long packet
_ROWS = 1024  # polyphase rows at most; rates that need more use the nearest fraction


def _table(rate: int, rows: int) -> F32:
    """[rows, 2 * reach + 1] filters; row r is centred r / rows of an input sample after its
    middle tap."""
    reach = ceil(HALF * rate / SAMPLE_RATE)
    taps = np.arange(-reach, reach + 1)
    cutoff = min(rate, SAMPLE_RATE) / 2 * 0.95 / rate  # cycles per input sample
    offset = taps[None] - np.arange(rows)[:, None] / rows
    inside = np.clip(1 - (offset / (reach + 1)) ** 2, 0, None)
    table = 2 * cutoff * np.sinc(2 * cutoff * offset) * np.i0(_BETA * np.sqrt(inside))
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float32)


class Resampler:
    """Mono float32 at `rate` -> 16 kHz. Input sample i is the sound at time i / rate.

    `begin`: index of the first input sample; `first`: number of the first output sample wanted.
    """

    def __init__(self, rate: int, begin: int = 0, first: int = 0) -> None:
        if not LOWEST_HZ <= rate <= HIGHEST_HZ:
            raise AudioError(
                f"sample rate is {rate} Hz, expected {LOWEST_HZ} to {HIGHEST_HZ}; resample first"
            )
        self.rate = rate
        self.next = first
        divisor = gcd(rate, SAMPLE_RATE)
        self._up, self._down = SAMPLE_RATE // divisor, rate // divisor
        self._rows = min(self._up, _ROWS)
        self._table = _table(rate, self._rows) if rate != SAMPLE_RATE else np.ones((1, 1), "f4")
        self._reach = self._table.shape[1] // 2
        position = first * self._down // self._up
        # Silence before the first sample; the oldest kept sample has index `_base`.
        self._base = min(begin, position - self._reach)
        self._held = np.zeros(begin - self._base, np.float32)

    @property
    def delay(self) -> int:
        """Output samples held back, at most."""
        return int(ceil(self._reach * SAMPLE_RATE / self.rate))

    def push(self, pcm: F32) -> F32:
        """The output samples that `pcm` [S] completes."""
        self._held = np.concatenate([self._held, pcm])
        last = self._base + len(self._held) - 1 - self._reach  # newest computable centre
        end = last * self._up // self._down + 1
        out = self._filter(np.arange(self.next, max(end, self.next)))
        self.next += len(out)
        spare = self.next * self._down // self._up - self._reach - self._base
        if spare > 0:
            self._held, self._base = self._held[spare:], self._base + spare
        return out

    def flush(self) -> F32:
        """The rest, up to the time of the last input sample, with silence after it."""
        end = -(-(self._base + len(self._held)) * self._up // self._down)
        out = self.push(np.zeros(2 * self._reach + 1, np.float32))
        begin = self.next - len(out)
        self.next = max(end, begin)
        return out[: self.next - begin]

    def _filter(self, numbers: np.ndarray) -> F32:
        if not len(numbers):
            return np.zeros(0, np.float32)
        centre, fraction = np.divmod(numbers * self._down, self._up)
        row = np.round(fraction * (self._rows / self._up)).astype(int)
        centre, row = centre + row // self._rows, row % self._rows
        if self._reach == 0:
            return np.asarray(self._held[centre - self._base], np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._reach + 1)
        at = centre - self._base - self._reach
        out = np.empty(len(numbers), np.float32)
        for i in range(0, len(out), _BLOCK):
            block = slice(i, i + _BLOCK)
            out[block] = np.einsum("mt,mt->m", windows[at[block]], self._table[row[block]])
        return out
