"""Where a tracked head is, told about the neck: what our avatars' poses mean by a place.

Trackers report the middle of the face, which swings around the neck whenever the head turns. The
renderer turns heads about the neck and adds the place on top, so the swing would count twice.
"""

import numpy as np

from engine.face.camera import rotation
from engine.frames import Motion

# From the neck to the middle of the face, head widths: left, up, ahead. Measured on renders of our
# avatars that only turn: the place swings by 0.37-0.45 times the sine of the yaw, 0.38-0.43 times
# that of the pitch (up), 0.48-0.54 times that of the roll.
FACE = np.array([0.0, 0.5, 0.45], np.float32)


def about_neck(motion: Motion) -> Motion:
    """A motion from rest whose place is that of the face -> one whose place is that of the neck."""
    yaw, pitch, roll = (float(angle) for angle in motion.pose[:3])
    swing = rotation(yaw, pitch, roll) @ FACE - FACE
    pose = np.concatenate([motion.pose[:3], motion.pose[3:] - swing])
    return Motion(motion.start, motion.weights, pose.astype(np.float32))
