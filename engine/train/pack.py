"""Parts -> avatar package on disk: one mesh, sparse int16 shapes, textures, JSON, licence.

A package is written beside its place and put there in one step: whatever fails, the folder holds
the whole old one or the whole new one.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors.numpy import save_file

from engine.errors import PackageError
from engine.train.bust import F64, Part, breath_weight

LEAST = 0.0014  # dm: smaller movements are dropped
FAST = 22_000  # triangles that one core draws in time at 512 x 512
# Files of a package, of which none may outlive the mesh that it was made for.
OWN = ("avatar.json", "mesh.safetensors", "recipe.json", "LICENSE")
LOOK = ("renderer.safetensors", "renderer.md")  # trained for one mesh: kept if it is the same again


def sparse(shapes: F64) -> dict[str, npt.NDArray[Any]]:
    """Dense movements [K, V, 3] -> rows, int16 values and one scale per shape."""
    rows, values, start, scale = [], [], [0], []
    for shape in shapes:
        moved = np.flatnonzero(np.abs(shape).max(1) > LEAST)
        unit = max(float(np.abs(shape).max()), 1e-6) / 32767
        rows.append(moved)
        values.append(np.rint(shape[moved] / unit))
        start.append(start[-1] + len(moved))
        scale.append(unit)
    return {
        "shape_row": np.concatenate(rows).astype(np.uint16),
        "shape_delta": np.concatenate(values).astype(np.int16),
        "shape_start": np.array(start, np.int32),
        "shape_scale": np.array(scale, np.float32),
    }


def join(
    parts: list[Part], materials: list[str], shapes: F64, names: list[str], ambient: F64
) -> dict[str, npt.NDArray[Any]]:
    """Tensors of `mesh.safetensors` (see engine/face/README.md).

    shapes [K, S, 3]: movements, called `names`, of the MakeHuman vertices that parts name as their
    source; ambient [V] in [0, 1]: light that occlusion leaves at each vertex of the parts.
    """
    count = np.cumsum([0] + [len(p.positions) for p in parts])
    weld, base = [], 0
    for part in parts:
        _, group = np.unique(part.weld, return_inverse=True)
        weld.append(group + base)
        base += int(group.max()) + 1
    moves = []
    for part in parts:
        follows = (part.source >= 0)[None, :, None]
        moves.append(np.where(follows, shapes[:, np.maximum(part.source, 0)], 0.0))
        for name, extra in part.extra.items():
            moves[-1][names.index(name)] += extra
    proxies = [p.proxy if len(p.proxy) else np.zeros((len(p.positions), 4)) for p in parts]
    loose = [p.loose if len(p.loose) else np.zeros(len(p.positions)) for p in parts]
    breath = [np.where(p.neck < 1, breath_weight(p.positions), 0.0) for p in parts]
    return {
        "position": np.concatenate([p.positions for p in parts]).astype(np.float32),
        "uv": np.concatenate([p.uvs for p in parts]).astype(np.float32),
        "triangle": np.concatenate(
            [p.triangles + at for p, at in zip(parts, count, strict=False)]
        ).astype(np.uint16),
        "material": np.concatenate(
            [np.full(len(p.triangles), materials.index(p.name)) for p in parts]
        ).astype(np.uint8),
        "weld": np.concatenate(weld).astype(np.uint16),
        "neck": np.concatenate([p.neck for p in parts]).astype(np.float16),
        "outline": np.concatenate([p.outline for p in parts]).astype(np.float16),
        "proxy": np.concatenate(proxies).astype(np.float16),
        "ambient": _bytes(ambient),
        "loose": _bytes(np.concatenate(loose)),
        "breath": _bytes(np.concatenate(breath)),
        **sparse(np.concatenate(moves, axis=1)),
    }


def _bytes(share: F64) -> npt.NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.uint8)


def write(
    folder: Path,
    tensors: dict[str, npt.NDArray[Any]],
    manifest: dict[str, Any],
    pictures: dict[str, npt.NDArray[np.uint8]],
    texts: dict[str, str],
    quick: bool = False,
) -> None:
    """Write the package folder; `pictures`: grey [H, W] or RGB [H, W, 3], `texts`: other files.

    `quick`: larger files in less time. Raises PackageError as `replacing`."""
    with replacing(folder) as made:
        mesh = made / "mesh.safetensors"
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, mesh)
        mesh.chmod(0o644)
        effort: dict[str, Any] = {"compress_level": 1} if quick else {"optimize": True}
        for name, picture in pictures.items():
            Image.fromarray(picture).save(made / f"{name}.png", **effort)
        (made / "avatar.json").write_text(json.dumps(manifest, indent=1) + "\n")
        for name, text in texts.items():
            (made / name).write_text(text)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of package `folder` when the block ends well.

    Files of an old package go; what else lies there stays. An error in the block changes nothing.
    Raises PackageError where `folder` cannot be written.
    """
    place = folder.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            next(place.iterdir(), None)  # OSError for a file, or without the right
        # Two levels deep, where nothing takes it for an avatar.
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".vivify-") as spare:
            made, old = Path(spare) / "made", Path(spare) / "old"
            made.mkdir()
            yield made
            _swap(place, made, old)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PackageError(
            f"the avatar cannot be written to {folder}: {reason}; give a folder that you may "
            "write to, on a disk with room"
        ) from error


def _alike(one: Path, other: Path) -> bool:
    """Whether two packages have the same mesh, byte by byte."""
    meshes = [folder / "mesh.safetensors" for folder in (one, other)]
    return all(m.is_file() for m in meshes) and meshes[0].read_bytes() == meshes[1].read_bytes()


def _swap(place: Path, made: Path, old: Path) -> None:
    """Put `made` at `place`, what was there at `old`; undone if half of it fails."""
    if not place.exists():
        made.rename(place)
        return
    package = (place / "avatar.json").exists()
    new = {path.name for path in made.iterdir()}
    stale = OWN if _alike(place, made) else OWN + LOOK
    for path in place.iterdir():
        if path.name in new or (package and (path.name in stale or path.suffix == ".png")):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, made / path.name, symlinks=True)
        else:
            shutil.copy2(path, made / path.name, follow_symlinks=False)
    place.rename(old)
    try:
        made.rename(place)
    finally:
        if not place.exists():
            old.rename(place)
