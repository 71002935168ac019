"""Backgrounds check what they are given, and survive the JSON of packages and recipes."""

from typing import Any

import numpy as np
import pytest

from engine.errors import FrameError, PackageError
from engine.face.background import Gradient, Picture, Plain, Transparent, dump, parse

GREY = np.full((4, 6, 3), 90, np.uint8)


@pytest.mark.parametrize("made", [Plain("#AB0912"), Gradient("#000000", "#ffffff", "#00ff00"),
                                  Transparent()])  # fmt: skip
def test_json_and_back(made: Plain | Gradient | Transparent) -> None:
    again = parse(dump(made), "here")
    assert dump(again) == {k: v.lower() for k, v in dump(made).items()}


@pytest.mark.parametrize("wrong", ["zzz", None, 5, "#12345", "#12345g", ["#123456"], "#123456\n"])
def test_what_is_no_colour_is_refused(wrong: Any) -> None:
    with pytest.raises(PackageError, match="color is .* expected a colour like '#"):
        Plain(wrong)
    with pytest.raises(PackageError, match="glow is .* expected a colour like '#"):
        Gradient("#000000", "#000000", wrong)


@pytest.mark.parametrize(
    "wrong", [[[1, 2, 3]], None, "x.png", GREY[..., 0], GREY[..., :2], GREY.astype(float), GREY[:1]]
)
def test_what_is_no_picture_is_refused(wrong: Any) -> None:
    with pytest.raises(FrameError, match=r"picture is .*, expected .*uint8 RGB \[H, W, 3\]"):
        Picture(wrong)


@pytest.mark.parametrize("wrong", [None, "much", -0.1, 0.3, float("nan"), True])
def test_a_blur_is_a_small_share(wrong: Any) -> None:
    with pytest.raises(PackageError, match="blur is .*, expected"):
        Picture(GREY, wrong)


@pytest.mark.parametrize(
    "wrong",
    [None, [], {}, {"kind": "sky"}, {"kind": "plain"}, {"kind": "plain", "color": "red"},
     {"kind": "transparent", "color": "#000000"}],
)  # fmt: skip
def test_what_a_file_says_is_checked(wrong: Any) -> None:
    with pytest.raises(PackageError, match="here"):
        parse(wrong, "here")


def test_no_file_holds_a_picture() -> None:
    with pytest.raises(PackageError, match="run time"):
        dump(Picture(GREY))
