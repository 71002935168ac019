"""Real motion: tracked video and rig curves -> ARKit-52 and pose on the 25 Hz grid of their sound.

Contract: the sync shift of every clip is applied, each person's face at rest is taken off, the
opening is brought to our rig's range; channels that a source does not have are masked out.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.eval.recordings import read_sound
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32, POSE, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.channels import STRONG

# FACEGOOD's rig -> ARKit (notes on motion); several sources of one channel add up.
_RIG: dict[str, tuple[str, ...]] = {
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
# 98th percentile a moving channel is brought to: the range of the teacher's neutral manner.
_REACH = {"jawOpen": 0.56, "mouthFunnel": 0.35, "mouthPucker": 0.5, "mouthLowerDownLeft": 0.16,
          "mouthLowerDownRight": 0.16, "mouthUpperUpLeft": 0.13,
          "mouthUpperUpRight": 0.13}  # fmt: skip
_MOVES = 0.02  # a channel whose 98th percentile is lower is noise and keeps its size


@dataclass(frozen=True, slots=True)
class Performance:
    """One recorded clip."""

    name: str
    person: str
    pcm: F32  # [S] at 16 kHz
    weights: F32  # [N, 52] at samples 640 n, neutral removed
    pose: F32  # [N, 6], median removed
    mask: F32  # [52] 1 where the source has the channel
    has_head: bool


def read_performances(data: Path) -> list[Performance]:
    """All clips of DATA/motion, speaker by speaker scaled to our rig."""
    folder = data / "motion"
    clips = [_read(folder, row) for row in json.loads((folder / "manifest.json").read_text())]
    people: dict[str, list[Performance]] = {}
    for clip in clips:
        people.setdefault(clip.person, []).append(clip)
    return [scaled for group in people.values() for scaled in _settle(group)]


def _read(folder: Path, row: dict[str, object]) -> Performance:
    name, kind = str(row["name"]), str(row["folder"])
    pcm = read_sound(folder / kind / f"{name}.flac")
    ticks = len(pcm) // SAMPLES_PER_FRAME
    moments = np.arange(ticks) * SAMPLES_PER_FRAME / SAMPLE_RATE
    with np.load(folder / kind / f"{name}.npz") as arrays:
        if kind == "facegood":
            fps = float(arrays["fps"])
            weights, mask = _rig(arrays["weights"].astype(np.float32), list(arrays["names"]))
            shift = float(str(row["shift"])) / fps
            times = np.arange(len(weights)) / fps + shift
            pose = np.zeros((len(weights), len(POSE)), np.float32)
        else:
            weights, mask = _tracked(arrays["trk_bs52"], list(arrays["trk_names"]))
            pose = _angles(arrays["trk_head"])
            shift = float(str(row["shift_video"])) / float(str(row["fps"]))
            times = arrays["trk_t"] + shift
    person = kind if kind != "grid" else name[:9]
    return Performance(
        name, person, pcm, _resample(weights, times, moments), _resample(pose, times, moments),
        mask, kind != "facegood",
    )  # fmt: skip


def _resample(curve: F32, times: np.ndarray, moments: np.ndarray) -> F32:
    columns = [np.interp(moments, times, curve[:, i]) for i in range(curve.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)


def _rig(weights: F32, names: list[str]) -> tuple[F32, F32]:
    out = np.zeros((len(weights), BLENDSHAPES), np.float32)
    mask = np.zeros(BLENDSHAPES, np.float32)
    for channel, sources in _RIG.items():
        out[:, INDEX[channel]] = np.clip(
            sum((weights[:, names.index(s)] for s in sources), np.zeros(len(weights))), 0, 1
        )
        mask[INDEX[channel]] = 1.0
    return out, mask


def _tracked(weights: F32, names: list[str]) -> tuple[F32, F32]:
    out = np.zeros((len(weights), BLENDSHAPES), np.float32)
    mask = np.zeros(BLENDSHAPES, np.float32)
    for i, name in enumerate(names):
        if name in INDEX:
            out[:, INDEX[name]] = weights[:, i]
            mask[INDEX[name]] = 1.0
    # The tracker's cheekPuff and jaw side channels are noise.
    for name in ("cheekPuff", "jawForward", "jawLeft", "jawRight", "tongueOut"):
        mask[INDEX[name]] = 0.0
        out[:, INDEX[name]] = 0.0
    return out, mask


def _angles(head: F32) -> F32:
    """MediaPipe head matrices [N, 4, 4] (x right, y up, z to the camera) -> our pose [N, 6]:
    conventions of engine.face.camera; places in head widths of 15 cm."""
    turn = head[:, :3, :3] / np.linalg.norm(head[:, :3, :3], axis=1, keepdims=True)
    ahead = turn[:, :, 2]
    yaw = np.degrees(np.arctan2(ahead[:, 0], ahead[:, 2]))
    pitch = np.degrees(np.arcsin(np.clip(ahead[:, 1], -1, 1)))
    roll = -np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 1, 1]))
    return np.concatenate([np.stack([yaw, pitch, roll], 1), head[:, :3, 3] / 15.0], 1)


def _settle(group: list[Performance]) -> list[Performance]:
    """Take a person's rest off and bring the mouth to our rig's range."""
    every = np.concatenate([clip.weights for clip in group])
    rest = np.percentile(every, 10, axis=0)
    every = np.clip(every - rest, 0, 1)
    high = np.percentile(every, 98, axis=0)
    gain = np.ones(BLENDSHAPES)
    for name, reach in _REACH.items():
        i = INDEX[name]
        if high[i] > _MOVES:
            gain[i] = np.clip(reach / high[i], 0.4, 2.5)
    settled = []
    for clip in group:
        weights = (np.clip(clip.weights - rest, 0, 1) * gain).clip(0, 1).astype(np.float32)
        pose = (clip.pose - np.median(clip.pose, axis=0)).astype(np.float32)
        settled.append(
            Performance(clip.name, clip.person, clip.pcm, weights, pose, clip.mask, clip.has_head)
        )
    return settled


assert set(_RIG) <= set(ARKIT) and all(INDEX[name] in STRONG for name in _RIG)
