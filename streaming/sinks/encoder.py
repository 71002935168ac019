"""The H.264 encoder we put into aiortc, and how it gets there.

aiortc's own runs x264 at preset medium (14 times dearer), assumes 30 fps and restarts with a
keyframe whenever the receiver's estimate moves by a tenth. Ours is ultrafast, keeps the 90 kHz
time of its pictures, and steers the running context. Relies on private names of the pinned aiortc,
guarded by tests/streaming/test_private_names.py.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
from aiortc import RTCRtpSender, RTCRtpTransceiver
from aiortc.codecs.h264 import H264Encoder
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from engine.frames import FPS

VIDEO_RATE = 90_000
BITS_PER_PIXEL = 0.22  # 1.4 Mbit/s at 512x512: x264 ultrafast reaches 47 dB on our faces there
MIN_BITRATE = 300_000  # below this a face turns to blocks; the receiver may drop instead
MAX_BITRATE = 4_000_000
PATIENCE = 5 * VIDEO_RATE  # between two changes of bitrate
DOWN, UP = 0.75, 1.5  # smaller changes of the estimate are ignored
GOP = 3000  # keyframes come on request (PLI), not by the clock
LEVEL_31_MACROBLOCKS = 3600


def bitrate_for(width: int, height: int) -> int:
    """Bits per second that a picture of this size deserves."""
    return max(MIN_BITRATE, min(MAX_BITRATE, int(width * height * FPS * BITS_PER_PIXEL)))


class X264Encoder(H264Encoder):
    """x264 ultrafast, zero latency, one thread, one context for the life of the track."""

    def __init__(self) -> None:
        super().__init__()
        self.codec: VideoCodecContext | None = None
        self._wanted: int | None = None  # the receiver's latest estimate
        self._changed = 0  # pts of the latest change
        self.keyframes = 0

    @property
    def target_bitrate(self) -> int:
        """Bits per second aimed at now."""
        if self.codec is None:
            return self._wanted or MIN_BITRATE
        return int(self.codec.bit_rate or 0)

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self._wanted = max(MIN_BITRATE, min(MAX_BITRATE, bitrate))

    def _encode_frame(self, frame: av.VideoFrame, force_keyframe: bool) -> Iterator[bytes]:
        size = (frame.width, frame.height)
        if self.codec is None or (self.codec.width, self.codec.height) != size:
            self.codec = _open(*size)
            self._changed = frame.pts or 0
        self._steer(frame.pts or 0)
        frame.pict_type = PictureType.I if force_keyframe else PictureType.NONE
        data = b""
        for packet in self.codec.encode(frame):
            self.keyframes += packet.is_keyframe
            data += bytes(packet)
        if data:
            yield from self._split_bitstream(data)

    def _steer(self, pts: int) -> None:
        assert self.codec is not None
        if self._wanted is None or pts - self._changed < PATIENCE:
            return
        ceiling = bitrate_for(self.codec.width, self.codec.height)
        wanted, now = min(self._wanted, ceiling), self.target_bitrate
        if wanted <= now * DOWN or wanted >= min(now * UP, ceiling) > now:
            self.codec.bit_rate = wanted  # x264 takes it in stride, without a keyframe
            self._changed = pts


def prefer_h264(transceiver: RTCRtpTransceiver) -> None:
    """H.264 first, VP8 for those without; only works before setRemoteDescription."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    rank = {"video/h264": 0, "video/vp8": 1, "video/rtx": 2}
    transceiver.setCodecPreferences(
        sorted(
            (c for c in codecs if c.mimeType.lower() in rank),
            key=lambda c: rank[c.mimeType.lower()],
        )
    )


def install(transceiver: RTCRtpTransceiver) -> None:
    """Give the sender our encoder, if H.264 was agreed on; call after setLocalDescription."""
    if transceiver._codecs and transceiver._codecs[0].mimeType.lower() == "video/h264":
        transceiver.sender._RTCRtpSender__encoder = X264Encoder()  # type: ignore[attr-defined]


def _open(width: int, height: int) -> VideoCodecContext:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, VideoCodecContext)
    bitrate = bitrate_for(width, height)
    macroblocks = -(-width // 16) * -(-height // 16)
    codec.width, codec.height = width, height
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, VIDEO_RATE)
    codec.framerate = Fraction(FPS, 1)
    codec.bit_rate = bitrate
    codec.gop_size = GOP
    codec.color_range = 1  # limited
    codec.colorspace = 6  # BT.601, as engine pictures are
    codec.profile = "Baseline"
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "threads": "1",
        "level": "31" if macroblocks <= LEVEL_31_MACROBLOCKS else "40",
        "maxrate": str(bitrate),  # what lets x264 follow a later change within a second
        "bufsize": str(bitrate // 3),  # a keyframe may take a third of a second's bits, not more
        "forced-idr": "1",
    }
    return codec
