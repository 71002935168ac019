"""The microphone at the far end of a WebRTC connection, as a Source of 48 kHz Sounds.

aiortc's inbound jitter buffer holds 80 ms back always and 270 ms after the first lost packet. Ours
passes packets on as they come: gaps are known by their time stamps, and the session's fixed delay
is the only buffer. Relies on private names of the pinned aiortc, guarded by
tests/streaming/test_private_names.py.
"""

from collections.abc import AsyncIterator

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpTransceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from streaming.sound import VOICE_RATE, Sound

SEQUENCES = 1 << 16
RTP_TIMES = 1 << 32
RESTART = 100  # a packet this far out of order begins a new sequence


class PassThrough:
    """Takes the place of aiortc's JitterBuffer: in order at once, late ones dropped."""

    def __init__(self) -> None:
        self._latest: int | None = None
        self.late = 0

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """(ask for a keyframe, what to decode now)."""
        number = packet.sequence_number
        if self._latest is not None:
            ahead = (number - self._latest) % SEQUENCES
            if ahead == 0 or SEQUENCES - ahead < RESTART:
                self.late += 1
                return False, None
        self._latest = number
        data = packet._data  # type: ignore[attr-defined]
        return False, JitterFrame(data=data, timestamp=packet.timestamp) if data else None


def prefer_opus(transceiver: RTCRtpTransceiver) -> None:
    """Nothing but Opus carries the full band; only works before setRemoteDescription."""
    offered = RTCRtpReceiver.getCapabilities("audio")
    assert offered is not None
    transceiver.setCodecPreferences(
        [c for c in offered.codecs if c.mimeType.lower() == "audio/opus"]
    )


def install(receiver: RTCRtpReceiver) -> None:
    """Swap the jitter buffer; call after setRemoteDescription."""
    receiver._RTCRtpReceiver__jitter_buffer = PassThrough()  # type: ignore[attr-defined]


async def listen(track: MediaStreamTrack) -> AsyncIterator[Sound]:
    """48 kHz int16 Sounds until the far end stops; `start` counts from its first packet."""
    resampler: AudioResampler | None = None
    first: int | None = None
    latest = 0
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(frame, AudioFrame) and frame.pts is not None
        if frame.sample_rate != VOICE_RATE or frame.format.name != "s16":
            resampler = resampler or AudioResampler("s16", frame.layout, VOICE_RATE)
            frames = resampler.resample(frame)
        else:
            frames = [frame]
        for ready in frames:
            if ready.pts is None:
                continue
            if first is None:
                first = latest = ready.pts
            # 32-bit RTP time wraps after a day at 48 kHz
            latest += (ready.pts - latest + RTP_TIMES // 2) % RTP_TIMES - RTP_TIMES // 2
            channels = min(2, len(ready.layout.channels))
            pcm = np.asarray(ready.to_ndarray(), np.int16).reshape(-1, len(ready.layout.channels))
            yield Sound(latest - first, VOICE_RATE, pcm[:, :channels])
