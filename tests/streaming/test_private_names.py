"""The private names of aiortc that we rely on, and the versions that were proved with them."""

import inspect
from importlib.metadata import version

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.codecs import h264
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import RtpPacket

from streaming.sinks.encoder import X264Encoder


@pytest.mark.parametrize(("package", "wanted"), [("aiortc", "1.16.0"), ("av", "18.1.0")])
def test_pins(package: str, wanted: str) -> None:
    assert version(package) == wanted, "prove the private names again, then move the pin"


def test_jitter_buffer_is_where_we_put_ours() -> None:
    async def main() -> None:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        receiver = pc.addTransceiver("audio").receiver
        assert hasattr(receiver, "_RTCRtpReceiver__jitter_buffer")
        await pc.close()

    import asyncio

    asyncio.run(main())
    source = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in source
    assert "packet._data = depayload(" in source
    assert list(inspect.signature(JitterFrame).parameters) == ["data", "timestamp"]
    assert hasattr(RtpPacket(), "sequence_number")


def test_picture_buffer_overrides_what_exists() -> None:
    assert "self._remove_frame(packet.sequence_number)" in inspect.getsource(JitterBuffer.add)
    buffer = JitterBuffer(capacity=4, is_video=True)
    assert buffer._origin is None and buffer._packets == [None] * 4
    assert list(inspect.signature(buffer.remove).parameters) == ["count"]
    assert RtpPacket(marker=1).marker == 1
    assert "depayload(codec, packet.payload)" in inspect.getsource(
        RTCRtpReceiver._handle_rtp_packet
    )


def test_encoder_is_where_we_put_ours() -> None:
    source = inspect.getsource(RTCRtpSender._next_encoded_frame)
    assert "if self.__encoder is None:" in source
    assert "self.__encoder.encode, data, force_keyframe" in source
    assert "self.__encoder.target_bitrate = bitrate" in inspect.getsource(
        RTCRtpSender._handle_rtcp_packet
    )


def test_encoder_overrides_what_exists() -> None:
    for name in ("_encode_frame", "_split_bitstream", "target_bitrate", "encode"):
        assert hasattr(h264.H264Encoder, name)
    parameters = inspect.signature(h264.H264Encoder._encode_frame).parameters
    assert list(parameters) == list(inspect.signature(X264Encoder._encode_frame).parameters)


def test_negotiated_codecs_are_on_the_transceiver() -> None:
    from aiortc.rtcrtptransceiver import RTCRtpTransceiver

    assert "_codecs" in inspect.getsource(RTCRtpTransceiver)
