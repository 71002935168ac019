"""Causal log-mel: equal to a plain offline form, streaming, finite on odd sound."""

import numpy as np
import pytest

from engine.audio.chunker import Chunker
from engine.audio.mel import (
    BANDS,
    FLOOR,
    LABEL_OFFSET,
    LATENCY,
    LOUDEST,
    PAST,
    Mel,
    log_mel,
    mel_filters,
    on_grid,
    require_finite,
)
from engine.errors import AudioError
from engine.frames import HOP, HOP_PHASE, SAMPLE_RATE
from tests.contract import assert_streams

RNG = np.random.default_rng(0)


def sound(batch: int = 2, hops: int = 24) -> np.ndarray:
    return (0.1 * RNG.standard_normal((batch, hops * HOP))).astype(np.float32)


def test_streams() -> None:
    assert_streams(Mel(), sound(), block=HOP, atol=1e-5)


def test_equals_the_offline_form() -> None:
    x = sound(1, 20)
    padded = np.concatenate([np.zeros(PAST), x[0]])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    rows = []
    for start in range(0, len(padded) - 400 + 1, 160):
        power = np.abs(np.fft.rfft(padded[start : start + 400] * window, 512)) ** 2
        rows.append(np.log(power @ mel_filters() + FLOOR))
    expected = np.stack(rows)[: 2 * 20].reshape(20, 2 * BANDS)
    np.testing.assert_allclose(Mel().forward(x)[0], expected, atol=1e-4)


def test_row_describes_the_middle_of_its_window() -> None:
    """An impulse at the label time of hop j excites row j most."""
    j = 10
    x = np.zeros((1, 20 * HOP), np.float32)
    x[0, j * HOP + LABEL_OFFSET] = 1.0
    energy = Mel().forward(x)[0].mean(axis=1)
    assert energy.argmax() == j
    assert HOP_PHASE + j * HOP + LABEL_OFFSET == HOP * (j - 1) + LATENCY


def test_no_band_is_empty_and_pitch_order_holds() -> None:
    assert (mel_filters().sum(axis=0) > 0.5).all()
    time = np.arange(10 * HOP) / 16000
    peaks = []
    for hz in (200, 800, 3000, 7000):
        x = (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None]
        peaks.append(int(Mel().forward(x)[0, 5, :BANDS].argmax()))
    assert peaks == sorted(set(peaks))


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-30])
def test_constant_sound_is_finite(value: float) -> None:
    y = Mel().forward(np.full((1, 5 * HOP), value, np.float32))
    assert np.isfinite(y).all() and (y >= np.log(FLOOR) - 1e-4).all()


def test_wrong_input_is_named() -> None:
    with pytest.raises(AudioError, match="expected float32"):
        Mel().forward(np.zeros((1, 100), np.float32))
    with pytest.raises(AudioError):
        Mel().forward(np.zeros((1, HOP), np.float64))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((np.nan, 0), "NaN or infinity at sample 7"),
        ((np.inf, -np.inf), "NaN or infinity at sample 7"),
        ((-np.inf, np.inf), "NaN or infinity at sample 7"),
        ((3e38, 3e38), "3e.38 at sample 7"),
        ((-3e38, -3e38), "3e.38 at sample 7"),
        ((3e38, -3e38), "3e.38 at sample 7"),
        ((0, -1e30), "1e.30 at sample 8"),
    ],
)
def test_what_no_sound_is_gets_its_name(values: tuple[float, float], found: str) -> None:
    x = np.zeros((2, HOP), np.float32)
    x[1, 7:9] = values
    with pytest.raises(AudioError, match=found):
        Mel().forward(x)


def test_sound_of_any_size_that_passes_is_finite() -> None:
    for size in (LOUDEST, -LOUDEST):
        x = np.full((1, 2 * HOP), size, np.float32)
        require_finite(x)
        assert np.isfinite(Mel().forward(x)).all()
    require_finite(np.zeros((1, 0), np.float32))


@pytest.mark.parametrize("samples", [1, 239, 240, 241, 5 * HOP + 3])
def test_a_clip_on_the_grid_is_what_the_chunker_cuts(samples: int) -> None:
    pcm = sound(1, 6)[0, :samples]
    chunker = Chunker()
    hops = [*chunker.push(pcm, SAMPLE_RATE), *chunker.flush()]
    cut = np.concatenate([hop.pcm for hop in hops])
    np.testing.assert_array_equal(on_grid(pcm, len(hops)), cut)
    np.testing.assert_array_equal(on_grid(pcm, len(hops) + 2), np.pad(cut, (0, 2 * HOP)))
    np.testing.assert_array_equal(on_grid(pcm, 1), cut[:HOP])


def test_too_short_for_a_row() -> None:
    assert log_mel(np.zeros((3, PAST), np.float32)).shape == (3, 0, 2 * BANDS)
