"""Bounded reading of GLB and glTF 2.0 files: container, JSON, buffers, pictures.

Contract: whatever is broken, hostile or too large is a PackageError, found before memory or time
is spent on it. Nothing outside the file's own folder is read, nothing is fetched. The JSON becomes
the classes of pygltflib, whose values are as unchecked as the file: `whole` and `vector` check
them where they are used.
"""

import base64
import binascii
import importlib
import io
import json
import math
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import PackageError, RuntimeUnavailable

FILE_BYTES = 256 << 20
JSON_PARTS = 2_000_000  # lists, objects and commas: what parsed JSON needs of memory
PICTURE_SIDE = 4096
PICTURE_PIXELS = 160 << 20  # of all pictures that are decoded
# Entries of a list of the file: several times what avatars have, and a few seconds of parsing.
MOST = {"accessors": 16_000, "bufferViews": 16_000, "buffers": 64, "images": 256, "materials": 512,
        "meshes": 1024, "nodes": 8192, "samplers": 512, "scenes": 64, "skins": 256,
        "textures": 512}  # fmt: skip
PRIMITIVES, TARGETS = 2048, 60_000  # of all meshes
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu",
               "EXT_texture_webp", "EXT_texture_avif", "MSFT_texture_dds")  # fmt: skip
_KNOWN = ("KHR_materials_", "KHR_texture_transform", "KHR_mesh_quantization", "VRM")
_GLB, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942


@dataclass
class Gltf:
    """A file's content: `tree` (pygltflib.GLTF2), its root extensions, and its bytes on demand."""

    tree: Any
    asset: dict[str, Any]
    extensions: dict[str, Any]
    folder: Path
    blob: bytes | memoryview
    values: int = 300_000_000  # numbers that may still be decoded
    pixels: int = PICTURE_PIXELS
    warnings: list[str] = field(default_factory=list)
    _pictures: dict[tuple[int, int], npt.NDArray[np.uint8]] = field(default_factory=dict)
    _buffers: dict[int, bytes | memoryview] = field(default_factory=dict)

    def item(self, kind: str, number: Any, where: str) -> Any:
        """An entry of one of the file's lists."""
        entries = getattr(self.tree, kind)
        if not isinstance(number, int) or isinstance(number, bool) or number not in range(
            len(entries)
        ):  # fmt: skip
            raise PackageError(
                f"{where} refers to {kind} {number!r:.40}, the file has {len(entries)}"
            )
        return entries[number]

    def view(self, number: Any, where: str) -> tuple[memoryview, int]:
        """Bytes of a buffer view, and its stride (0: packed)."""
        view = self.item("bufferViews", number, where)
        at = f"bufferViews[{number}]"
        data = self._buffer(view.buffer, at)
        start = whole(view.byteOffset or 0, 0, FILE_BYTES, f"{at}.byteOffset")
        length = whole(view.byteLength, 1, FILE_BYTES, f"{at}.byteLength")
        if start + length > len(data):
            raise PackageError(
                f"{at} ends at byte {start + length}, its buffer has {len(data)}: export again"
            )
        return memoryview(data)[start : start + length], whole(
            view.byteStride or 0, 0, 252, f"{at}.byteStride"
        )

    def _buffer(self, number: Any, where: str) -> bytes | memoryview:
        buffer = self.item("buffers", number, where)
        if number not in self._buffers:
            data: bytes | memoryview
            data = self.blob if buffer.uri is None else self._uri(buffer.uri, f"buffers[{number}]")
            size = whole(buffer.byteLength, 1, FILE_BYTES, f"buffers[{number}].byteLength")
            if len(data) < size:
                raise PackageError(
                    f"buffers[{number}] has {len(data)} bytes of the {size} it declares: the file "
                    "is cut short"
                )
            self._buffers[number] = data
            if sum(map(len, self._buffers.values())) > FILE_BYTES:
                raise PackageError(f"the buffers hold more than {FILE_BYTES >> 20} MB")
        return self._buffers[number]

    def _uri(self, uri: Any, where: str) -> bytes:
        """Bytes of a data URI, or of a file beside or below the glTF file."""
        if not isinstance(uri, str):
            raise PackageError(f"{where}.uri is no text")
        if uri[:5].lower() == "data:":
            head, comma, body = uri.partition(",")
            if not comma or not head.lower().endswith(";base64"):
                raise PackageError(f"{where}: expected a data URI in base64")
            try:
                return base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError) as error:
                raise PackageError(f"{where}: the data URI is damaged: {error}") from error
        name = unquote(uri)
        parts = name.split("/")
        if not parts[0] or ".." in parts or "\0" in name or ":" in name or "\\" in name:
            raise PackageError(
                f"{where}.uri {uri!r:.60} points outside the file's folder: refused; export as GLB"
            )
        path = self.folder
        for part in parts:
            path = path / part
            if path.is_symlink():
                raise PackageError(f"{where}.uri {uri!r:.60} is a symbolic link: refused")
        return _bytes(path, f"{where}.uri {uri!r:.60}")

    def picture(self, number: Any, side: int) -> npt.NDArray[np.uint8]:
        """An image as RGBA [H, W, 4], scaled down to at most `side` pixels a side."""
        image, at = self.item("images", number, "a texture"), f"images[{number}]"
        if (number, side) in self._pictures:
            return self._pictures[number, side]
        if image.bufferView is not None:
            data: bytes | memoryview = self.view(image.bufferView, at)[0]
        else:
            data = self._uri(image.uri, at)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as opened:
                    if max(opened.size) > PICTURE_SIDE:
                        raise PackageError(
                            f"{at} has {opened.width} x {opened.height} pixels, expected at most "
                            f"{PICTURE_SIDE} a side: make it smaller"
                        )
                    self.pixels -= opened.width * opened.height
                    if self.pixels < 0:
                        raise PackageError(f"the pictures exceed {PICTURE_PIXELS >> 20} M pixels")
                    opened.draft("RGB", (side, side))  # JPEGs decode at a fraction of their size
                    full = opened.convert("RGBA")
        except Image.DecompressionBombError as error:
            raise PackageError(f"{at}: {error}; expected at most {PICTURE_SIDE} a side") from error
        except (OSError, ValueError, SyntaxError, struct.error, KeyError, IndexError, TypeError,
                OverflowError) as error:  # fmt: skip
            raise PackageError(f"{at} is no readable PNG or JPEG: {error}") from error
        full.thumbnail((side, side), Image.Resampling.LANCZOS)
        self._pictures[number, side] = np.array(full)
        return self._pictures[number, side]


def whole(value: Any, low: int, high: int, where: str) -> int:
    """An integer in [low, high]."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise PackageError(f"{where} is {value!r:.40}, expected {low} to {high}")
    return value


def vector(value: Any, count: int, where: str) -> npt.NDArray[np.float64]:
    """`count` finite numbers."""
    if isinstance(value, list) and len(value) == count:
        numbers = [v for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == count and all(abs(v) < 1e9 and math.isfinite(v) for v in numbers):
            return np.array(numbers, float)
    raise PackageError(f"{where} is {value!r:.60}, expected {count} numbers")


def entries(value: Any, where: str, most: int = 4096) -> list[Any]:
    """A list of at most `most` entries; none for null."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise PackageError(f"{where} must be a list of at most {most} entries")
    return value


def table(value: Any) -> dict[str, Any]:
    """A JSON object, empty for anything else: for what a file may well leave out."""
    return value if isinstance(value, dict) else {}


def _bytes(path: Path, what: str) -> bytes:
    try:
        if not path.is_file():  # a device or a pipe may never end
            raise PackageError(f"{what} is not a file here: give the whole folder, or a GLB")
        size = path.stat().st_size
        if size > FILE_BYTES:
            raise PackageError(f"{what} has {size >> 20} MB, expected at most {FILE_BYTES >> 20}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise PackageError(f"{what} cannot be read: {error}") from error


def _chunks(data: bytes, name: str) -> tuple[bytes, memoryview]:
    """(JSON, binary) of a GLB file."""
    if len(data) < 20:
        raise PackageError(f"{name} has {len(data)} bytes: the file is cut short")
    _, version, length = struct.unpack_from("<III", data)
    if version != 2:
        raise PackageError(f"{name} is GLB version {version}, expected 2: export as glTF 2.0")
    if length > len(data):
        raise PackageError(
            f"{name} has {len(data)} bytes of the {length} it declares: the file is cut short"
        )
    at, text, blob = 12, None, memoryview(b"")
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > length:
            raise PackageError(f"{name}: the chunk at byte {at} reaches beyond the end")
        if kind == _JSON and text is None:
            text = data[at + 8 : at + 8 + size]
        elif kind == _BIN and not len(blob):
            blob = memoryview(data)[at + 8 : at + 8 + size]
        at += 8 + size
    if text is None:
        raise PackageError(f"{name} has no JSON chunk: this is no GLB file")
    return text, blob


def _check_counts(tree: Any, name: str) -> dict[str, Any]:
    """The object's fields that are used, each list of a bounded number of objects."""
    if not isinstance(tree, dict) or not isinstance(tree.get("asset"), dict):
        raise PackageError(f"{name} has no glTF asset: this is no glTF 2.0 file")
    if str(tree["asset"].get("version", ""))[:2] != "2.":
        raise PackageError(
            f"{name} is glTF {tree['asset'].get('version')!r:.20}, expected 2.0: export again"
        )
    kept: dict[str, Any] = {"asset": tree["asset"]}
    for kind, most in MOST.items():
        rows = entries(tree.get(kind), f"{name}: {kind}", most)
        if not all(isinstance(row, dict) for row in rows):
            raise PackageError(f"{name}: {kind} must be objects")
        kept[kind] = rows
    count, targets = 0, 0
    for number, mesh in enumerate(kept["meshes"]):
        primitives = entries(mesh.get("primitives"), f"meshes[{number}].primitives", PRIMITIVES)
        count += len(primitives)
        for p in primitives:
            if not isinstance(p, dict) or not isinstance(p.get("attributes"), dict):
                raise PackageError(f"meshes[{number}] has a primitive without attributes")
            targets += len(entries(p.get("targets"), f"meshes[{number}].targets"))
    if count > PRIMITIVES or targets > TARGETS:
        raise PackageError(
            f"{name} has {count} primitives and {targets} morph targets, expected at most "
            f"{PRIMITIVES} and {TARGETS}"
        )
    kept["scene"] = tree.get("scene")
    return kept


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number a glTF file may contain")


def read(path: Path) -> Gltf:
    """Open a .glb, .vrm or .gltf file. Raises PackageError for what cannot be used and
    RuntimeUnavailable when pygltflib is not installed."""
    try:
        library = importlib.import_module("pygltflib")
    except ImportError as error:
        raise RuntimeUnavailable(
            "reading GLB and VRM files needs pygltflib: pip install 'vivify[import]'"
        ) from error
    name = path.name
    data = _bytes(path, name)
    packed = len(data) >= 4 and struct.unpack_from("<I", data)[0] == _GLB
    text, blob = _chunks(data, name) if packed else (data, memoryview(b""))
    if sum(text.count(part) for part in (b"[", b"{", b",")) > JSON_PARTS:
        raise PackageError(f"{name} holds more than {JSON_PARTS} values of JSON: no avatar does")
    try:
        tree = json.loads(text.rstrip(b"\0 "), parse_constant=_refuse)
        kept = _check_counts(tree, name)
        compact = json.dumps(kept)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = library.GLTF2.from_json(compact, infer_missing=True)
    except PackageError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError,
            RecursionError) as error:  # fmt: skip
        raise PackageError(f"{name} is no readable glTF file: {str(error):.200}") from error
    made = Gltf(parsed, tree["asset"], table(tree.get("extensions")), path.parent, blob)
    required = entries(tree.get("extensionsRequired"), "extensionsRequired", 256)
    if packing := [e for e in _COMPRESSED if e in required]:
        raise PackageError(
            f"{name} is compressed with {', '.join(packing)}: export it again without compression "
            "(no Draco, no meshopt, pictures as PNG or JPEG)"
        )
    if left := [str(e)[:60] for e in required if not str(e).startswith(_KNOWN)]:
        made.warnings.append(f"the file asks for {', '.join(left[:5])}, which is left out")
    return made
