"""The face at rest, learned while the person is seen: what live use takes off.

Contract: a function of (tracked, state). From the first picture on the motion is usable: the rest
is taken to be what was seen so far, quickly in the first seconds and slowly later on.
"""

from typing import NamedTuple

import numpy as np

from engine.frames import BLENDSHAPES, F32, POSE, SAMPLE_RATE, Motion
from engine.tracker.tracker import Tracked

CALIBRATION_S = 2.0  # of a face seen from the front, until the rest is good
_LOW = 0.10  # the share of time a coefficient lies below its rest
_STEP = 0.5  # a second, at the beginning: how fast the rest goes after what is seen
_SLOW = 0.01  # a second, once calibrated
_POSE_S = 20.0  # the usual place of the head is followed this slowly


class NeutralState(NamedTuple):
    """A running estimate of one person's rest."""

    weights: F32  # [52] at rest
    pose: F32  # [6] at rest
    seen: float  # seconds of the face seen from the front; CALIBRATION_S make the rest good
    start: int  # of the last picture


class Neutral:
    """Removes a person's rest from what is tracked, picture by picture."""

    def init_state(self) -> NeutralState:
        """Nobody seen yet."""
        return NeutralState(
            np.zeros(BLENDSHAPES, np.float32), np.zeros(len(POSE), np.float32), 0.0, 0
        )

    def step(self, tracked: Tracked, state: NeutralState) -> tuple[Motion, NeutralState]:
        """One tracked face -> its motion from rest, weights in [0, 1], pose from the usual one."""
        state = _learn(tracked, state)
        weights = np.clip(tracked.weights - state.weights, 0, 1)
        motion = Motion(
            tracked.start, weights.astype(np.float32), np.asarray(tracked.pose - state.pose)
        )
        return motion, state


def _learn(tracked: Tracked, state: NeutralState) -> NeutralState:
    """A running low percentile: up by its share where more is seen, down by the rest where less."""
    if tracked.side:
        return state._replace(start=tracked.start)
    if state.seen == 0.0:
        return NeutralState(tracked.weights, tracked.pose, 1e-3, tracked.start)
    seconds = float(np.clip((tracked.start - state.start) / SAMPLE_RATE, 0.0, 0.2))
    seen = state.seen + seconds
    rate = max(_STEP * np.exp(-seen / CALIBRATION_S), _SLOW) * seconds
    gap = tracked.weights - state.weights
    # Never past what is seen, or a still face would tremble about its rest.
    up, down = np.clip(gap, 0, _LOW * rate), np.clip(gap, -(1 - _LOW) * rate, 0)
    share = seconds / min(seen, _POSE_S)
    pose = state.pose + share * (tracked.pose - state.pose)
    return NeutralState(
        (state.weights + up + down).astype(np.float32), pose.astype(np.float32), seen, tracked.start
    )
