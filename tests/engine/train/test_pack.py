"""A package folder holds the whole old avatar or the whole new one, whatever fails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import PackageError
from engine.train import pack

TENSORS: dict[str, Any] = {"position": np.zeros((3, 3), np.float32)}
INK = np.zeros((2, 2), np.uint8)


def write(folder: Path, name: str, tensors: dict[str, Any] = TENSORS, **pictures: Any) -> None:
    texts = {"LICENSE": "mine", "recipe.json": "{}"}
    pack.write(folder, tensors, {"name": name}, pictures, texts, quick=True)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_nothing_of_the_old_avatar_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "ada"
    write(folder, "ada", skin=INK, hair=INK)
    (folder / "renderer.safetensors").write_bytes(b"for the old mesh")
    write(folder, "eve", {"position": np.ones((3, 3), np.float32)}, skin=INK)
    assert set(listing(folder)) == {
        "avatar.json", "mesh.safetensors", "skin.png", "LICENSE", "recipe.json"
    }  # fmt: skip
    assert "eve" in (folder / "avatar.json").read_text()
    assert [p.name for p in folder.parent.iterdir()] == ["ada"]


def test_a_neural_look_stays_while_the_mesh_is_the_same(tmp_path: Path) -> None:
    write(tmp_path / "ada", "ada", skin=INK)
    for name in pack.LOOK:
        (tmp_path / "ada" / name).write_text("trained")
    write(tmp_path / "ada", "ada", hair=INK)
    assert set(pack.LOOK) <= set(listing(tmp_path / "ada"))


def test_other_files_stay(tmp_path: Path) -> None:
    write(tmp_path / "ada", "ada", skin=INK)
    (tmp_path / "ada" / "notes").mkdir()
    (tmp_path / "ada" / "notes" / "a.txt").write_text("keep")
    write(tmp_path / "ada", "ada", hair=INK)
    assert {"notes/a.txt", "hair.png"} <= set(listing(tmp_path / "ada"))
    # A folder that is no package may hold a recipe to build from, or somebody's pictures.
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "holiday.png").write_bytes(b"mine")
    (tmp_path / "eve" / "recipe.json").write_text("old")
    write(tmp_path / "eve", "eve", skin=INK)
    assert (tmp_path / "eve" / "holiday.png").read_bytes() == b"mine"
    assert (tmp_path / "eve" / "recipe.json").read_text() == "{}"


def test_a_failure_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ada"
    with pytest.raises(AttributeError):
        write(folder, "ada", skin="no picture")
    assert list(tmp_path.iterdir()) == []
    write(folder, "ada", skin=INK)
    before = listing(folder)
    with pytest.raises(AttributeError):
        write(folder, "eve", hair=INK, skin="no picture")
    assert listing(folder) == before
    rename = Path.rename

    def full(path: Path, target: Path) -> Path:
        if path.name == "made":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(PackageError, match="ada: No space left on device; give a folder"):
        write(folder, "eve", hair=INK)
    assert listing(folder) == before and [p.name for p in tmp_path.iterdir()] == ["ada"]


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "ada"):
        with pytest.raises(PackageError, match="cannot be written to .*file"):
            write(folder, "ada")
    assert (tmp_path / "file").read_text() == ""


def test_a_package_that_does_not_load_replaces_none(tmp_path: Path) -> None:
    write(tmp_path / "ada", "ada", skin=INK)
    before = listing(tmp_path / "ada")
    with pytest.raises(PackageError, match="broken"), pack.replacing(tmp_path / "ada") as spare:
        write(spare, "eve")
        raise PackageError("broken")
    assert listing(tmp_path / "ada") == before


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "ada").symlink_to(tmp_path / "real")
    write(tmp_path / "ada", "ada")
    assert (tmp_path / "ada").is_symlink() and (tmp_path / "real" / "avatar.json").is_file()
