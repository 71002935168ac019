"""Head pose and camera: the conventions of `Motion.pose`, and world -> screen.

World: decimetres, +x the subject's left, +y up, +z towards the camera; the picture is not
mirrored, so the subject's left is on the right of the screen. Pose is (yaw, pitch, roll, tx, ty,
tz), each zero for a head that looks straight into the camera:

    yaw   > 0  turns to the subject's left (the nose moves to the right of the screen), degrees
    pitch > 0  looks up, degrees
    roll  > 0  tilts the crown towards the subject's left shoulder (clockwise on screen), degrees
    tx, ty, tz > 0  moves to the subject's left, up, towards the camera, in head widths

The turn is applied as roll, then pitch, then yaw about fixed axes through the neck.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

# Poses beyond these bend toon necks visibly; they are approached smoothly, never clipped hard.
POSE_LIMITS = np.array([42.0, 28.0, 26.0, 0.20, 0.15, 0.35], np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera on the z axis that looks along -z."""

    height: float  # y of the optical axis, dm
    distance: float  # z of the pinhole, dm
    fov_deg: float  # vertical; of the width, where the picture is higher than wide
    near: float  # nearest and farthest depth from the pinhole, dm
    far: float

    def project(self, points: F32, width: int, height: int) -> F32:
        """World points [V, 3] -> screen [V, 3]: x right, y down in pixels, depth in [0, 1)."""
        depth = self.distance - points[:, 2]
        focal = 0.5 * min(width, height) / np.tan(np.radians(self.fov_deg) / 2)
        scale = (focal / np.maximum(depth, 1e-3)).astype(np.float32)
        screen = np.empty_like(points)
        screen[:, 0] = 0.5 * width + points[:, 0] * scale
        screen[:, 1] = 0.5 * height - (points[:, 1] - self.height) * scale
        screen[:, 2] = (depth - self.near) / (self.far - self.near)
        return screen


def limit_pose(pose: F32) -> F32:
    """Pose [6] within POSE_LIMITS: unchanged up to half a limit, then saturating smoothly."""
    ratio = np.nan_to_num(pose / POSE_LIMITS, nan=0.0, posinf=9.0, neginf=-9.0)
    over = np.abs(ratio) - 0.5
    soft = np.where(over > 0, 0.5 + 0.5 * np.tanh(2 * np.maximum(over, 0)), np.abs(ratio))
    return np.asarray(np.sign(ratio) * soft * POSE_LIMITS, np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> F32:
    """Rotation matrix [3, 3] of the angles in degrees, by the conventions above."""
    a, b, c = np.radians([yaw, -pitch, -roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(turn @ nod @ tilt, np.float32)
