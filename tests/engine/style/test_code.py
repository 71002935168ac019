"""A .style file round-trips; a broken or hostile one is refused, and the error says why."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as pack

from engine.errors import PackageError
from engine.style.code import ADAPTER_BOUND, KEY, MAX_BYTES, MAX_MADE, Style, with_head
from engine.style.encoder import CODE, EXPRESSION, VERSION

GOOD = {"format": 1, "name": "warm", "encoder": VERSION, "made": "test"}


def write(
    path: Path, code: np.ndarray | None = None, header: object = None, **more: object
) -> Path:
    tensors = {"code": np.zeros(CODE, np.float32) if code is None else code}
    head = {**GOOD, **more} if header is None else header
    path.write_bytes(pack(tensors, {KEY: json.dumps(head)}))
    return path


def test_round_trip(tmp_path: Path) -> None:
    code = np.linspace(-1, 1, CODE, dtype=np.float32)
    Style("my style", code, made="a clip").save(tmp_path / "my.style")
    back = Style.load(tmp_path / "my.style")
    assert (back.name, back.made, back.encoder) == ("my style", "a clip", VERSION)
    np.testing.assert_array_equal(back.code, code)


def nan() -> np.ndarray:
    code = np.zeros(CODE, np.float32)
    code[3] = np.nan
    return code


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code": nan()}, "not finite"),
        ({"code": np.full(CODE, 99, np.float32)}, "beyond"),
        ({"code": np.zeros(CODE - 1, np.float32)}, f"({CODE - 1},)"),
        ({"code": np.zeros(CODE, np.float64)}, "float64"),
        ({"code": np.zeros((2, CODE), np.float32)}, "expected float32"),
        ({"encoder": "other-9"}, "other-9"),
        ({"format": 7}, "format 7"),
        ({"name": "../../etc"}, "not allowed"),
        ({"name": "Loud"}, "not allowed"),
        ({"name": 5}, "text values"),
        ({"made": "x" * 401}, "401 characters"),
        ({"made": "\x1b[2J"}, "printable"),
        ({"surprise": 1}, "header keys"),
        ({"header": [1, 2]}, "not an object"),
        ({"header": {"name": "x"}}, "header keys"),
    ],
)
def test_wrong_contents_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(PackageError, match=says.replace("(", r"\(").replace(")", r"\)")):
        Style.load(write(tmp_path / "bad.style", **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95pickle",
        b"PK\x03\x04" + bytes(100),
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        bytes(range(256)) * 4,
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.style").write_bytes(data)
    with pytest.raises(PackageError, match="bad.style"):
        Style.load(tmp_path / "bad.style")


def test_truncated_at_any_length_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "good.style").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "cut.style").write_bytes(data[:length])
        with pytest.raises(PackageError):
            Style.load(tmp_path / "cut.style")


def test_giant_file_is_refused_unread(tmp_path: Path) -> None:
    with open(tmp_path / "big.style", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PackageError, match="bytes"):
        Style.load(tmp_path / "big.style")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="none.style"):
        Style.load(tmp_path / "none.style")


ADAPTER = {
    "query": np.full((2, 96), 0.1, np.float32), "rest": np.full(58, 0.2, np.float32),
    "head": np.full(12, 0.3, np.float32), "gain": np.full(32, 0.4, np.float32),
    "event": np.full(4, 0.5, np.float32),
}  # fmt: skip


def test_an_adapter_round_trips(tmp_path: Path) -> None:
    adapter = {**ADAPTER, "down_bias": np.arange(6, dtype=np.float32).reshape(3, 2).T}
    Style("mine", np.zeros(CODE, np.float32), adapter=adapter).save(tmp_path / "my.style")
    back = Style.load(tmp_path / "my.style")
    assert set(back.adapter) == set(adapter)
    for name, change in adapter.items():
        np.testing.assert_array_equal(back.adapter[name], change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (np.full(4, np.nan, np.float32), "not finite"),
        (np.full(4, 2 * ADAPTER_BOUND, np.float32), "beyond"),
        (np.zeros(4), "not finite float32"),
    ],
)
def test_a_bad_adapter_is_refused(tmp_path: Path, change: np.ndarray, says: str) -> None:
    tensors = {"code": np.zeros(CODE, np.float32), "adapter.rest": change}
    (tmp_path / "bad.style").write_bytes(pack(tensors, {KEY: json.dumps(GOOD)}))
    with pytest.raises(PackageError, match=says):
        Style.load(tmp_path / "bad.style")


def test_unknown_tensors_are_refused(tmp_path: Path) -> None:
    tensors = {"code": np.zeros(CODE, np.float32), "rest": np.zeros(4, np.float32)}
    (tmp_path / "bad.style").write_bytes(pack(tensors, {KEY: json.dumps(GOOD)}))
    with pytest.raises(PackageError, match="adapter"):
        Style.load(tmp_path / "bad.style")


def test_a_folder_or_a_device_is_no_style(tmp_path: Path) -> None:
    (tmp_path / "zero.style").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "zero.style"):
        with pytest.raises(PackageError, match="not found"):
            Style.load(path)


def test_with_head_swaps_only_the_head() -> None:
    rng = np.random.default_rng(0)
    a = Style("a", rng.normal(0, 1, CODE).astype(np.float32), made="x" * MAX_MADE, adapter=ADAPTER)
    b = Style("b", rng.normal(0, 1, CODE).astype(np.float32), made="clip b")
    both = with_head(a, b)
    assert both.name == "a" and len(both.made) <= MAX_MADE
    np.testing.assert_array_equal(both.code[:EXPRESSION], a.code[:EXPRESSION])
    np.testing.assert_array_equal(both.code[EXPRESSION:], b.code[EXPRESSION:])
    np.testing.assert_array_equal(both.adapter["query"], ADAPTER["query"])
    assert not both.adapter["head"].any() and not both.adapter["rest"][-6:].any()
    assert both.adapter["rest"][:-6].all() and both.adapter["gain"][:16].all()
    assert not both.adapter["gain"][16:].any()
    there = with_head(b, a)
    assert there.adapter["head"].all() and not there.adapter["query"].any()
    assert there.adapter["rest"][-6:].all() and not there.adapter["rest"][:-6].any()
    with pytest.raises(PackageError, match="shape"):
        with_head(a, Style("c", b.code, adapter={"rest": np.zeros(3, np.float32)}))
