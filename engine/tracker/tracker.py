"""Tracker: pictures -> ARKit-52 coefficients and head pose of one face.

Contract: `step` is a function of (picture, state) alone and never changes the state it is given;
nothing that is not finite leaves; the face at rest is not taken off here (engine.tracker.neutral
live, engine.tracker.clip for whole clips).
"""

from dataclasses import dataclass
from typing import NamedTuple

from engine.frames import F32, U8
from engine.tracker.models import Models


@dataclass(frozen=True, slots=True)
class Tracked:
    """One face in one picture."""

    start: int  # sample heard while the picture is shown
    weights: F32  # [52] ARKIT in [0, 1], the face at rest still in
    pose: F32  # [6] engine.frames.POSE, absolute: 0 looks straight into the camera
    confidence: float  # 0..1
    side: bool  # seen too far from the side to trust the coefficients; the last good ones are held


class TrackerState(NamedTuple):
    """What one session keeps between pictures."""

    region: F32  # [5] x, y, size in pixels, roll in degrees, 1 where a face is followed
    weights: F32  # [52] last good coefficients


class Tracker:
    """One face followed through pictures; one Tracker serves many sessions, one after another."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def init_state(self) -> TrackerState:
        """No face seen yet."""
        raise NotImplementedError

    def step(self, rgb: U8, start: int, state: TrackerState) -> tuple[Tracked | None, TrackerState]:
        """A picture [H, W, 3] of any size -> the face, None where none is seen.

        Raises TrackingError for anything but uint8 [H, W, 3].
        """
        raise NotImplementedError
