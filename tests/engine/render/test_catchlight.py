"""Highlights of the eyes stand on the side of the key light, whatever lids and gaze do."""

import numpy as np
import numpy.typing as npt
import pytest

from engine.face import package
from engine.face.fields import RGB
from engine.frames import Motion
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from tests.golden.pictures import motion

LEFT, ABOVE, RIGHT = (-0.7, 0.5, 0.6), (0.0, 0.8, 0.6), (0.7, 0.5, 0.6)
SIZE = 512
GAZES = [
    motion(), motion(eyeLookOutLeft=0.8, eyeLookInRight=0.8),
    motion(eyeLookInLeft=0.8, eyeLookOutRight=0.8), motion(eyeLookUp=0.7), motion(eyeWide=0.8),
]  # fmt: skip


def white(renderer: Renderer, light: RGB, posed: Motion) -> npt.NDArray[np.bool_]:
    """Where the highlights show [H, W]: what changes if they are painted another colour."""
    pictures = [
        renderer.staged(Setting(light=light, palette={"white": code})).render_rgb(posed)
        for code in ("#ffffff", "#000000")
    ]
    return np.asarray((pictures[0] != pictures[1]).any(-1))


def aside(renderer: Renderer, light: RGB) -> list[float]:
    """By eye, pixels from the middle of both highlights to the middle of what is seen of them,
    weighted by area: the larger one decides."""
    seen = white(renderer, light, motion())
    out = []
    for half in (slice(0, SIZE // 2), slice(SIZE // 2, SIZE)):
        columns = np.flatnonzero(seen[:, half].any(0))
        middle = (columns[0] + columns[-1]) / 2
        out.append(float(np.nonzero(seen[:, half])[1].mean() - middle))
    return out


@pytest.fixture(scope="module", params=["mira", "theo", "leila"])
def renderer(request: pytest.FixtureRequest) -> Renderer:
    return Renderer(request.param, SIZE)


def test_highlights_stand_on_the_side_of_the_light(renderer: Renderer) -> None:
    left, above, right = (aside(renderer, light) for light in (LEFT, ABOVE, RIGHT))
    for eye in (0, 1):
        assert left[eye] < -0.8 and right[eye] > 0.8
        assert abs(above[eye]) < min(-left[eye], right[eye])


@pytest.mark.parametrize("name", package.names())
def test_they_show_as_much_on_either_side(name: str) -> None:
    drawn = Renderer(name, 256)
    for posed in GAZES:
        left, right = (int(white(drawn, light, posed).sum()) for light in (LEFT, RIGHT))
        assert right > 0.6 * left > 4


def test_shut_lids_hide_them(renderer: Renderer) -> None:
    for light in (LEFT, ABOVE, RIGHT):
        assert not white(renderer, light, motion(eyeBlink=1.0)).any()


def test_the_built_side_is_left_as_it_is(renderer: Renderer) -> None:
    points = renderer.vertices(motion())
    poses, _ = renderer._seen.figure.poses(motion().pose)
    before = points.copy()
    for light in (LEFT, (0.0, 0.0, 1.0)):
        renderer._seen.catchlight.turn(points, poses[-1], light)
        np.testing.assert_array_equal(points, before)
    renderer._seen.catchlight.turn(points, poses[-1], RIGHT)
    assert (points != before).any()
