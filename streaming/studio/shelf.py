"""Where avatars are kept: folders below one folder, each put in its place whole.

Contract: an avatar is built beside its place and moved there when it is finished, so what fails on
the way leaves everything as it was; an avatar is replaced only if asked for, anything else never.
Call it from one thread at a time.
"""

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import PackageError
from engine.face import package
from engine.face.package import Package

NAME = r"[a-z][a-z0-9_-]{0,31}"

T = TypeVar("T")


class Taken(PackageError):  # noqa: N818 - a condition, like SessionClosed
    """An avatar of that name exists, and nobody said that it may be replaced."""


class Shelf:
    """The avatars of one folder; it is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, Path] = {}

    def keep(self, name: str, build: Callable[[Path], T], replace: bool) -> tuple[Path, T]:
        """The folder of the avatar that `build` fills, and what `build` returns. Raises Taken, and
        PackageError for a bad name or what cannot be written."""
        place = self.folder / checked(name)
        if place.exists():
            if not replace:
                raise Taken(f"{place} exists; give the avatar another name, or replace it")
            package.load(place)  # only what is an avatar is replaced
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".") as spare:
                made = Path(spare) / name
                result = build(made)
                _put(made, place, Path(spare) / "before")
        except OSError as error:
            raise PackageError(f"{place} cannot be written: {error.strerror}") from error
        self._kept[name] = place
        return place, result

    def free(self, name: str, replace: bool) -> str:
        """The name, if an avatar may be kept under it. Raises Taken, and PackageError as `keep`."""
        place = self.folder / checked(name)
        if place.exists() and not replace:
            raise Taken(f"{place} exists; give the avatar another name, or replace it")
        return name

    def spare(self) -> "tempfile.TemporaryDirectory[str]":
        """A hidden folder beside the avatars, for work that leaves nothing behind."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryDirectory(dir=self.folder, prefix=".")
        except OSError as error:
            raise PackageError(f"{self.folder} cannot be written: {error.strerror}") from error

    def load(self, name: str) -> Package:
        """An avatar that was kept here since the start. Raises PackageError."""
        return package.load(self._found(name))

    def zipped(self, name: str) -> bytes:
        """The same as one zip. Raises PackageError."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self._found(name).iterdir()):
                archive.write(path, path.name)
        return out.getvalue()

    def _found(self, name: str) -> Path:
        if name not in self._kept:
            raise PackageError(f"no avatar {name!r:.60} was saved here since the studio started")
        return self._kept[name]


def _put(made: Path, place: Path, aside: Path) -> None:
    """Move a folder into its place; what was there goes aside, and back if that fails."""
    before = place.exists()
    if before:
        place.rename(aside)
    try:
        made.rename(place)
    except OSError:
        if before:
            aside.rename(place)
        raise


def checked(name: str) -> str:
    """The name, if an avatar and its folder may have it. Raises PackageError."""
    if not re.fullmatch(NAME, name):
        raise PackageError(
            f"the name {name!r:.60} does not fit: expected small letters, digits, - and _, a "
            "letter first, at most 32"
        )
    return name


def named_after(file: Path) -> str:
    """A file's name as the name of an avatar."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in file.stem.lower())
    plain = plain.strip("_")[:32].rstrip("_")
    return plain if plain and plain[0].isalpha() else f"avatar_{plain}"[:32].rstrip("_")
