"""The streaming resampler: exact in time, clean, the same whatever the packets."""

import numpy as np
import pytest

from engine.audio.resample import Resampler
from engine.errors import AudioError
from engine.frames import HOP_PHASE

RATES = (4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)


def whole(x: np.ndarray, rate: int, packet: int | None = None) -> np.ndarray:
    resampler, out = Resampler(rate), []
    step = packet or len(x)
    for at in range(0, len(x), step):
        out.append(resampler.push(x[at : at + step]))
    return np.concatenate([*out, resampler.flush()])


def tone(hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_impulse_stays_in_place(rate: int) -> None:
    x = np.zeros(rate, np.float32)
    x[rate * 3 // 5] = 1.0
    assert abs(int(np.abs(whole(x, rate)).argmax()) - 9600) <= 1


def test_every_third_sample_at_48_khz() -> None:
    for n in (100, 1001, 2345):
        x = np.zeros(9600, np.float32)
        x[3 * n] = 1.0
        assert int(np.abs(whole(x, 48000)).argmax()) == n


@pytest.mark.parametrize("rate", RATES)
def test_tone_keeps_level_and_phase(rate: int) -> None:
    y = whole(tone(1000, rate), rate)
    middle = slice(1600, len(y) - 1600)
    assert np.abs(y - tone(1000, 16000)[: len(y)])[middle].max() < 1e-3


@pytest.mark.parametrize("rate", (44100, 48000, 96000))
def test_what_16_khz_cannot_carry_is_gone(rate: int) -> None:
    y = whole(tone(9000, rate), rate)
    assert np.abs(y[1600:-1600]).max() < 1e-3


@pytest.mark.parametrize("rate", (8000, 44100, 48000))
@pytest.mark.parametrize("packet", (1, 37, 441, 960))
def test_packets_do_not_matter(rate: int, packet: int) -> None:
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 4000).astype(np.float32)
    np.testing.assert_allclose(whole(x, rate, packet), whole(x, rate), atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_holds_back_less_than_the_grid_allows(rate: int) -> None:
    resampler = Resampler(rate)
    got = sum(len(resampler.push(np.zeros(rate // 50, np.float32))) for _ in range(50))
    assert rate // 50 * 50 * 16000 / rate - got <= -HOP_PHASE
    assert resampler.delay <= -HOP_PHASE


@pytest.mark.parametrize("rate", RATES)
def test_length_after_flush(rate: int) -> None:
    assert abs(len(whole(np.zeros(rate // 4, np.float32), rate)) - 4000) <= 4


def test_odd_rate_and_impossible_rates() -> None:
    y = whole(tone(1000, 44117), 44117)
    assert np.abs(y - tone(1000, 16000)[: len(y)])[1600:-1600].max() < 1e-3
    for rate in (0, -8000, 3999, 192001):
        with pytest.raises(AudioError, match="expected 4000 to 192000"):
            Resampler(rate)
