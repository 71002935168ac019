"""Whole pictures: golden images, determinism, no holes, smooth edges, steady shoulders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.errors import FrameError
from engine.face import package
from engine.face.background import Picture, Plain, Transparent
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from engine.render.workspace import workspace
from tests.golden.pictures import PICTURES, motion

SEEN_THROUGH = {"frame", "accent"}
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
    renderer = Renderer(name, 256, Setting(background=Transparent()))
    posed = motion((*pose, 0, 0, 0), jawOpen=0.2)
    empty = renderer.render_rgba(posed)[..., 3] < 64  # but for a thread of it
    found = renderer.gbuffer(posed).mask
    assert 0.25 < empty.mean() < 0.65
    # One may look through glasses and hoops, and between long hair and the shoulders.
    names = [m.name for m in renderer.package.manifest.materials]
    mask = ~empty & ~np.isin(found, [names.index(n) + 1 for n in SEEN_THROUGH & set(names)])
    chin = renderer.package.manifest.camera.project(
        renderer.landmarks(posed)["chin"][None], 256, 256
    )[0, 1]
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
    assert (empty & ~outside)[: int(chin)].sum() <= 40


def test_edges_are_antialiased(mira: Renderer) -> None:
    alpha = mira.staged(Setting(background=Transparent())).render_rgba(motion())[..., 3]
    assert len(np.unique(alpha)) > 30
    # Partly covered pixels line the silhouette, and lie nowhere else.
    part = (alpha > 0) & (alpha < 255)
    inside, outside = alpha == 255, alpha == 0
    near = np.zeros_like(part)
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        near |= np.roll(outside, shift, axis) | np.roll(part, shift, axis)
    assert part.sum() > 300 and near[part].all() and inside.mean() > 0.4


def material(renderer: Renderer, name: str) -> int:
    return [m.name for m in renderer.package.manifest.materials].index(name)


def test_a_slow_turn_moves_edges_smoothly(mira: Renderer) -> None:
    # Fifth-of-a-degree steps: pictures change evenly, and nothing flashes for one of them.
    pictures = np.stack(
        [mira.render_rgb(motion((y, 0, 0, 0, 0, 0))).astype(int) for y in np.arange(0, 2, 0.2)]
    )
    changes = np.abs(np.diff(pictures, axis=0)).mean((1, 2, 3))
    assert changes.max() < 1.5 and changes.max() < 1.6 * np.median(changes)
    flash = np.abs(pictures[2:] - 2 * pictures[1:-1] + pictures[:-2]).max(-1)
    assert (flash > 150).mean() < 3e-4


def test_speech_moves_nothing_but_the_lower_face(mira: Renderer) -> None:
    nose = mira.landmarks(motion())["nose_tip"]
    row = int(mira.package.manifest.camera.project(nose[None], 256, 256)[0, 1])
    pictures = [mira.render_rgb(motion(jawOpen=j)).astype(int) for j in (0.1, 0.35, 0.6)]
    moved = np.ptp(np.stack(pictures), axis=0).max(-1) > 8
    assert moved[: row - 20, 60:196].sum() < 40 and moved[row:].sum() > 500


def test_shoulders_hardly_follow_while_the_head_turns(mira: Renderer) -> None:
    still, turned = (mira.render_rgb(motion((y, 0, 0, 0, 0, 0))).astype(int) for y in (0, 25))
    away, bottom = np.abs(still - turned), slice(236, 256)
    assert (away[bottom].max(-1) < 12).mean() > 0.94
    assert 0.2 < away[bottom].mean() < 0.1 * away[60:180].mean()


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


def test_a_wide_picture_shows_the_same_face_and_more_background() -> None:
    square = Renderer("mira", 128).render_rgb(motion())
    wide = Renderer("mira", (256, 128)).render_rgb(motion())
    assert wide.shape == (128, 256, 3)
    # The backdrop's dither and glow differ, the figure does not.
    difference = np.abs(wide[:, 64:192].astype(int) - square.astype(int)).max(-1)
    assert (difference <= 3).mean() > 0.6 and (difference[40:100, 40:88] <= 3).all()
    video = Renderer("mira", (256, 128)).render(motion())
    assert (video.width, video.height) == (256, 128)


def test_settings_change_what_they_say_and_nothing_of_the_original(mira: Renderer) -> None:
    before = mira.render_rgb(motion())
    changed = {
        "light": Setting(light=(1.0, 0.2, 0.4)),
        "hair": Setting(palette={"hair": "#2244cc"}),
        "line": Setting(outline=0.0),
        "plain": Setting(background=Plain("#102030")),
        "picture": Setting(background=Picture(np.full((9, 16, 3), 90, np.uint8))),
    }
    found = {name: mira.staged(setting).render_rgb(motion()) for name, setting in changed.items()}
    for picture in found.values():
        assert (picture != before).any(-1).mean() > 0.01
    assert (found["plain"][2, 2] == [16, 32, 48]).all() and (found["picture"][2, 2] == 90).all()
    hair = found["hair"][20:40, 110:150].astype(int) - before[20:40, 110:150]
    assert hair[..., 2].mean() > hair[..., 0].mean() + 20
    np.testing.assert_array_equal(mira.render_rgb(motion()), before)


def test_transparent_pictures(mira: Renderer) -> None:
    clear = mira.staged(Setting(background=Transparent()))
    rgba, opaque = clear.render_rgba(motion()), mira.render_rgba(motion())
    assert (opaque[..., 3] == 255).all() and rgba[0, 0, 3] == 0 and rgba[128, 128, 3] == 255
    np.testing.assert_array_equal(opaque[..., :3], mira.render_rgb(motion()))
    inside = rgba[..., 3] == 255
    np.testing.assert_array_equal(rgba[inside][:, :3], opaque[inside][:, :3])
    key = clear.render(motion()).i420  # chroma-key green has little red and blue
    assert key[256 + 1, 1] < 110 and key[256 + 65, 1] < 110


@pytest.mark.parametrize(
    "wrong",
    [
        {"light": (0, 0, 0)}, {"light": (1, 2)}, {"light": "up"}, {"light": (np.nan, 0, 0)},
        {"outline": -1}, {"outline": np.nan}, {"outline": "bold"}, {"palette": {"fur": "#ffffff"}},
        {"background": "#ffffff"},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match="expected|choose"):
        Setting(**wrong)


def test_shadows_and_lines_follow_the_light(mira: Renderer) -> None:
    left = mira.staged(Setting(light=(-0.6, 0.5, 0.6))).render_rgb(motion()).astype(int).sum(-1)
    right = mira.staged(Setting(light=(0.6, 0.5, 0.6))).render_rgb(motion()).astype(int).sum(-1)
    cheeks = np.s_[130:150, 85:105], np.s_[130:150, 151:171]
    assert left[cheeks[0]].mean() > left[cheeks[1]].mean()
    assert right[cheeks[1]].mean() > right[cheeks[0]].mean()


def test_renderers_of_a_size_share_buffers_but_not_while_both_draw() -> None:
    space = workspace(64, 64)
    assert workspace(64, 64) is space
    with space.lend() as one, space.lend() as two:
        assert one is not two
    with space.lend() as again:
        assert again in (one, two)
