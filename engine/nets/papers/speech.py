"""What the papers' networks hear and say: one row per video tick, 25 ticks a second.

Contract: Speech is PPG and prosody as our decoder gets them; motion [.., MOTION] is ARKit-52 beside
the pose in network units (an angle of 10 degrees is 1, a tenth of a head width is 1).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, F32, POSE
from engine.motion.channels import STRONG, WEAK
from engine.motion.prosody import FEATURES
from engine.nets.decoder_state import POSE_SCALE
from engine.speech.phonemes import PHONES

PPG = 3 * len(PHONES)  # of a tick, as the decoder is given it: two rows and the newest
SAID = 2 * len(PHONES)  # of a reference's tick: its two rows
PROSODY = 2 * FEATURES
MOTION = BLENDSHAPES + len(POSE)
LIPS: tuple[int, ...] = STRONG
REST: tuple[int, ...] = (*WEAK, *range(BLENDSHAPES, MOTION))  # eyes, brows, then the pose
# Where column i of ARKit order stands in (LIPS, WEAK) and in (LIPS, REST).
FACE_ORDER = tuple([*STRONG, *WEAK].index(i) for i in range(BLENDSHAPES))
ORDER = (*FACE_ORDER, *range(BLENDSHAPES, MOTION))
EYES = tuple(i for i, name in enumerate(ARKIT) if name.startswith("eye"))


class Speech(NamedTuple):
    """T ticks of sound."""

    ppg: Tensor  # [B, T, PPG]
    prosody: Tensor  # [B, T, PROSODY]


class Reference(NamedTuple):
    """T ticks of somebody's motion, and what was said meanwhile."""

    motion: Tensor  # [B, T, MOTION]
    ppg: Tensor  # [B, T, SAID]


def join(weights: F32, pose: F32) -> F32:
    """ARKit weights [.., 52] and pose [.., 6] in degrees -> motion [.., MOTION]."""
    scaled = pose * np.array(POSE_SCALE, np.float32)
    return np.concatenate([weights, scaled], -1).astype(np.float32)


def part(motion: F32) -> tuple[F32, F32]:
    """Inverse of `join`; weights come back within [0, 1]."""
    pose = motion[..., BLENDSHAPES:] / np.array(POSE_SCALE, np.float32)
    weights = np.clip(motion[..., :BLENDSHAPES], 0, 1)
    return weights.astype(np.float32), pose.astype(np.float32)


def style_of(code: Tensor | None, batch: int, size: int, like: Tensor) -> Tensor:
    """The code, or the average style; on the device and in the type of `like`."""
    return like.new_zeros(batch, size) if code is None else code.to(like)


def repeat(code: Tensor, ticks: int) -> Tensor:
    """A style code [B, D] beside every tick: [B, T, D]."""
    return code[:, None].expand(-1, ticks, -1)


def before(first: Tensor, rows: Tensor) -> Tensor:
    """Rows [B, T, C] one tick later, `first` [B, C] in front."""
    return torch.cat([first[:, None], rows[:, :-1]], 1)
