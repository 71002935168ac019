"""Tracker: pictures -> ARKit-52 coefficients and head pose of one face.

Contract: `step` is a function of (picture, state) alone and never changes the state it is given;
nothing that is not finite leaves; the face at rest is not taken off here (engine.tracker.neutral
live, engine.tracker.clip for whole clips). One thread at a time: the networks keep scratch memory.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.errors import TrackingError
from engine.frames import BLENDSHAPES, F32, SAMPLE_RATE, U8
from engine.tracker.coefficients import Regressor, given
from engine.tracker.crop import Region
from engine.tracker.detector import detect
from engine.tracker.mesh import POINTS, landmarks, surround
from engine.tracker.models import Models
from engine.tracker.pose import angles, head
from engine.tracker.steady import Steady, steady

_PRESENT = 0.5  # how sure the landmark net must be
_SMALLEST = 24.0  # pixels of a face's square: fewer say nothing about its expression
_FORGET = 2 * SAMPLE_RATE  # how long the place of a lost face decides which face is taken up
# Turned away by more than this, one half of the face is guessed by the net.
SIDE_DEG = 35.0
_SIDE_FADE_DEG = 5.0  # below it, over which they are trusted less and less
_RELAX_S = 1.5  # held coefficients go back to what is usual for the person
_USUAL_S = 4.0
_EMPTY = Region(0.0, 0.0, 0.0, 0.0)


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

    region: Region  # where the face is looked for, or was last seen
    followed: bool  # a face was seen in the last picture
    tries: int  # pictures without a face in a row
    start: int  # of the last picture with a face
    steady: Steady | None  # landmarks on their way
    held: F32 | None  # [52] coefficients last seen from the front
    usual: F32  # [52] their slow mean


class Tracker:
    """One face followed through pictures; one Tracker serves many sessions, one after another."""

    def __init__(self, models: Models, regressor: Regressor | None = None) -> None:
        """`regressor`: another than the bundled one. Raises WeightsError when that is broken."""
        self._models = models
        self._regressor = regressor or Regressor.load()

    def init_state(self) -> TrackerState:
        """No face seen yet."""
        nothing = np.zeros(BLENDSHAPES, np.float32)
        return TrackerState(_EMPTY, False, 0, 0, None, None, nothing)

    def step(self, rgb: U8, start: int, state: TrackerState) -> tuple[Tracked | None, TrackerState]:
        """A picture [H, W, 3] of any size -> the face, None where none is seen.

        `start`: sample heard while the picture is shown. Raises TrackingError for anything but
        uint8 [H, W, 3].
        """
        _check(rgb)
        points, presence = self._look(rgb, start, state)
        if points is None:
            return None, state._replace(followed=False, tries=state.tries + 1, steady=None)
        seconds = float(np.clip((start - state.start) / SAMPLE_RATE, 0.001, 1.0))
        calm = steady(points, seconds, state.steady if state.followed else None)
        matrix = head(self._regressor.rigid, calm.points, rgb.shape[1], rgb.shape[0])
        pose = angles(matrix)
        seen = self._weights(calm.points, matrix)
        if not (np.isfinite(pose).all() and np.isfinite(seen).all()):
            return None, state._replace(followed=False, tries=state.tries + 1, steady=None)
        trust = float(np.clip((SIDE_DEG - abs(pose[0])) / _SIDE_FADE_DEG, 0, 1))
        held, usual = _hold(seen, trust, seconds, state)
        tracked = Tracked(start, held, pose, presence * (0.2 + 0.8 * trust), trust == 0)
        return tracked, TrackerState(surround(points), True, 0, start, calm, held, usual)

    def _look(self, rgb: U8, start: int, state: TrackerState) -> tuple[F32 | None, float]:
        """Landmarks where the face was, or where the detector finds one."""
        if state.followed:
            points, presence = landmarks(self._models, rgb, state.region)
            if _is_face(points, presence, rgb):
                return points, presence
        near = state.region.size > 0 and abs(start - state.start) <= _FORGET
        found = detect(self._models.detector, rgb, state.tries, state.region if near else None)
        if found is None or found.size < _SMALLEST:
            return None, 0.0
        points, presence = landmarks(self._models, rgb, found)
        if not _is_face(points, presence, rgb):
            return None, presence
        # The detector's square is rough: look again where the landmarks say.
        points, presence = landmarks(self._models, rgb, surround(points))
        return (points if _is_face(points, presence, rgb) else None), presence

    def _weights(self, points: F32, matrix: np.ndarray) -> F32:
        if self._models.blendshapes is not None:
            return given(self._models.blendshapes, points)
        turn = matrix[:3, :3] / np.maximum(np.linalg.norm(matrix[:3, :3], axis=0), 1e-9)
        return self._regressor.weights(points, turn.astype(np.float32))


def _check(rgb: U8) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim != 3:
        found = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise TrackingError(f"the picture is {found}, expected uint8 RGB [H, W, 3]")
    if rgb.shape[2] != 3 or min(rgb.shape[:2]) < 2:
        raise TrackingError(f"the picture is uint8 {rgb.shape}, expected [H, W, 3] of 2 px or more")


def _is_face(points: F32, presence: float, rgb: U8) -> bool:
    """Sure enough, large enough and at least half inside the picture."""
    if not presence >= _PRESENT or not np.isfinite(points).all():
        return False
    region = surround(points)
    inside = 0 <= region.x < rgb.shape[1] and 0 <= region.y < rgb.shape[0]
    return bool(inside and _SMALLEST <= region.size <= 6 * max(rgb.shape[:2]))


def _hold(seen: F32, trust: float, seconds: float, state: TrackerState) -> tuple[F32, F32]:
    """Coefficients by how far the face is turned away, and what is usual for the person."""
    before = seen if state.held is None else state.held
    usual = seen if state.held is None else state.usual
    usual = usual + trust * (1 - np.exp(-seconds / _USUAL_S)) * (seen - usual)
    relaxed = before + (1 - np.exp(-seconds / _RELAX_S)) * (usual - before)
    held = trust * seen + (1 - trust) * relaxed
    return np.clip(held, 0, 1).astype(np.float32), usual.astype(np.float32)


assert POINTS == 478  # what features and MediaPipe's networks are made for
