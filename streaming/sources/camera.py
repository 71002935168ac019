"""The camera at the far end of a WebRTC connection: pictures on the session's clock.

VP8 only, which every browser sends: the size of a picture can then be read before it is decoded,
and what is larger than MAX_SIDE never is. A picture leaves our buffer with its last packet, one
picture sooner than from aiortc's. Relies on private names of the pinned aiortc, guarded by
tests/streaming/test_private_names.py.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpTransceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket
from av.video.frame import VideoFrame

from engine.frames import SAMPLE_RATE, U8
from streaming.clock import Clock

MAX_SIDE = 1920  # pixels
WIDE = 640  # pixels: wider pictures are made smaller before a tracker sees them
PACKETS = 128  # 1.5 s at 700 kbit/s; aiortc's 512 would wait 6 s for a packet that never comes
RTP_RATE, RTP_TIMES = 90_000, 1 << 32
JUMP = SAMPLE_RATE  # a picture this far from its time begins a new count
WINDOW = 50  # pictures whose quickest tells how far the far end's clock is from ours


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the camera, not yet converted; taken when sample `start` was heard."""

    start: int
    frame: VideoFrame

    def rgb(self) -> U8:
        """[H, W, 3], at most WIDE pixels wide. Milliseconds of work: not for the event loop."""
        frame, share = self.frame, min(1.0, WIDE / self.frame.width)
        width, height = int(frame.width * share), max(1, int(frame.height * share))
        small = frame.reformat(width=width, height=height, format="rgb24")
        return np.asarray(small.to_ndarray(), np.uint8)


class Timeline:
    """Places RTP times on the session's clock: a picture that came the quickest way is "now"."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = 0  # RTP time, unwrapped
        self._placed = -1  # the latest picture's sample; times always rise
        self._ways: deque[int] = deque(maxlen=WINDOW)  # arrival minus RTP time, in samples

    def place(self, pts: int) -> int:
        """The sample that was heard when the picture with RTP time `pts` was taken."""
        if not self._ways:
            self._latest = pts
        ahead = (pts - self._latest + RTP_TIMES // 2) % RTP_TIMES - RTP_TIMES // 2
        self._latest += ahead
        taken = self._latest * SAMPLE_RATE // RTP_RATE
        way = self._clock.now() - taken
        if self._ways and abs(way - min(self._ways)) > JUMP:
            self._ways.clear()
        self._ways.append(way)
        self._placed = max(self._placed + 1, taken + min(self._ways))
        return self._placed


class PictureBuffer(JitterBuffer):
    """Takes the place of aiortc's: refuses what is too large, releases what is complete."""

    def __init__(self, refused: Callable[[int, int], None]) -> None:
        """`refused` is told width and height of a picture that is too large, once a keyframe."""
        super().__init__(capacity=PACKETS, is_video=True)
        self._tell = refused
        self._open = False  # the latest keyframe was of a size that we take
        self._large = False  # the latest keyframe was not

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """(ask for a keyframe, what to decode now)."""
        ask, frame = super().add(packet)
        if frame is None:
            return ask, None
        if (size := _key_size(frame.data)) is not None:
            self._large = max(size) > MAX_SIDE
            self._open = not self._large
            if self._large:
                self._tell(*size)
        if not self._open:  # nothing can be decoded before a keyframe
            return not self._large, None
        return ask, frame

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        frame = super()._remove_frame(sequence_number)
        return frame or self._complete()

    def _complete(self) -> JitterFrame | None:
        """The oldest picture, if all its packets up to the marked last one are here."""
        data = b""
        first: RtpPacket | None = None
        for count in range(self.capacity):
            assert self._origin is not None
            packet = self._packets[(self._origin + count) % self.capacity]
            if packet is None or (first is not None and packet.timestamp != first.timestamp):
                return None
            first = first or packet
            data += packet._data  # type: ignore[attr-defined]
            if packet.marker:
                self.remove(count + 1)
                return JitterFrame(data=data, timestamp=packet.timestamp)
        return None


def prefer_vp8(transceiver: RTCRtpTransceiver) -> None:
    """Nothing but VP8 and its repair packets; only works before setRemoteDescription."""
    offered = RTCRtpReceiver.getCapabilities("video")
    assert offered is not None
    wanted = ("video/vp8", "video/rtx")
    transceiver.setCodecPreferences([c for c in offered.codecs if c.mimeType.lower() in wanted])


def install(receiver: RTCRtpReceiver, refused: Callable[[int, int], None]) -> None:
    """Swap the jitter buffer; call after setRemoteDescription."""
    receiver._RTCRtpReceiver__jitter_buffer = PictureBuffer(  # type: ignore[attr-defined]
        refused
    )


async def watch(track: MediaStreamTrack, clock: Clock) -> AsyncIterator[Picture]:
    """Pictures until the far end stops; read them at once, the track keeps all that wait."""
    timeline = Timeline(clock)
    with contextlib.suppress(MediaStreamError):
        while True:
            yield await _receive(track, timeline)  # and nothing here holds on to the last one


async def _receive(track: MediaStreamTrack, timeline: Timeline) -> Picture:
    frame = await track.recv()
    assert isinstance(frame, av.VideoFrame) and frame.pts is not None
    return Picture(timeline.place(frame.pts), frame)


def _key_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in the header of a VP8 keyframe (RFC 6386, 9.1); None for other frames."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return None
    return (
        int.from_bytes(data[6:8], "little") & 0x3FFF,
        int.from_bytes(data[8:10], "little") & 0x3FFF,
    )
