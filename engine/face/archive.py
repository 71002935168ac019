"""Bounded reading of a package's files from a folder or a zip: nothing is extracted to disk.

Only plain names at the top level are read; symbolic links, and encrypted, oversized or unusually
compressed members are refused. Sizes are checked against what is really read, not what a header
claims, and all pictures of a package share one budget of pixels.
"""

import io
import json
import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import PackageError

MEMBERS = 64  # files in a package
TOTAL = 128 << 20  # bytes in a package, unpacked
PICTURE_BYTES = 16 << 20
PICTURE_SIDE = 4096
PIXELS = 32 << 20  # in all pictures and masks of a package
DIRECTORY = 1 << 18  # bytes of a zip's table of contents
_END = 22  # bytes of the record that ends a zip, without its comment
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
           NotImplementedError, OverflowError)  # fmt: skip


class Archive:
    """The files of one package, by plain name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        self._prefix = ""
        self._pixels = PIXELS
        if path.is_dir():
            if path.is_symlink():
                raise PackageError(f"{path.name} is a symbolic link: give the folder itself")
            return
        try:
            _check_directory(path)
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise PackageError(
                f"{path.name} is not a readable avatar package: expected a folder or a zip file"
            ) from error
        try:
            self._check_members(self._zip)
        except PackageError:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def _check_members(self, archive: zipfile.ZipFile) -> None:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if len(members) > MEMBERS:
            raise PackageError(f"zip has {len(members)} files, expected at most {MEMBERS}")
        if sum(m.file_size for m in members) > TOTAL:
            raise PackageError(f"zip unpacks to more than {TOTAL >> 20} MB: refused")
        seen: set[str] = set()
        for member in members:
            name = member.filename
            parts = name.split("/")
            if name.startswith("/") or "\\" in name or ":" in name or ".." in parts:
                raise PackageError(f"zip member {name!r} points outside the package: refused")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise PackageError(f"zip member {name!r} is a symbolic link: refused")
            # Other methods allocate what the file asks for, before anything can be measured.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise PackageError(f"zip member {name!r} is not stored or deflated: zip it plainly")
            if member.flag_bits & 1:
                raise PackageError(f"zip member {name!r} is encrypted: store it plainly")
            if name in seen:
                raise PackageError(f"zip has {name!r} twice: refused")
            seen.add(name)
        # A folder that was zipped as a whole has one common top folder.
        roots = {n.rsplit("avatar.json", 1)[0] for n in seen if n.endswith("avatar.json")}
        shallow = [r for r in roots if r.count("/") <= 1 and (not r or r.endswith("/"))]
        if len(shallow) == 1:
            self._prefix = shallow[0]

    def __contains__(self, name: str) -> bool:
        """Whether the package has a file of this plain name."""
        if self._zip is None:
            path = self._path / name
            return path.is_symlink() or path.exists()
        return self._prefix + name in self._zip.NameToInfo

    def read(self, name: str, limit: int) -> bytes:
        """Content of a file of at most `limit` bytes."""
        data = self._from_folder(name, limit) if self._zip is None else self._from_zip(name, limit)
        if len(data) > limit:
            raise PackageError(f"{name} is larger than {limit} bytes, the most it may be")
        return data

    def _from_folder(self, name: str, limit: int) -> bytes:
        path = self._path / name
        if path.is_symlink():
            raise PackageError(f"{name} is a symbolic link: refused")
        if not path.is_file():
            raise PackageError(f"{name} is missing from the avatar package {self._path.name}")
        try:
            with path.open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise PackageError(f"{name} cannot be read: {error.strerror}") from error

    def _from_zip(self, name: str, limit: int) -> bytes:
        assert self._zip is not None
        try:
            with self._zip.open(self._prefix + name) as file:
                return file.read(limit + 1)
        except KeyError as error:
            raise PackageError(
                f"{name} is missing from the avatar package {self._path.name}"
            ) from error
        except (*_DAMAGE, RuntimeError) as error:
            raise PackageError(f"{name} in {self._path.name} is damaged: {error}") from error

    def json(self, name: str, limit: int) -> Any:
        """Parsed JSON of a file."""
        return parsed(self.read(name, limit), name)

    def png(self, name: str, mode: str = "RGB") -> npt.NDArray[np.uint8]:
        """Pixels of a PNG: [H, W, 3] uint8, or [H, W] for mode "L".

        At most PICTURE_SIDE pixels a side, and PIXELS in all that are read from this archive.
        """
        data = self.read(name, PICTURE_BYTES)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
                    if max(picture.size) > PICTURE_SIDE:
                        raise PackageError(
                            f"{name} is {picture.width}x{picture.height} pixels, expected at most "
                            f"{PICTURE_SIDE} a side"
                        )
                    self._pixels -= picture.width * picture.height
                    if self._pixels < 0:
                        raise PackageError(
                            f"{name}: all pictures together exceed {PIXELS >> 20} million pixels: "
                            "make them smaller"
                        )
                    return np.array(picture.convert(mode))
        except (*_DAMAGE, SyntaxError, Warning, KeyError, IndexError, TypeError,
                Image.DecompressionBombError) as error:  # fmt: skip
            raise PackageError(f"{name} is not a readable PNG: {error}") from error


def _check_directory(path: Path) -> None:
    """Raises for a file whose table of contents would fill the memory before it is looked at."""
    if not path.is_file():  # a device or a pipe may never end
        raise OSError("no regular file")
    size = path.stat().st_size
    if size > TOTAL:
        raise PackageError(f"{path.name} has {size >> 20} MB, expected at most {TOTAL >> 20}")
    with path.open("rb") as file:
        file.seek(max(0, size - _END - 65535))
        tail = file.read()
    # The same place where zipfile looks: the very end, or before a comment.
    plain = tail[-_END : -_END + 4] == b"PK\5\6" and tail[-2:] == b"\0\0"
    at = len(tail) - _END if plain else tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END:
        raise zipfile.BadZipFile("no end record")
    table = struct.unpack_from("<I", tail, at + 12)[0]
    if table > DIRECTORY or tail[max(at - 20, 0) : at][:4] == b"PK\6\7":
        raise PackageError(f"{path.name} has a table of contents for far more than {MEMBERS} files")


def parsed(text: str | bytes, name: str) -> Any:
    """JSON without doubled keys, NaN or infinity; PackageError for anything else."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (TypeError, ValueError, RecursionError) as error:
        raise PackageError(f"{name} is not valid JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: what a doubled one means depends on the reader."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("an object names a key twice")
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number a package may contain")
