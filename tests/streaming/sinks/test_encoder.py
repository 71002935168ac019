"""The x264 encoder: one context, keyframes on request, bitrate steered without a restart."""

from fractions import Fraction

import av
import numpy as np
import pytest

from streaming.sinks.encoder import MIN_BITRATE, X264Encoder, bitrate_for

RNG = np.random.default_rng(0)
TEXTURE = np.kron(RNG.integers(0, 255, (96, 64)), np.ones((8, 8))).astype(np.uint8)


def frame(tick: int) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(np.roll(TEXTURE, 3 * tick, axis=1), format="yuv420p")
    picture.pts = 3600 * tick
    picture.time_base = Fraction(1, 90_000)
    return picture


def encode(encoder: X264Encoder, ticks: range, key: bool = False) -> float:
    """Bits per second."""
    sizes = [sum(map(len, encoder.encode(frame(t), force_keyframe=key)[0])) for t in ticks]
    return sum(sizes) * 8 / len(ticks) * 25


def test_rtp_time_is_ours() -> None:
    encoder = X264Encoder()
    assert [encoder.encode(frame(t))[1] for t in (0, 1, 2, 7)] == [0, 3600, 7200, 25_200]


def test_every_picture_comes_out_at_once_and_decodes() -> None:
    encoder, decoder = X264Encoder(), av.CodecContext.create("h264", "r")
    for tick in range(10):
        payload = b"".join(
            b"\0\0\0\1" + nal for nal in encoder._encode_frame(frame(tick), force_keyframe=False)
        )
        shown = decoder.decode(av.Packet(payload))
        assert len(shown) == 1 or tick == 0
    assert encoder.keyframes == 1


def test_keyframes_only_on_request() -> None:
    encoder = X264Encoder()
    encode(encoder, range(200))
    assert encoder.keyframes == 1
    encode(encoder, range(200, 201), key=True)
    assert encoder.keyframes == 2


def test_falling_estimate_is_followed_without_a_keyframe() -> None:
    """1.4 Mbit/s -> 320 kbit/s after five seconds; no restart."""
    encoder = X264Encoder()
    before = encode(encoder, range(150))
    context = encoder.codec
    encoder.target_bitrate = 320_000
    encode(encoder, range(150, 170))
    after = encode(encoder, range(170, 270))
    assert encoder.codec is context and encoder.keyframes == 1
    assert after < 0.45e6 < before


def test_small_changes_and_flapping_are_ignored() -> None:
    encoder = X264Encoder()
    encode(encoder, range(2))
    full = encoder.target_bitrate
    encoder.target_bitrate = int(full * 0.9)
    encode(encoder, range(200, 203))
    assert encoder.target_bitrate == full
    encoder.target_bitrate = full // 3
    encode(encoder, range(203, 205))
    assert encoder.target_bitrate == full // 3
    encoder.target_bitrate = full
    encode(encoder, range(205, 250))  # less than five seconds later
    assert encoder.target_bitrate == full // 3
    encode(encoder, range(400, 402))
    assert encoder.target_bitrate == full


def test_floor() -> None:
    encoder = X264Encoder()
    encode(encoder, range(2))
    encoder.target_bitrate = 10_000
    encode(encoder, range(200, 202))
    assert encoder.target_bitrate == MIN_BITRATE


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_bitrate_grows_with_the_picture(size: int) -> None:
    assert MIN_BITRATE <= bitrate_for(size, size) <= 4_000_000
