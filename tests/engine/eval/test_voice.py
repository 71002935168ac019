"""The measure of voice activity: what it counts, and that it gives the same figures twice."""

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


def clean() -> sessions.Session:
    return sessions.session(bundled()[:2], np.random.default_rng(0))


def test_a_session_has_pauses_and_onsets() -> None:
    session = clean()
    assert len(session.gaps) == 3 and len(session.onsets) >= 4
    for begin, end in session.gaps:
        assert end - begin == 2 * SAMPLE_RATE and not session.speech[begin:end].any()
    for onset in session.onsets:
        assert session.speech[onset] and not session.speech[onset - 3200 : onset].any()
    for later, onset in zip(sessions.audible(session, 0.0), session.onsets, strict=True):
        assert 0 <= later - onset <= SAMPLE_RATE // 2
    again = clean()
    np.testing.assert_array_equal(session.pcm, again.pcm)


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
    np.testing.assert_allclose(mass, heard.gated[1 : 1 + len(rows)], atol=1e-4)
    assert 0.2 < speaking.mean() < 0.9


def test_the_gate_beats_its_witnesses() -> None:
    """Two clips; floors well below what the full report prints."""
    result = voice.report(bundled()[:2])
    quiet = result["conditions"]["clean"]
    assert quiet["fused"]["audible_in_60"] >= 0.7 and quiet["fused"]["lost"] <= 0.02
    for condition in result["conditions"].values():
        assert condition["fused"]["lost_of_said"] <= 0.04
    for noise, row in result["openings_per_min"].items():
        assert noise == "babble" or row["fused"] <= 2
    for kind in ("key", "mouse", "thump"):
        row = result["events"][kind]
        assert row["mouth"] <= 0.15 and row["jaw"] <= 0.15 and row["webrtcvad 2"] >= 0.5
