"""Arrays out of an npz that somebody sends: every size is known before memory is asked for.

Contract: only plain numbers and text are read, only the members that are asked for, bounded in
number and bytes; nothing is unpickled. Every defect is a TrackingError that names the file.
"""

import ast
import math
import re
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError

Arrays = dict[str, npt.NDArray[Any]]

MAX_FILE = 128 << 20  # bytes, packed
# Of all arrays that are read together, as they lie in the file and as float32: two hours of ARKit
# weights and head at 60 a second come to 120 MB.
MAX_BYTES = 128 << 20
MAX_MEMBERS = 64
_MAX_DIRECTORY = 64 << 10  # bytes of the zip's own list of its members
_MAX_TEXT = 512  # bytes of one text element
_MAX_HEADER = 8 << 10
_SINGLE = 4  # bytes of a float32, which every number becomes
_MAGIC = b"\x93NUMPY"
_KINDS = re.compile(r"[<>=|]?[fiuU]\d{1,4}")


def read_arrays(path: Path, wanted: Collection[str]) -> Arrays:
    """Those of the `wanted` arrays that the file holds. Raises TrackingError."""
    _regular(path)
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return _members(archive, wanted, path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise TrackingError(
            f"{path.name} is not an npz that can be read ({error}); it may be cut off: copy or "
            "record it again"
        ) from error


def _regular(path: Path) -> None:
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file" if not path.exists() else "a device"
        raise TrackingError(f"{path} is {what}, expected a motion file (npz or Live Link CSV)")
    size = path.stat().st_size
    if size > MAX_FILE:
        raise TrackingError(
            f"{path.name} has {size >> 20} MB, expected at most {MAX_FILE >> 20}; cut the clip"
        )


def _check_directory(path: Path) -> None:
    """The zip's end record, read alone: zipfile would build the whole list first."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 22 - 0xFFFF))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise TrackingError(
            f"{path.name} is not an npz (no zip directory at its end); expected a motion npz as "
            "demos.speak_file --motion writes it"
        )
    count = int.from_bytes(tail[at + 10 : at + 12], "little")
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    if count > MAX_MEMBERS or size > _MAX_DIRECTORY or tail[at - 20 : at - 16] == b"PK\x06\x07":
        raise TrackingError(
            f"{path.name} lists {count} arrays in {size} bytes, expected at most {MAX_MEMBERS} in "
            f"{_MAX_DIRECTORY}: refused"
        )


def _members(archive: zipfile.ZipFile, wanted: Collection[str], name: str) -> Arrays:
    arrays: Arrays = {}
    left = MAX_BYTES
    for member in archive.infolist():
        key = member.filename.removesuffix(".npy")
        if key not in wanted:
            continue
        if key in arrays:
            raise TrackingError(f"{name} holds {key!r} twice: refused")
        if member.flag_bits & 1:
            raise TrackingError(f"{key!r} in {name} is encrypted: store it plainly")
        _check_left(member.file_size, left, key, name)
        with archive.open(member) as file:
            # One byte more than allowed: a header that lies about the size is found out.
            data = file.read(left + 1)
        array = _array(data, f"{key!r} in {name}")
        size = max(len(data), array.size * _SINGLE)
        _check_left(size, left, key, name)
        left -= size
        arrays[key] = array
    return arrays


def _check_left(size: int, left: int, key: str, name: str) -> None:
    if size > left:
        raise TrackingError(
            f"{key!r} in {name} unpacks to {size >> 20} MB, expected at most {MAX_BYTES >> 20} for "
            "all arrays together; cut the clip"
        )


def _array(data: bytes, what: str) -> npt.NDArray[Any]:
    """One .npy; its header is a Python literal, its body must have exactly the promised size."""
    width = {1: 2, 2: 4}.get(data[6] if len(data) > 12 else 0, 0)
    if data[:6] != _MAGIC or not width:
        raise TrackingError(f"{what} is not a numpy array of format 1 or 2; save it again")
    begin = 8 + width
    end = begin + int.from_bytes(data[8:begin], "little")
    if end > min(len(data), begin + _MAX_HEADER):
        raise TrackingError(f"{what} is cut off in its header; save it again")
    kind, shape, order = _header(data[begin:end], what)
    count = math.prod(shape)
    if count * kind.itemsize != len(data) - end:
        raise TrackingError(
            f"{what} promises {count} x {kind.itemsize} bytes and holds {len(data) - end}; it is "
            "cut off or forged: save it again"
        )
    array = np.frombuffer(data, kind, offset=end) if count else np.zeros(0, kind)
    return array.reshape(shape, order=order)


def _header(text: bytes, what: str) -> tuple[np.dtype[Any], tuple[int, ...], Literal["C", "F"]]:
    """Type, shape and order of axes."""
    try:
        header = ast.literal_eval(text.decode("latin1"))
        kind, shape, columns = header["descr"], header["shape"], header["fortran_order"]
        plain = isinstance(kind, str) and _KINDS.fullmatch(kind) is not None
        dtype = np.dtype(kind) if plain else None
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise TrackingError(f"{what} has an unreadable header; save it again") from error
    if dtype is None:
        raise TrackingError(
            f"{what} holds {str(kind)[:40]!r}, expected plain numbers or text; objects are never "
            "unpickled"
        )
    whole = isinstance(shape, tuple) and all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape)
    if not whole or len(shape) > 3 or dtype.itemsize > _MAX_TEXT or type(columns) is not bool:
        raise TrackingError(f"{what} has shape {str(shape)[:60]} of {kind}, expected up to 3 axes")
    return dtype, shape, "F" if columns else "C"
