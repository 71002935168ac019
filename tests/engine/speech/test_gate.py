"""The silence gate: shuts in steps, opens at once, keeps posteriors posteriors."""

from typing import NamedTuple

import numpy as np

from engine.speech.gate import STEPS, Gate, GateState
from engine.speech.phonemes import INDEX
from tests.contract import assert_streams

RNG = np.random.default_rng(0)


class Heard(NamedTuple):
    posteriors: np.ndarray
    speaking: np.ndarray


class OneInput:
    """The gate as a Stage of one (named tuple) input."""

    gate = Gate()

    def init_state(self, batch: int) -> GateState:
        return self.gate.init_state(batch)

    def step(self, x: Heard, state: GateState) -> tuple[np.ndarray, GateState]:
        return self.gate.step(x.posteriors, x.speaking, state)

    def forward(self, x: Heard) -> np.ndarray:
        return self.gate.forward(x.posteriors, x.speaking)


def posteriors(batch: int, steps: int) -> np.ndarray:
    return RNG.dirichlet(np.ones(40), (batch, steps)).astype(np.float32)


def test_streams() -> None:
    assert_streams(OneInput(), Heard(posteriors(2, 30), RNG.random((2, 30)) < 0.5))


def test_shuts_in_steps_and_opens_at_once() -> None:
    x = posteriors(1, 12)
    speaking = np.array([[True] * 3 + [False] * 7 + [True] * 2])
    y = Gate().forward(x, speaking)
    np.testing.assert_allclose(y.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_array_equal(y[:, :3], x[:, :3])
    np.testing.assert_array_equal(y[:, 10:], x[:, 10:])
    shut = (y[0, 3:10] - x[0, 3:10])[:, INDEX["SIL"]]
    assert (shut[: STEPS - 1] < 1).all() and (shut > 0).all()
    np.testing.assert_allclose(y[0, 3 + STEPS - 1 : 10, INDEX["SIL"]], 1, atol=1e-6)
