"""Engines that TensorRT built, kept in the user's cache folder, `vivify/engines`.

An engine is code: nothing is read from a folder that somebody else could have written to
(`kernels.cache`). A file is the SHA-256 of an engine and the engine, put in its place in one step,
so that a torn one is noticed and none is ever half written. The ones unused for longest go.
"""

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from kernels import cache

log = logging.getLogger(__name__)
_KEPT = 64  # files, of 2 to 20 MB
_DIGEST = hashlib.sha256().digest_size


def key(*parts: object) -> str:
    """A name for what was built from these parts: bytes, or anything whose repr tells all."""
    digest = hashlib.sha256()
    for part in parts:
        text = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()[:32]


def _path(name: str) -> Path | None:
    place = cache.private("engines")
    return place / f"{name}.plan" if place else None


def read(name: str) -> bytes | None:
    """What is kept under a name; None where there is nothing, or a torn file."""
    path = _path(name)
    try:
        data = path.read_bytes() if path else b""
    except OSError:
        return None
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        return None
    with suppress(OSError):
        os.utime(path)  # type: ignore[arg-type]
    return data[_DIGEST:]


def write(name: str, plan: bytes) -> None:
    """Keep an engine; where nothing can be kept the log says so."""
    path = _path(name)
    if path is None:
        log.warning("an engine is not kept (no safe cache folder): the next start builds it again")
        return
    try:
        handle, part = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(plan).digest() + plan)
            os.replace(part, path)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        log.warning("an engine is not kept (%s): the next start builds it again", error.strerror)
        return
    _tidy(path.parent)


def drop(name: str) -> None:
    """Forget an engine that did not work."""
    with suppress(OSError):
        if path := _path(name):
            path.unlink()


def _tidy(place: Path) -> None:
    with suppress(OSError):
        plans = sorted(place.glob("*.plan"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in plans[_KEPT:]:
            old.unlink()
