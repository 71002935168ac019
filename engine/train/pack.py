"""Parts -> avatar package on disk: one mesh, sparse int16 shapes, textures, JSON, licence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors.numpy import save_file

from engine.train.bust import F64, Part, breath_weight

LEAST = 0.0014  # dm: smaller movements are dropped


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

    `quick`: larger files in less time."""
    folder.mkdir(parents=True, exist_ok=True)
    mesh = folder / "mesh.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, mesh)
    mesh.chmod(0o644)
    for stale in folder.glob("*.png"):
        stale.unlink()
    effort: dict[str, Any] = {"compress_level": 1} if quick else {"optimize": True}
    for name, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{name}.png", **effort)
    (folder / "avatar.json").write_text(json.dumps(manifest, indent=1) + "\n")
    for name, text in texts.items():
        (folder / name).write_text(text)
