"""A clip's tracked faces -> its Motion: rest removed, gaps bridged, 25 rows a second."""

from collections.abc import Sequence

from engine.frames import F32
from engine.offline import MotionClip
from engine.tracker.tracker import Tracked


def settle(tracked: Sequence[Tracked | None]) -> MotionClip:
    """All pictures of a clip in order (None: no face seen) -> motion from rest.

    Faces lost for up to 0.5 s are bridged; rows of longer losses are left out (`start` jumps).
    Raises TrackingError where a face is seen in less than half of the pictures, with the share.
    """
    raise NotImplementedError


def rest(tracked: Sequence[Tracked | None]) -> tuple[F32, F32]:
    """The face at rest in a clip: weights [52] (10th percentile) and pose [6] (median)."""
    raise NotImplementedError
