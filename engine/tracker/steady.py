"""Landmarks without their tremble: slow where the face rests, quick where it moves."""

from typing import NamedTuple

import numpy as np

from engine.frames import F32

# The filter of Casiez et al., "1 Euro Filter" (CHI 2012), in units of the face's size.
_CUTOFF_HZ = 0.05  # of a point at rest
_QUICKNESS = 80.0  # Hz a face size per second
_SPEED_CUTOFF_HZ = 1.0


class Steady(NamedTuple):
    """What the filter keeps."""

    points: F32  # [478, 3] pixels
    speed: F32  # [478, 3] face sizes a second


def steady(points: F32, seconds: float, last: Steady | None) -> Steady:
    """Landmarks [478, 3], `seconds` after the last ones -> filtered. None begins anew."""
    if last is None:
        return Steady(points, np.zeros_like(points))
    size = float(np.mean(np.ptp(points[:468, :2], axis=0)))
    speed = (points - last.points) / np.float32(max(size, 1e-3) * seconds)
    speed = last.speed + _share(_SPEED_CUTOFF_HZ, seconds) * (speed - last.speed)
    cutoff = np.asarray(_CUTOFF_HZ + _QUICKNESS * np.abs(speed), np.float32)
    share = _share(cutoff, seconds)
    return Steady(
        (last.points + share * (points - last.points)).astype(np.float32), speed.astype(np.float32)
    )


def _share(cutoff_hz: F32 | float, seconds: float) -> F32:
    """Share of the newest value in a first-order low-pass."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * seconds * cutoff_hz)), np.float32)
