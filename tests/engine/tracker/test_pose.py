"""The rigid fit finds turn and place of a head in the conventions of Motion.pose."""

import numpy as np
import pytest

from engine.face.camera import rotation
from engine.tracker.coefficients import Regressor
from engine.tracker.pose import HEAD_CM, angles, head

POSES = [(0, 0, 0), (20, 0, 0), (-30, 5, 0), (0, 15, 0), (0, -12, 8), (10, 8, -20)]


@pytest.mark.parametrize("turn", POSES)
def test_a_projected_head_is_found(turn: tuple[float, float, float]) -> None:
    rigid = Regressor.load().rigid
    width, height = 640, 480
    place = np.array([3.0, -2.0, -50.0])
    points = rigid.shape @ rotation(*turn).T + place
    focal = height / 2 / np.tan(np.radians(63 / 2))
    pixels = np.zeros((478, 3), np.float32)
    pixels[rigid.points, 0] = width / 2 + focal * points[:, 0] / -points[:, 2]
    pixels[rigid.points, 1] = height / 2 - focal * points[:, 1] / -points[:, 2]
    # The networks' depth is relative and in pixels; its mean is taken off.
    depth = -(points[:, 2] - place[2]) * focal / -place[2]
    pixels[rigid.points, 2] = depth - depth.sum() / 468
    pose = angles(head(rigid, pixels, width, height))
    np.testing.assert_allclose(pose[:3], turn, atol=1.5)
    np.testing.assert_allclose(pose[3:] * HEAD_CM, place, rtol=0.08, atol=0.5)
