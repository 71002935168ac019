"""Light on meshes and in skin, and how it becomes a picture."""

import numpy as np

from engine.train.neural.film import develop
from engine.train.neural.irradiance import visible
from engine.train.neural.light import SUN_SIZE, Sky, Sun, disc, frame
from engine.train.neural.skin import Scatter, linear

SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
UP = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
WHITE = np.ones((3, 3), np.float32)
ORIGIN = np.zeros(3, np.float32)


def test_views_are_right_handed_frames() -> None:
    for towards in (np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), np.array([0.6, 0, 0.8])):
        rows = frame(towards)
        assert np.allclose(rows @ rows.T, np.eye(3)) and np.allclose(rows[2], -towards)
    assert np.linalg.norm(disc(40), axis=1).max() <= 1


def test_an_open_surface_sees_the_sky_and_a_covered_one_less() -> None:
    sky, place = Sky(WHITE, ORIGIN, 3.0), np.arange(8, dtype=np.int32)
    free = sky.light(SQUARE, UP, FACES, place[:4])
    roof = (SQUARE * 1.5 + [0, 0, 0.5]).astype(np.float32)
    both = sky.light(
        np.concatenate([SQUARE * 0.3, roof]), np.concatenate([UP, UP]),
        np.concatenate([FACES, FACES + 4]), place,
    )  # fmt: skip
    assert 0.75 < free.mean() < 1.15
    assert both[:4].mean() < 0.5 * free.mean()


def lit(sun: Sun, x: float, wide: float = 0.22) -> float:
    u, v, w = sun.matrix[:, :3] @ np.array([x, 0, 0.05]) + sun.matrix[:, 3]
    penumbra = np.array([0.16, 0.02, wide], np.float32)
    return float(visible(sun.depth, u, v, w, sun.texel, sun.unit, disc(9), disc(24), penumbra))


def test_a_shadow_is_dark_inside_clear_outside_and_soft_between() -> None:
    sun = Sun(np.array([0, 0, 1], np.float32), ORIGIN, 3.0)
    roof = (SQUARE * 0.5 + [0, 0, 1]).astype(np.float32)
    sun.cast(np.concatenate([SQUARE * 2, roof]), np.concatenate([FACES, FACES + 4]))
    assert sun.depth.shape == (SUN_SIZE, SUN_SIZE)
    assert lit(sun, 0.0) < 0.05 and lit(sun, 1.0) == 1.0
    edge = [lit(sun, x) for x in np.linspace(0.4, 0.6, 9)]
    assert all(b >= a - 0.05 for a, b in zip(edge, edge[1:], strict=False))
    assert any(0.2 < share < 0.8 for share in edge)


def spread(light: np.ndarray) -> np.ndarray:
    size = light.shape[0]
    out = np.concatenate([light, np.ones((size, size, 1))], 2).astype(np.float32)
    Scatter(size, size, 160.0, 8.0).spread(
        np.zeros((size, size), np.int32), np.zeros(1, np.uint8), np.zeros((1, 8), np.float32),
        np.full((size, size), 0.5, np.float32), out,
    )  # fmt: skip
    return out[..., :3]


def test_even_light_stays_even_in_skin_and_red_wanders_farthest() -> None:
    assert np.allclose(spread(np.full((64, 64, 3), 0.7)), 0.7, atol=1e-5)
    step = np.zeros((64, 64, 3))
    step[:, 32:] = 1
    dark = spread(step)[32, 26]  # left of the step
    assert dark[0] > dark[1] > dark[2] >= 0 and dark[0] > 0.02


def test_develop_keeps_straight_colours_whatever_the_alpha() -> None:
    colors = []
    for alpha in (1.0, 0.25):
        image = np.empty((8, 8, 4), np.float32)
        image[:] = np.array([0.5, 0.2, 0.1, 1]) * alpha
        colors.append(develop(image)[2, 2])
    assert colors[0][3] == 255 and colors[1][3] == 64
    assert np.abs(colors[0][:3].astype(int) - colors[1][:3]).max() <= 1
    assert (develop(np.zeros((8, 8, 4), np.float32)) == 0).all()


def test_brightness_never_falls_and_white_is_reached_softly() -> None:
    ramp = np.zeros((2, 512, 4), np.float32)
    ramp[..., :3], ramp[..., 3] = np.linspace(0, 3, 512)[:, None], 1
    out = develop(ramp)[0, :, 0].astype(int)
    assert (np.diff(out) >= 0).all() and out[0] < 16 and 240 < out[-1] <= 255
    assert np.diff(out[64:]).max() <= 3
    assert abs(float(linear(0.5)) - 0.2140) < 1e-3
