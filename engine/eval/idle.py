"""Life of a face: blinks, gaze, head, what freezes and how fast anything moves; speech or silence.

Definitions. A blink begins where the mean of both lids rises through BLINK and is not counted again
before the lids were below it; a second is frozen when no weight changes by more than STILL within
it and no angle by STILL_DEG. Speeds are per second, jerk per second cubed, at 25 Hz. Gaze is
out-minus-in and up-minus-down of both eyes' weights.
"""

import numpy as np

from engine.face.blendshapes import INDEX
from engine.frames import F32, FPS

BLINK = 0.45
STILL, STILL_DEG = 1e-3, 1e-2
_LIDS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
BROWS = [INDEX[n] for n in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight",
                             "browDownLeft", "browDownRight")]  # fmt: skip


def blinks_per_minute(weights: F32) -> float:
    """Blinks in a minute of [T, 52]."""
    shut = weights[:, _LIDS].mean(1) > BLINK
    began = int(np.sum(~shut[:-1] & shut[1:])) + int(shut[0])
    return began * 60 * FPS / len(weights)


def frozen_seconds(weights: F32, pose: F32) -> int:
    """Whole seconds, counted at every half second, in which nothing changes."""
    frozen = 0
    for begin in range(0, len(weights) - FPS + 1, FPS // 2):
        rows = slice(begin, begin + FPS)
        face = float(np.ptp(weights[rows], axis=0).max())
        turn = float(np.ptp(pose[rows, :3], axis=0).max())
        frozen += face <= STILL and turn <= STILL_DEG
    return frozen


def gaze(weights: F32) -> F32:
    """[T, 2]: to the subject's left and up, in weights."""

    def pair(name: str, sides: tuple[str, str]) -> F32:
        return np.asarray(sum(weights[:, INDEX[f"eyeLook{name}{side}"]] for side in sides) / 2)

    left = weights[:, INDEX["eyeLookOutLeft"]] + weights[:, INDEX["eyeLookInRight"]]
    right = weights[:, INDEX["eyeLookInLeft"]] + weights[:, INDEX["eyeLookOutRight"]]
    both = ("Left", "Right")
    return np.stack([(left - right) / 2, pair("Up", both) - pair("Down", both)], axis=1)


def statistics(weights: F32, pose: F32) -> dict[str, float]:
    """All figures of one motion."""
    speed = np.abs(np.diff(weights, axis=0)) * FPS
    turn = np.abs(np.diff(pose[:, :3], axis=0)) * FPS
    jerk = np.abs(np.diff(weights, n=3, axis=0)) * FPS**3
    look = gaze(weights)
    moves = np.abs(np.diff(look, axis=0)).max(1) > 0.05
    return {
        "blinks_per_min": round(blinks_per_minute(weights), 1),
        "yaw_sd_deg": round(float(pose[:, 0].std()), 2),
        "pitch_sd_deg": round(float(pose[:, 1].std()), 2),
        "roll_sd_deg": round(float(pose[:, 2].std()), 2),
        "frozen_s": frozen_seconds(weights, pose),
        "brow_sd": round(float(weights[:, BROWS].std(0).mean()), 4),
        "gaze_sd": round(float(look.std(0).mean()), 4),
        "glances_per_min": round(float(moves.sum()) * 60 * FPS / len(weights), 1),
        "speed_p99": round(float(np.percentile(speed, 99)), 2),
        "speed_max": round(float(speed.max()), 2),
        "turn_max_deg": round(float(turn.max()), 1),
        "jerk_p99": round(float(np.percentile(jerk, 99)), 0),
    }
