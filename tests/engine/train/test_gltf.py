"""Hostile and broken glTF files: each is refused in words, none hangs or fills the memory."""

import base64
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import PackageError
from engine.train import accessor, gltf, scene, vrm
from engine.train.importer import convert
from tests.engine.train.glb import Writer, packed, tiny

pytest.importorskip("pygltflib", reason="needs the extra 'import'")

Change = Callable[[Writer], None]


def edit(key: str, value: Any) -> Change:
    """Set a dotted path of the JSON."""

    def change(writer: Writer) -> None:
        node: Any = writer.tree
        *way, last = [int(k) if k.isdigit() else k for k in key.split(".")]
        for step in way:
            node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
        node[last] = value

    return change


def poke(view: int, data: bytes, at: int = 0) -> Change:
    """Overwrite bytes of a buffer view."""

    def change(writer: Writer) -> None:
        start = writer.tree["bufferViews"][view]["byteOffset"] + at
        writer.blob[start : start + len(data)] = data

    return change


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def picture(**image: Any) -> Change:
    """Give the face a material with this image."""

    def change(writer: Writer) -> None:
        writer.put("images", image)
        writer.put("textures", {"source": 0})
        writer.put("materials", {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}})
        writer.tree["meshes"][0]["primitives"][0]["material"] = 0

    return change


def embedded(data: bytes) -> Change:
    return picture(uri="data:image/png;base64," + base64.b64encode(data).decode())


def chain(writer: Writer) -> None:
    """1000 nodes, each below the last."""
    writer.tree["nodes"] += [{"children": [n + 2]} for n in range(1000)]
    writer.tree["nodes"].append({})
    writer.tree["scenes"][0]["nodes"] = [1]


PRIMITIVE = "meshes.0.primitives.0"
NAN = np.float32(np.nan).tobytes()
BROKEN: dict[str, tuple[Change, str]] = {
    "no asset": (edit("asset", None), "no glTF asset"),
    "version 1": (edit("asset.version", "1.0"), "expected 2.0"),
    "nodes as text": (edit("nodes", "all"), "nodes must be a list"),
    "node as number": (edit("nodes.0", 7), "must be objects"),
    "many nodes": (edit("nodes", [{}] * 9000), "at most 8192"),
    "ten million vertices": (edit("accessors.0.count", 10**7), "expected 1 to"),
    "count below one": (edit("accessors.0.count", 0), "expected 1 to"),
    "count as list": (edit("accessors.0.count", [357]), "count|glTF"),
    "count beyond": (edit("accessors.0.count", 358), "beyond"),
    "many zeros": (edit("accessors.0", {"count": 2_900_000, "componentType": 5126,
                                        "type": "VEC3"}), "vertices or more"),
    "component type": (edit("accessors.0.componentType", 9), "componentType"),
    "type": (edit("accessors.0.type", "VEC9"), "expected VEC3"),
    "accessor number": (edit(f"{PRIMITIVE}.attributes.POSITION", 99), "accessors 99"),
    "accessor negative": (edit(f"{PRIMITIVE}.attributes.POSITION", -1), "accessors -1"),
    "accessor true": (edit(f"{PRIMITIVE}.attributes.POSITION", True), "accessors True"),
    "view number": (edit("accessors.0.bufferView", 99), "bufferViews 99"),
    "view beyond": (edit("bufferViews.0.byteLength", 10**8), "ends at byte"),
    "view negative": (edit("bufferViews.0.byteOffset", -4), "byteOffset"),
    "offset beyond": (edit("accessors.0.byteOffset", 10**6), "beyond"),
    "stride too small": (edit("bufferViews.0.byteStride", 4), "stride"),
    "stride too large": (edit("bufferViews.0.byteStride", 252), "beyond"),
    "NaN position": (poke(0, NAN), "NaN"),
    "infinite position": (poke(0, np.float32(np.inf).tobytes()), "NaN or infinity"),
    "far position": (poke(0, np.float32(1e30).tobytes()), "reaches"),
    "NaN movement": (poke(2, NAN), "NaN"),
    "index beyond": (poke(1, b"\xff\xff"), "refers to vertex 65535"),
    "indices as floats": (edit("accessors.1.componentType", 5126), "indices"),
    "target shorter": (edit("accessors.2.count", 12), "has 12 rows"),
    "targets as text": (edit(f"{PRIMITIVE}.targets", "all"), "targets"),
    "no primitives": (edit("meshes.0.primitives", []), "no triangles"),
    "points only": (edit(f"{PRIMITIVE}.mode", 0), "no triangles"),
    "attributes as list": (edit(f"{PRIMITIVE}.attributes", [1]), "without attributes"),
    "sparse row": (edit("accessors.2.sparse", {
        "count": 1, "indices": {"bufferView": 1, "byteOffset": 2 * 640, "componentType": 5125},
        "values": {"bufferView": 0}}), "sparse"),
    "sparse count": (edit("accessors.2.sparse", {"count": 10**9, "indices": {}, "values": {}}),
                     "sparse.count"),
    "scene": (edit("scene", 5), "scenes 5"),
    "child": (edit("nodes.0.children", [44]), "nodes 44"),
    "own child": (edit("nodes.0.children", [0]), "hangs on two nodes or on itself"),
    "scene twice": (edit("scenes.0.nodes", [0, 0]), "hangs on two"),
    "matrix": (edit("nodes.0.matrix", [1, 2, 3]), "16 numbers"),
    "matrix text": (edit("nodes.0.matrix", ["x"] * 16), "no readable glTF"),
    "rotation": (edit("nodes.0.rotation", [0, 0, 0, 0]), "no length"),
    "huge scale": (edit("nodes.0.scale", [1e300, 1, 1]), "scale"),
    "flat": (edit("nodes.0.scale", [0, 0, 0]), "mouth|eyes"),
    "mesh number": (edit("nodes.0.mesh", 9), "meshes 9"),
    "skin number": (edit("nodes.0.skin", 0), "skins 0"),
    "material number": (edit(f"{PRIMITIVE}.material", 3), "materials 3"),
    "chain without mesh": (chain, "no triangles"),
    "draco": (edit("extensionsRequired", ["KHR_draco_mesh_compression"]), "without compression"),
    "meshopt": (edit("extensionsRequired", ["EXT_meshopt_compression"]), "without compression"),
    "http buffer": (edit("buffers", None), "buffer"),
    "picture by http": (picture(uri="http://example.com/x.png"), "outside"),
    "picture by file": (picture(uri="file:///etc/passwd"), "outside"),
    "picture above": (picture(uri="../x.png"), "outside"),
    "picture above, hidden": (picture(uri="%2e%2e/x.png"), "outside"),
    "picture at root": (picture(uri="/etc/passwd"), "outside"),
    "picture with backslash": (picture(uri="..\\x.png"), "outside"),
    "picture absent": (picture(uri="x.png"), "not a file"),
    "picture without source": (picture(), "images"),
    "picture as number": (picture(uri=7), "not a file"),
    "picture not base64": (picture(uri="data:image/png;base64,###"), "damaged"),
    "picture no data": (picture(uri="data:image/png,abc"), "base64"),
    "picture no picture": (embedded(b"GIF89a"), "no readable PNG"),
    "giant picture": (embedded(png(60000, 60000)), "expected at most 4096"),
    "empty picture": (embedded(png(8, 8)), "no readable PNG"),
    "texture number": (edit("materials", [{"pbrMetallicRoughness": {
        "baseColorTexture": {"index": 3}}}]), "."),
    "bones": (edit("extensions", {"VRMC_vrm": {"meta": {
        "avatarPermission": "everyone", "modification": "allowModification"},
        "humanoid": {"humanBones": {"head": {"node": 77}}}}}), "nodes 77"),
    "binds": (edit("extensions", {"VRMC_vrm": {"meta": {
        "avatarPermission": "everyone", "modification": "allowModification"},
        "expressions": {"preset": {"aa": {"morphTargetBinds": [
            {"node": 0, "index": 10**9, "weight": 1}]}}}}}), "index"),
    "terms as list": (edit("extensions", {"VRM": {"meta": [1, 2]}}), "do not let everybody"),
}  # fmt: skip
HARMLESS = ("texture number",)  # nothing refers to it


def _convert(path: Path) -> None:
    convert(path, path.with_suffix(""), "x")


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused(case: str, tmp_path: Path) -> None:
    change, message = BROKEN[case]
    writer = tiny()
    data = writer.data()  # also settles the buffer
    change(writer)
    text = json.dumps({k: v for k, v in writer.tree.items() if v != []}).encode()
    (tmp_path / "x.glb").write_bytes(packed(text, bytes(writer.blob)))
    assert data[:4] == b"glTF"
    if case in HARMLESS:
        _convert(tmp_path / "x.glb")
        return
    with pytest.raises(PackageError, match=message):
        _convert(tmp_path / "x.glb")


@pytest.mark.parametrize(("limit", "message"), [("PIECES", "primitives"), ("VERTICES", "vertices"),
                                                ("TRIANGLES", "triangles")])  # fmt: skip
def test_one_mesh_again_and_again(
    limit: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene, limit, 40)
    writer = tiny()
    writer.tree["nodes"] = [{"mesh": 0} for _ in range(50)]
    writer.tree["scenes"][0]["nodes"] = list(range(50))
    (tmp_path / "x.glb").write_bytes(writer.data())
    with pytest.raises(PackageError, match=f"{message}.*"):
        _convert(tmp_path / "x.glb")


RAW: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no readable glTF"),
    "text": (b"hello", "no readable glTF"),
    "four bytes": (b"glTF", "cut short"),
    "version": (struct.pack("<III", 0x46546C67, 1, 20) + bytes(8), "version 1"),
    "length": (struct.pack("<III", 0x46546C67, 2, 2**31) + bytes(8), "cut short"),
    "chunk": (struct.pack("<IIIII", 0x46546C67, 2, 20, 2**31, 0x4E4F534A), "beyond the end"),
    "no json": (struct.pack("<IIIII", 0x46546C67, 2, 20, 0, 0x4E4942), "no JSON"),
    "deep": (b"[" * 200_000, "no readable glTF"),
    "deep extras": (b'{"asset": {"version": "2.0"}, "nodes": [{"extras": ' + b'{"a": ' * 20_000,
                    "no readable glTF"),
    "deep extras, whole": (b'{"asset": {"version": "2.0"}, "nodes": [{"extras": ' + b"[" * 900
                           + b"]" * 900 + b"}]}", "."),
    "many lists": (b'{"asset": {"version": "2.0"}, "nodes": [' + b"[]," * 10**6 + b"[]]}",
                   "values of JSON"),
    "NaN": (b'{"asset": {"version": "2.0"}, "scene": NaN}', "NaN"),
    "long integer": (b'{"asset": {"version": "2.0"}, "scene": ' + b"9" * 5000 + b"}", "glTF"),
    "latin": (b'{"asset": "\xff"}', "no readable glTF"),
    "a list": (b"[]", "no glTF asset"),
}  # fmt: skip


@pytest.mark.parametrize("case", RAW)
def test_broken_containers_are_refused(case: str, tmp_path: Path) -> None:
    data, message = RAW[case]
    (tmp_path / "x.glb").write_bytes(data)
    with pytest.raises(PackageError, match=message):
        _convert(tmp_path / "x.glb")


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.glb")
    for name in ("pipe.glb", "absent.glb", "."):
        with pytest.raises(PackageError, match="not a file|cannot be read"):
            convert(tmp_path / name, tmp_path / "out", "x")


def test_a_folder_of_gltf_and_its_links(tmp_path: Path) -> None:
    writer = tiny()
    writer.data()
    writer.tree["buffers"][0]["uri"] = "face%20data.bin"
    (tmp_path / "x.gltf").write_text(json.dumps({k: v for k, v in writer.tree.items() if v != []}))
    (tmp_path / "face data.bin").write_bytes(bytes(writer.blob))
    _convert(tmp_path / "x.gltf")
    (tmp_path / "face data.bin").rename(tmp_path / "else.bin")
    (tmp_path / "face data.bin").symlink_to(tmp_path / "else.bin")
    with pytest.raises(PackageError, match="symbolic link"):
        _convert(tmp_path / "x.gltf")


def _read(data: bytes) -> gltf.Gltf:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.glb"
        path.write_bytes(data)
        return gltf.read(path)


def test_accessors_interleaved_sparse_and_normalised() -> None:
    writer = tiny()
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    more = np.arange(8, dtype=np.float32).reshape(4, 2) + 100
    one, two = writer.together(values, more)
    thin = np.zeros((5, 3), np.float32)
    thin[3] = 1, 2, 3
    three = writer.sparse(thin)
    four = writer.array(np.array([[-128, 0, 127]], np.int8), normalized=True)
    read = _read(writer.data())
    np.testing.assert_array_equal(accessor.array(read, one, ("VEC3",), "x"), values)
    np.testing.assert_array_equal(accessor.array(read, two, ("VEC2",), "x"), more)
    np.testing.assert_array_equal(accessor.array(read, three, ("VEC3",), "x"), thin)
    np.testing.assert_allclose(accessor.array(read, four, ("VEC3",), "x"), [[-1, 0, 1]])
    read.values = 10
    with pytest.raises(PackageError, match="too many numbers"):
        accessor.array(read, one, ("VEC3",), "x")


def test_strips_and_fans_and_mirrored_nodes() -> None:
    for mode, expected in ((5, [[0, 1, 2], [2, 1, 3]]), (6, [[0, 1, 2], [0, 2, 3]])):
        writer = tiny()
        indices = writer.array(np.array([0, 1, 2, 3], np.uint16))
        writer.tree["meshes"][0]["primitives"][0] |= {"mode": mode, "indices": indices}
        read = _read(writer.data())
        body = scene.assemble(read, vrm.read(read))
        np.testing.assert_array_equal(body.triangle, expected)
    writer = tiny()
    writer.tree["nodes"][0]["scale"] = [-1, 1, 1]
    read = _read(writer.data())
    turned = scene.assemble(read, vrm.read(read)).triangle
    read = _read(tiny().data())
    np.testing.assert_array_equal(turned[:, ::-1], scene.assemble(read, vrm.read(read)).triangle)


def _converts_or_refuses(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.glb"
        path.write_bytes(data)
        try:
            convert(path, Path(folder) / "out", "x")
        except PackageError as error:
            assert len(str(error)) < 2000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.floats() | st.text(max_size=6)
    | st.sampled_from([10**9, -(10**9), 1e300, "data:;base64,AAAA", "../x", 5126, 65535]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["index", "extensions", "extras", "count", "POSITION", "x"]), inner,
        max_size=3),
    max_leaves=5,
)  # fmt: skip


def _face() -> Writer:
    """The tiny face with one of everything that is read."""
    writer = tiny()
    picture(uri="data:image/png;base64,AAAA")(writer)
    writer.tree["materials"][0] |= {"alphaMode": "BLEND", "extensions": {"VRMC_materials_mtoon": {
        "shadeColorFactor": [1, 1, 1], "outlineWidthMode": "none"}}}  # fmt: skip
    writer.tree["images"], writer.tree["textures"] = [], []
    writer.tree["materials"][0]["pbrMetallicRoughness"] = {"baseColorFactor": [1, 1, 1, 1]}
    writer.put("nodes", {"name": "head", "translation": [0, 0, 0]})
    joints = np.zeros((357, 4), np.uint8)
    weights = np.zeros((357, 4), np.float32)
    weights[:, 0] = 1
    writer.put("skins", {"joints": [1], "inverseBindMatrices":
                         writer.array(np.eye(4, dtype=np.float32)[None])})  # fmt: skip
    writer.tree["nodes"][0]["skin"] = 0
    writer.tree["scenes"][0]["nodes"] = [0, 1]
    writer.tree["meshes"][0]["primitives"][0]["attributes"] |= {
        "JOINTS_0": writer.array(joints), "WEIGHTS_0": writer.array(weights)}  # fmt: skip
    writer.tree["extensions"] = {"VRMC_vrm": {
        "meta": {"name": "x", "avatarPermission": "everyone", "modification": "allowModification"},
        "humanoid": {"humanBones": {"head": {"node": 1}}},
        "lookAt": {"type": "bone", "rangeMapVerticalUp": {"outputScale": 10}},
        "expressions": {"preset": {"aa": {"morphTargetBinds": [
            {"node": 0, "index": 0, "weight": 1.0}]}}}}}  # fmt: skip
    return writer


def test_the_face_that_is_fuzzed_is_fine() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.vrm"
        path.write_bytes(_face().data())
        assert convert(path, Path(folder) / "out", "x").kind == "VRM 1.0"


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.data(), VALUES)
def test_any_value_anywhere(data: st.DataObject, value: Any) -> None:
    writer = _face()
    writer.data()
    tree = {k: v for k, v in writer.tree.items() if v != []}
    node: Any = tree
    for _ in range(12):
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 5)):
            node = node[key]
        else:
            break
    node[key] = value
    _converts_or_refuses(packed(json.dumps(tree).encode(), bytes(writer.blob)))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.data())
def test_any_byte_anywhere(data: st.DataObject) -> None:
    content = bytearray(_face().data())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, 60) | st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    _converts_or_refuses(bytes(content[:end]))
