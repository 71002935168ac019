"""Command lines with parts: the right module runs, an absent package is named."""

import sys
import types

import pytest

from engine import parts


def test_a_part_gets_the_rest_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("fake_part")
    module.__dict__["main"] = lambda argv: len(argv)
    monkeypatch.setitem(sys.modules, "fake_part", module)
    assert parts.run("engine.x", "do", {"one": ("fake_part", "")}, ["one", "--a", "b"]) == 2


def test_an_unknown_part_is_status_two() -> None:
    with pytest.raises(SystemExit, match="2"):
        parts.run("engine.x", "do", {"one": ("fake_part", "")}, ["two"])


def test_an_absent_package_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert parts.run("engine.x", "do", {"one": ("not_installed_here", "")}, ["one"]) == 1
    said = capsys.readouterr().err
    assert "engine.x one: package not_installed_here not found" in said
    assert 'pip install -e ".[train]"' in said and "pyproject.toml" in said


def test_our_own_missing_module_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        parts.run("engine.x", "do", {"one": ("engine.no_such_part", "")}, ["one"])
