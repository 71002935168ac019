"""Sizes and backgrounds as people say them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import FrameError, PackageError
from engine.face.background import Picture, Plain, Transparent
from streaming import scenery
from streaming.errors import TransportError


def packed(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("1280x720", (1280, 720)), (" 64X96 ", (64, 96))]
)
def test_sizes(text: str, size: object) -> None:
    assert scenery.size(text) == size


@pytest.mark.parametrize(
    "text", ["", "big", "512x", "7", "9999999", "1280x721", "-4", "512x512x512"]
)
def test_sizes_that_cannot_be_drawn(text: str) -> None:
    with pytest.raises((TransportError, FrameError)):
        scenery.size(text)


def test_backgrounds(tmp_path: Path) -> None:
    assert scenery.background("auto") is None
    assert scenery.background("green") == Transparent()
    assert scenery.background("plain:#AABBCC") == Plain("#aabbcc")
    file = tmp_path / "room.jpg"
    file.write_bytes(packed(Image.new("RGB", (60, 40), "#804020"), "JPEG"))
    room = scenery.background(str(file))
    assert isinstance(room, Picture) and room.pixels.shape == (40, 60, 3)
    for wrong in ("plain:red", str(tmp_path / "none.png"), str(tmp_path)):
        with pytest.raises((TransportError, PackageError)):
            scenery.background(wrong)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_every_kind(form: str) -> None:
    found = scenery.picture(packed(Image.new("RGB", (30, 20), "#20a040"), form))
    assert found.shape == (20, 30, 3) and found.dtype == np.uint8
    assert np.abs(found.astype(int) - [0x20, 0xA0, 0x40]).max() < 12


def test_large_pictures_are_made_smaller_and_huge_ones_refused() -> None:
    found = scenery.picture(packed(Image.new("RGB", (2400, 1200)), "PNG"))
    assert found.shape == (960, 1920, 3)
    with pytest.raises(TransportError, match="million"):
        scenery.picture(packed(Image.new("1", (8000, 8000)), "PNG"))
    with pytest.raises(TransportError, match="MB"):
        scenery.picture(b"0" * (scenery.MAX_BYTES + 1))
    with pytest.raises(TransportError, match="2 x 2"):
        scenery.picture(packed(Image.new("RGB", (40, 1)), "PNG"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [((300, 200), (64, 64)), ((40, 20), (20, 20)), ((2400, 30), (30, 30)), ((2, 900), (2, 2))],
)
def test_a_picture_is_cut_to_what_is_seen_of_it(
    given: tuple[int, int], kept: tuple[int, int]
) -> None:
    content = packed(Image.new("RGB", given, "#3060a0"), "PNG")
    assert scenery.picture(content, 64, cut=True).shape == (kept[1], kept[0], 3)
    tall = scenery.picture(content, (64, 128), cut=True)
    assert max(tall.shape[0] / 128, tall.shape[1] / 64) <= 1 and min(tall.shape[:2]) >= 2


@pytest.mark.parametrize("side", [30, 2600])
def test_pictures_stand_as_the_camera_was_held(side: int) -> None:
    half = Image.new("RGB", (side, side * 2 // 3), "#000000")
    half.paste("#ffffff", (0, 0, side // 2, side))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what was left comes to the top
    out = io.BytesIO()
    half.save(out, "PNG", exif=exif)
    found = scenery.picture(out.getvalue())
    assert found.shape[0] > found.shape[1]
    assert found[: len(found) // 3].min() > 200 and found[-len(found) // 3 :].max() < 60


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_broken_pictures(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    whole = packed(Image.fromarray(noise), form)
    for broken in (b"", whole[:20], whole[: len(whole) // 2], b"GIF89a", b"<svg/>"):
        with pytest.raises(TransportError, match="PNG, JPEG or WebP"):
            scenery.picture(broken)


def test_what_draws_as_people_say_it() -> None:
    assert scenery.look("auto") == ("auto", True)
    assert scenery.look("Neural") == ("neural", True)
    assert scenery.look("toon,unmarked") == ("toon", False)
    for wrong in ("oil", "", "neural,", "neural,unmarked,unmarked", "unmarked"):
        with pytest.raises(TransportError, match=r"auto\|toon\|neural"):
            scenery.look(wrong)
