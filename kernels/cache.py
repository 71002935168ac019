"""Where compiled kernels are kept: the user's cache folder, `vivify/kernels`, whatever numba's own
settings say; a host program that uses numba keeps its own.

What is stored is valid for the text of all kernels: compiled code contains the functions it calls,
so a change in one file makes the others stale too, which numba's own cache does not see.
"""

import ctypes
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import caching

log = logging.getLogger(__name__)
_MADV_DONTNEED = 4


def folder() -> Path:
    """The user's cache folder for this program, by the conventions of the platform."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "vivify"


@cache
def _place() -> Path:
    """A writable folder of this copy of the kernels: the user's, or a temporary one."""
    here = hashlib.sha256(str(Path(__file__).resolve().parent).encode()).hexdigest()[:16]
    for base in (folder(), Path(tempfile.gettempdir()) / f"vivify-{os.getuid()}"
                 if hasattr(os, "getuid") else Path(tempfile.gettempdir()) / "vivify"):  # fmt: skip
        place = base / "kernels" / here
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            tempfile.TemporaryFile(dir=place).close()
        except OSError:
            continue
        if not hasattr(os, "getuid") or place.stat().st_uid == os.getuid():
            return place
    return Path(tempfile.mkdtemp(prefix="vivify-"))


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
        found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None:
            _announce()
        return found


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
    """Make a numba dispatcher of `function` keep what it compiles."""
    compiled._cache = Cache(function)  # type: ignore[no-untyped-call]
