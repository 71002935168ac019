"""renderer.safetensors and likeness: what is written is read, what is hostile is refused."""

import io
import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save

from engine.errors import PackageError
from engine.face import learned, likeness, package
from engine.face.learned import FILE, KEY, Config, Erode, dump, read
from tests.engine.face.test_package import DELETE, Files, edit, folder, small, zipped

MESH = package.load("mira").mesh
COUNTS = len(MESH.triangle), len(MESH.position)
CONFIG = Config("small", "teacher", trained={"steps": 300, "clips": "mira_talks", "best": True})
PERSON = Config("large", "person", default=True, background="plate", erode=Erode((1, 2, 3), 0.06))
LARGE = replace(CONFIG, size="large")
WEIGHTS = {"stem.weight": np.full((4, 16, 2, 2), 0.25, np.float32), "ears.one.bias": np.ones(4)}
SMALL = {"stem.weight": np.full((2, 16, 2, 2), 0.5, np.float32)}


def made(config: Config = CONFIG, small: dict[str, np.ndarray] | None = None) -> bytes:
    random = np.random.default_rng(0)
    texture = random.random((16, 16, 8)).astype(np.float32)
    uv = random.random((COUNTS[0], 3, 2)).astype(np.float32)
    return dump(config, texture, uv, WEIGHTS, small)


def with_header(change: Callable[[dict[str, Any]], None]) -> bytes:
    data = made(PERSON)
    length = int.from_bytes(data[:8], "little")
    about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
    change(about)
    return save(load(data), {KEY: json.dumps(about)})


def put(key: str, value: Any) -> bytes:
    def change(about: dict[str, Any]) -> None:
        *way, last = key.split(".")
        for step in way:
            about = about[step]
        if value is DELETE:
            del about[last]
        else:
            about[last] = value

    return with_header(change)


def with_tensor(name: str, value: np.ndarray | None, config: Config = CONFIG) -> bytes:
    data = made(config)
    tensors = load(data)
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    length = int.from_bytes(data[:8], "little")
    return save(tensors, json.loads(data[8 : 8 + length])["__metadata__"])


def in_bytes(reach: np.ndarray) -> bytes:
    tensors = load(made())
    tensors |= {"texture": np.zeros((16, 16, 8), np.uint8), "texture_range": reach}
    data = made()
    return save(
        tensors, json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    )


def test_what_is_written_is_read() -> None:
    found = read(made(), *COUNTS)
    assert found.config == CONFIG and found.plate is None
    assert found.texture.shape == (16, 16, 8) and found.texture.dtype == np.float16
    random = np.random.default_rng(0)
    random.random((16, 16, 8))
    expected = random.random((COUNTS[0], 3, 2)).astype(np.float32)
    np.testing.assert_allclose(found.corner_uv, expected, atol=1 / 65535)
    assert set(found.weights) == set(WEIGHTS) and found.weights["stem.weight"].shape == (
        4,
        16,
        2,
        2,
    )
    for array in (found.texture, found.corner_uv, found.weights["stem.weight"]):
        assert not array.flags.writeable
    assert read(made(PERSON), *COUNTS).config == PERSON and found.small is None


@pytest.mark.parametrize("packed", [False, True])
def test_the_order_of_axes_in_memory_does_not_matter(packed: bool) -> None:
    planes = np.random.default_rng(0).random((8, 16, 16)).astype(np.float32)
    uv = np.zeros((4, 3, 2), np.float32)
    turned = {name: value.T.copy().T for name, value in WEIGHTS.items()}
    data = dump(CONFIG, planes.transpose(1, 2, 0), uv, turned, packed=packed)  # as a training's
    found = read(data, 4, 9)
    np.testing.assert_allclose(found.texture, planes.transpose(1, 2, 0), atol=0.01)
    for name, value in WEIGHTS.items():
        np.testing.assert_allclose(found.weights[name], value, atol=1e-3)


def test_a_texture_in_bytes() -> None:
    random = np.random.default_rng(0)
    texture = random.uniform(-2, 3, (16, 16, 8)).astype(np.float32)
    texture[..., 3] = 0.5
    uv = np.zeros((4, 3, 2), np.float32)
    data = dump(CONFIG, texture, uv, WEIGHTS, packed=True)
    assert len(data) < len(dump(CONFIG, texture, uv, WEIGHTS)) - 16 * 16 * 8 + 200
    found = read(data, 4, 9)
    assert found.texture.dtype == np.float16
    np.testing.assert_allclose(found.texture, texture, atol=0.6 * 5 / 255)
    again = read(dump(CONFIG, found.texture, uv, WEIGHTS, packed=True), 4, 9)
    np.testing.assert_array_equal(again.texture, found.texture)
    texture[0, 0, 0] = np.nan
    with pytest.raises(PackageError, match="texture_range contains NaN"):
        dump(CONFIG, texture, uv, WEIGHTS, packed=True)


def test_a_small_network_beside_a_large_one() -> None:
    found = read(made(LARGE, SMALL), *COUNTS)
    assert set(found.weights) == set(WEIGHTS) and found.small is not None
    np.testing.assert_array_equal(found.small["stem.weight"], SMALL["stem.weight"])
    assert not found.small["stem.weight"].flags.writeable
    light = found.lighter()
    assert light.config.size == "small" and light.weights is found.small and light.small is None
    assert light.texture is found.texture
    with pytest.raises(PackageError, match="no small network beside its small one"):
        light.lighter()
    for config in (CONFIG, replace(LARGE, recurrent=True)):
        with pytest.raises(PackageError, match=r"small\.\* beside a (small|recurrent) network"):
            made(config, SMALL)
    with pytest.raises(PackageError, match=r"small\.stem\.weight contains NaN"):
        made(LARGE, {"stem.weight": np.full(3, np.nan)})


HALF = np.float16
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no neural renderer"),
    "no safetensors": (b"PK\3\4" * 9, "no neural renderer"),
    "endless header": (struct.pack("<Q", 1 << 60) + b"{}", "sane length"),
    "header without metadata": (save({"texture": np.zeros(1)}), "no neural renderer"),
    "header is a list": (struct.pack("<Q", 2) + b"[]", "no neural renderer"),
    "deep header": (struct.pack("<Q", 100_000) + b"[" * 100_000, "no neural renderer"),
    "metadata is no JSON": (save({"a": np.zeros(1)}, {KEY: "{"}), "not valid JSON"),
    "key twice": (save({"a": np.zeros(1)}, {KEY: '{"version":1,"version":1}'}), "twice"),
    "NaN": (save({"a": np.zeros(1)}, {KEY: '{"version": NaN}'}), "not a number"),
    "cut off": (made()[:-9], "damaged"),
    "other version": (put("version", 2), "version 2"),
    "version true": (put("version", True), "version True"),
    "size": (put("size", "../../evil"), "size"),
    "kind": (put("kind", "deepfake"), "kind"),
    "flag as number": (put("x2", 1), "x2"),
    "missing field": (put("recurrent", DELETE), "recurrent"),
    "unknown field": (put("script", "x"), "unknown fields"),
    "plate path": (put("background", "../plate"), "background"),
    "plate number": (put("background", 7), "background"),
    "erode nothing": (put("background", None), "erode without a background"),
    "erode vertices": (put("erode.vertices", [0, 1, COUNTS[1]]), "vertex number"),
    "erode true": (put("erode.vertices", [0, 1, True]), "vertex number"),
    "erode too few": (put("erode.vertices", [0, 1]), "vertices"),
    "erode twice": (put("erode.vertices", [0, 1, 1]), "twice"),
    "erode far": (put("erode.widen", 9.0), "widen"),
    "erode of before": (put("erode.filled", DELETE), "make it again"),
    "erode black": (put("erode.filled", False), "make it again"),
    "erode field": (put("erode.more", 1), "unknown fields"),
    "trained nested": (put("trained", {"a": {}}), "trained"),
    "trained name": (put("trained", {"A b": 1}), "trained"),
    "trained lines": (put("trained", {"a": "x\ny"}), "trained"),
    "trained endless": (put("trained", {"a": 10**400}), "trained"),
    "trained too long": (put("trained", {f"a{n}": 1 for n in range(33)}), "at most 32"),
    "no texture": (with_tensor("texture", None), "lacks"),
    "no corner_uv": (with_tensor("corner_uv", None), "lacks"),
    "no weights": (save({"texture": np.zeros((16, 16, 8), HALF)}, {KEY: "{}"}), "lacks 'version'"),
    "texture type": (with_tensor("texture", np.zeros((16, 16, 8), np.float32)), "float32"),
    "range without bytes": (with_tensor("texture_range", np.zeros((2, 8), HALF)), "float16"),
    "range shape": (in_bytes(np.zeros((3, 8), HALF)), "texture_range is"),
    "range endless": (in_bytes(np.full((2, 8), np.inf, HALF)), "texture_range contains"),
    "range glaring": (in_bytes(np.full((2, 8), 99, HALF)), "reaches 99"),
    "texture flat": (with_tensor("texture", np.zeros((), HALF)), "texture"),
    "texture oblong": (with_tensor("texture", np.zeros((16, 32, 8), HALF)), "texture"),
    "texture channels": (with_tensor("texture", np.zeros((16, 16, 9), HALF)), "texture"),
    "texture small": (with_tensor("texture", np.zeros((2, 2, 8), HALF)), "texels a side"),
    "texture huge": (with_tensor("texture", np.zeros((1040, 1040, 8), HALF)), "texels a side"),
    "texture NaN": (with_tensor("texture", np.full((16, 16, 8), np.nan, HALF)), "NaN"),
    "texture glaring": (with_tensor("texture", np.full((16, 16, 8), 65, HALF)), "reaches 65"),
    "uv of another mesh": (with_tensor("corner_uv", np.zeros((9, 3, 2), np.uint16)), "corner_uv"),
    "uv type": (with_tensor("corner_uv", np.zeros((COUNTS[0], 3, 2), HALF)), "corner_uv"),
    "weight name": (with_tensor("stem.weight", np.zeros(3, HALF)), "no weight's name"),
    "weight path": (with_tensor("net.../x.weight", np.zeros(3, HALF)), "no weight's name"),
    "weight type": (with_tensor("net.a.weight", np.zeros(3, np.int8)), "int8"),
    "weight axes": (with_tensor("net.a.weight", np.zeros((1,) * 5, HALF)), "1 to 4 axes"),
    "weight NaN": (with_tensor("net.a.weight", np.full(3, np.inf, HALF)), "NaN"),
    "another network": (with_tensor("tiny.a.weight", np.zeros(3, HALF)), "no weight's name"),
    "small alone": (with_tensor("small.a.weight", np.zeros(3, HALF)), "beside a small"),
    "small path": (with_tensor("small.../x", np.zeros(3, HALF), LARGE), "no weight's name"),
    "small type": (with_tensor("small.a.weight", np.zeros(3, np.int8), LARGE), "small.a.weight is"),
    "small axes": (with_tensor("small.a.weight", np.zeros((1,) * 5, HALF), LARGE), "1 to 4 axes"),
    "small too many": (
        with_tensor("small.a.weight", np.zeros(8_000_001, HALF), LARGE),
        "under small",
    ),
    "weights too many": (with_tensor("net.a.weight", np.zeros(8_000_001, HALF)), "at most"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_hostile_ones_are_refused(name: str) -> None:
    data, message = BROKEN[name]
    with pytest.raises(PackageError, match=message) as caught:
        read(data, *COUNTS)
    assert len(str(caught.value)) < 600


def test_damaged_bytes_are_refused_or_read() -> None:
    whole, random = bytearray(made(PERSON)), np.random.default_rng(5)
    header = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(300):
        data = whole.copy()
        for at in random.integers(0, header, random.integers(1, 4)):
            data[at] = random.integers(0, 256)
        try:
            read(bytes(data[: len(data) - int(random.integers(0, 3))]), *COUNTS)
        except PackageError as error:
            assert "renderer.safetensors" in str(error)


def test_what_could_not_be_read_is_not_written() -> None:
    uv = np.zeros((4, 3, 2), np.float32)
    with pytest.raises(PackageError, match="NaN or infinity"):
        dump(CONFIG, np.zeros((16, 16, 8), np.float32), uv, {"a.weight": np.full(3, 1e9)})
    with pytest.raises(PackageError, match="no weight's name"):
        dump(CONFIG, np.zeros((16, 16, 8), np.float32), uv, {"a b": np.zeros(3)})


@pytest.fixture
def files() -> Files:
    return small()


def png(side: int, high: int = 0, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (side, high or side)).save(buffer, "PNG")
    return buffer.getvalue()


def test_packages_carry_it(files: Files, tmp_path: Path) -> None:
    assert package.load(folder(files, tmp_path / "drawn")).learned is None
    files |= {FILE: made(PERSON), "plate.png": png(16)}
    edit("likeness", GRANTED)(files)
    for path in (folder(files, tmp_path / "pack"), zipped(files, tmp_path / "z.zip", "mira/")):
        found = package.load(path).learned
        assert found is not None and found.config == PERSON
        assert found.plate is not None and found.plate.shape == (16, 16, 3)


def test_a_missing_or_broken_plate(files: Files, tmp_path: Path) -> None:
    files[FILE] = made(PERSON)
    edit("likeness", GRANTED)(files)
    with pytest.raises(PackageError, match=r"plate\.png is missing"):
        package.load(folder(files, tmp_path / "none"))
    files["plate.png"] = png(1)
    with pytest.raises(PackageError, match="1x1, expected 16 px"):
        package.load(zipped(files, tmp_path / "tiny.zip"))
    # Spread over a picture, it would fill a machine's memory.
    files["plate.png"] = png(4096, 16)
    with pytest.raises(PackageError, match="4096x16, expected"):
        package.load(zipped(files, tmp_path / "long.zip"))


def test_a_look_of_another_mesh(files: Files, tmp_path: Path) -> None:
    found = package.load(folder(files | {FILE: made()}, tmp_path / "any"))
    assert found.learned is not None
    right = learned.fingerprint(found.mesh, found.learned.corner_uv)
    for said, name in ((right, "right"), ("0badbeef", "wrong")):
        files[FILE] = made(replace(CONFIG, trained={"mesh": said}))
        path = folder(files, tmp_path / name)
        if name == "right":
            assert package.load(path).learned is not None
            continue
        with pytest.raises(PackageError, match="trained for another mesh"):
            package.load(path)


def test_too_large_or_a_link(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(files | {FILE: made()}, tmp_path / "pack")
    monkeypatch.setattr(learned, "LIMIT", 1000)
    with pytest.raises(PackageError, match="larger than 1000"):
        package.load(path)
    os.remove(path / FILE)
    os.symlink("/nowhere", path / FILE)
    with pytest.raises(PackageError, match="symbolic link"):
        package.load(path)


CONSENT = {"by": "Ada L.", "date": "2026-11-22", "statement": "I agree to this avatar of me."}
GRANTED = {"of": "real person", "consent": CONSENT, "mark": True}


@pytest.mark.parametrize("kind", ["person", "portrait"])
def test_a_photograph_of_nobody_is_refused(kind: str, files: Files, tmp_path: Path) -> None:
    files |= {FILE: made(replace(PERSON, kind=kind)), "plate.png": png(16)}
    with pytest.raises(PackageError, match="add 'likeness' with the person's consent"):
        package.load(folder(files, tmp_path / "pack"))


def test_likeness_is_read_and_written(files: Files, tmp_path: Path) -> None:
    edit("likeness", GRANTED)(files)
    found = package.load(folder(files, tmp_path / "pack")).manifest.likeness
    assert found is not None and found.mark and found.consent is not None
    assert found.consent.by == "Ada L." and likeness.dump(found) == GRANTED
    edit("likeness", {"of": "invented person", "consent": None, "mark": False})(files)
    other = package.load(folder(files, tmp_path / "other")).manifest.likeness
    assert other == likeness.Likeness("invented person", None, mark=False)
    assert package.load("mira").manifest.likeness is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected an object"),
        ({**GRANTED, "of": "my neighbour"}, "likeness.of"),
        ({**GRANTED, "consent": None}, "needs their consent"),
        ({**GRANTED, "consent": "yes"}, "expected an object"),
        ({**GRANTED, "consent": {"by": "A", "date": "2026-11-22"}}, "statement"),
        ({**GRANTED, "consent": {**CONSENT, "date": "2026-02-31"}}, "no date"),
        ({**GRANTED, "consent": {**CONSENT, "date": "soon"}}, "date"),
        ({**GRANTED, "consent": {**CONSENT, "by": "a\nb"}}, "by"),
        ({**GRANTED, "consent": {**CONSENT, "paid": 5}}, "unknown fields"),
        ({**GRANTED, "mark": "no"}, "mark"),
        ({**GRANTED, "photo": "x"}, "unknown fields"),
    ],
)
def test_likeness_without_consent_is_refused(
    value: Any, message: str, files: Files, tmp_path: Path
) -> None:
    edit("likeness", value)(files)
    with pytest.raises(PackageError, match=message):
        package.load(folder(files, tmp_path / "pack"))
