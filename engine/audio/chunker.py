"""PCM of any rate, channel count and packet size -> gapless 16 kHz mono hops on the grid.

Contract: hop j covers samples 320 j - 80 .. 320 j + 240 and hops come in order without a hole.
Sound that is missing in the source's time line becomes silence; sound that comes twice or too
late is dropped. A Chunker belongs to one session and is the only part of the ears that holds
hidden state: it turns a live stream into values.
"""

import numpy as np
import numpy.typing as npt

from engine.audio.resample import Resampler
from engine.errors import AudioError
from engine.frames import F32, HOP, HOP_PHASE, Audio

MAX_CHANNELS = 32
MAX_GAP_S = 600  # a longer hole is another session, not silence
_LOUDEST = 16.0  # float samples above this are integers in disguise


def to_mono(pcm: npt.ArrayLike) -> F32:
    """[S] or [S, C] of uint8, int16, int32 or float -> mono float32 [S] in [-1, 1].

    Raises AudioError for other types or shapes, NaN and infinity.
    """
    array = np.asarray(pcm)
    if array.ndim not in (1, 2) or (array.ndim == 2 and not 1 <= array.shape[1] <= MAX_CHANNELS):
        raise AudioError(
            f"PCM has shape {array.shape}, expected [S] or [S, C] with C <= {MAX_CHANNELS} channels"
        )
    if array.dtype == np.uint8:
        wave = (array.astype(np.float32) - 128.0) / 128.0
    elif array.dtype in (np.int16, np.int32):
        wave = (array / -float(np.iinfo(array.dtype).min)).astype(np.float32)
    elif array.dtype.kind == "f":
        if not np.isfinite(array).all():
            first = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
            raise AudioError(
                f"PCM holds NaN or infinity at sample {first} of this packet of {len(array)}; "
                "expected finite samples in [-1, 1]"
            )
        peak = float(np.abs(array).max(initial=0.0))
        if peak > _LOUDEST:
            raise AudioError(
                f"float PCM peaks at {peak:.4g}, expected [-1, 1]; pass integers as such"
            )
        wave = np.clip(array, -1.0, 1.0).astype(np.float32)
    else:
        raise AudioError(f"PCM is {array.dtype}, expected uint8, int16, int32 or float")
    mono = wave if wave.ndim == 1 else wave.mean(axis=1)
    return np.ascontiguousarray(mono, np.float32)


class Chunker:
    """One session's way from packets to hops."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._expected = 0  # index of the next input sample, at the resampler's rate
        self._next = HOP_PHASE  # first sample of the next hop
        self._pending = np.zeros(-HOP_PHASE, np.float32)  # from `_next` on
        self.filled = 0  # input samples of silence put into holes
        self.dropped = 0  # input samples that came twice or too late

    @property
    def delay(self) -> int:
        """Samples at 16 kHz held back by resampling at the present rate."""
        return self._resampler.delay if self._resampler else 0

    def push(self, pcm: npt.ArrayLike, rate: int, at: int | None = None) -> list[Audio]:
        """The hops that this packet completes.

        `pcm`: see `to_mono`. `rate` in Hz, 4,000 to 192,000, may change between packets. `at`:
        position of the first sample since the session began, in samples at `rate`; None: directly
        after the packet before. Raises AudioError and changes nothing when the packet is unusable.
        """
        wave = to_mono(pcm)
        resampler = self._resampler
        out: list[F32] = []
        expected = self._expected
        if resampler is None or resampler.rate != rate:
            if resampler is not None:
                expected = round(expected * rate / resampler.rate)
            resampler = Resampler(rate, expected, 0)
        jump = 0 if at is None else at - expected
        if jump > MAX_GAP_S * rate:
            raise AudioError(
                f"sound jumps ahead by {jump / rate:.0f} s, expected at most {MAX_GAP_S} s; "
                "begin a new session"
            )
        if resampler is not self._resampler:
            if self._resampler is not None:
                out.append(self._resampler.flush())
                resampler = Resampler(rate, expected, self._resampler.next)
            self._resampler = resampler
        if jump < 0:
            late = min(-jump, len(wave))
            self.dropped += late
            wave = wave[late:]
        elif jump:
            self.filled += jump
            out.append(resampler.push(np.zeros(jump, np.float32)))
        out.append(resampler.push(wave))
        self._expected = expected + max(jump, 0) + len(wave)
        return self._cut(out)

    def flush(self) -> list[Audio]:
        """The sound still held back, its last hop filled up with silence; ends the session."""
        out = [self._resampler.flush()] if self._resampler else []
        hops = self._cut(out)
        rest = len(self._pending)
        if rest and self._resampler is not None:
            hops += self._cut([np.zeros(HOP - rest, np.float32)])
        return hops

    def _cut(self, waves: list[F32]) -> list[Audio]:
        joined = np.concatenate([self._pending, *waves])
        count = len(joined) // HOP
        self._pending = joined[count * HOP :].copy()
        hops = [
            Audio(self._next + n * HOP, joined[n * HOP : (n + 1) * HOP].copy())
            for n in range(count)
        ]
        self._next += count * HOP
        return hops
