"""Single pictures: every face in one, and the landmarks of a face, without a clip around it.

Contract: pure functions of a picture [H, W, 3] uint8; a face counts where the landmark net is at
least as sure as the tracker wants it.
"""

from engine.frames import F32, U8
from engine.tracker.crop import Region
from engine.tracker.detector import around
from engine.tracker.mesh import landmarks, surround
from engine.tracker.models import Models

_PRESENT = 0.5
_CLOSER = 6  # ways to look: the whole picture, then its middle and corners at twice the size


def faces(models: Models, rgb: U8) -> list[Region]:
    """Squares of all faces, largest first; parts are looked at only where the whole shows none."""
    for closer in range(_CLOSER):
        found = around(models.detector, rgb, max(2 * closer - 1, 0))
        if found:
            return sorted(found, key=lambda face: -face.size)
    return []


def look(models: Models, rgb: U8, region: Region, times: int = 2) -> F32 | None:
    """Landmarks [478, 3] of the face near `region`; None where there is none after all.

    A square from the detector, or of another picture, is rough: each further time looks where the
    landmarks say.
    """
    points: F32 | None = None
    for _ in range(times):
        points, presence = landmarks(models, rgb, region)
        if presence < _PRESENT:
            return None
        region = surround(points)
    return points


def find(models: Models, rgb: U8) -> F32 | None:
    """Landmarks [478, 3] of the largest face; None where there is none."""
    found = faces(models, rgb)
    return look(models, rgb, found[0]) if found else None
