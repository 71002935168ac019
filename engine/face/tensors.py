"""`mesh.safetensors` -> Mesh: names, types, shapes, finite values and index ranges are checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from engine.errors import PackageError
from engine.face.manifest import Manifest
from engine.frames import BLENDSHAPES

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

VERTICES = 40_000  # most a package may have; real time on one core ends far below
TRIANGLES = 60_000
ROWS = 1_000_000
EXTENT = 100.0  # dm from the origin
MOVE = 10.0  # dm: the farthest that one shape moves a vertex


@dataclass(frozen=True, slots=True)
class Mesh:
    """A rest mesh with its 52 shapes, in decimetres; arrays are read-only."""

    position: F32  # [V, 3]
    uv: F32  # [V, 2]
    triangle: I32  # [F, 3], counter-clockwise from the front
    material: npt.NDArray[np.uint8]  # [F] row of the manifest's materials
    weld: I32  # [V] vertices of one number share a normal
    neck: F32  # [V] 0 = shoulders, 1 = head
    outline: F32  # [V] relative width of the outline
    proxy: F32  # [V, 4] smooth rest normal and its share in shading
    ambient: F32  # [V] light that baked occlusion leaves, 1 = all
    loose: F32  # [V] how much of the hair's swing a vertex takes
    breath: F32  # [V] how much of the breath
    shape_start: I32  # [52 + C + 1], C correctives
    shape_row: I32  # [N] vertex moved
    shape_delta: npt.NDArray[np.int16]  # [N, 3]
    shape_scale: F32  # [52 + C] dm per unit of shape_delta


# name -> (stored type, shape with V, F, N, K (shapes) for the counts, lowest, highest)
_SPEC: dict[str, tuple[str, tuple[str | int, ...], float, float]] = {
    "position": ("float32", ("V", 3), -EXTENT, EXTENT),
    "uv": ("float32", ("V", 2), -8, 8),
    "triangle": ("uint16", ("F", 3), 0, np.inf),
    "material": ("uint8", ("F",), 0, np.inf),
    "weld": ("uint16", ("V",), 0, np.inf),
    "neck": ("float16", ("V",), 0, 1),
    "outline": ("float16", ("V",), 0, 4),
    "proxy": ("float16", ("V", 4), -1.01, 1.01),
    "ambient": ("uint8", ("V",), 0, 255),
    "loose": ("uint8", ("V",), 0, 255),
    "breath": ("uint8", ("V",), 0, 255),
    "shape_start": ("int32", ("K+1",), 0, ROWS),
    "shape_row": ("uint16", ("N",), 0, np.inf),
    "shape_delta": ("int16", ("N", 3), -np.inf, np.inf),
    "shape_scale": ("float32", ("K",), 0, MOVE / 32767),
}


def _check(name: str, array: npt.NDArray[Any], sizes: dict[str, int]) -> None:
    kind, axes, low, high = _SPEC[name]
    shape = tuple(sizes[a] if isinstance(a, str) else a for a in axes)
    if array.dtype != kind or array.shape != shape:
        raise PackageError(
            f"mesh.safetensors: {name} is {array.dtype} {array.shape}, expected {kind} {shape}"
        )
    if not np.isfinite(array).all():
        raise PackageError(f"mesh.safetensors: {name} contains NaN or infinity")
    if array.size and (array.min() < low or array.max() > high):
        raise PackageError(
            f"mesh.safetensors: {name} reaches from {array.min():g} to {array.max():g}, "
            f"expected {low:g} to {high:g}"
        )


def _below(name: str, array: npt.NDArray[Any], limit: int) -> None:
    if array.size and int(array.max()) >= limit:
        raise PackageError(
            f"mesh.safetensors: {name} refers to number {int(array.max())} of only {limit}"
        )


def read(data: bytes, manifest: Manifest) -> Mesh:
    """Check the bytes of mesh.safetensors against the manifest; raises PackageError."""
    try:
        stored = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise PackageError(f"mesh.safetensors is damaged: {error}") from error
    if set(stored) != set(_SPEC):
        raise PackageError(
            f"mesh.safetensors: missing {sorted(set(_SPEC) - set(stored))}, "
            f"unknown {sorted(set(stored) - set(_SPEC))[:5]}"
        )
    sizes = {
        "V": stored["position"].shape[0] if stored["position"].ndim else 0,
        "F": stored["triangle"].shape[0] if stored["triangle"].ndim else 0,
        "N": stored["shape_row"].shape[0] if stored["shape_row"].ndim else 0,
    }
    for axis, most in (("V", VERTICES), ("F", TRIANGLES), ("N", ROWS)):
        if not 1 <= sizes[axis] <= most:
            raise PackageError(f"mesh.safetensors: {sizes[axis]} {axis} rows, expected 1 to {most}")
    sizes["K"] = BLENDSHAPES + len(manifest.correctives)
    sizes["K+1"] = sizes["K"] + 1
    for name in _SPEC:
        _check(name, stored[name], sizes)
    for name in ("triangle", "weld", "shape_row"):
        _below(name, stored[name], sizes["V"])
    _below("material", stored["material"], len(manifest.materials))
    start = stored["shape_start"]
    if start[0] != 0 or start[-1] != sizes["N"] or (np.diff(start) < 0).any():
        raise PackageError("mesh.safetensors: shape_start does not divide the shape rows in order")
    if bad := [n for n, vertex in manifest.landmarks.items() if vertex >= sizes["V"]]:
        raise PackageError(f"avatar.json: landmarks {bad[:5]} refer to missing vertices")
    wide: dict[str, Any] = dict.fromkeys(("triangle", "weld", "shape_row"), np.int32)
    wide |= dict.fromkeys(("neck", "outline", "proxy"), np.float32)
    arrays = {n: np.ascontiguousarray(stored[n], wide.get(n)) for n in _SPEC}
    for name in ("ambient", "loose", "breath"):
        arrays[name] = stored[name].astype(np.float32) / np.float32(255)
    for array in arrays.values():
        array.flags.writeable = False
    return Mesh(**arrays)
