"""Avatar packages: `load` reads and checks a folder, or the same folder zipped, before any use.

A package holds `avatar.json`, `mesh.safetensors`, PNG textures and masks, `LICENSE` and optionally
`recipe.json` (what it was built from) and `renderer.safetensors`. Whatever is wrong with it is a
PackageError that names the file and field.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.face import learned, manifest, tensors
from engine.face.archive import PIXELS, Archive
from engine.face.learned import PHOTOGRAPHIC, Learned
from engine.face.manifest import Manifest
from engine.face.mask import Masks

ASSETS = Path(__file__).parents[1] / "assets" / "avatars"
U8 = npt.NDArray[np.uint8]
_PLATE, _ASPECT = 16, 4  # px of the shortest side of a picture behind; long to short


@dataclass(frozen=True, slots=True)
class Package:
    """A checked avatar: everything a renderer needs, nothing that can run."""

    manifest: Manifest
    mesh: tensors.Mesh
    pictures: dict[str, U8]  # name -> [H, W, 3]
    masks: Mapping[str, U8]  # name -> [H, W], how much of an ink
    licence: str
    learned: Learned | None = None  # its neural look, if it has one

    @property
    def name(self) -> str:
        return self.manifest.name


def names() -> tuple[str, ...]:
    """Names of the bundled avatars, sorted."""
    return tuple(sorted(p.parent.name for p in ASSETS.glob("*/avatar.json")))


def load(name_or_path: str | Path) -> Package:
    """Read a bundled avatar by name, or a package folder or zip by path.

    Raises PackageError when it is missing, broken or hostile.
    """
    path = Path(name_or_path)
    if str(name_or_path) in names():
        path = ASSETS / str(name_or_path)
    elif not os.path.exists(path):  # False, not OSError, for a name too long for a path
        raise PackageError(
            f"avatar {str(name_or_path)[:80]!r} is neither bundled ({', '.join(names())}) nor a "
            "folder or zip file: give one of these names or the path of a package"
        )
    with Archive(path) as archive:
        spec = manifest.parse(archive.json("avatar.json", limit=1 << 20))
        mesh = tensors.read(archive.read("mesh.safetensors", limit=32 << 20), spec)
        pictures = {name: archive.png(f"{name}.png") for name in sorted(spec.pictures())}
        masks = Masks((name, archive.png(f"{name}.png", "L")) for name in sorted(spec.masks()))
        _alike(spec, masks, pictures)
        licence = archive.read("LICENSE", limit=1 << 18)
        look = _learned(archive, mesh)
    if look is not None and look.config.kind in PHOTOGRAPHIC and spec.likeness is None:
        raise PackageError(
            f"avatar.json says of no one that they are shown, yet {learned.FILE} is a "
            f"{look.config.kind}'s: add 'likeness' with the person's consent"
        )
    try:
        return Package(spec, mesh, pictures, masks, licence.decode("utf-8"), look)
    except UnicodeDecodeError as error:
        raise PackageError("LICENSE is not UTF-8 text: save it as UTF-8") from error


def _learned(archive: Archive, mesh: tensors.Mesh) -> Learned | None:
    """The neural look of a package, with the picture that was behind."""
    if learned.FILE not in archive:
        return None
    data = archive.read(learned.FILE, learned.LIMIT)
    found = learned.read(data, len(mesh.triangle), len(mesh.position))
    made_for = found.config.trained.get("mesh")
    if made_for is not None and made_for != learned.fingerprint(mesh, found.corner_uv):
        raise PackageError(
            f"{learned.FILE} was trained for another mesh than this package's: train it again, or "
            "take the file out"
        )
    name = found.config.background
    if name is None:
        return found
    plate = archive.png(f"{name}.png")
    short, long = sorted(plate.shape[:2])
    if short < _PLATE or long > _ASPECT * short:
        raise PackageError(
            f"{name}.png is {plate.shape[1]}x{plate.shape[0]}, expected {_PLATE} px a side or more "
            f"and at most {_ASPECT} times as long as broad"
        )
    return replace(found, plate=plate)


def _alike(spec: Manifest, masks: Masks, pictures: dict[str, U8]) -> None:
    """Masks of one texture have one size; painting all textures takes bounded time and memory."""
    painted = 0
    for name, texture in spec.textures.items():
        sizes = {masks.shape(layer.mask) for layer in texture.layers}
        if len(sizes) > 1:
            raise PackageError(f"the masks of texture {name} have sizes {sorted(sizes)}: make one")
        painted += sum(math.prod(masks.shape(layer.mask)) for layer in texture.layers)
        painted += 0 if texture.picture is None else pictures[texture.picture].size // 3
    if painted > 2 * PIXELS:
        raise PackageError(
            f"avatar.json: the layers of all textures are {painted >> 20} million pixels, expected "
            f"at most {2 * PIXELS >> 20}: make the masks smaller"
        )
