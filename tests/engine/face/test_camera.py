"""Pose conventions and projection."""

import numpy as np

from engine.face.camera import POSE_LIMITS, Camera, limit_pose, rotation

CAMERA = Camera(height=0.0, distance=10.0, fov_deg=20.0, near=5.0, far=15.0)


def test_rotation_follows_the_conventions() -> None:
    ahead, up = np.float32([0, 0, 1]), np.float32([0, 1, 0])
    assert (rotation(30, 0, 0) @ ahead)[0] > 0.4  # yaw: towards the subject's left, +x
    assert (rotation(0, 30, 0) @ ahead)[1] > 0.4  # pitch: up
    assert (rotation(0, 0, 30) @ up)[0] > 0.4  # roll: the crown to the left shoulder
    turn = rotation(20, -10, 5)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) > 0


def test_limits_are_smooth_and_leave_small_poses_alone() -> None:
    small = (POSE_LIMITS * 0.5).astype(np.float32)
    np.testing.assert_allclose(limit_pose(small), small, rtol=1e-6)
    steps = np.linspace(0, 90, 400, dtype=np.float32)
    yaw = np.array([limit_pose(np.float32([s, 0, 0, 0, 0, 0]))[0] for s in steps])
    assert (np.diff(yaw) >= 0).all() and yaw[-1] <= POSE_LIMITS[0]
    assert np.abs(np.diff(yaw, 2)).max() < 0.02


def test_projection() -> None:
    points = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 5]])
    screen = CAMERA.project(points, 512, 512)
    np.testing.assert_allclose(screen[0], [256, 256, 0.5], atol=1e-4)
    assert screen[1, 0] > 256 and screen[2, 1] < 256  # x to the right, y up
    assert screen[3, 0] > screen[1, 0] and screen[3, 2] < screen[1, 2]  # nearer: larger, less deep
    edge = 10 * np.tan(np.radians(10))
    np.testing.assert_allclose(
        CAMERA.project(np.float32([[edge, 0, 0]]), 512, 512)[0, 0], 512, atol=0.01
    )
