"""Conditions change the sound as they say and move nothing in time."""

import av
import numpy as np
import pytest
from scipy import signal

from engine.eval import conditions
from engine.eval.conditions import CONDITIONS, Condition
from engine.eval.recordings import bundled, levelled
from engine.frames import F32, SAMPLE_RATE


@pytest.fixture(scope="module")
def clip() -> F32:
    return levelled(bundled()[0].pcm()[: 4 * SAMPLE_RATE])


def dbfs(pcm: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(np.square(pcm))))


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_nothing_moves_and_nothing_is_left_to_chance(condition: Condition, clip: F32) -> None:
    changed = condition.apply(clip, 7)
    assert changed.dtype == np.float32 and changed.shape == clip.shape
    assert np.array_equal(changed, condition.apply(clip, 7))
    correlation = signal.correlate(changed, clip, method="fft")
    assert abs(int(correlation.argmax()) - (len(clip) - 1)) <= 1


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "babble", "coloured"])
@pytest.mark.parametrize("snr_db", [20.0, 5.0])
def test_noise_is_as_loud_as_it_says(kind: str, snr_db: float, clip: F32) -> None:
    noise = conditions.noisy(clip, 3, kind, snr_db) - clip
    assert dbfs(clip) - dbfs(noise) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize(("kind", "fall_db"), [("white", 0), ("pink", 3), ("brown", 6)])
def test_colours_fall_by_the_octave(kind: str, fall_db: float) -> None:
    silence = np.full(8 * SAMPLE_RATE, 1e-6, np.float32)
    noise = conditions.noisy(silence, 0, kind, 0.0) - silence
    hz, power = signal.welch(noise, SAMPLE_RATE, nperseg=4096)
    low, high = (10 * np.log10(power[(hz > f) & (hz < 1.2 * f)].mean()) for f in (400, 3200))
    assert low - high == pytest.approx(3 * fall_db, abs=1.5)


def test_clips_get_noises_of_every_colour(clip: F32) -> None:
    tilts_db = []
    for seed in range(20):
        noise = conditions.noisy(clip, seed, "coloured", 10) - clip
        hz, power = signal.welch(noise, SAMPLE_RATE, nperseg=1024)
        tilts_db.append(10 * np.log10(power[hz > 4000].mean() / power[hz < 500].mean()))
    kinds = [round(tilt / 10) for tilt in tilts_db]  # white 0, pink -13 to -18, brown below
    assert 0 in kinds and {-1, -2} & set(kinds) and min(kinds) <= -3


def test_opus_is_real_and_on_time(clip: F32) -> None:
    coded = conditions.opus(clip, 0, 24_000, 0.0)
    error = dbfs(coded - clip) - dbfs(clip)
    assert -20 < error < -2  # a codec that changed nothing would be none
    fine = 16  # compare at 256 kHz: the delay must be gone to a tenth of a millisecond
    a, b = (signal.resample_poly(x[8000:24_000], fine, 1) for x in (clip, coded))
    late = int(signal.correlate(b, a, method="fft").argmax()) - (len(a) - 1)
    assert abs(late) / (fine * 16) <= 0.1


def test_opus_keeps_its_bit_rate(clip: F32) -> None:
    encoder = conditions._encoder(24_000)
    size = 0
    up = signal.resample_poly(clip, 3, 1)
    for at in range(0, len(up) - 960, 960):
        block = (np.clip(up[None, at : at + 960], -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, at
        size += sum(packet.size for packet in encoder.encode(frame))
    assert 14_000 < size * 8 / (len(up) / 48_000) < 28_000


def test_lost_packets_are_silence(clip: F32) -> None:
    whole, holed = (conditions.opus(clip, 5, 24_000, loss) for loss in (0.0, 0.3))
    packets = np.abs(holed[: len(clip) // 320 * 320].reshape(-1, 320)[:, 110:210]).max(1)
    loud = np.abs(whole[: len(clip) // 320 * 320].reshape(-1, 320)[:, 110:210]).max(1)
    assert 0.15 < ((packets < 1e-4) & (loud > 1e-3)).mean() < 0.45
    assert np.array_equal(conditions.opus(clip, 5, 24_000, 0.0), whole)


@pytest.mark.parametrize(("rt60_s", "distance_m"), [(0.3, 0.5), (0.4, 0.7), (0.6, 1.0)])
def test_rooms_ring_as_long_as_they_say(rt60_s: float, distance_m: float) -> None:
    response = conditions.room_response(rt60_s, distance_m)
    assert response[0] == 1.0 and np.abs(response[1:]).max() < 1.0
    left = 10 * np.log10(np.cumsum(np.square(response[1:], dtype=float)[::-1])[::-1])
    left -= left[0]
    slope_s = (np.argmax(left < -25) - np.argmax(left < -5)) / SAMPLE_RATE
    assert 3 * slope_s == pytest.approx(rt60_s, rel=0.1)


def test_farther_is_more_room() -> None:
    over = [
        -dbfs(conditions.room_response(0.4, metres)[1:]) - 10 * np.log10(1 / 6400)
        for metres in (0.4, 0.8)
    ]
    assert over[0] - over[1] > 3


def test_levels(clip: F32) -> None:
    assert dbfs(conditions.level(clip, 0, -35)) == pytest.approx(-35, abs=0.01)
    assert np.abs(conditions.level(clip, 0, -10)).max() > 1
    assert np.abs(conditions.clipped(clip, 0, -10)).max() == 1


def test_telephone_has_no_upper_half(clip: F32) -> None:
    hz, power = signal.welch(conditions.narrow(clip, 0), SAMPLE_RATE)
    _, before = signal.welch(clip, SAMPLE_RATE)
    high = hz > 4500
    assert 10 * np.log10(power[high].sum() / before[high].sum()) < -40
