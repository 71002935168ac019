"""Packets of any kind -> gapless hops on the grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.chunker import MAX_GAP_S, Chunker, to_mono
from engine.errors import AudioError
from engine.frames import HOP, HOP_PHASE, Audio


def joined(hops: list[Audio]) -> np.ndarray:
    """The hops as one line from sample 0; checks the grid."""
    assert [h.start for h in hops] == [HOP_PHASE + HOP * n for n in range(len(hops))]
    assert all(len(h.pcm) == HOP for h in hops)
    return np.concatenate([h.pcm for h in hops])[-HOP_PHASE:] if hops else np.zeros(0, np.float32)


def feed(x: np.ndarray, rate: int, sizes: list[int]) -> np.ndarray:
    chunker, hops, at, n = Chunker(), [], 0, 0
    while at < len(x):
        size = sizes[n % len(sizes)]
        hops += chunker.push(x[at : at + size], rate)
        at, n = at + size, n + 1
    return joined(hops + chunker.flush())


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    sizes=st.lists(st.integers(0, 1500), min_size=1, max_size=6).filter(sum),
)
def test_any_packet_size(rate: int, sizes: list[int]) -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, rate // 8).astype(np.float32)
    np.testing.assert_allclose(feed(x, rate, sizes), feed(x, rate, [len(x)]), atol=1e-6)


def test_one_sample_at_a_time() -> None:
    x = np.linspace(-1, 1, 700, dtype=np.float32)
    y = feed(x, 16000, [1])
    np.testing.assert_array_equal(y[:700], x)
    assert not y[700:].any()


def test_48_khz_packet_completes_its_hop() -> None:
    """Hop j is out as soon as the packet that ends at 320 (j + 1) is in."""
    chunker = Chunker()
    for j in range(10):
        (hop,) = chunker.push(np.zeros(960, np.float32), 48000)
        assert hop.start == HOP * j + HOP_PHASE


@pytest.mark.parametrize(
    ("dtype", "scale", "middle"),
    [("uint8", 127, 128), ("int16", 32767, 0), ("int32", 2**31 - 1, 0), ("float64", 1, 0)],
)
@pytest.mark.parametrize("channels", (1, 2, 6))
def test_formats_and_channels(dtype: str, scale: float, middle: int, channels: int) -> None:
    wave = 0.5 * np.sin(np.arange(3200) / 10)
    pcm = (wave[:, None] * scale + middle).round(9).astype(dtype) * np.ones((1, channels), dtype)
    y = feed(pcm, 16000, [500])
    assert np.abs(y[:3200] - wave).max() < 0.02


def test_gap_becomes_silence_and_time_holds() -> None:
    chunker = Chunker()
    tone = np.full(1600, 0.25, np.float32)
    hops = chunker.push(tone, 16000, at=0) + chunker.push(tone, 16000, at=4800)
    y = joined(hops + chunker.flush())
    assert (y[:1600] == 0.25).all() and not y[1600:4800].any() and (y[4800:6400] == 0.25).all()
    assert chunker.filled == 3200


def test_first_packet_late_in_the_session() -> None:
    chunker = Chunker()
    hops = chunker.push(np.full(1600, 0.25, np.float32), 16000, at=1000)
    y = joined(hops + chunker.flush())
    assert not y[:1000].any() and (y[1000:2600] == 0.25).all()


def test_overlap_duplicate_and_late_are_dropped() -> None:
    x = np.arange(4800, dtype=np.float32) / 8000
    chunker = Chunker()
    hops = chunker.push(x[:1600], 16000, at=0)
    hops += chunker.push(x[:1600], 16000, at=0)
    hops += chunker.push(x[800:3200], 16000, at=800)
    hops += chunker.push(x[100:200], 16000, at=100)
    hops += chunker.push(x[3200:], 16000, at=3200)
    y = joined(hops + chunker.flush())
    np.testing.assert_array_equal(y[:4800], x)
    assert chunker.dropped == 1600 + 800 + 100


def test_gap_at_48_khz_keeps_time() -> None:
    chunker = Chunker()
    click = np.zeros(960, np.float32)
    click[480] = 1.0
    hops = chunker.push(click, 48000, at=0) + chunker.push(click, 48000, at=96000)
    y = joined(hops + chunker.flush())
    assert abs(int(y[20000:].argmax()) + 20000 - (96000 + 480) // 3) <= 1


def test_rate_change_in_mid_stream() -> None:
    chunker, hops = Chunker(), []
    for rate in (48000, 16000, 44100, 8000):
        time = np.arange(rate // 2) / rate
        hops += chunker.push((0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32), rate)
    y = joined(hops + chunker.flush())
    time = np.arange(len(y)) / 16000
    truth = 0.5 * np.sin(2 * np.pi * 200 * time)
    assert len(y) >= 32000
    away = np.abs((time[:32000] + 0.25) % 0.5 - 0.25) > 0.01  # from the seams
    assert np.abs(y[:32000] - truth[:32000])[away].max() < 5e-3


def test_flush_of_an_empty_session() -> None:
    assert Chunker().flush() == []
    chunker = Chunker()
    assert chunker.push(np.zeros(0, np.float32), 48000) == []


@pytest.mark.parametrize(
    "pcm",
    [
        np.array([0.0, np.nan]), np.array([np.inf]), np.zeros((2, 2, 2)), np.zeros((4, 0)),
        np.zeros((2, 4000)), np.array(["a"]), np.zeros(4, bool), np.zeros(4, np.int64),
        np.full(4, 20000.0), np.float32(0.5),
    ],
)  # fmt: skip
def test_unusable_sound_is_named_and_changes_nothing(pcm: np.ndarray) -> None:
    chunker = Chunker()
    first = chunker.push(np.full(500, 0.1, np.float32), 16000)
    with pytest.raises(AudioError):
        chunker.push(pcm, 16000)
    with pytest.raises(AudioError, match="Hz"):
        chunker.push(np.zeros(10, np.float32), 1000)
    with pytest.raises(AudioError, match="new session"):
        chunker.push(np.zeros(10, np.float32), 16000, at=16000 * (MAX_GAP_S + 1))
    y = joined(first + chunker.push(np.full(500, 0.1, np.float32), 16000) + chunker.flush())
    np.testing.assert_allclose(y[:1000], 0.1)


def test_loud_float_is_clipped() -> None:
    np.testing.assert_array_equal(to_mono(np.array([2.0, -3.0, 0.5])), np.float32([1, -1, 0.5]))


def test_extremes_of_integers() -> None:
    assert to_mono(np.array([-32768], np.int16))[0] == -1.0
    assert to_mono(np.array([-(2**31)], np.int32))[0] == -1.0
    assert to_mono(np.array([0, 255], np.uint8)).tolist() == [-1.0, 127 / 128]
