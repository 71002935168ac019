"""Compiled kernels lie in the user's own cache folder, whatever numba is told elsewhere."""

import sys
from pathlib import Path

import numba
import pytest

from kernels import cache
from kernels.raster import _snap


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other folders there")
def test_the_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "vivify"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "vivify"


def test_an_unwritable_home_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(cache, "folder", lambda: blocked / "vivify")
    assert cache._place.__wrapped__().is_dir()


def test_kernels_are_kept_there_and_numba_is_left_alone() -> None:
    assert _snap._cache.cache_path == str(cache._place())  # type: ignore[attr-defined]

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
