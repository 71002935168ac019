"""The face at rest, learned while the person is seen: what live use takes off."""

from typing import NamedTuple

from engine.frames import F32, Motion
from engine.tracker.tracker import Tracked


class NeutralState(NamedTuple):
    """A running estimate of one person's rest."""

    weights: F32  # [52] at rest
    pose: F32  # [6] at rest
    seen: float  # seconds of face seen; below CALIBRATION the estimate still moves fast


class Neutral:
    """Removes a person's rest from what is tracked, picture by picture."""

    def init_state(self) -> NeutralState:
        """Nobody seen yet."""
        raise NotImplementedError

    def step(self, tracked: Tracked, state: NeutralState) -> tuple[Motion, NeutralState]:
        """One tracked face -> its motion from rest, weights in [0, 1]."""
        raise NotImplementedError
