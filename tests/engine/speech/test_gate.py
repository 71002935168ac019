"""The gate opens with the evidence, shuts slowly, ignores a click and keeps time."""

from typing import NamedTuple

import numpy as np

from engine.frames import HOP, HOP_PHASE
from engine.speech.gate import FALL, SURE, TOP, Gate, GateState, Spoken
from engine.speech.phonemes import INDEX
from engine.speech.ppg import Heard
from tests.contract import assert_streams

RNG = np.random.default_rng(0)
SIL = INDEX["SIL"]


class Input(NamedTuple):
    heard: Heard
    voice: np.ndarray


class OneInput:
    """The gate as a Stage of one (named tuple) input."""

    gate = Gate()

    def init_state(self, batch: int) -> GateState:
        return self.gate.init_state(batch)

    def step(self, x: Input, state: GateState) -> tuple[Spoken, GateState]:
        return self.gate.step(x.heard, x.voice, state)

    def forward(self, x: Input) -> Spoken:
        return self.gate.forward(x.heard, x.voice)


def heard(arriving: np.ndarray) -> Heard:
    """Rows about which nothing is known but whether speech arrives."""
    posteriors = RNG.dirichlet(np.ones(40), arriving.shape).astype(np.float32)
    column = np.zeros(arriving.shape, np.float32)
    newest = np.repeat((arriving / 39)[..., None], 40, axis=2).astype(np.float32)
    newest[..., INDEX["SIL"]] = 1 - arriving
    return Heard(posteriors, column, column, column, newest)


def gated(arriving: list[float], voice: list[bool]) -> tuple[Heard, Spoken]:
    rows = heard(np.array([arriving]))
    return rows, Gate().forward(rows, np.array([voice]))


def test_streams() -> None:
    assert_streams(OneInput(), Input(heard(RNG.random((2, 60))), RNG.random((2, 60)) < 0.5))


def test_opens_at_once_and_shuts_after_a_wait() -> None:
    pause = int((TOP - SURE) / FALL)
    rows, spoken = gated(
        [0.05] * 5 + [0.97] * 10 + [0.05] * 40, [False] * 5 + [True] * 10 + [False] * 40
    )
    y, x = spoken.posteriors, rows.posteriors
    np.testing.assert_allclose(y.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(y[0, :5, SIL], 1, atol=1e-6)
    np.testing.assert_array_equal(y[0, 5 : 15 + pause], x[0, 5 : 15 + pause])
    fading = y[0, 15 + pause : 15 + pause + int(SURE / FALL) + 1, SIL]
    assert (fading < 1).any() and (np.diff(1 - y[0, 15 + pause :, SIL]) <= 0.1).all()
    np.testing.assert_allclose(y[0, 16 + int(TOP / FALL) :, SIL], 1, atol=1e-6)
    assert spoken.speaking[0, 5:25].all() and not spoken.speaking[0, :5].any()
    assert not spoken.speaking[0, 35:].any()


def test_where_it_began() -> None:
    _, spoken = gated([0.05] * 5 + [0.6, 0.7, 0.97] + [0.9] * 4, [False] * 6 + [True] * 6)
    assert spoken.began[0, 5] == -1
    first = int(np.flatnonzero(spoken.speaking[0])[0])
    assert first <= 7
    assert (spoken.began[0, first:] == 6 * HOP + HOP_PHASE).all()
    _, at_once = gated([0.99] * 3, [True] * 3)
    assert at_once.began[0].tolist() == [0, 0, 0]


def test_what_the_model_half_doubts_is_no_speech() -> None:
    """A click: webrtcvad is sure for several hops, the model wavers for one or two."""
    _, spoken = gated(
        [0.05] * 5 + [0.6, 0.3] + [0.05] * 20, [False] * 5 + [True] * 8 + [False] * 14
    )
    assert not spoken.speaking.any()
    np.testing.assert_allclose(spoken.posteriors[0, :, SIL], 1, atol=1e-6)


def test_noise_that_webrtcvad_takes_for_a_voice_shuts_all_the_same() -> None:
    _, spoken = gated([0.97] * 5 + [0.05] * 20, [True] * 25)
    assert not spoken.speaking[0, -5:].any()


def test_an_interrupt_shuts_and_keeps_the_time() -> None:
    gate = Gate()
    speech, voice = heard(np.full((1, 10), 0.97)), np.ones((1, 10), np.bool_)
    _, state = gate.step(speech, voice, gate.init_state(1))
    spoken, _ = gate.step(speech, voice, gate.interrupt(state))
    assert (spoken.began == 10 * HOP + HOP_PHASE).all()
