"""Avatars come into their place whole, and nothing else is ever replaced."""

import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from engine.errors import PackageError
from engine.face import package
from engine.face.package import ASSETS
from streaming.studio.shelf import Shelf, Taken, named_after


def mira(folder: Path) -> str:
    shutil.copytree(ASSETS / "mira", folder)
    return "made"


def test_keep_load_and_zip(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "deep" / "down")
    with pytest.raises(PackageError, match="no avatar"):
        shelf.load("ann")
    place, result = shelf.keep("ann", mira, replace=False)
    assert place == tmp_path / "deep" / "down" / "ann" and result == "made"
    assert shelf.load("ann").name == "mira"
    with zipfile.ZipFile(BytesIO(shelf.zipped("ann"))) as archive:
        assert sorted(archive.namelist()) == sorted(p.name for p in place.iterdir())
    with pytest.raises(Taken, match="replace"):
        shelf.keep("ann", mira, replace=False)
    assert shelf.keep("ann", mira, replace=True)[0] == place
    assert [p.name for p in shelf.folder.iterdir()] == ["ann"]


def test_what_fails_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep("ann", mira, replace=False)
    before = package.load(tmp_path / "ann").manifest

    def crash(folder: Path) -> None:
        folder.mkdir()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shelf.keep("ann", crash, replace=True)
    with pytest.raises(PackageError, match="cannot be written"):
        shelf.keep("ann", lambda folder: None, replace=True)  # nothing that could be moved
    monkeypatch.setattr(Path, "rename", refuse_after(Path.rename, 1))
    with pytest.raises(PackageError, match="cannot be written"):
        shelf.keep("ann", mira, replace=True)
    assert package.load(tmp_path / "ann").manifest == before
    assert [p.name for p in tmp_path.iterdir()] == ["ann"]


def refuse_after(rename: object, count: int) -> object:
    """A disk that is full for the rename after `count` of them, and only then."""
    done: list[Path] = []

    def called(self: Path, target: Path) -> Path:
        done.append(self)
        if len(done) == count + 1:
            raise OSError(28, "No space left on device")
        assert callable(rename)
        moved: Path = rename(self, target)
        return moved

    return called


def test_other_folders_and_names_are_refused(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "out")
    (tmp_path / "out" / "photos").mkdir(parents=True)
    with pytest.raises(PackageError):
        shelf.keep("photos", mira, replace=True)
    for name in ("../x", "", "a/b", "A", ".a", "a" * 40, "x\n"):
        with pytest.raises(PackageError, match="name"):
            shelf.keep(name, mira, replace=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match="cannot be written"):
        Shelf(tmp_path / "file").keep("ann", mira, replace=False)


def test_names_of_files() -> None:
    assert named_after(Path("My Fox!.vrm")) == "my_fox"
    assert named_after(Path("../../etc/7.glb")) == "avatar_7"
    assert named_after(Path("")) == "avatar"
