"""Every field of JSON from outside is checked, and the error names its place."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import PackageError
from engine.face.fields import Fields, color, direction, number, triple


def test_what_fits_is_read_once() -> None:
    f = Fields({"a": "text", "b": 2, "c": [0, 1, 2], "d": True, "e": {"x": 1}, "f": [1]}, "file")
    assert "a" in f and f.text("a") == "text" and "a" not in f
    assert f.number("b", 0, 2) == 2.0 and f.triple("c", 0, 2) == (0, 1, 2) and f.flag("d")
    assert f.numbers("e", 0, 1, ("x", "y")) == {"x": 1.0} and f.rows("f", 1, 1) == [1]
    f.done()
    with pytest.raises(PackageError, match="file lacks 'a'"):
        f.take("a")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": "two\nlines"}, lambda f: f.text("a")),
        ({"a": "\u202egpj"}, lambda f: f.text("a")),
        ({"a": "x" * 3000}, lambda f: f.text("a")),
        ({"a": 3}, lambda f: f.choice("a", ("x", "y"))),
        ({"a": 1}, lambda f: f.flag("a")),
        ({"a": True}, lambda f: f.number("a", 0, 1)),
        ({"a": math.nan}, lambda f: f.number("a", 0, 1)),
        ({"a": math.inf}, lambda f: f.number("a", 0, math.inf)),
        ({"a": 10**400}, lambda f: f.number("a", 0, 1)),
        ({"a": 2}, lambda f: f.number("a", 0, 1)),
        ({"a": [1, 2]}, lambda f: f.triple("a", 0, 2)),
        ({"a": [1, 2, "3"]}, lambda f: f.triple("a", 0, 3)),
        ({"a": []}, lambda f: f.inner("a")),
        ({"a": [1, 2, 3]}, lambda f: f.rows("a", 0, 2)),
        ({"a": {"x": 1}}, lambda f: f.numbers("a", 0, 1, ("y",))),
        ({"a": {"x": 5}}, lambda f: f.numbers("a", 0, 1)),
        ({"a": {"x": 0, "y": 0}}, lambda f: f.numbers("a", 0, 1, most=1)),
        ({"a": 1}, lambda f: f.done()),
    ],
)
def test_what_does_not_fit_is_named(value: Any, read: Callable[[Fields], Any]) -> None:
    with pytest.raises(PackageError, match=r"file.*a"):
        read(Fields(value, "file"))


def test_only_objects_have_fields() -> None:
    with pytest.raises(PackageError, match="file is list, expected an object"):
        Fields([], "file")


def test_single_values() -> None:
    assert color("#ABCDEF", "c") == "#abcdef" and number(1, 0, 1, "n") == 1
    assert triple([0, 0, 1], 0, 1, "t") == (0, 0, 1)
    assert direction([0, 0, 0.5], "d") == (0, 0, 1)
    with pytest.raises(PackageError, match="d has length 0"):
        direction([0, 0, 0], "d")
