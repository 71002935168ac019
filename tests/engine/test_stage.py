"""stack and split are inverse; assert_streams catches the classic streaming bugs."""

from typing import NamedTuple

import numpy as np
import pytest

from engine.stage import leaves, split, stack
from tests.contract import assert_streams


class Inner(NamedTuple):
    a: np.ndarray  # [B, 2]


class Outer(NamedTuple):
    inner: Inner
    b: np.ndarray  # [B]


def test_stack_and_split_are_inverse() -> None:
    states = [Outer(Inner(np.full((1, 2), i)), np.array([i])) for i in range(3)]
    joined = stack(states)
    assert joined.inner.a.shape == (3, 2) and joined.b.tolist() == [0, 1, 2]
    for one, two in zip(split(joined), states, strict=True):
        for x, y in zip(leaves(one), leaves(two), strict=True):
            np.testing.assert_array_equal(x, y)


class Sum:
    """y[t] = x[t] + x[t - 1]: the smallest Stage."""

    latency = 0

    def init_state(self, batch: int) -> np.ndarray:
        return np.zeros((batch, 1, 1), np.float32)

    def step(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = np.concatenate([state, x], axis=1)
        return seen[:, 1:] + seen[:, :-1], seen[:, -1:]

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self.step(x, self.init_state(len(x)))[0]


class Forgets(Sum):
    def step(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, _ = super().step(x, state)
        return y, state


class Hides(Sum):
    memory = 0.0

    def step(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, state = super().step(x, state)
        self.memory += 1.0
        return y + self.memory, state


class InPlace(Sum):
    def step(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, new = super().step(x, state)
        state[:] = new
        return y, state


class ClipWide(Sum):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return super().forward(x - x.mean(axis=1, keepdims=True))


class Centred(Sum):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return super().forward(np.roll(x, -1, axis=1))


class MixesRows(Sum):
    def step(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return super().step(x + x.mean(axis=0, keepdims=True), state)


X = np.random.default_rng(0).standard_normal((2, 24, 1)).astype(np.float32)


def test_a_correct_stage_passes() -> None:
    assert_streams(Sum(), X)


@pytest.mark.parametrize("bug", [Forgets, Hides, InPlace, ClipWide, Centred, MixesRows])
def test_seeded_bugs_are_caught(bug: type[Sum]) -> None:
    with pytest.raises(AssertionError):
        assert_streams(bug(), X)
