"""What a picture does not show is made up: eyeballs, lids, the mouth's colours."""

import numpy as np

from engine.frames import F32
from engine.train.neural import inpaint

_SIZE = 512


def _points() -> F32:
    """Landmarks with two eyes and a mouth of plain shape; all others in the middle."""
    points = np.full((478, 3), 256, np.float32)
    for eye, x in ((0, 200.0), (1, 312.0)):
        rows = inpaint._LIDS[eye]
        turn = np.linspace(np.pi, -np.pi, len(rows), endpoint=False)
        turn = turn if eye == 0 else np.pi - turn
        rim = np.stack([x + 22 * np.cos(turn), 220 - 9 * np.sin(turn)], 1)
        points[list(rows), :2] = rim
        first = (468, 473)[eye]
        points[first : first + 5, :2] = x, 220
        points[first + 1 : first + 5, :2] += [[8, 0], [0, 8], [-8, 0], [0, -8]]
    lips = inpaint._INNER_LIPS
    turn = np.linspace(np.pi, -np.pi, len(lips), endpoint=False)
    points[list(lips), :2] = np.stack([256 + 30 * np.cos(turn), 330 - 6 * np.sin(turn)], 1)
    return points


def test_the_picture_and_its_patches_lie_on_one_page() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (_SIZE, _SIZE, 3), np.uint8)
    page = inpaint.page(picture, _points())
    assert page.pixels.shape == (inpaint.SIDE, inpaint.SIDE, 4)
    row, column = inpaint.of_picture(np.array([10.0, 20.0])).astype(int)[::-1]
    np.testing.assert_allclose(page.pixels[row, column, :3], picture[20, 10] / 255, atol=1e-6)
    for eye in range(2):
        # The middle of an eye that is open shows the picture's own iris.
        centre = page.centres[eye]
        x, y = inpaint.of_eye(centre, eye, centre).astype(int)
        a, b = (int(v) for v in np.round(centre))
        np.testing.assert_allclose(page.pixels[y, x, :3], picture[b, a] / 255, atol=1e-6)


def test_eyeballs_go_on_under_the_lids() -> None:
    picture = np.full((_SIZE, _SIZE, 3), (200, 150, 120), np.uint8)  # skin
    points = _points()
    y, x = np.mgrid[:_SIZE, :_SIZE]
    for middle in (200, 312):
        eye = ((x - middle) / 22) ** 2 + ((y - 220) / 9) ** 2 < 1
        picture[eye] = 240
        picture[eye & (np.hypot(x - middle, y - 220) < 8)] = 40
    page = inpaint.page(picture, points)
    for eye in range(2):
        centre = page.centres[eye]
        above = inpaint.of_eye(centre + [18.0, -12.0], eye, centre).astype(int)
        assert page.pixels[above[1], above[0], :3].min() > 0.75  # white where the picture has skin
        shut = inpaint.of_eye(centre, eye, centre, shut=True).astype(int)
        assert abs(page.pixels[shut[1], shut[0], 2] - 120 / 255) < 0.1  # skin over the iris


def test_lips_take_no_colour_from_between_them() -> None:
    points = _points()
    places = np.array([[256.0, 330.0], [256.0, 300.0]])
    moved = inpaint.outside_mouth(places, points)
    assert abs(moved[0, 1] - 330) > 5.9  # on the opening's rim
    np.testing.assert_array_equal(moved[1], places[1])


def test_teeth_are_those_of_the_picture_where_it_shows_them() -> None:
    picture = np.full((_SIZE, _SIZE, 3), (200, 150, 120), np.uint8)
    without = inpaint.mouth(picture, _points())["teeth"][0]
    picture[324:337, 226:287] = (232, 226, 190)
    shown = inpaint.mouth(picture, _points())["teeth"][0]
    np.testing.assert_allclose(shown, (232, 226, 190), atol=1)
    assert np.abs(without - shown).max() > 5


def test_lips_that_shut_carry_no_teeth_and_shut_ones_stay() -> None:
    picture = np.full((_SIZE, _SIZE, 3), (200, 150, 120), np.uint8)
    picture[324:337, 226:287] = 240
    points = _points()
    shown = inpaint.lips(picture, points)[330, 256].astype(float)
    assert shown.max() < 150  # darker than lips, where they will meet
    assert shown[0] > 1.3 * shown[1] > 1.3 * shown[2]  # and of their colour
    points[list(inpaint._INNER_LIPS), 1] = 330
    np.testing.assert_array_equal(inpaint.lips(picture, points), picture)


def test_networks_are_told_what_a_place_is() -> None:
    points = _points()
    outer = inpaint._OUTER_LIPS
    turn = np.linspace(0, 2 * np.pi, len(outer), endpoint=False)
    points[list(outer), :2] = np.stack([256 + 36 * np.cos(turn), 330 + 14 * np.sin(turn)], 1)
    part = inpaint.page(np.full((_SIZE, _SIZE, 3), 150, np.uint8), points).pixels[..., 3]
    places = {
        "lips": inpaint.of_picture(np.array([256.0, 330.0])),
        "lid": inpaint.of_eye(np.array([200.0, 220.0]), 0, np.array([200.0, 220.0]), shut=True),
        "teeth": inpaint.of_ramp("teeth", np.array([0.5]))[0],
    }
    for name, (x, y) in places.items():
        assert abs(part[int(y), int(x)] - inpaint.PARTS[name]) < 0.02, name
    assert part[40, 40] == 0
