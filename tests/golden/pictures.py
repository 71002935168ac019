"""The motions behind the golden pictures, shared by the test and by regenerate.py."""

import numpy as np

from engine.face.blendshapes import INDEX
from engine.frames import Motion

STILL = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def motion(pose: tuple[float, ...] = STILL, **weights: float) -> Motion:
    """A still motion; a name without Left/Right sets both sides."""
    values = np.zeros(52, np.float32)
    for name, weight in weights.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in INDEX:
                values[INDEX[full]] = weight
    return Motion(0, values, np.array(pose, np.float32))


# name -> (avatar, size, motion)
PICTURES = {
    "mira_rest": ("mira", 128, motion()),
    "mira_speaks": ("mira", 128, motion((15, 4, -3, 0, 0, 0), jawOpen=0.5, mouthSmile=0.4)),
    "theo_rest": ("theo", 128, motion(mouthSmile=0.5)),
    "amara_turned": ("amara", 128, motion((-25, -6, 4, 0, 0, 0), jawOpen=0.3)),
    "kenji_blinks": ("kenji", 128, motion((8, 3, 0, 0, 0, 0), eyeBlink=1, mouthSmile=0.7)),
}
