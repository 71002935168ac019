"""Identity: colours as the tables give them, proportions that a turned head keeps."""

import numpy as np
import pytest

from engine.errors import FrameError
from engine.eval.identity import Identity, colours, lab, proportions
from engine.eval.landmarks import face
from engine.face.camera import rotation


def points(scale: tuple[float, float] = (1, 1), turn: float = 0.0) -> np.ndarray:
    """Mira's landmarks in a picture of 256 px, stretched and turned."""
    mira = face()
    places = (mira.neutral - mira.neutral.mean(0)) / mira.eyes * 80
    places = places * np.array([scale[0], -scale[1], -1]) @ rotation(turn, 0, 0).T
    return np.asarray(places + np.array([128, 128, 0]), np.float32)


def picture(rgb: tuple[int, int, int]) -> np.ndarray:
    return np.full((256, 256, 3), rgb, np.uint8)


def person(rgb: tuple[int, int, int], marks: np.ndarray) -> Identity:
    found = Identity()
    for _ in range(3):
        found.add(picture(rgb), marks)
    return found


def test_lab_of_known_colours() -> None:
    known = {
        (255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0), (255, 0, 0): (53.24, 80.09, 67.20),
        (0, 255, 0): (87.73, -86.18, 83.18), (0, 0, 255): (32.30, 79.19, -107.86),
        (119, 119, 119): (50.03, 0, 0),
    }  # fmt: skip
    for rgb, expected in known.items():
        np.testing.assert_allclose(lab(rgb), expected, atol=0.05)


def test_the_same_person_is_the_same() -> None:
    one = person((200, 150, 130), points())
    turned = person((200, 150, 130), points(turn=25) * np.float32(0.7))
    assert one.to(one).shape == one.to(one).colour == 0
    assert one.to(turned).shape < 0.01 and one.to(turned).colour < 1e-6


def test_another_person_is_another() -> None:
    one = person((200, 150, 130), points())
    longer = one.to(person((200, 150, 130), points((1, 1.2))))
    assert 4 < longer.shape < 20 and longer.colour < 1e-6
    darker = one.to(person((120, 80, 60), points()))
    assert darker.shape == 0
    assert darker.colour == pytest.approx(np.linalg.norm(lab((200, 150, 130)) - lab((120, 80, 60))))


def test_patches_outside_the_picture_are_taken_at_its_edge() -> None:
    assert np.isfinite(colours(picture((9, 9, 9)), points() + np.float32(500))).all()
    assert np.isfinite(proportions(np.zeros((68, 3), np.float32))).all()


def test_nobody_has_no_identity() -> None:
    with pytest.raises(FrameError, match="without a face"):
        Identity().to(person((1, 2, 3), points()))
