"""A .style file round-trips; a broken or hostile one is refused, and the error says why."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as pack

from engine.errors import PackageError
from engine.style.code import KEY, MAX_BYTES, Style
from engine.style.encoder import CODE, VERSION

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
