"""The rivals draw what they claim to."""

import numpy as np

from engine.face.blendshapes import INDEX
from engine.face.package import load
from engine.frames import BLENDSHAPES, F32, Motion
from engine.render.renderer import Renderer
from engine.train.neural.rivals import Nearest, Warped


def motion(jaw: float = 0.0, yaw: float = 0.0) -> Motion:
    weights = np.zeros(BLENDSHAPES, np.float32)
    weights[INDEX["jawOpen"]] = jaw
    return Motion(0, weights, np.array([yaw, 0, 0, 0, 0, 0], np.float32))


def stack(rows: list[F32]) -> F32:
    return np.array(rows, np.float32)


def test_the_nearest_frame_is_the_one_with_the_nearest_motion() -> None:
    known = [motion(0.0), motion(0.5), motion(0.5, 10.0)]
    pictures = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(3, 3)
    nearest = Nearest(stack([m.weights for m in known]), stack([m.pose for m in known]), pictures)
    assert int(nearest.picture(motion(0.1)).max()) == 0
    assert int(nearest.picture(motion(0.45, 1.0)).max()) == 1
    assert int(nearest.picture(motion(0.45, 8.0)).max()) == 2


def test_a_portrait_warped_by_its_own_motion_is_itself() -> None:
    package = load("mira")
    rgb = Renderer(package, 128).render_rgb(motion())
    warped = Warped(package, motion(), rgb)
    hole = np.ones((128, 128), bool)
    same = warped.picture(motion(), np.zeros_like(rgb), hole)
    assert float(np.abs(same.astype(int) - rgb).mean()) < 1.5
    other = warped.picture(motion(0.8), np.zeros_like(rgb), hole)
    assert float(np.abs(other.astype(int) - same).mean()) > 1.0


def test_outside_the_hole_lies_what_was_behind() -> None:
    package = load("mira")
    rgb = Renderer(package, 128).render_rgb(motion())
    hole = np.zeros((128, 128), bool)
    hole[40:90, 40:90] = True
    behind = np.full_like(rgb, 7)
    drawn = Warped(package, motion(), rgb).picture(motion(0.5), behind, hole)
    assert (drawn[~hole] == 7).all() and not (drawn[hole] == 7).all()
