"""Compiled kernels lie in the user's own cache folder, whatever numba is told elsewhere."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import pytest

from kernels import cache
from kernels.raster import snap

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no owners and modes there")


def place() -> Path | None:
    found: Path | None = cache._place.__wrapped__()
    return found


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without a home; the folder for temporary files."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other folders there")
def test_the_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "vivify"
    monkeypatch.setenv("HOME", str(tmp_path))
    for other in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", other)
        assert cache.folder() == tmp_path / ".cache" / "vivify"


def test_an_unwritable_home_is_no_error(monkeypatch: pytest.MonkeyPatch, spare: Path) -> None:
    blocked = spare / "file"
    blocked.write_text("")
    monkeypatch.setattr(cache, "folder", lambda: blocked / "vivify")
    found = place()
    assert found is not None and found.is_dir() and spare in found.parents


def test_without_a_home_a_temporary_folder_is_kept(spare: Path) -> None:
    assert cache.folder() is None
    found = place()
    assert found is not None and spare in found.parents and found == place()
    assert found.parent.parent.name.startswith("vivify")


@POSIX
@pytest.mark.parametrize("how", ["open", "foreign", "link", "loose leaf", "loose parent"])
def test_nothing_is_read_where_others_can_write(
    monkeypatch: pytest.MonkeyPatch, spare: Path, how: str
) -> None:
    own = spare / f"vivify-{os.getuid()}"
    if how == "open":
        spare.chmod(0o777)  # without the sticky bit, anybody can rename what is in it
    elif how == "foreign":
        lstat = Path.lstat

        def foreign(path: Path) -> os.stat_result:
            found = lstat(path)
            return os.stat_result((*found[:4], found.st_uid + 1, *found[5:10]))

        monkeypatch.setattr(Path, "lstat", foreign)
    elif how == "link":
        (spare / "elsewhere").mkdir()
        own.symlink_to(spare / "elsewhere")
    else:
        kept = place()
        assert kept is not None
        (kept if how == "loose leaf" else own).chmod(0o777)
    found = place()
    assert found is not None and found.is_dir()
    # A folder of this user's is closed again, and what it holds counts only if it was never open.
    assert (own in found.parents) == (how == "loose parent")
    assert found.stat().st_mode & 0o077 == 0 and (
        how != "loose parent" or own.stat().st_mode & 0o022 == 0
    )


def test_what_is_not_used_any_more_goes(spare: Path) -> None:
    found = place()
    assert found is not None
    for age in range(20):
        old = found.parent / f"{age:016x}"
        old.mkdir()
        (old / "kernel.nbc").write_text("")
        os.utime(old, (1e9 - age, 1e9 - age))
    assert place() == found
    left = {p.name for p in found.parent.iterdir()}
    assert left == {found.name} | {f"{age:016x}" for age in range(cache._KEPT - 1)}


def test_without_any_place_kernels_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spare: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    assert place() is None
    monkeypatch.setattr(cache, "_place", lambda: None)
    assert compiled()(2) == 6


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_cache_compiles_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    monkeypatch.setattr(cache, "_place", lambda: tmp_path / "c")
    assert compiled()(2) == 6
    kept = sorted((tmp_path / "c").iterdir())
    assert len(kept) == 2
    for path in kept:
        path.write_bytes(b"")
    if damage == "gone":
        for path in kept:
            path.unlink()
        (tmp_path / "c").rmdir()
        (tmp_path / "c").write_text("")  # nothing can be kept there any more
    assert compiled()(2) == 6


def compiled() -> Any:
    """A kernel that was never called."""

    def triple(x: int) -> int:
        return 3 * x

    made = numba.njit(triple)
    cache.attach(made, triple)
    return made


def test_kernels_are_kept_there_and_numba_is_left_alone() -> None:
    assert snap._cache.cache_path == str(cache._place())  # type: ignore[attr-defined]

    @numba.njit(cache=True)
    def double(x: int) -> int:
        return 2 * x

    assert double._cache.cache_path != str(cache._place())


def test_handing_memory_back_breaks_nothing() -> None:
    cache.release.__wrapped__()

    @numba.njit
    def triple(x: int) -> int:
        return 3 * x

    assert triple(2) == 6
