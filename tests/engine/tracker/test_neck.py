"""A head that turns on its neck stays in its place, one that moves moves."""

import numpy as np
import pytest

from engine.face.camera import rotation
from engine.frames import Motion
from engine.tracker.neck import FACE, about_neck


def seen(yaw: float, pitch: float, roll: float, neck: tuple[float, float, float]) -> Motion:
    """What a tracker says of a head whose neck is at `neck`."""
    place = np.array(neck) + rotation(yaw, pitch, roll) @ FACE - FACE
    return Motion(7, np.full(52, 0.1, np.float32), np.array([yaw, pitch, roll, *place], np.float32))


@pytest.mark.parametrize("turn", [(0, 0, 0), (25, 0, 0), (0, 15, 0), (0, 0, -20), (-18, 9, 7)])
def test_a_turn_is_no_move(turn: tuple[float, float, float]) -> None:
    for neck in ((0.0, 0.0, 0.0), (0.1, -0.05, 0.2)):
        motion = about_neck(seen(*turn, neck))
        np.testing.assert_allclose(motion.pose, [*turn, *neck], atol=1e-6)
        assert motion.start == 7 and motion.weights[0] == np.float32(0.1)


def test_the_swing_has_the_side_of_the_turn() -> None:
    assert seen(20, 0, 0, (0, 0, 0)).pose[3] > 0.15  # to the subject's left
    assert seen(0, 0, 20, (0, 0, 0)).pose[3] > 0.1  # the crown tilts to the left shoulder
    assert seen(0, 20, 0, (0, 0, 0)).pose[4] > 0.1  # looking up lifts the face
