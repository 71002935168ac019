"""Augmentation: sound goes where `augment` says; codec, tempo and rooms keep time."""

import numpy as np
import pytest

from engine.eval.recordings import bundled
from engine.frames import HOP
from engine.train import noises, opus, rooms, tempo
from engine.train.augment import Recipe, augment, pauses, rms
from engine.train.noises import Noises

CALM = Recipe(
    speed_chance=1.0, tempo_chance=0, pause_chance=1.0, reverb_chance=0, noise_chance=0,
    event_chance=0, eq_chance=1.0, lowpass_chance=0, fade_chance=0, clip_chance=0,
    telephone_chance=0, codec_chance=0, loss_chance=0,
)  # fmt: skip


def recipe(**changed: float) -> Recipe:
    return Recipe(**{**{name: getattr(CALM, name) for name in CALM.__slots__}, **changed})


def lag(a: np.ndarray, b: np.ndarray, most: int = 300) -> int:
    """Samples by which b comes after a, by the peak of their cross-correlation."""
    inner = a[most:-most]
    scores = [float(inner @ b[most + s : len(b) - most + s]) for s in range(-most, most)]
    return int(np.argmax(scores)) - most


def clicks(samples: int, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Short tone bursts and where they are."""
    at = np.arange(every, samples - every, every)
    time = np.arange(-60, 61)
    burst = (np.exp(-((time / 18) ** 2)) * np.cos(time / 2)).astype(np.float32)
    pcm = np.zeros(samples, np.float32)
    for place in at:
        pcm[place - 60 : place + 61] += burst
    return pcm, at


def test_augmentation_reports_where_sound_went() -> None:
    rng = np.random.default_rng(0)
    bank = Noises(rng, [])
    at = np.arange(32000)
    burst = np.exp(-(((at - 12000) / 200.0) ** 2)) * np.sin(at / 3)
    for _ in range(10):
        out, stretch, lead = augment(burst.astype(np.float32), rng, bank, CALM)
        power = out.astype(np.float64) ** 2
        centre = (power * np.arange(len(out))).sum() / power.sum()
        assert abs(centre - (12000 * stretch + lead)) <= 8


@pytest.mark.parametrize("extra", ["telephone_chance", "codec_chance", "tempo_chance"])
def test_speech_stays_in_time(extra: str) -> None:
    if extra == "codec_chance" and opus.library() is None:
        pytest.skip("libopus not found")
    rng = np.random.default_rng(1)
    voice = bundled()[0].pcm()[:48000]
    out, stretch, lead = augment(voice, rng, Noises(rng, []), recipe(**{extra: 1.0}))
    where = np.round((np.arange(480, 47000) * stretch) + lead).astype(int)

    def envelope(x: np.ndarray) -> np.ndarray:
        power = np.convolve(x * x, np.ones(320) / 320, "same")
        return np.log(power + 1e-7)

    a, b = envelope(voice)[480:47000], envelope(out)[where]
    scores = [np.corrcoef(a[400:-400], np.roll(b, s)[400:-400])[0, 1] for s in range(-400, 401, 40)]
    assert abs(int(np.argmax(scores)) - 10) * 40 <= 160, "moved by more than 10 ms"


@pytest.mark.parametrize("stretch", [0.78, 0.9, 1.1, 1.3])
def test_tempo_keeps_pitch_and_time(stretch: float) -> None:
    pcm, at = clicks(80000, 2777)
    slow = np.convolve(np.abs(tempo.retime(pcm, stretch)), np.ones(41), "same")
    for place in at:
        low = int(place * stretch) - 500
        found = low + int(np.argmax(slow[max(low, 0) : low + 1000]))
        assert abs(found - place * stretch) < 160, "moved by 10 ms or more"
    tone = np.sin(2 * np.pi * 220 * np.arange(32000) / 16000).astype(np.float32)
    changed = tempo.retime(tone, stretch)
    assert len(changed) == int(32000 * stretch)
    spectrum = np.abs(np.fft.rfft(changed[2000:18000]))
    assert abs(int(spectrum.argmax()) - 220) <= 1


@pytest.mark.parametrize("bitrate", [8_000, 16_000, 24_000, 48_000])
def test_opus_is_sample_for_sample_in_time(bitrate: int) -> None:
    if opus.library() is None:
        pytest.skip("libopus not found")
    voice = bundled()[1].pcm()[:64000]
    back = opus.carry(voice, opus.Call(bitrate))
    assert len(back) == len(voice) and abs(lag(voice, back)) <= 1
    assert 0.7 < rms(back) / rms(voice) < 1.3


def test_opus_conceals_what_is_lost() -> None:
    if opus.library() is None:
        pytest.skip("libopus not found")
    voice = bundled()[1].pcm()[:64000]
    gone = np.zeros(202, np.bool_)
    gone[20::10] = True
    call = opus.Call(24_000, loss=0.1)
    whole, torn = opus.carry(voice, call), opus.carry(voice, call, gone)
    assert lag(voice, torn) == 0
    np.testing.assert_array_equal(whole[: 19 * HOP], torn[: 19 * HOP])
    # The gaps are filled, and not with what was said there.
    packets = torn[:64000].reshape(-1, HOP)[20:190:10]
    assert rms(packets) > 0.3 * rms(whole)
    assert np.abs(whole - torn).max() > 0.01
    repaired = opus.carry(voice, opus.Call(24_000, loss=0.1, repair=True), gone)
    assert np.square(repaired - voice).sum() < np.square(torn - voice).sum()


def test_losses_have_their_share_and_come_in_bursts() -> None:
    rng = np.random.default_rng(0)
    gone = opus.lost(rng, 60_000, opus.Call(loss=0.1, burst=3.0))
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, gone.astype(int), 0])))[::2]
    assert abs(gone.mean() - 0.1) < 0.02 and abs(runs.mean() - 3.0) < 0.4
    assert not opus.lost(rng, 100, opus.Call()).any()


def test_rooms_ring_as_long_as_asked_and_begin_with_the_voice() -> None:
    rng = np.random.default_rng(2)
    for rt60 in (0.15, 0.3, 0.6):
        for _ in range(6):
            response = rooms.impulse(rng, rt60)
            assert response[0] >= 0.999 and np.abs(response).argmax() <= 64
            left = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1] + 1e-12)
            span = int((left < left[0] - 25).argmax() - (left < left[0] - 5).argmax())
            assert 0.4 * rt60 < 3 * span / 16000 < 1.5 * rt60


def test_events_are_silent_in_between_and_any_kind_is_finite() -> None:
    rng = np.random.default_rng(3)
    for samples in (400, 16000, 48000):
        for _ in range(24):
            line = noises.events(rng, samples)
            assert line.shape == (samples,) and np.isfinite(line).all()
            assert np.abs(line).max() <= 1.0


def test_pauses_are_where_nobody_speaks() -> None:
    pcm = np.zeros(48000, np.float32)
    pcm[16000:32000] = 0.1 * np.sin(np.arange(16000) / 5)
    free = pauses(pcm, rms(pcm))
    assert free[4000] == 1 and free[44000] == 1 and free[20000:28000].max() == 0


def test_everything_at_once_is_finite_and_in_range() -> None:
    rng = np.random.default_rng(4)
    voice = bundled()[2].pcm()[:40000]
    bank = Noises(rng, [voice])
    wild = Recipe(**{n: 1.0 for n in Recipe.__slots__ if n.endswith("_chance")})
    for _ in range(6):
        out, stretch, lead = augment(voice, rng, bank, wild)
        assert np.isfinite(out).all() and np.abs(out).max() <= 1.0 and out.dtype == np.float32
        assert abs(len(out) - (len(voice) * stretch + lead)) < 14000
