"""Inbound WebRTC sound: nothing is held back, gaps are told by time stamps."""

import asyncio
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from streaming.sound import Sound
from streaming.sources.webrtc import PassThrough, listen


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 65_536, timestamp=960 * number % 2**32)
    made._data = b"sound"  # type: ignore[attr-defined]
    return made


def through(buffer: PassThrough, number: int) -> int | None:
    pli, frame = buffer.add(packet(number))
    assert pli is False
    return None if frame is None else frame.timestamp // 960


def test_every_packet_leaves_at_once_whatever_was_lost() -> None:
    buffer = PassThrough()
    numbers = [n for n in range(65_500, 65_600) if n % 9]
    assert [through(buffer, n) for n in numbers] == [960 * n % 2**32 // 960 for n in numbers]


def test_late_and_double_packets_are_dropped() -> None:
    buffer = PassThrough()
    got = [through(buffer, n) for n in (1, 3, 2, 3, 4)]
    assert got == [1, 3, None, None, 4] and buffer.late == 2


def test_restart_of_the_sender_is_accepted() -> None:
    buffer = PassThrough()
    assert [through(buffer, n) for n in (5000, 5001, 100, 101)] == [5000, 5001, 100, 101]


class Far(MediaStreamTrack):
    """Plays frames of the given pts, layout and rate, then ends."""

    kind = "audio"

    def __init__(self, pts: list[int], layout: str = "stereo", rate: int = 48_000) -> None:
        super().__init__()
        self._pts = pts
        self._layout = layout
        self._rate = rate

    async def recv(self) -> av.AudioFrame:
        if not self._pts:
            raise MediaStreamError
        channels = av.AudioLayout(self._layout).nb_channels
        samples = self._rate // 50
        pcm = np.full((1, samples * channels), 7, np.int16)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._pts.pop(0)
        frame.time_base = Fraction(1, self._rate)
        return frame


def hear(track: Far) -> list[Sound]:
    async def main() -> list[Sound]:
        return [sound async for sound in listen(track)]

    return asyncio.run(main())


def test_starts_count_from_the_first_packet_over_a_wrap() -> None:
    base = 2**32 - 960
    sounds = hear(Far([base, 0, 960, 4 * 960]))
    assert [s.start for s in sounds] == [0, 960, 1920, 4800]
    assert all(s.pcm.shape == (960, 2) and s.rate == 48_000 for s in sounds)


def test_mono_stays_mono() -> None:
    assert hear(Far([0], "mono"))[0].pcm.shape == (960, 1)
