"""How loose hair lags behind the head: a damped spring per axis, solved exactly.

(start, pose) -> lag in degrees, a Stage. Between two motions the head is taken to turn evenly, so
the spring's equation has a closed solution: no step is too long for it, and the same movement
sampled at 25 or 50 motions a second gives the same swing but for that interpolation. The lag is
bounded by LIMIT, whatever the head does.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.face.camera import limit_pose
from engine.face.manifest import Spring
from engine.frames import F32, SAMPLE_RATE, Motion

LIMIT = 10.0  # degrees, most that hair swings about an axis
AXES = 3  # yaw, pitch, roll

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class SwingInput(NamedTuple):
    """Motions of a batch of sessions."""

    start: I64  # [B, T] samples
    pose: F32  # [B, T, 6]


class SwingState(NamedTuple):
    """The hair of a batch of sessions, when their latest motions are shown."""

    begun: Bool  # [B] whether there was a motion yet
    start: I64  # [B] of the latest motion
    head: F64  # [B, 3] its yaw, pitch and roll as drawn, degrees
    lag: F64  # [B, 3] degrees
    rate: F64  # [B, 3] degrees per second


class Swing:
    """The spring of one avatar's hair. States fit the springs of all avatars."""

    latency = 0

    def __init__(self, spring: Spring) -> None:
        self._reach = spring.reach / 100
        self._stiff = 2 * np.pi * spring.frequency  # rad/s
        self._drag = spring.damping * self._stiff
        root = np.sqrt(complex(spring.damping**2 - 1))
        # Critical damping is the limit of its neighbours, which have one formula.
        self._root = self._stiff * (root if abs(root) > 1e-3 else 1e-3j)

    def init_state(self, batch: int) -> SwingState:
        """Hair at rest on a head that is first seen with the next motion."""
        rest = np.zeros((batch, AXES))
        return SwingState(np.zeros(batch, bool), np.zeros(batch, np.int64), rest, rest, rest)

    def step(self, x: SwingInput, state: SwingState) -> tuple[F32, SwingState]:
        """Lag [B, T, 3] in degrees of yaw, pitch and roll, and the state after it."""
        out = np.empty((*x.start.shape, AXES), np.float32)
        for t in range(out.shape[1]):
            state = self._advance(x.start[:, t], x.pose[:, t], state)
            out[:, t] = LIMIT * np.tanh(state.lag / LIMIT)
        return out, state

    def forward(self, x: SwingInput) -> F32:
        """The whole clip at once."""
        return self.step(x, self.init_state(len(x.start)))[0]

    def _advance(self, start: I64, pose: F32, state: SwingState) -> SwingState:
        head = limit_pose(pose)[:, :AXES].astype(float)
        # The first motion, or one that goes back in time, tells nothing of a movement.
        elapsed = np.where(state.begun, np.maximum(start - state.start, 0), 0) / SAMPLE_RATE
        turn = (head - state.head) / np.maximum(elapsed, 1 / SAMPLE_RATE)[:, None]
        turn *= (elapsed > 0)[:, None]
        goal = LIMIT * np.tanh(-self._reach * turn / LIMIT)
        away, rate = state.lag - goal, state.rate
        slow = np.exp((self._root - self._drag) * elapsed)
        fast = np.exp((-self._root - self._drag) * elapsed)
        cosine = ((slow + fast) / 2).real[:, None]
        sine = ((slow - fast) / (2 * self._root)).real[:, None]
        lag = goal + away * cosine + (rate + self._drag * away) * sine
        rate = rate * cosine - (self._stiff**2 * away + self._drag * rate) * sine
        return SwingState(np.ones(len(start), bool), start.astype(np.int64), head, lag, rate)


def follow(
    swing: Swing, motions: Sequence[Motion], state: SwingState | None
) -> tuple[list[Motion], SwingState]:
    """One session's motions with the swing of its hair; `state` None: hair at rest."""
    state = swing.init_state(1) if state is None else state
    swung = []
    for motion in motions:
        lag, state = swing.step(
            SwingInput(np.array([[motion.start]]), motion.pose[None, None]), state
        )
        swung.append(replace(motion, swing=lag[0, 0]))
    return swung, state
