"""Where compiled kernels are kept: the user's cache folder, `vivify/kernels`, whatever numba's own
settings say; a host program that uses numba keeps its own.

What is stored is valid for the text of all kernels: compiled code contains the functions it calls,
so a change in one file makes the others stale too, which numba's own cache does not see. Each copy
and text of the kernels has a folder of its own; those unused for longest are removed.

numba's index is a pickle, which may run anything: nothing is read from a folder that somebody else
could have written to. Where no folder is fit, each process compiles for itself.
"""

import atexit
import ctypes
import hashlib
import logging
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import caching

log = logging.getLogger(__name__)
_MADV_DONTNEED = 4
_KEPT = 8  # folders of copies and texts, some 8 MB each


def folder() -> Path | None:
    """The user's cache folder for this program, by the conventions of the platform; None for a
    user without a home."""
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if sys.platform == "win32":
        said, usual = os.environ.get("LOCALAPPDATA"), "AppData/Local"
    elif sys.platform == "darwin":
        said, usual = None, "Library/Caches"
    else:
        said, usual = os.environ.get("XDG_CACHE_HOME"), ".cache"
    if said and os.path.isabs(said):
        return Path(said) / "vivify"
    return home / usual / "vivify" if home and home.is_absolute() else None


def _ours(path: Path, seal: bool) -> bool:
    """Whether a folder is this user's, and none but him can write to it, after `seal` if need
    be."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    if seal and found.st_uid == os.getuid():
        path.chmod(stat.S_IMODE(found.st_mode) & ~0o022)
    return found.st_uid == os.getuid() and (seal or not found.st_mode & 0o022)


def _guarded(path: Path) -> bool:
    """Whether nobody else can put another folder in the place of one in `path`."""
    found = path.stat()
    shared = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
    return not hasattr(os, "getuid") or (found.st_uid in (0, os.getuid()) and not shared)


def private(name: str) -> Path | None:
    """The user's cache folder `vivify/NAME`, for other things that are built on a machine and run
    there; made if it is not there, None where no folder is his alone."""
    user = folder()
    place = user.resolve() / name if user else None
    return place if place and _opened(place.parent, place) else None


def _opened(base: Path, *below: Path) -> bool:
    """Whether `base` and the folders below it, made if they are not there, are safe to use."""
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        for part in (base, *below):
            with suppress(FileExistsError):
                part.mkdir(mode=0o700)
            # A umask may have left what holds it open to a group: closed, then its content counts.
            if not _ours(part, seal=part != below[-1]):
                return False
        tempfile.TemporaryFile(dir=below[-1]).close()
    except OSError:
        return False
    return True


def _kept(base: Path) -> Path | None:
    """This copy's folder below `base`, made if it is not there; None where that is not safe."""
    here = f"{Path(__file__).resolve().parent}\n{_stamp()}"
    place = base / "kernels" / hashlib.sha256(here.encode()).hexdigest()[:16]
    if not _opened(base, base / "kernels", place):
        return None
    try:
        os.utime(place)
    except OSError:
        return None
    _tidy(place)
    return place


def _tidy(place: Path) -> None:
    """Remove the folders beside `place` that were not used for longest."""
    with suppress(OSError):
        others = [p for p in place.parent.iterdir() if p != place and not p.is_symlink()]
        others.sort(key=lambda p: p.stat().st_mtime, reverse=True)
        for old in others[_KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)


@cache
def _place() -> Path | None:
    """A folder for what is compiled: the user's, a temporary one, or one of this process alone;
    None where nothing can be written."""
    try:
        if (user := folder()) and (place := _kept(user.resolve())):
            return place
        spare = Path(tempfile.gettempdir())
        own = f"vivify-{os.getuid()}" if hasattr(os, "getuid") else "vivify"
        if _guarded(spare) and (place := _kept(spare / own)):
            return place
        place = Path(tempfile.mkdtemp(prefix="vivify-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@cache
def _stamp() -> str:
    """Changes with the text of any kernel."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _announce() -> None:
    log.warning("compiling the renderer for this machine, once: this takes some ten seconds")


@cache
def _regret(reason: str) -> None:
    log.warning("what was compiled is not kept (%s): the next start compiles again", reason)


class _Locator(caching._CacheLocator):
    """Tells numba where one function is kept and when that is stale."""

    def __init__(self, line: int) -> None:
        self._line = line

    def get_cache_path(self) -> str:
        return str(_place())

    def get_source_stamp(self) -> str:
        return _stamp()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Any, _: str) -> "_Locator":
        return cls(function.__code__.co_firstlineno)


class _Store(caching.CompileResultCacheImpl):
    _locator_classes: list[Any] = [_Locator]  # noqa: RUF012 - as numba declares it


class Cache(caching.FunctionCache):
    """numba's cache of one function, in our folder; says so before it compiles."""

    _impl_class = _Store

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        try:
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except (OSError, EOFError):  # cut short by a full disk, or gone
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
        if found is None:
            _announce()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _regret(error.strerror or type(error).__name__)


@cache
def release() -> None:
    """Hand back the memory of the compiler's code, some 50 MB, once everything is loaded.

    The system reads it again from its file when something must be compiled after all. Linux only;
    elsewhere nothing happens.
    """
    try:
        maps = Path("/proc/self/maps").read_text()
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return
    for line in maps.splitlines():
        span, rights, *_, path = [*line.split(maxsplit=5), "-"][:6]
        if rights == "r-xp" and Path(path).name.startswith("libllvmlite"):
            begin, end = (int(address, 16) for address in span.split("-"))
            advise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def attach(compiled: Any, function: Callable[..., Any]) -> None:
    """Make a numba dispatcher of `function` keep what it compiles, where there is a place."""
    if _place() is None:
        return
    compiled._cache = Cache(function)  # type: ignore[no-untyped-call]
