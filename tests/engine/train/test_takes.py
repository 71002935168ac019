"""Takes and tapes: phones stay with their sound, openness is what the measuring draws."""

from functools import cache

import numpy as np

from engine.eval.recordings import bundled
from engine.frames import SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.channels import OPENNESS
from engine.runtime import ASSETS, load
from engine.speech.phonemes import PHONES
from engine.train import takes
from engine.train.corpus import SIL, Clip
from engine.train.noises import Noises
from engine.train.takes import Take, openness, phones_of, record, rooms, take, tapes
from engine.train.voices import UNKNOWN
from engine.train.voicing import clean_targets


@cache
def noises() -> Noises:
    return Noises(np.random.default_rng(0), [])


def test_the_mouth_rests_on_a_phone_without_a_class() -> None:
    pcm = np.zeros(16_000, np.float32)
    clip = Clip(pcm, ((5, 0.1), (UNKNOWN, 0.4), (SIL, 0.9)), clean_targets(pcm))
    _, phones = phones_of(clip)
    assert [name for name, _, _ in phones] == [PHONES[5], "SIL", "SIL"]


def test_a_rough_take_keeps_its_phones() -> None:
    recording = bundled()[0]
    bank = noises()
    for seed in range(4):
        made = take(recording, True, np.random.default_rng(seed), bank)
        assert len(made.pcm) % SAMPLES_PER_FRAME == 0 and np.abs(made.pcm).max() <= 1
        names = [name for name, _, _ in made.phones]
        assert names == [name for name, _, _ in recording.phones][: len(names)]
        starts = [start for _, start, _ in made.phones]
        assert starts == sorted(starts)


def test_a_mute_cuts_sound_and_phones_together() -> None:
    pcm = np.ones(2 * SAMPLE_RATE, np.float32)
    phones = [("AA", 0.0, 1.0), ("S", 1.0, 1.0)]
    cut, kept = takes._mute(pcm, phones, np.random.default_rng(1))
    end = np.flatnonzero(cut)[-1] / SAMPLE_RATE
    name, start, duration = kept[-1]
    assert abs(start + duration - end) < 0.01
    assert len(cut) > end * SAMPLE_RATE + 0.5 * SAMPLE_RATE


def test_openness_is_what_the_measuring_draws() -> None:
    phones = [("SIL", 0.0, 0.2), ("AA", 0.2, 0.4), ("M", 0.6, 0.2), ("SIL", 0.8, 0.2)]
    steps = np.zeros(100, np.float32)
    for name, start, duration in phones:
        steps[round(100 * start) : round(100 * (start + duration))] = OPENNESS[name]
    window = np.hanning(11)[1:-1] / np.hanning(11).sum()
    truth = np.convolve(steps, window, "same")
    at = np.arange(25) * 4 - 0.5  # value i stands at sample 160 i + 80
    wanted = np.interp(at, np.arange(100), truth)
    np.testing.assert_allclose(openness(phones, 25), wanted, atol=1e-5)


def test_a_tape_is_its_takes_one_after_the_other() -> None:
    graph = load(ASSETS / "ppg.onnx")
    rng = np.random.default_rng(0)
    one = Take(0.01 * rng.standard_normal(6400).astype(np.float32), [("AA", 0.1, 0.9)])
    two = Take(0.01 * rng.standard_normal(3200).astype(np.float32), [("M", 0.05, 0.1)])
    tape, alone = record([one, two], graph), record([two], graph)
    assert len(tape) == 15
    np.testing.assert_array_equal(tape.ticks.ppg[:, 10:], alone.ticks.ppg)
    np.testing.assert_array_equal(tape.ticks.aux[:, 10:], alone.ticks.aux)
    # A phone ends with its take; the next one's begin where it begins.
    np.testing.assert_allclose([p[1:] for p in tape.phones], [[0.1, 0.3], [0.45, 0.1]])


def test_tapes_hold_every_source_and_end_in_silence() -> None:
    graph = load(ASSETS / "ppg.onnx")
    recording = bundled()[0]
    clip = Clip(recording.pcm()[:32_000], ((10, 0.3), (SIL, 1.8)), clean_targets(np.zeros(800)))
    bank = noises()
    made = list(tapes([(clip, False)] * 3, 0.05, graph, bank, 3))
    again = list(tapes([(clip, False)] * 3, 0.05, graph, bank, 3))
    assert len(made) == 2
    quiet = sum(len(room.pcm) for room in rooms(np.random.default_rng(0), bank)) // 640 // 2
    for tape, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(tape.ticks.ppg, other.ticks.ppg)
        assert tape.ticks.ppg.dtype == np.float16 and not np.isnan(tape.opening).any()
        assert (tape.opening[-quiet:] == 0).all() and tape.opening.max() > 0.1
