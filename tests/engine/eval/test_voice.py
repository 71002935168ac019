"""The measure of voice activity: what it counts, and that it gives the same figures twice."""

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.chunker import Chunker
from engine.eval import sessions, sounds, voice
from engine.eval.recordings import bundled
from engine.frames import HOP, HOP_PHASE, SAMPLE_RATE
from engine.line import line
from engine.speech.phonemes import INDEX
from engine.speech.ppg import PPG
from engine.style.library import StyleLibrary


def clean() -> sessions.Talk:
    return sessions.talk(bundled()[:2], np.random.default_rng(0))


def test_a_talk_has_pauses_and_onsets() -> None:
    talk = clean()
    assert len(talk.gaps) == 3 and len(talk.onsets) >= 4
    for begin, end in talk.gaps:
        assert end - begin == 2 * SAMPLE_RATE and not talk.speech[begin:end].any()
    for onset in talk.onsets:
        assert talk.speech[onset] and not talk.speech[onset - 3200 : onset].any()
    for later, onset in zip(sessions.audible(talk, 0.0), talk.onsets, strict=True):
        assert 0 <= later - onset <= SAMPLE_RATE // 2
    again = clean()
    np.testing.assert_array_equal(talk.pcm, again.pcm)


def test_a_long_list_is_sampled_over_its_speakers() -> None:
    one = bundled()[0]
    many = [
        replace(one, id=f"{speaker}-{n}", speaker=speaker, seconds=20.0)
        for speaker, count in (("a", 30), ("b", 2), ("c", 5))
        for n in range(count)
    ]
    chosen = sessions.sample(many)
    assert [r.id for r in chosen] == ["a-0", "a-1", "b-0", "b-1", "c-0", "c-1"]
    assert sessions.sample(many[:1]) == many[:1]
    assert sessions.sample([replace(one, seconds=1000.0)]) == [replace(one, seconds=1000.0)]


def test_delays_are_counted_to_the_newest_sample() -> None:
    speaking = np.zeros(300, np.bool_)
    speaking[50:] = True
    newest = 51 * HOP + HOP_PHASE
    np.testing.assert_allclose(
        voice.delays_ms(speaking, [newest - 320, newest - 1600, 200 * HOP]), [20, 100, 0]
    )
    assert voice.delays_ms(np.zeros(300, np.bool_), [HOP])[0] > 1000


def test_bare_detectors_get_the_usual_hysteresis() -> None:
    raw = np.array([c == "x" for c in "..x.xx" + "." * 20])
    spoken = "".join("x" if s else "." for s in voice.held(raw))
    assert spoken == "....." + "x" * 13 + "." * 8


@pytest.mark.parametrize("kind", [*sounds.NOISES, *sounds.EVENTS])
def test_sounds_are_finite_and_repeatable(kind: str) -> None:
    def make() -> np.ndarray:
        rng = np.random.default_rng(3)
        if kind in sounds.EVENTS:
            return sounds.event(kind, rng)
        return sounds.noise(kind, 5000, rng, (np.ones(700, np.float32),))

    one, two = make(), make()
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.float32 and np.isfinite(one).all()
    if kind in sounds.EVENTS:
        assert 0.01 < np.abs(one).max() < 0.3
    else:
        assert sounds.rms(one) == pytest.approx(1.0, abs=1e-3)


def test_what_is_measured_is_the_line() -> None:
    pcm = clean().pcm[: 6 * SAMPLE_RATE]
    heard = voice.hear(pcm, PPG(20))
    stages = line(20)
    state = stages.init_state(StyleLibrary().get("neutral"))
    rows = []
    for audio in Chunker().push(pcm, SAMPLE_RATE):
        row, state = stages.listen(audio, state)
        rows += [row] if row else []
    speaking = np.array([row.spoken.speaking[0, 0] for row in rows])
    mass = np.array([1 - row.spoken.posteriors[0, 0, INDEX["SIL"]] for row in rows])
    # Row k leaves with hop k + 2; the first row is -1.
    np.testing.assert_array_equal(speaking, heard.speaking["fused"][1 : 1 + len(rows)])
    np.testing.assert_allclose(mass, heard.mouth[1 : 1 + len(rows)], atol=1e-4)
    assert 0.2 < speaking.mean() < 0.9


# Enough to tell a gate that works from one that does not; the suite measures the rest.
SMALL = voice.Scope(
    noises=("pink", "hum"),
    snrs_db=(10,),
    events=("key", "mouse", "breath", "thump"),
    drawn=5,
    alone_s=15,
)


def test_the_gate_beats_its_witnesses() -> None:
    """Floors: what the shipped model reaches less two standard errors over the 30 onsets."""
    result = voice.report(bundled(), scope=SMALL)
    conditions = result["conditions"]
    quiet = conditions["clean"]["fused"]
    assert quiet["known_in_60"] >= 0.78 and quiet["audible_in_60"] >= 0.9 and quiet["lost"] <= 0.02
    for found in conditions.values():
        fused = found["fused"]
        assert fused["lost_of_said"] <= 0.04
        assert fused["lost"] < found["silence posterior"]["lost"]
        assert fused["known_in_60"] >= found["webrtcvad 2"]["known_in_60"]
    for row in result["openings_per_min"].values():
        assert row["fused"] <= 4  # one in the 15 s

    def opened(name: str) -> float:
        return sum(row[name] * row["count"] for row in result["events"].values())

    assert opened("mouth") < 0.5 * opened("webrtcvad 2")
    for row in result["events"].values():
        assert row["mouth"] <= 0.15 and row["jaw"] <= 0.2 and row["webrtcvad 2"] >= 0.5
