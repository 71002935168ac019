"""Arrays of strangers: the good ones come back exactly, the hostile ones cost nothing."""

import io
import resource
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.motion import npz
from engine.motion.npz import read_arrays


def npy(header: str, body: bytes = b"") -> bytes:
    """An .npy with any header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path: Path, save: object) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "half": rng.random((7, 3)).astype(np.float16),
        "columns": np.asfortranarray(rng.random((4, 5))),
        "names": np.array(["jawOpen", "eyeBlinkLeft"]),
        "one": np.float64(30.0),
        "none": np.zeros((0, 52), np.float32),
        "large": np.arange(5, dtype=">i8"),
    }
    save(tmp_path / "m.npz", **arrays)  # type: ignore[operator]
    back = read_arrays(tmp_path / "m.npz", arrays)
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
    assert set(read_arrays(tmp_path / "m.npz", ["half", "absent"])) == {"half"}


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (marker,))  # type: ignore[return-value]

    with open(tmp_path / "o.npz", "wb") as file:
        np.savez(file, weights=np.array([Bomb()], dtype=object))
    with pytest.raises(TrackingError, match="never unpickled"):
        read_arrays(tmp_path / "o.npz", ["weights"])
    assert not marker.exists()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 52), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 9**9), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 52), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 10 ** 30), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000000000000000000000000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.5,), }",
        "{'descr': '<f4', 'fortran_order': 'no', 'shape': (1,), }",
        "{'descr': '<U99999', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (0,), }",
        "{'shape': (1,)}",
        "[1, 2]",
        "5",
        "(" * 3000,
        "__import__('os').system('true')",
        "\x00\xff",
    ],
)
def test_forged_headers_are_refused(tmp_path: Path, header: str) -> None:
    path = packed(tmp_path / "bad.npz", weights=npy(header, b"\0\0\0\0"))
    with pytest.raises(TrackingError, match="weights"):
        read_arrays(path, ["weights"])


def test_a_bomb_is_refused_before_memory_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", 4 << 20)
    size = 64 << 20
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size // 4},), }}"
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("weights.npy", "w") as member,
    ):
        member.write(npy(header))
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TrackingError, match="MB"):
        read_arrays(path, ["weights"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB
    # The zip's own size is a lie: what is really read decides.
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    with pytest.raises(TrackingError):
        read_arrays(path, ["weights"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_arrays_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", 1 << 20)
    many = {f"a{i}": np.zeros(100_000, np.float32) for i in range(3)}
    np.savez_compressed(tmp_path / "many.npz", **many)  # type: ignore[arg-type]
    assert set(read_arrays(tmp_path / "many.npz", ["a0", "a2"])) == {"a0", "a2"}
    with pytest.raises(TrackingError, match="all arrays together"):
        read_arrays(tmp_path / "many.npz", many)
    # Bytes of the file become four times as many when they are read as numbers.
    np.savez_compressed(tmp_path / "small.npz", weights=np.zeros(300_000, np.uint8))
    with pytest.raises(TrackingError, match="all arrays together"):
        read_arrays(tmp_path / "small.npz", ["weights"])


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "many.npz", **{f"a{i}": b"" for i in range(100)})
    with pytest.raises(TrackingError, match="100 arrays"):
        read_arrays(path, ["a1"])


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    one = io.BytesIO()
    np.save(one, np.zeros(3))
    with (
        zipfile.ZipFile(tmp_path / "two.npz", "w") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("weights.npy", one.getvalue())
        archive.writestr("weights.npy", one.getvalue())
    with pytest.raises(TrackingError, match="twice"):
        read_arrays(tmp_path / "two.npz", ["weights"])


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04pickle", b"text,text\n", bytes(5000)])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(data)
    with pytest.raises(TrackingError, match="bad.npz"):
        read_arrays(tmp_path / "bad.npz", ["weights"])


def test_truncated_anywhere_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", weights=np.ones((20, 5)), names=np.array(["a"]))
    data = (tmp_path / "good.npz").read_bytes()
    for length in range(0, len(data), 37):
        (tmp_path / "cut.npz").write_bytes(data[:length])
        with pytest.raises(TrackingError, match="cut.npz"):
            read_arrays(tmp_path / "cut.npz", ["weights", "names"])


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "good.npz", weights=np.ones((20, 5)), names=np.array(["a"]))
    data = bytearray((tmp_path / "good.npz").read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(150):
        forged = bytearray(data)
        for at in rng.integers(len(data), size=3):
            forged[at] = int(rng.integers(256))
        (tmp_path / "bad.npz").write_bytes(forged)
        try:
            read_arrays(tmp_path / "bad.npz", ["weights", "names"])
        except TrackingError:
            pass


def test_folders_devices_and_absent_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    for name, says in ((".", "folder"), ("none.npz", "no such file"), ("zero.npz", "device")):
        with pytest.raises(TrackingError, match=says):
            read_arrays(tmp_path / name, ["weights"])
