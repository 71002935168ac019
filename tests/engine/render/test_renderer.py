"""Whole pictures: golden images, determinism, no holes, smooth edges, steady shoulders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import FrameError
from engine.face import package
from engine.render.renderer import Renderer
from tests.golden.pictures import PICTURES, motion

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


@pytest.fixture(scope="module")
def mira() -> Renderer:
    return Renderer("mira", 256)


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    error = np.square(one.astype(float) - two.astype(float)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("name", PICTURES)
def test_golden_pictures(name: str) -> None:
    avatar, size, posed = PICTURES[name]
    expected = np.asarray(Image.open(GOLDEN / f"{name}.png").convert("RGB"))
    found = Renderer(avatar, size).render_rgb(posed)
    assert found.shape == expected.shape
    assert psnr(found, expected) >= 35
    near = np.abs(found.astype(int) - expected.astype(int)).max(-1) <= 8
    assert near.mean() >= 0.99


def test_same_motion_same_bytes_whatever_came_before(mira: Renderer) -> None:
    first = mira.render(motion(jawOpen=0.4))
    copy = first.i420.copy()
    other = mira.render(motion((20, 5, 3, 0, 0, 0), mouthSmile=1.0))
    again = mira.render(motion(jawOpen=0.4))
    np.testing.assert_array_equal(first.i420, copy)  # a given picture is never touched again
    np.testing.assert_array_equal(again.i420, copy)
    assert (other.i420 != copy).any()


@pytest.mark.parametrize("size", [64, 90, 256, 512])
def test_sizes_give_valid_video(size: int) -> None:
    video = Renderer("mira", size).render(motion())
    assert (video.width, video.height, video.start) == (size, size, 0)
    luma = video.i420[:size]
    assert luma.min() >= 16 and luma.max() <= 235 and luma.std() > 20


@pytest.mark.parametrize("size", [0, 62, 255, 1922, -2, (512, 63), (512,), "512", 64.0, True])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(FrameError, match="expected"):
        Renderer("mira", size)


@pytest.mark.parametrize("name", package.names())
@pytest.mark.parametrize("pose", [(0, 0, 0), (30, 0, 0), (-30, 10, 5), (0, -15, -10)])
def test_the_figure_has_no_holes(name: str, pose: tuple[float, ...]) -> None:
    mask = Renderer(name, 256).gbuffer(motion((*pose, 0, 0, 0), jawOpen=0.2)).mask > 0
    assert 0.35 < mask.mean() < 0.75
    # Every background pixel is reached from the border: what is not is a hole. A few pixels
    # between strands of hair are allowed.
    outside = np.zeros_like(mask)
    outside[0, :], outside[:, 0], outside[:, -1] = ~mask[0, :], ~mask[:, 0], ~mask[:, -1]
    while True:
        grown = outside.copy()
        grown[1:] |= outside[:-1]
        grown[:-1] |= outside[1:]
        grown[:, 1:] |= outside[:, :-1]
        grown[:, :-1] |= outside[:, 1:]
        grown &= ~mask
        if (grown == outside).all():
            break
        outside = grown
    assert (~mask & ~outside).sum() <= 40


def test_edges_are_antialiased(mira: Renderer) -> None:
    red = mira.render_rgb(motion())[..., 0].astype(float)
    line = mira.package.manifest.materials[material(mira, "shirt")].outline
    assert line is not None
    levels = set()
    for x in range(4, 70):  # down onto the shoulder: the first pixel that is not backdrop
        y = 160 + int(np.argmax(np.abs(np.diff(red[160:, x])) > 12)) + 1
        levels.add(round(4 * (red[y - 2, x] - red[y, x]) / (red[y - 2, x] - 255 * line[0])))
    assert {1, 2, 3} <= levels


def material(renderer: Renderer, name: str) -> int:
    return [m.name for m in renderer.package.manifest.materials].index(name)


def test_a_slow_turn_moves_edges_smoothly(mira: Renderer) -> None:
    # Fifth-of-a-degree steps: no picture differs from the next by more than a small share.
    pictures = [
        mira.render_rgb(motion((y, 0, 0, 0, 0, 0))).astype(int) for y in np.arange(0, 2, 0.2)
    ]
    changes = [np.abs(b - a).mean() for a, b in zip(pictures, pictures[1:], strict=False)]
    assert max(changes) < 1.5 and max(changes) < 2.0 * np.median(changes)


def test_shoulders_stay_while_the_head_turns(mira: Renderer) -> None:
    still, turned = (mira.render_rgb(motion((y, 0, 0, 0, 0, 0))) for y in (0, 25))
    bottom = slice(236, 256)
    assert (still[bottom] == turned[bottom]).mean() > 0.98
    assert (still[60:180] != turned[60:180]).mean() > 0.2


def test_open_mouth_and_blink_change_the_picture_where_they_should(mira: Renderer) -> None:
    rest = mira.render_rgb(motion()).astype(int)
    for posed, rows in (
        (motion(jawOpen=0.5), slice(140, 215)),
        (motion(eyeBlink=1), slice(85, 135)),
    ):
        change = np.abs(mira.render_rgb(posed).astype(int) - rest).max(-1) > 8
        assert change[rows].sum() > 0.9 * change.sum() > 100


@pytest.mark.parametrize("name", package.names())
@pytest.mark.parametrize("pitch", [-15, 0, 15])
def test_a_blink_hides_the_whole_eye(name: str, pitch: float) -> None:
    renderer = Renderer(name, 512)
    eye = material(renderer, "eye") + 1
    pose = (0, pitch, 0, 0, 0, 0)
    assert (renderer.gbuffer(motion(pose)).mask == eye).sum() > 800
    assert (renderer.gbuffer(motion(pose, eyeBlink=1)).mask == eye).sum() == 0


def test_gbuffer(mira: Renderer) -> None:
    g = mira.gbuffer(motion())
    inside = g.mask > 0
    assert g.uv.shape == (256, 256, 2) and g.normal.shape == (256, 256, 3)
    np.testing.assert_allclose(np.linalg.norm(g.normal[inside], axis=-1), 1, atol=1e-3)
    assert (g.depth[inside] > 0).all() and (g.depth[inside] < 1).all()
    assert (g.depth[~inside] == 0).all() and (g.uv[~inside] == 0).all()
    names = [m.name for m in mira.package.manifest.materials]
    assert {"skin", "eye", "hair", "shirt"} <= {names[m - 1] for m in np.unique(g.mask[inside])}
    nose = mira.landmarks(motion())["nose_tip"]
    x, y, _ = mira.package.manifest.camera.project(nose[None], 256, 256)[0]
    assert names[g.mask[int(y), int(x)] - 1] == "skin" and g.normal[int(y), int(x), 2] > 0.5


def test_two_renderers_share_nothing() -> None:
    one, two = Renderer("mira", 64), Renderer("theo", 64)
    before = one.render(motion()).i420
    two.render(motion(jawOpen=1))
    np.testing.assert_array_equal(before, one.render(motion()).i420)


def test_odd_motions_still_give_pictures(mira: Renderer) -> None:
    for value in (np.nan, np.inf, -np.inf, 1e30):
        posed = motion()
        posed.weights[:] = value
        posed.pose[:] = value
        assert mira.render(posed).i420.std() > 5
