"""A clip's tracked faces -> its Motion: rest removed, gaps bridged, 25 rows a second."""

from collections.abc import Sequence

import numpy as np

from engine.errors import TrackingError
from engine.frames import F32, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.curves import at_moments
from engine.offline import MotionClip
from engine.tracker.tracker import Tracked

_REST = 10  # percentile of a coefficient that is the face at rest
_MOST_LOST = 0.5  # share of the pictures
_BRIDGE = SAMPLE_RATE // 2  # longest gap that is bridged
_FEWEST = 3  # pictures with a face: fewer are no motion


def settle(tracked: Sequence[Tracked | None]) -> MotionClip:
    """All pictures of a clip in order (None: no face seen) -> motion from rest.

    Faces lost for up to 0.5 s are bridged; rows of longer losses are left out (`start` jumps).
    Raises TrackingError where a face is seen from the front in less than half of the pictures,
    with the share.
    """
    faces = _front(tracked)
    base_weights, base_pose = _rest(faces)
    times = np.array([face.start for face in faces], np.int64)
    if (np.diff(times) <= 0).any():
        raise TrackingError("the pictures' times do not rise; give them in the order of the clip")
    first, last = -(-times[0] // SAMPLES_PER_FRAME), times[-1] // SAMPLES_PER_FRAME
    start = np.arange(first, last + 1, dtype=np.int64) * SAMPLES_PER_FRAME
    after = np.minimum(np.searchsorted(times, start), len(times) - 1)
    before = np.where(times[after] > start, after - 1, after)
    start = start[times[after] - times[before] <= _BRIDGE]
    weights = np.stack([face.weights for face in faces]) - base_weights
    pose = np.stack([face.pose for face in faces]) - base_pose
    return MotionClip(
        start, np.clip(at_moments(weights, times, start), 0, 1), at_moments(pose, times, start)
    )


def rest(tracked: Sequence[Tracked | None]) -> tuple[F32, F32]:
    """The face at rest in a clip: weights [52] (10th percentile) and pose [6] (median).

    Raises TrackingError like `settle`.
    """
    return _rest(_front(tracked))


def _rest(faces: Sequence[Tracked]) -> tuple[F32, F32]:
    weights = np.percentile([face.weights for face in faces], _REST, axis=0)
    pose = np.median([face.pose for face in faces], axis=0)
    return weights.astype(np.float32), pose.astype(np.float32)


def _front(tracked: Sequence[Tracked | None]) -> list[Tracked]:
    """Faces whose coefficients can be trusted, or a refusal."""
    faces = [face for face in tracked if face is not None]
    front = [face for face in faces if not face.side]
    many = len(tracked)
    if len(front) < max(_FEWEST, many * (1 - _MOST_LOST)):
        share = f"{100 * len(front) / many:.0f} %" if many else "none"
        turned = f", {len(faces) - len(front)} of them from the side" if front != faces else ""
        raise TrackingError(
            f"a face is seen from the front in {share} of {many} pictures (some face in "
            f"{len(faces)}{turned}), expected half of them and at least {_FEWEST}; show one "
            "well-lit face, turned to the camera"
        )
    return front
