"""Rigid motions of many sessions at once, as engine.face.mesh has them for one."""

import numpy as np
import numpy.typing as npt

from engine.face.camera import limit_pose
from engine.face.mesh import FOLLOW, SKULL, STEPS, SWING_STEPS
from engine.face.swing import LIMIT
from engine.frames import F32


def turns(angles: npt.NDArray[np.float64]) -> F32:
    """engine.face.camera.rotation of angles [..., 3] in degrees -> [..., 3, 3]."""
    a, b, c = np.moveaxis(np.radians(angles * [1, -1, -1]), -1, 0)
    yaw, nod, tilt = np.broadcast_to(np.eye(3), (3, *angles.shape[:-1], 3, 3)).copy()
    for turn, angle, one, two in ((yaw, a, 2, 0), (nod, b, 1, 2), (tilt, c, 0, 1)):
        turn[..., one, one] = turn[..., two, two] = np.cos(angle)
        turn[..., two, one] = np.sin(angle)
        turn[..., one, two] = -np.sin(angle)
    return np.asarray(yaw @ nod @ tilt, np.float32)


def bent(pose: F32, pivots: F32, widths: F32) -> F32:
    """engine.face.mesh.Figure.poses of poses [B, 6] -> [B, STEPS, 3, 4]."""
    share = (FOLLOW + (1 - FOLLOW) * np.arange(STEPS) / (STEPS - 1))[:, None]
    pose = limit_pose(pose)
    turn = turns(pose[:, None, :3].astype(float) * share)
    shift = (pose[:, 3:] * widths[:, None])[:, None] * share
    moved = pivots[:, None] - np.einsum("bsij,bj->bsi", turn, pivots) + shift
    return np.concatenate([turn, moved[..., None]], -1).astype(np.float32)


def swung(swing: F32, pivots: F32, widths: F32) -> F32:
    """engine.face.mesh.Figure.swung of swings [B, 3] -> [B, SWING_STEPS, 3, 4]."""
    centre = pivots + np.outer(widths, [0, SKULL, 0]).astype(np.float32)
    angles = LIMIT * np.tanh(np.nan_to_num(swing, posinf=0.0, neginf=0.0) / LIMIT)
    share = (np.arange(SWING_STEPS) / (SWING_STEPS - 1))[:, None]
    turn = turns(angles[:, None].astype(float) * share)
    moved = centre[:, None] - np.einsum("bsij,bj->bsi", turn, centre)
    return np.concatenate([turn, moved[..., None]], -1).astype(np.float32)
