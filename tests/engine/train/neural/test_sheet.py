"""The sheet around a face: it lies where the picture has it, and lets go at the border."""

import numpy as np

from engine.face.camera import Camera
from engine.train.neural.sheet import BEYOND, Oval, lay

_SIZE = 512
_CAMERA = Camera(0.0, 10.0, 20.0, 6.0, 14.0)


def _oval() -> Oval:
    turn = np.linspace(-np.pi, np.pi, 36, endpoint=False)
    return Oval(np.array([256.0, 240.0]), turn, np.full(36, 90.0), 200.0)


def test_it_holds_on_to_hair_and_lets_go_at_the_border() -> None:
    rng = np.random.default_rng(0)
    world = np.concatenate([rng.uniform(-0.6, 0.6, (60, 2)), rng.uniform(0, 0.3, (60, 1))], 1)
    seen = _CAMERA.project(world.astype(np.float32), _SIZE, _SIZE).astype(float)
    seen[:, 2] = world[:, 2]
    oval = _oval()
    sheet = lay(oval, seen, world, world, np.arange(60), _CAMERA, _SIZE)
    screen = _CAMERA.project(sheet.position.astype(np.float32), _SIZE, _SIZE)
    np.testing.assert_allclose(screen[:, :2], sheet.place, atol=1e-3)
    share = oval.share(sheet.place)
    above = sheet.place[:, 1] < 200
    assert (sheet.neck[(share < 1.3) & above] > 0.99).all()
    low, high = -BEYOND * _SIZE, (1 + BEYOND) * _SIZE
    edge = (np.abs(sheet.place - low) < 1e-6) | (np.abs(sheet.place - high) < 1e-6)
    assert edge.any()
    assert (sheet.neck[edge.any(1)] < 1e-6).all()
    assert (sheet.breath[edge.any(1)] < 1e-6).all()


def test_it_faces_the_camera_and_has_no_folds() -> None:
    world = np.array([[0.0, 0.0, 0.2]] * 6)
    seen = _CAMERA.project(world.astype(np.float32), _SIZE, _SIZE).astype(float)
    sheet = lay(_oval(), seen, world, world, np.arange(6), _CAMERA, _SIZE)
    a, b, c = (sheet.place[sheet.triangle[:, k]] for k in range(3))
    # Counter-clockwise with y up is clockwise in pixels.
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (area < 0).all()
