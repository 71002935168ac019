"""A setting is checked when it is made: a renderer never meets a wrong one."""

from typing import Any

import numpy as np
import pytest

from engine.errors import FrameError, PackageError
from engine.face.palette import derived
from engine.render.setting import Setting


@pytest.mark.parametrize(
    "wrong",
    [
        {"palette": None}, {"palette": ["hair"]}, {"palette": "hair"}, {"palette": {1: "#ffffff"}},
        {"light": None, "outline": None}, {"light": [0, 0, "1"]}, {"light": "abc"}, {"light": 5},
        {"light": (10**400, 0, 0)}, {"light": (1, 2, 3, 4)}, {"light": {"x": 1}},
        {"outline": np.inf}, {"background": {"kind": "plain"}}, {"background": "none"},
    ],
)  # fmt: skip
def test_other_types_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match="expected|choose"):
        Setting(**wrong)


@pytest.mark.parametrize("value", ["red", None, 5, "#fff"])
def test_a_colour_is_a_code(value: Any) -> None:
    with pytest.raises(PackageError, match=r"palette\.hair is .*expected a colour like"):
        Setting(palette={"hair": value})


def test_a_light_is_three_numbers_of_any_kind() -> None:
    for light in ((0, 1, 1), [0, 1, 1], np.array([0, 1, 1], np.float32)):
        assert Setting(light=light).light == (0.0, 1.0, 1.0)  # type: ignore[arg-type]


def test_a_setting_stays_as_it_was_made() -> None:
    palette = {"hair": "#ff0000"}
    setting = Setting(palette=palette)
    palette["hair"] = "no colour"
    assert setting.palette == {"hair": "#ff0000"}


def test_colours_go_over_the_packages() -> None:
    package = {"hair": "#00ff00", "skin": "#8a5638"}
    assert Setting().colors(package) == derived(package)
    found = Setting(palette={"hair": "#ff0000"}).colors(package)
    assert found == derived({"hair": "#ff0000", "skin": "#8a5638"})
    # What is derived from a colour follows it.
    assert found["hair_shadow"] != derived(package)["hair_shadow"]
