"""The two WebRTC tracks of a session: RTP time comes from samples, by integers, from one origin.

Video: 90 kHz, 3600 a picture. Sound: 48 kHz, 960 a block. Both wait for the same clock, so what
belongs together leaves together. A track that falls behind skips ahead instead of bursting.
"""

from fractions import Fraction

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from engine.frames import HOP, SAMPLE_RATE, SAMPLES_PER_FRAME, Video
from streaming.metrics import Stats
from streaming.playout import Playout
from streaming.sound import VOICE_BLOCK, VOICE_RATE

VIDEO_RATE = 90_000  # RTP clock of video
TICKS = SAMPLES_PER_FRAME * VIDEO_RATE // SAMPLE_RATE  # 3600 a picture
TOO_FAR = 5 * HOP  # a track this late skips to the present

assert SAMPLES_PER_FRAME * VIDEO_RATE % SAMPLE_RATE == 0


class PictureTrack(MediaStreamTrack):
    """25 pictures a second from a Playout; a late one repeats the last."""

    kind = "video"

    def __init__(self, playout: Playout, stats: Stats) -> None:
        super().__init__()
        self._playout = playout
        self._stats = stats
        self._tick = -1
        self._shown: Video | None = None

    async def recv(self) -> av.VideoFrame:
        """The picture of the next tick, at the moment it is due."""
        video = None
        while video is None:  # before the first picture there is nothing to repeat
            if self.readyState != "live":
                raise MediaStreamError
            self._tick = _next(self._tick, self._playout, SAMPLES_PER_FRAME)
            await self._playout.due(self._tick * SAMPLES_PER_FRAME)
            video = self._playout.picture(self._tick) or self._shown
        if video is self._shown:
            self._stats.repeated += 1
        self._shown = video
        frame = av.VideoFrame.from_ndarray(video.i420, format="yuv420p")
        frame.pts = self._tick * TICKS
        frame.time_base = Fraction(1, VIDEO_RATE)
        return frame


class VoiceTrack(MediaStreamTrack):
    """The delayed voice in its full band: stereo, 20 ms blocks, silence where there is none."""

    kind = "audio"

    def __init__(self, playout: Playout) -> None:
        super().__init__()
        self._playout = playout
        self._block = -1

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, at the moment they are due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._block = _next(self._block, self._playout, HOP)
        await self._playout.due(self._block * HOP)
        pcm = self._playout.voice(self._block)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = VOICE_RATE
        frame.pts = self._block * VOICE_BLOCK
        frame.time_base = Fraction(1, VOICE_RATE)
        return frame


def _next(number: int, playout: Playout, step: int) -> int:
    present = playout.head(step)
    if number < 0 or present - number > max(1, TOO_FAR // step):
        return present
    return number + 1
