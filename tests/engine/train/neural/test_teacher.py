"""The teacher's pictures: deterministic, whole, lit, and of the same person."""

from functools import cache

import numpy as np
import pytest

from engine.face.blendshapes import INDEX
from engine.frames import U8, Motion
from engine.render.setting import Setting
from engine.train.neural.teacher import Teacher

SIZE = 96


def posed(shapes: dict[str, float] | None = None, yaw: float = 0.0) -> Motion:
    weights = np.zeros(52, np.float32)
    for name, value in (shapes or {}).items():
        weights[INDEX[name]] = value
    return Motion(0, weights, np.array([yaw, 0, 0, 0, 0, 0], np.float32))


@cache
def teacher(name: str = "mira") -> Teacher:
    return Teacher(name, SIZE)


def seen(rgba: U8) -> np.ndarray:
    return rgba[..., 3] > 250


def test_the_same_motion_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    first = teacher().render(posed())
    teacher().render(posed({"jawOpen": 0.8}, yaw=20))
    assert (teacher().render(posed()) == first).all()


def test_a_picture_has_a_figure_with_a_soft_edge_before_nothing() -> None:
    rgba = teacher().render(posed())
    assert rgba.shape == (SIZE, SIZE, 4) and rgba.dtype == np.uint8
    assert (rgba[:4, :8, 3] == 0).all() and (rgba[:4, :8, :3] == 0).all()
    assert 0.3 < seen(rgba).mean() < 0.85
    soft = (rgba[..., 3] > 20) & (rgba[..., 3] < 235)
    assert soft.sum() > SIZE  # strands and edges


@pytest.mark.parametrize("name", ["mira", "vix"])
def test_the_figure_stands_where_the_cel_shaded_one_does(name: str) -> None:
    from engine.face.background import Transparent
    from engine.render.renderer import Renderer

    toon = Renderer(name, SIZE, Setting(background=Transparent())).render_rgba(posed())
    ours = teacher(name).render(posed())
    both, either = seen(toon) & seen(ours), seen(toon) | seen(ours)
    assert both.sum() / either.sum() > 0.93
    # The same colours: the two pictures differ in light, not in who is shown.
    far = np.abs(ours[both][:, :3].astype(float).mean(0) - toon[both][:, :3].astype(float).mean(0))
    assert far.max() < 30


def test_light_and_palette_come_from_the_setting() -> None:
    setting = Setting(light=(0.8, 0.3, 0.5), palette={"hair": "#2040d0", "skin": "#805030"})
    plain, ours = (
        t.render(posed()).astype(int) for t in (teacher(), Teacher("mira", SIZE, setting))
    )

    def tilt(picture: np.ndarray) -> float:
        cheeks = picture[54:62, :, 1]
        return float(cheeks[:, 26:40].mean() / cheeks[:, 56:70].mean())

    assert tilt(plain) > 1.05 and tilt(ours) < 0.95
    assert plain[14, 40, 0] > plain[14, 40, 2] and ours[14, 40, 2] > ours[14, 40, 0]
    assert ours[60, 48, :3].sum() < plain[60, 48, :3].sum() - 120


def test_an_open_mouth_is_dark_inside_and_red_rather_than_black() -> None:
    shut, wide = (teacher().render(posed({"jawOpen": w})).astype(int) for w in (0.0, 0.9))
    mouth = np.abs(wide - shut)[..., :3].sum(2) > 120
    assert mouth[50:80, 34:62].sum() > 20
    inside = wide[mouth & (wide[..., :3].sum(2) < 200)]
    assert len(inside) and (inside[:, 0] >= inside[:, 2]).mean() > 0.9


def test_what_moves_a_little_changes_a_little() -> None:
    a, b = (teacher().render(posed(yaw=y)).astype(float) for y in (5.0, 5.06))
    assert np.abs(a - b).mean() < 0.6 and np.percentile(np.abs(a - b), 99) < 12


def test_any_motion_gives_a_picture() -> None:
    wild = Motion(0, np.full(52, np.nan, np.float32), np.full(6, np.inf, np.float32))
    assert seen(teacher().render(wild)).any()
