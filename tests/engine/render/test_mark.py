"""The mark of synthetic pictures: where it is, whom it is on, and that it cannot be missed."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import FrameError
from engine.face.background import Plain, Transparent
from engine.face.learned import Config, read
from engine.face.likeness import Consent, Likeness
from engine.face.package import Package, load
from engine.render.choose import choose
from engine.render.mark import badge, marked
from engine.render.setting import Setting
from tests.golden.pictures import motion
from tests.looks import learned

CONSENT = Consent("Ada Lovelace", "2026-11-22", "I agree")
REAL = Likeness("real person", CONSENT)
STILL = motion()


def person(likeness: Likeness | None = REAL) -> Package:
    face = load("mira")
    look = read(
        learned(Config("small", "person")), len(face.mesh.triangle), len(face.mesh.position)
    )
    return replace(face, learned=look, manifest=replace(face.manifest, likeness=likeness))


@pytest.mark.parametrize("size", [(512, 512), (1280, 720), (256, 256), (90, 64), (64, 1920)])
def test_it_lies_within_the_picture_and_can_be_read_on_any_ground(size: tuple[int, int]) -> None:
    width, height = size
    for shade in (0, 128, 255):
        picture = np.full((height, width, 3), shade, np.uint8)
        mark = badge(height, width)
        mark.stamp(picture)
        rows, columns = np.nonzero((picture != shade).any(2))
        assert rows.min() >= mark.top and rows.max() < height and columns.max() < width
        spot = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert int(spot.max()) - int(spot.min()) > 130  # light on dark, whatever lies below
        assert len(spot) >= 12


@pytest.mark.parametrize("look", ["toon", "neural"])
def test_every_renderer_draws_it_alike(look: str) -> None:
    face, setting = person(), Setting(background=Plain("#40a060"), look=look)
    with_it = choose(face, 256, setting)
    without = with_it.staged(replace(setting, mark=False))
    mark = badge(256, 256)
    high, wide = mark.ink.shape[:2]
    expected = without.render_rgb(STILL)
    mark.stamp(expected)
    drawn = with_it.render_rgb(STILL)
    np.testing.assert_array_equal(drawn, expected)
    clear = with_it.render_rgba(STILL)[..., :3].astype(int)
    assert np.abs(clear - expected).max() <= 1  # rounded, not cut off
    luma = with_it.render(STILL).i420[:256].astype(int)
    plain = without.render(STILL).i420[:256].astype(int)
    box = np.zeros((256, 256), bool)
    box[mark.top : mark.top + high, mark.left : mark.left + wide] = True
    assert np.abs(luma - plain)[~box].max() == 0
    assert np.abs(luma - plain)[box].mean() > 30


@pytest.mark.parametrize("look", ["toon", "neural"])
def test_it_is_opaque_over_nothing(look: str) -> None:
    clear = choose(person(), 256, Setting(background=Transparent(), look=look))
    mark = badge(256, 256)
    spot = clear.render_rgba(STILL)[mark.top :, mark.left :][:8, :20]
    assert spot[..., 3].max() > 200
    bare = clear.staged(Setting(background=Transparent(), look=look, mark=False))
    assert bare.render_rgba(STILL)[mark.top :, mark.left :][:8, :20, 3].max() == 0


def test_whom_it_is_on() -> None:
    invented = Likeness("invented person", None)
    assert marked(REAL, True) and marked(invented, True)
    assert not marked(None, True)  # a drawn character
    assert not marked(REAL, False)
    assert not marked(replace(REAL, mark=False), True)


def test_drawn_characters_have_none() -> None:
    renderer = choose(person(None), 128)
    np.testing.assert_array_equal(
        renderer.render(STILL).i420, renderer.staged(Setting(mark=False)).render(STILL).i420
    )


def test_wishes_are_checked() -> None:
    with pytest.raises(FrameError, match="auto, toon, neural"):
        Setting(look="oil")
    with pytest.raises(FrameError, match="True or False"):
        Setting(mark=0)  # type: ignore[arg-type]
