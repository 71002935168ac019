"""Other rigs' curves -> ARKit-52 and our head pose: FACEGOOD's, MediaPipe's, Live Link Face's.

Contract: columns are found by name, never by place; each mapping returns the weights and which
channels the source has. Sizes and the face at rest are the caller's business.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32

# FACEGOOD's rig -> ARKit, by what the names mean; several sources of one channel add up.
FACEGOOD: dict[str, tuple[str, ...]] = {
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
# MediaPipe answers these with noise whatever the face does.
UNTRACKED = ("cheekPuff", "jawForward", "jawLeft", "jawRight", "tongueOut")
# What brings MediaPipe's understated mouths to the range of our rig: the median over the twelve
# tracked speakers of the training data. One gain for everybody: who opens wider, opens wider.
GAIN: dict[str, float] = {"jawOpen": 1.65, "mouthFunnel": 2.0, "mouthLowerDownLeft": 2.5,
                          "mouthLowerDownRight": 2.5}  # fmt: skip
_HEAD_WIDTH_CM = 15.0
_PLAIN = {name.lower(): name for name in ARKIT}


def facegood(weights: F32, names: Sequence[str]) -> tuple[F32, F32]:
    """Rig weights [T, N] of the named columns -> ARKit [T, 52] in [0, 1], channels had [52].

    Raises KeyError naming a column that is absent.
    """
    column = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(weights), BLENDSHAPES), np.float32)
    had = np.zeros(BLENDSHAPES, np.float32)
    for channel, sources in FACEGOOD.items():
        total = sum((weights[:, column[s]] for s in sources), np.zeros(len(weights)))
        out[:, INDEX[channel]] = np.clip(total, 0, 1)
        had[INDEX[channel]] = 1.0
    return out, had


def mediapipe(weights: F32, names: Sequence[str]) -> tuple[F32, F32]:
    """MediaPipe coefficients [T, N] of the named columns -> ARKit [T, 52], channels had [52]."""
    out, had = arkit(weights, names)
    for name in UNTRACKED:
        out[:, INDEX[name]] = had[INDEX[name]] = 0.0
    return out, had


def raised(weights: F32) -> F32:
    """MediaPipe weights [..., 52], the face at rest taken off, in the range of our rig."""
    gain = np.ones(BLENDSHAPES, np.float32)
    for name, factor in GAIN.items():
        gain[INDEX[name]] = factor
    return np.asarray(np.clip(weights * gain, 0, 1), np.float32)


def arkit(weights: F32, names: Sequence[str]) -> tuple[F32, F32]:
    """ARKit weights in any order and case (`EyeBlinkLeft`, `eyeBlink_L`) -> [T, 52], had [52];
    other columns are left out."""
    out = np.zeros((len(weights), BLENDSHAPES), np.float32)
    had = np.zeros(BLENDSHAPES, np.float32)
    for i, name in enumerate(names):
        plain = plainly(name)
        if plain is not None:
            out[:, INDEX[plain]] = weights[:, i]
            had[INDEX[plain]] = 1.0
    return out, had


def plainly(name: str) -> str | None:
    """The ARKit name that is meant by `name`, None if none is."""
    for short, long in (("_L", "Left"), ("_R", "Right")):
        if name.endswith(short):
            name = name.removesuffix(short) + long
    return _PLAIN.get(name.strip().lower())


def angles(head: npt.NDArray[np.floating]) -> F32:
    """MediaPipe head matrices [T, 4, 4] (x right, y up, z to the camera; cm) -> pose [T, 6]:
    conventions of engine.face.camera; places in head widths."""
    turn = head[:, :3, :3] / np.linalg.norm(head[:, :3, :3], axis=1, keepdims=True)
    ahead = turn[:, :, 2]
    yaw = np.degrees(np.arctan2(ahead[:, 0], ahead[:, 2]))
    pitch = np.degrees(np.arcsin(np.clip(ahead[:, 1], -1, 1)))
    roll = -np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 1, 1]))
    place = head[:, :3, 3] / _HEAD_WIDTH_CM
    return np.concatenate([np.stack([yaw, pitch, roll], 1), place], 1).astype(np.float32)
