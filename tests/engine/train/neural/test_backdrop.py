"""What lies behind a person is put together from where it was free."""

import numpy as np

from engine.train.neural.backdrop import backdrop, filled


def _scene(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of columns of grey with a white square, and the square's place."""
    picture = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, 0).repeat(3, 2)
    hole = np.zeros((64, 64), bool)
    hole[20:40, 20 + shift : 36 + shift] = True
    picture[hole] = 255
    return picture, hole


def test_other_frames_show_what_one_hides() -> None:
    clean = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, 0).repeat(3, 2)
    assert (backdrop(_scene(0), [_scene(16), _scene(-16)]) == clean).all()


def test_what_is_never_seen_takes_the_colours_around() -> None:
    plate = backdrop(_scene(0), [_scene(2)])
    assert int(plate.max()) < 200  # no white of the square
    _, hole = _scene(0)
    assert (plate[~hole] == _scene(0)[0][~hole]).all()


def test_a_picture_without_a_hole_stays() -> None:
    picture, hole = _scene(0)
    assert (filled(picture, np.zeros_like(hole)) == picture).all()
    assert (filled(picture, np.ones_like(hole)) == picture).all()
