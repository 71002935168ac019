"""Recorded motion as it lies in files: every npz layout -> ARKit-52 and pose over time.

Contract: values as recorded, in [0, 1], at the recording's own times in seconds; nothing is
removed, shifted or scaled here. Channels that a source does not have are 0 and masked out.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32, POSE, SAMPLE_RATE
from engine.motion.channels import STRONG

# FACEGOOD's rig -> ARKit (notes on motion); several sources of one channel add up.
RIG: dict[str, tuple[str, ...]] = {
    "jawOpen": ("mouth_stretch_c",),
    "mouthFunnel": ("mouth_funnel_ul", "mouth_oh_c"),
    "mouthPucker": ("mouth_pucker_l", "mouth_oo_c"),
    "mouthLowerDownLeft": ("mouth_lowerLipDepress_l",),
    "mouthLowerDownRight": ("mouth_lowerLipDepress_r",),
    "mouthUpperUpLeft": ("mouth_upperLipRaise_l",),
    "mouthUpperUpRight": ("mouth_upperLipRaise_r",),
    "mouthSmileLeft": ("mouth_lipCornerPull_l",),
    "mouthSmileRight": ("mouth_lipCornerPull_r",),
    "mouthRollLower": ("mouth_suck_dl",),
    "mouthRollUpper": ("mouth_suck_ul",),
    "mouthPressLeft": ("mouth_press_l",),
    "mouthPressRight": ("mouth_press_r",),
    "mouthShrugUpper": ("mouth_chinRaise_u",),
}
assert set(RIG) <= set(ARKIT) and all(INDEX[name] in STRONG for name in RIG)
# The tracker's cheekPuff and jaw side channels are noise; it has no tongue.
_NOISE = ("cheekPuff", "jawForward", "jawLeft", "jawRight", "tongueOut")
_LAYOUTS = "tracked (trk_bs52, trk_names, trk_t), rig (weights, names, fps), motion (start, ...)"
_Arrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Curves:
    """A clip's motion as recorded."""

    times: npt.NDArray[np.float64]  # [N] s since the clip began
    weights: F32  # [N, 52]
    pose: F32  # [N, 6], zero without a head
    mask: F32  # [52] 1 where the source has the channel
    has_head: bool
    aperture: F32 | None  # [N] inner lip gap over eye distance, where a tracker measured it
    rig: bool  # curves of a rig, not of a tracked person


def read_curves(path: Path) -> Curves:
    """Any npz layout. Raises TrackingError for a file that is none, with what was found in it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, BadZipFile, EOFError) as error:
        raise TrackingError(
            f"{path.name} is not an npz of arrays ({error}); record it anew"
        ) from error
    keys = set(arrays)
    if {"trk_bs52", "trk_names", "trk_t"} <= keys:
        curves = _tracked(arrays)
    elif {"weights", "names", "fps"} <= keys:
        curves = _rig(arrays)
    elif {"start", "weights", "names"} <= keys:
        curves = _motion(arrays)
    else:
        raise TrackingError(f"{path.name} holds {sorted(keys)[:8]}, expected one of: {_LAYOUTS}")
    shapes = (curves.times.shape[0], curves.weights.shape[0], curves.pose.shape[0])
    if len(set(shapes)) > 1 or not shapes[0]:
        raise TrackingError(
            f"{path.name} has {shapes} times, weights and poses, expected equally many"
        )
    if not (np.isfinite(curves.weights).all() and np.isfinite(curves.pose).all()):
        raise TrackingError(f"{path.name} holds NaN or infinite values; track it again")
    return curves


def _floats(array: npt.NDArray[np.generic]) -> F32:
    return np.asarray(array, np.float32)


def _named(arrays: _Arrays, values: str, names: str) -> tuple[F32, F32]:
    """Columns by ARKit name [N, 52] and which of them there are [52]."""
    weights = _floats(arrays[values])
    out = np.zeros((len(weights), BLENDSHAPES), np.float32)
    mask = np.zeros(BLENDSHAPES, np.float32)
    for i, name in enumerate(str(n) for n in arrays[names]):
        if name in INDEX:
            out[:, INDEX[name]] = weights[:, i]
            mask[INDEX[name]] = 1.0
    return out, mask


def _tracked(arrays: _Arrays) -> Curves:
    weights, mask = _named(arrays, "trk_bs52", "trk_names")
    for name in _NOISE:
        mask[INDEX[name]] = 0.0
        weights[:, INDEX[name]] = 0.0
    has_head = "trk_head" in arrays
    pose = _angles(_floats(arrays["trk_head"])) if has_head else _straight(len(weights))
    aperture = _floats(arrays["trk_aperture"]) if "trk_aperture" in arrays else None
    times = np.asarray(arrays["trk_t"], np.float64)
    return Curves(times, weights, pose, mask, has_head, aperture, rig=False)


def _rig(arrays: _Arrays) -> Curves:
    names = [str(name) for name in arrays["names"]]
    recorded = _floats(arrays["weights"])
    times = np.arange(len(recorded)) / float(_floats(arrays["fps"]))
    if len(set(names) & set(ARKIT)) > len(RIG):
        weights, mask = _named(arrays, "weights", "names")
        return Curves(times, weights, _straight(len(weights)), mask, False, None, rig=False)
    weights = np.zeros((len(recorded), BLENDSHAPES), np.float32)
    mask = np.zeros(BLENDSHAPES, np.float32)
    for channel, sources in RIG.items():
        columns = [recorded[:, names.index(source)] for source in sources if source in names]
        if columns:
            weights[:, INDEX[channel]] = np.clip(np.sum(columns, axis=0), 0, 1)
            mask[INDEX[channel]] = 1.0
    return Curves(times, weights, _straight(len(weights)), mask, False, None, rig=True)


def _motion(arrays: _Arrays) -> Curves:
    weights, mask = _named(arrays, "weights", "names")
    times = np.asarray(arrays["start"], np.float64) / SAMPLE_RATE
    has_head = "pose" in arrays
    pose = _floats(arrays["pose"]) if has_head else _straight(len(weights))
    return Curves(times, weights, pose, mask, has_head, None, rig=False)


def _straight(count: int) -> F32:
    return np.zeros((count, len(POSE)), np.float32)


def _angles(head: F32) -> F32:
    """MediaPipe head matrices [N, 4, 4] (x right, y up, z to the camera) -> our pose [N, 6]:
    conventions of engine.face.camera; places in head widths of 15 cm."""
    turn = head[:, :3, :3] / np.linalg.norm(head[:, :3, :3], axis=1, keepdims=True)
    ahead = turn[:, :, 2]
    yaw = np.degrees(np.arctan2(ahead[:, 0], ahead[:, 2]))
    pitch = np.degrees(np.arcsin(np.clip(ahead[:, 1], -1, 1)))
    roll = -np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 1, 1]))
    places = head[:, :3, 3] / 15.0
    return np.concatenate([np.stack([yaw, pitch, roll], 1), places], 1).astype(np.float32)
