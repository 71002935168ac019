"""Packages: what loads, and what hostile or broken ones are told."""

import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load, save

from engine.errors import PackageError
from engine.face import package
from engine.face.manifest import LANDMARKS, parse

SOURCE = package.ASSETS / "mira"
SPEC = json.loads((SOURCE / "avatar.json").read_text())
MASK = SPEC["textures"]["skin"]["layers"][0]["mask"]
PNG = f"{MASK}.png"
Files = dict[str, bytes]
Change = Callable[[Files], None]


def grey(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def small() -> Files:
    """A package with tiny masks and no neural look, quick to write and to read."""
    found = {
        p.name: p.read_bytes()
        for p in SOURCE.iterdir()
        if p.suffix != ".png" and p.stem != "renderer"
    }
    return found | {f"{p.stem}.png": grey(8) for p in SOURCE.glob("*.png")}


@pytest.fixture
def files() -> Files:
    return small()


def folder(files: Files, where: Path) -> Path:
    where.mkdir(exist_ok=True)
    for name, data in files.items():
        (where / name).write_bytes(data)
    return where


def zipped(files: Files, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(prefix + name, data)
    return path


def edit(key: str, value: Any) -> Change:
    """Set a dotted path of avatar.json; DELETE removes it."""

    def change(files: Files) -> None:
        root = node = json.loads(files["avatar.json"])
        *way, last = [int(k) if k.isdigit() else k for k in key.split(".")]
        for step in way:
            node = node[step]
        if value is DELETE:
            del node[last]
        else:
            node[last] = value
        files["avatar.json"] = json.dumps(root).encode()

    return change


DELETE = object()


def tensor(name: str, make: Callable[[np.ndarray], np.ndarray] | None) -> Change:
    def change(files: Files) -> None:
        mesh = load(files["mesh.safetensors"])
        array = mesh.pop(name)
        if make is not None:
            mesh[name] = make(array)
        files["mesh.safetensors"] = save(mesh)

    return change


def put(index: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def make(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[index] = value
        return array

    return make


def raw(name: str, data: bytes) -> Change:
    return lambda files: files.update({name: data})


def drop(name: str) -> Change:
    return lambda files: files.pop(name) and None


def huge_png() -> bytes:
    """A PNG header that claims 60000 x 60000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "GIF")
    return buffer.getvalue()


def test_bundled_names() -> None:
    assert {"mira", "theo"} <= set(package.names())
    for name in package.names():
        face = package.load(name)
        assert face.name == name and "MakeHuman" in face.manifest.attribution
        assert "CC0" in face.licence


def test_folder_and_zip_load_the_same(files: Files, tmp_path: Path) -> None:
    one = package.load(folder(files, tmp_path / "pack"))
    for path in (
        zipped(files, tmp_path / "flat.zip"),
        zipped(files, tmp_path / "deep.zip", "mira/"),
    ):
        two = package.load(path)
        assert two.manifest == one.manifest
        np.testing.assert_array_equal(two.mesh.shape_delta, one.mesh.shape_delta)
        assert set(two.masks) == set(one.masks)
        np.testing.assert_array_equal(two.masks[MASK], one.masks[MASK])


def test_loaded_arrays_cannot_be_changed() -> None:
    face = package.load("mira")
    with pytest.raises(ValueError, match="read-only"):
        face.mesh.position[0] = 0


BROKEN: dict[str, tuple[Change, str]] = {
    "no manifest": (drop("avatar.json"), "avatar.json is missing"),
    "no mesh": (drop("mesh.safetensors"), "mesh.safetensors is missing"),
    "no mask": (drop(PNG), f"{PNG} is missing"),
    "no licence": (drop("LICENSE"), "LICENSE is missing"),
    "bad json": (raw("avatar.json", b"{"), "not valid JSON"),
    "json is binary": (raw("avatar.json", b"\xff\xfe\x00"), "not valid JSON"),
    "deep json": (raw("avatar.json", b"[" * 200_000), "not valid JSON"),
    "json list": (raw("avatar.json", b"[]"), "expected an object"),
    "json NaN": (edit("head_width", float("nan")), "not valid JSON"),
    "json infinity": (raw("avatar.json", b'{"format": Infinity}'), "not valid JSON"),
    "huge integer": (edit("head_width", 10**400), "head_width"),
    "other format": (edit("format", "glb"), "no avatar package"),
    "other version": (edit("version", 99), "version 99"),
    "bad name": (edit("name", "../mira"), "avatar.json.name"),
    "missing field": (edit("camera", DELETE), "camera"),
    "unknown field": (edit("script", "x"), "unknown fields"),
    "unknown camera field": (edit("camera.roll", 1), "unknown fields"),
    "text for a number": (edit("camera.fov_deg", "20"), "fov_deg"),
    "true for a number": (edit("head_width", True), "head_width"),
    "far before near": (edit("camera.far", 0.5), "camera.far"),
    "no materials": (edit("materials", []), "materials"),
    "colour without name": (edit("materials.0.color", [2, 0, 0]), "color"),
    "unknown colour": (edit("materials.0.color", "plaid"), "no colour"),
    "unknown outline": (edit("materials.0.outline", "plaid"), "no colour"),
    "unknown texture": (edit("materials.0.texture", "plaid"), "no texture"),
    "palette code": (edit("palette.skin", "red"), "palette.skin"),
    "palette name": (edit("palette.a-b", "#ffffff"), "plain name"),
    "palette code with newline": (edit("palette.skin", "#ffffff\n"), "palette.skin"),
    "unknown ink": (edit("textures.skin.layers.0.ink", "plaid"), "no colour"),
    "mask path": (edit("textures.skin.layers.0.mask", "../mask"), "mask"),
    "blend": (edit("textures.skin.layers.0.blend", "eval"), "blend"),
    "picture and base": (edit("textures.skin.picture", "photo"), "unknown fields"),
    "too many layers": (edit("textures.skin.layers", [{}] * 25), "layers"),
    "too many textures": (edit("textures", {f"t{i}": {} for i in range(17)}), "at most 16"),
    "texture name": (edit("textures.a/x", {}), "plain names"),
    "materials of one name": (edit("materials.1.name", "skin"), "two materials"),
    "background": (edit("background", {"kind": "url"}), "background.kind"),
    "background picture": (edit("background.file", "/etc/passwd"), "unknown fields"),
    "spring": (edit("spring.frequency", 1e9), "spring.frequency"),
    "corrective of one": (edit("correctives", [["jawOpen"]]), "corrective"),
    "corrective of lists": (edit("correctives", [[[], {}]]), "corrective"),
    "correctives without shapes": (edit("correctives", [["jawOpen", "mouthPucker"]] * 9), "shape"),
    "light as text": (edit("light", "above"), "light"),
    "title that reverses": (edit("title", "a\u202eb"), "title"),
    "title of half a letter": (edit("title", "\ud800"), "title"),
    "key twice": (
        lambda f: f.update({"avatar.json": b'{"format": 1, ' + f["avatar.json"].lstrip()[1:]}),
        "twice",
    ),
    "texture path": (edit("materials.0.texture", "../../etc/passwd"), "texture"),
    "zero light": (edit("materials.0.light", [0, 0, 0]), "light"),
    "unknown shape": (edit("rest", {"wink": 1}), "wink"),
    "landmark text": (edit("landmarks.chin", "7"), "landmark"),
    "landmark name": (edit("landmarks.A b", 7), "plain names"),
    "landmark missing": (edit(f"landmarks.{LANDMARKS[0]}", DELETE), "landmarks lack"),
    "landmark beyond": (edit("landmarks.chin", 65000), "landmarks"),
    "mesh is text": (raw("mesh.safetensors", b"hello"), "damaged"),
    "mesh header lies": (raw("mesh.safetensors", struct.pack("<Q", 2**60) + b"{}"), "damaged"),
    "mesh too large": (raw("mesh.safetensors", bytes((32 << 20) + 1)), "larger than"),
    "tensor missing": (tensor("uv", None), "missing"),
    "tensor unknown": (
        raw("mesh.safetensors", save({"x": np.ones(1, np.float32)})),
        "unknown",
    ),
    "NaN position": (tensor("position", put(0, np.nan)), "position contains NaN"),
    "far position": (tensor("position", put(0, 1e6)), "position reaches"),
    "double position": (tensor("position", lambda a: a.astype(np.float64)), "expected float32"),
    "flat position": (tensor("position", lambda a: a.reshape(-1)), "expected float32"),
    "no triangles": (tensor("triangle", lambda a: a[:0]), "F rows"),
    "scalar triangles": (tensor("triangle", lambda a: np.array(3, np.uint16)), "F rows"),
    "too many vertices": (
        tensor("position", lambda a: np.zeros((50_000, 3), np.float32)), "50000 V rows"
    ),
    "triangle index": (tensor("triangle", put((0, 0), 65535)), "triangle refers"),
    "weld index": (tensor("weld", put(0, 65535)), "weld refers"),
    "shape row index": (tensor("shape_row", put(0, 65535)), "shape_row refers"),
    "material index": (tensor("material", put(0, 200)), "material refers"),
    "shape ranges": (tensor("shape_start", put(3, 10**6)), "shape_start"),
    "negative range": (tensor("shape_start", put(1, -5)), "shape_start"),
    "far shape": (tensor("shape_scale", put(0, 0.009)), "shape_scale reaches"),
    "byte ambient": (tensor("ambient", lambda a: a.astype(np.float32)), "expected uint8"),
    "loose for too few": (tensor("loose", lambda a: a[1:]), "loose is"),
    "infinite scale": (tensor("shape_scale", put(0, np.inf)), "shape_scale contains"),
    "neck over 1": (tensor("neck", put(0, 2)), "neck reaches"),
    "png is text": (raw(PNG, b"not a picture"), PNG),
    "png is gif": (raw(PNG, gif()), PNG),
    "png truncated": (lambda f: f.update({PNG: f[PNG][:45]}), PNG),
    "png too large": (raw(PNG, huge_png()), PNG),
    "licence not text": (raw("LICENSE", b"\xff\xff"), "LICENSE"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_broken_packages_are_refused_by_name(
    case: str, form: str, files: Files, tmp_path: Path
) -> None:
    change, message = BROKEN[case]
    change(files)
    where = folder(files, tmp_path / "p") if form == "folder" else zipped(files, tmp_path / "p.zip")
    with pytest.raises(PackageError, match=message):
        package.load(where)


def test_all_pictures_share_one_budget(files: Files, tmp_path: Path) -> None:
    for name in [n for n in files if n.endswith(".png")]:
        files[name] = grey(4000)
    with pytest.raises(PackageError, match="all pictures together exceed 32 million"):
        package.load(folder(files, tmp_path / "p"))


def test_painting_one_mask_again_and_again_is_bounded(files: Files, tmp_path: Path) -> None:
    layer = {"ink": "skin", "mask": MASK, "blend": "over"}
    edit("textures.skin.layers", [layer] * 24)(files)
    files[PNG] = grey(2048)
    with pytest.raises(PackageError, match="layers of all textures"):
        package.load(folder(files, tmp_path / "p"))


def test_masks_of_two_sizes(files: Files, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="have sizes"):
        package.load(folder({**files, PNG: grey(16)}, tmp_path / "p"))


def test_texture_as_a_picture(files: Files, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 4), (9, 8, 7, 6)).save(buffer, "PNG")
    edit("textures.skin", {"picture": "photo"})(files)
    made = package.load(folder({**files, "photo.png": buffer.getvalue()}, tmp_path / "p"))
    assert made.pictures["photo"].shape == (4, 8, 3)


def test_wrong_names_and_files(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="neither bundled"):
        package.load("nobody")
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(PackageError, match="not a readable avatar package"):
        package.load(tmp_path / "x.zip")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "c:evil"])
def test_zip_path_traversal(name: str, files: Files, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="outside the package"):
        package.load(zipped({**files, name: b"x"}, tmp_path / "p.zip"))


def test_zip_bombs(files: Files, tmp_path: Path) -> None:
    bomb = zipped({**files, PNG: bytes(100 << 20)}, tmp_path / "bomb.zip")
    with pytest.raises(PackageError, match="larger than"):
        package.load(bomb)
    many = zipped({**files, **{f"f{i}": b"" for i in range(100)}}, tmp_path / "many.zip")
    with pytest.raises(PackageError, match="at most 64"):
        package.load(many)
    total = zipped({**files, "a": bytes(70 << 20), "b": bytes(70 << 20)}, tmp_path / "total.zip")
    with pytest.raises(PackageError, match="unpacks to more"):
        package.load(total)


def test_zip_links_and_doubles(files: Files, tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "link.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PackageError, match="symbolic link"):
        package.load(path)
    path = zipped(files, tmp_path / "double.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(PNG, b"")
    with pytest.raises(PackageError, match="twice"):
        package.load(path)


def test_folder_links(files: Files, tmp_path: Path) -> None:
    where = folder(files, tmp_path / "p")
    (where / PNG).unlink()
    (where / PNG).symlink_to(SOURCE / PNG)
    with pytest.raises(PackageError, match="symbolic link"):
        package.load(where)


def test_zip_methods_that_allocate_at_will(files: Files, tmp_path: Path) -> None:
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(tmp_path / "p.zip", "w", method) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        with pytest.raises(PackageError, match="stored or deflated"):
            package.load(tmp_path / "p.zip")


def test_zip_with_a_huge_table_of_contents(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for number in range(6000):
            archive.writestr(f"{number:05d}", b"")
    with pytest.raises(PackageError, match="table of contents"):
        package.load(tmp_path / "p.zip")


def test_pipes_and_devices_are_not_waited_for(files: Files, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.zip")
    with pytest.raises(PackageError, match="not a readable avatar package"):
        package.load(tmp_path / "p.zip")
    where = folder(files, tmp_path / "p")
    (where / "LICENSE").unlink()
    os.mkfifo(where / "LICENSE")
    with pytest.raises(PackageError, match="LICENSE is missing"):
        package.load(where)


def _loads_or_refuses(path: Path) -> None:
    try:
        package.load(path)
    except PackageError:
        return


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.data())
def test_bytes_changed_anywhere(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        if data.draw(st.booleans()):
            path = zipped(small(), Path(scratch) / "p.zip")
            target = path
        else:
            path = folder(small(), Path(scratch) / "p")
            target = path / data.draw(st.sampled_from(sorted(small())))
        content = bytearray(target.read_bytes())
        ends = st.integers(0, min(200, len(content) - 1))  # headers and directories
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(ends | ends.map(lambda n: -1 - n) | st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        target.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, 3000))])
        _loads_or_refuses(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.data(), JSON)
def test_any_json_in_any_field(data: st.DataObject, value: Any) -> None:
    root = node = json.loads(json.dumps(SPEC))
    for _ in range(6):
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else
                                        list(range(len(node)))))  # fmt: skip
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
        else:
            break
    node[key] = value
    try:
        parse(root)
    except PackageError as error:
        assert len(str(error)) < 1000


def test_damaged_zip_member(files: Files, tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "p.zip")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(bytes(data))
    with pytest.raises(PackageError):
        package.load(path)
