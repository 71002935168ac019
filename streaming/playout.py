"""What leaves, and when: the pictures and the delayed voice of one session, on one clock.

Whatever belongs to media time t is due at clock time t + delay, sound and picture alike; releasing
them together is what keeps them in sync. Sound is never held up by a slow picture: a missing one
repeats the last. Another delay is reached so slowly that receivers follow as they follow a clock:
every sample leaves once, in its order, a little earlier or later than the one before.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from engine.frames import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Video
from streaming.clock import Clock
from streaming.sound import VOICE_BLOCK, VOICE_RATE, Sound

UPSAMPLE = VOICE_RATE // SAMPLE_RATE
RING = 2 * VOICE_RATE  # 2 s of voice
PAST = VOICE_RATE // 2  # kept for readers that come a little late
PICTURES_MS = 400  # pictures kept for readers; older ones are dropped
SLOWNESS = 80  # samples in which the delay moves by one: 1.25 %, as the clock is nudged
GLIDE = SAMPLES_PER_FRAME // SLOWNESS  # samples of delay a picture
BUNCH = 4 * SAMPLES_PER_FRAME  # time that may be made up for

assert VOICE_RATE % SAMPLE_RATE == 0

Voice48 = npt.NDArray[np.int16]  # [S, 2]


class Playout:
    """Filled by the session, read by any number of sinks at their own pace."""

    def __init__(self, clock: Clock, delay: int) -> None:
        """`delay`: samples at 16 kHz between hearing a sound and releasing it."""
        self.clock = clock
        self.delay = self._aim = delay
        self._kept = False
        self._glided = clock.now()
        self._ring = np.zeros((RING, 2), np.int16)
        self._first = self._past()  # oldest voice sample (48 kHz) in the ring
        self._pictures: deque[Video] = deque(maxlen=PICTURES_MS * FPS // 1000)

    def hear(self, sound: Sound) -> None:
        """Keep 48 kHz int16 sound until it is due; what is already past is lost."""
        self._tidy()
        first = max(sound.start, (self.clock.now() - self.delay) * UPSAMPLE)
        last = min(sound.end, self._first + RING)
        if last <= first:
            return
        pcm = sound.pcm[first - sound.start : last - sound.start]
        at = first % RING
        head = min(RING - at, len(pcm))
        self._ring[at : at + head] = pcm[:head]  # mono spreads over both channels
        self._ring[: len(pcm) - head] = pcm[head:]

    def write(self, video: Video) -> None:
        """Offer a picture to all readers."""
        self._pictures.append(video)

    def aim(self, delay: int) -> None:
        """Glide to another delay, unless it is to be kept."""
        if not self._kept:
            self._aim = delay

    def keep(self) -> None:
        """Hold the delay as it is from now on: somebody listens who cannot follow a glide."""
        self._kept, self._aim = True, self.delay

    @property
    def gliding(self) -> bool:
        """Whether pictures are given another time than they will have."""
        return self.delay != self._aim

    def glide(self) -> None:
        """On towards the delay aimed at; to be called for every motion, drawn or not. Motions may
        come in bunches: time that went by is made up for, a picture's worth a call."""
        now = self.clock.now()
        self._glided = max(self._glided, now - BUNCH)
        most = min(GLIDE, (now - self._glided) // SLOWNESS)
        self._glided += most * SLOWNESS
        self.delay += max(-most, min(most, self._aim - self.delay))

    def forget(self) -> None:
        """Drop everything that has not left: the speaker was interrupted."""
        self._ring[:] = 0
        self._pictures.clear()

    async def due(self, start: int) -> None:
        """Sleep until media time `start` may leave."""
        await self.clock.until(start + self.delay)

    def head(self, step: int) -> int:
        """Number of the first block of `step` samples that is not due yet."""
        return max(0, -(-(self.clock.now() - self.delay) // step))

    def picture(self, tick: int) -> Video | None:
        """The newest picture not newer than tick `tick` (40 ms each)."""
        for video in reversed(self._pictures):
            if video.start <= tick * SAMPLES_PER_FRAME:
                return video
        return None

    def voice(self, block: int) -> Voice48:
        """20 ms block number `block`: int16 [960, 2]; silence where nothing was heard."""
        self._tidy()
        start = block * VOICE_BLOCK
        if not self._first <= start <= self._first + RING - VOICE_BLOCK:
            return np.zeros((VOICE_BLOCK, 2), np.int16)
        at = start % RING
        return self._ring[at : at + VOICE_BLOCK].copy()

    def _past(self) -> int:
        start = (self.clock.now() - self.delay) * UPSAMPLE - PAST
        return start - start % VOICE_BLOCK

    def _tidy(self) -> None:
        """Wipe what has left, so that a gap never plays old sound again."""
        first = self._past()
        if first - self._first >= RING:
            self._ring[:] = 0
        elif first > self._first:
            at, stop = self._first % RING, first % RING
            if at < stop:
                self._ring[at:stop] = 0
            else:
                self._ring[at:] = 0
                self._ring[:stop] = 0
        self._first = max(self._first, first)


assert RING % VOICE_BLOCK == 0
