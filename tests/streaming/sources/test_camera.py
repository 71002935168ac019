"""Pictures of a far camera: their times, their size before decoding, lost and late packets."""

import asyncio
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder, vp8_depayload
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from streaming.sources.camera import (
    MAX_SIDE,
    PACKETS,
    WIDE,
    Picture,
    PictureBuffer,
    Timeline,
    _key_size,
    watch,
)


class Hand:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        return self.at

    async def until(self, sample: int) -> None:
        self.at = max(self.at, sample)


def frame(width: int, height: int, pts: int = 0) -> av.VideoFrame:
    noise = np.random.default_rng(pts).integers(0, 255, (height, width, 3), np.uint8)
    made = av.VideoFrame.from_ndarray(noise, format="rgb24")
    made.pts, made.time_base = pts, Fraction(1, 90_000)
    return made


def packets(width: int, height: int, count: int, first: int = 0) -> list[list[RtpPacket]]:
    """`count` pictures of noise as a sender's packets."""
    encoder, number, pictures = Vp8Encoder(), first, []
    for k in range(count):
        payloads, stamp = encoder.encode(frame(width, height, 3600 * k))
        made = []
        for i, payload in enumerate(payloads):
            packet = RtpPacket(
                marker=int(i == len(payloads) - 1), sequence_number=number, timestamp=stamp
            )
            packet._data = vp8_depayload(payload)
            made.append(packet)
            number += 1
        pictures.append(made)
    return pictures


def feed(buffer: PictureBuffer, sent: list[RtpPacket]) -> list[bytes]:
    return [f.data for f in (buffer.add(packet)[1] for packet in sent) if f is not None]


def refused() -> tuple[PictureBuffer, list[tuple[int, int]]]:
    sizes: list[tuple[int, int]] = []
    return PictureBuffer(lambda width, height: sizes.append((width, height))), sizes


def test_a_picture_is_released_with_its_last_packet_and_can_be_decoded() -> None:
    buffer, _ = refused()
    decoder, sizes = Vp8Decoder(), []
    for sent in packets(320, 240, 5):
        assert len(sent) > 1
        assert feed(buffer, sent[:-1]) == []
        (data,) = feed(buffer, sent[-1:])
        packet = av.Packet(data)
        sizes += [(f.width, f.height) for f in decoder.codec.decode(packet)]
    assert sizes == [(320, 240)] * 5


def test_packets_out_of_order_and_twice() -> None:
    buffer, _ = refused()
    one, two, three = packets(320, 240, 3)
    assert len(feed(buffer, one)) == 1
    late = two.pop(1)
    assert feed(buffer, [*two, *three]) == []
    assert feed(buffer, [late]) != []
    assert len(feed(buffer, [late, *three])) <= 1  # what was there is not there again


def test_a_packet_that_never_comes_costs_a_while_and_a_keyframe_is_asked_for() -> None:
    buffer, _ = refused()
    first, *rest = packets(320, 240, 60)
    feed(buffer, first)
    rest[0].pop(0)
    asked, shown, through = 0, 0, 0
    for sent in rest:
        for packet in sent:
            ask, got = buffer.add(packet)
            asked, shown, through = asked + ask, shown + (got is not None), through + 1
    assert asked >= 1 and shown >= 20 and through > PACKETS


def test_a_picture_too_large_never_reaches_the_decoder() -> None:
    buffer, sizes = refused()
    header = bytes([0, 0, 0, 0x9D, 0x01, 0x2A])
    huge = header + (10_000).to_bytes(2, "little") * 2 + bytes(20)

    def single(number: int, data: bytes) -> list[RtpPacket]:
        packet = RtpPacket(marker=1, sequence_number=number, timestamp=3600 * number)
        packet._data = data
        return [packet]

    inter = b"\x01" + bytes(30)
    assert feed(buffer, single(0, huge)) == [] and sizes == [(10_000, 10_000)]
    assert feed(buffer, single(1, inter)) == []  # it would build on the huge one
    assert sizes == [(10_000, 10_000)]
    small = header + (320).to_bytes(2, "little") + (240).to_bytes(2, "little") + bytes(20)
    assert feed(buffer, single(2, small)) == [small]
    assert feed(buffer, single(3, inter)) == [inter]


def test_nothing_is_decoded_before_a_keyframe_and_one_is_asked_for() -> None:
    buffer, _ = refused()
    packet = RtpPacket(marker=1, sequence_number=9, timestamp=9)
    packet._data = b"\x01" + bytes(30)
    assert buffer.add(packet) == (True, None)
    assert _key_size(b"") is None and _key_size(b"\x00" * 12) is None


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (MAX_SIDE, 64), (2, 1920)])
def test_what_the_tracker_gets_is_small(size: tuple[int, int]) -> None:
    rgb = Picture(0, frame(*size)).rgb()
    assert rgb.dtype == np.uint8 and rgb.shape[2] == 3
    assert rgb.shape[1] == min(size[0], WIDE)
    assert rgb.shape[0] == max(1, int(size[1] * min(1.0, WIDE / size[0])))


def test_times_follow_the_session_and_always_rise() -> None:
    clock, rng = Hand(), np.random.default_rng(0)
    line, starts = Timeline(clock), []
    for k in range(200):
        clock.at = 16_000 + 640 * k + int(rng.integers(0, 800))  # 0..50 ms on the way
        starts.append(line.place(((1 << 32) - 90_000 + 3600 * k) % (1 << 32)))
    assert (np.diff(starts) > 0).all()
    late = np.array(starts) - (16_000 + 640 * np.arange(200))
    assert np.abs(late[60:]).max() <= 60 and np.abs(np.diff(starts[60:]) - 640).max() <= 60


def test_a_camera_that_pauses_or_restarts_is_placed_anew() -> None:
    clock = Hand()
    line = Timeline(clock)
    clock.at = 1000
    assert line.place(0) == 1000
    clock.at = 81_000  # five seconds later its time has stood still
    assert line.place(3600) == 81_000
    clock.at = 82_000
    assert line.place(5_000_000) == 82_000  # or has jumped


def test_track_that_ends_ends_the_pictures() -> None:
    class Two(MediaStreamTrack):
        kind = "video"
        sent = 0

        async def recv(self) -> av.VideoFrame:
            self.sent += 1
            if self.sent > 2:
                raise MediaStreamError
            return frame(64, 48, 3600 * self.sent)

    async def main() -> list[Picture]:
        return [picture async for picture in watch(Two(), Hand())]

    assert len(asyncio.run(main())) == 2
