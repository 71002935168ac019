"""glTF accessors -> arrays: interleaved, sparse, quantised, each reach into a buffer checked."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.train.gltf import Gltf, whole

ROWS = 3_000_000  # of one accessor
_KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def _rows(
    gltf: Gltf, view: Any, start: int, kind: np.dtype[Any], shape: tuple[int, int], where: str
) -> npt.NDArray[Any]:
    """shape [N, C] values of a buffer view from byte `start` on."""
    data, stride = gltf.view(view, where)
    size = shape[1] * kind.itemsize
    stride = stride or size
    if stride < size:
        raise PackageError(f"{where}: rows of {size} bytes do not fit a stride of {stride}")
    if start + stride * (shape[0] - 1) + size > len(data):
        raise PackageError(
            f"{where} reads {shape[0]} rows of {size} bytes from byte {start}, beyond the "
            f"{len(data)} bytes of its buffer view"
        )
    return np.ndarray(shape, kind, data, start, (stride, kind.itemsize)).copy()


def _kind(value: Any, where: str) -> np.dtype[Any]:
    if not isinstance(value, int) or value not in _KINDS:
        raise PackageError(f"{where}.componentType is {value!r:.40}, expected 5120 to 5126")
    return np.dtype(_KINDS[value])


def array(gltf: Gltf, number: Any, types: tuple[str, ...], where: str) -> npt.NDArray[Any]:
    """Values [N, C] of an accessor of one of `types`: integers as stored, others as float32.

    Normalised integers become numbers in [-1, 1]. Raises PackageError for NaN, infinity and
    whatever reaches beyond its buffer.
    """
    accessor, at = gltf.item("accessors", number, where), f"{where} (accessors[{number}])"
    if not isinstance(accessor.type, str) or accessor.type not in types:
        raise PackageError(f"{at} is {accessor.type!r:.20}, expected {' or '.join(types)}")
    kind, width = _kind(accessor.componentType, at), _WIDTHS[accessor.type]
    count = whole(accessor.count, 1, ROWS, f"{at}.count")
    gltf.values -= count * width
    if gltf.values < 0:
        raise PackageError("the file's meshes hold too many numbers: remove what is not the bust")
    if accessor.bufferView is None:
        values = np.zeros((count, width), kind)
    else:
        start = whole(accessor.byteOffset or 0, 0, 1 << 30, f"{at}.byteOffset")
        values = _rows(gltf, accessor.bufferView, start, kind, (count, width), at)
    if accessor.sparse is not None:
        _patch(gltf, accessor.sparse, values, f"{at}.sparse")
    if accessor.normalized and kind.kind != "f":
        values = np.maximum(values.astype(np.float32) / np.iinfo(kind).max, -1)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise PackageError(f"{at} contains NaN or infinity")
    return values


def _patch(gltf: Gltf, sparse: Any, values: npt.NDArray[Any], where: str) -> None:
    """Overwrite the rows that a sparse accessor names."""
    count = whole(sparse.count, 1, len(values), f"{where}.count")
    indices, news = sparse.indices, sparse.values
    if indices is None or news is None:
        raise PackageError(f"{where} lacks its indices or values")
    kind = _kind(indices.componentType, f"{where}.indices")
    if kind.kind != "u":
        raise PackageError(f"{where}.indices must be unsigned integers")
    start = whole(indices.byteOffset or 0, 0, 1 << 30, f"{where}.indices.byteOffset")
    rows = _rows(gltf, indices.bufferView, start, kind, (count, 1), f"{where}.indices")[:, 0]
    if int(rows.max()) >= len(values):
        raise PackageError(f"{where} names row {int(rows.max())} of only {len(values)}")
    start = whole(news.byteOffset or 0, 0, 1 << 30, f"{where}.values.byteOffset")
    shape = (count, values.shape[1])
    values[rows] = _rows(gltf, news.bufferView, start, values.dtype, shape, f"{where}.values")
