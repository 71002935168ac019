"""Live Link Face CSV: both timecodes, any column order, and clear words for what is broken."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import ARKIT, INDEX
from engine.motion import livelink
from engine.motion.curves import read_curves

HEAD = ["HeadYaw", "HeadPitch", "HeadRoll"]
EYES = [f"{side}Eye{axis}" for side in ("Left", "Right") for axis in ("Yaw", "Pitch", "Roll")]
NAMES = [*(name[0].upper() + name[1:] for name in ARKIT), *HEAD, *EYES]
assert len(NAMES) == 61


def timecode(seconds: float, rate: float, fraction: bool, begin: float = 17 * 3600 + 59.5) -> str:
    """As the app writes it."""
    at = begin + seconds
    whole = int(at + 1e-9)
    frame = (at - whole) * rate
    text = f"{frame:06.3f}" if fraction else f"{int(frame + 1e-6):02d}"
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{text}"


def jaw(t: np.ndarray) -> np.ndarray:
    return 0.3 + 0.2 * np.sin(2 * np.pi * 1.5 * t)


def csv(
    path: Path, seconds: float = 4.0, fps: float = 60.0, rate: float = 60.0, fraction: bool = True,
    begin: float = 17 * 3600 + 59.5, names: list[str] | None = None,
    edit: Callable[[list[list[str]]], None] | None = None,
) -> Path:  # fmt: skip
    """A take in which the jaw and the head swing."""
    names = names or NAMES
    rows = [["Timecode", "BlendShapeCount", *names]]
    for t in np.arange(round(seconds * fps)) / fps:
        values = dict.fromkeys(names, 0.02)
        values |= {n: float(jaw(t)) for n in names if n.lower() == "jawopen"}
        values |= {"HeadYaw": 0.2 * float(np.sin(t)), "HeadPitch": 0.05, "HeadRoll": -0.05}
        cells = [f"{values[name]:.6f}" for name in names]
        rows.append([timecode(float(t), rate, fraction, begin), "61", *cells])
    if edit:
        edit(rows)
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("fps", "rate", "fraction"),
    [
        (60, 60, True),
        (60, 60, False),
        (30, 30, True),
        (60, 30, True),
        (60, 30, False),
        (24, 24, False),
    ],
)
def test_times_follow_the_timecode(tmp_path: Path, fps: float, rate: float, fraction: bool) -> None:
    curves = read_curves(csv(tmp_path / "take.csv", fps=fps, rate=rate, fraction=fraction))
    assert curves.kind == "arkit" and curves.has_head and curves.mask.all()
    np.testing.assert_allclose(curves.times, np.arange(len(curves.times)) / fps, atol=2e-3)
    truth = jaw(curves.times)
    np.testing.assert_allclose(curves.weights[:, INDEX["jawOpen"]], truth, atol=5e-3)
    assert abs(np.degrees(0.2) - np.abs(curves.pose[:, 0]).max()) < 0.1


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    shuffled = [NAMES[i] for i in np.random.default_rng(0).permutation(len(NAMES))]
    straight = read_curves(csv(tmp_path / "a.csv"))
    mixed = read_curves(csv(tmp_path / "b.csv", names=shuffled))
    np.testing.assert_array_equal(straight.weights, mixed.weights)
    np.testing.assert_array_equal(straight.pose, mixed.pose)
    camel = [*ARKIT, *HEAD]
    np.testing.assert_array_equal(
        straight.weights, read_curves(csv(tmp_path / "c.csv", names=camel)).weights
    )


def test_a_take_may_pass_midnight_and_lose_rows(tmp_path: Path) -> None:
    late = csv(tmp_path / "late.csv", begin=86400 - 2.0)
    assert abs(read_curves(late).times[-1] - (4.0 - 1 / 60)) < 2e-3

    def lose(rows: list[list[str]]) -> None:
        del rows[60:120]

    lossy = read_curves(csv(tmp_path / "lossy.csv", edit=lose))
    np.testing.assert_allclose(lossy.weights[:, INDEX["jawOpen"]], jaw(lossy.times), atol=5e-3)
    assert np.diff(lossy.times).max() > 0.9


def test_degrees_and_a_missing_head_are_understood(tmp_path: Path) -> None:
    def degrees(rows: list[list[str]]) -> None:
        for row in rows[1:]:
            row[2 + NAMES.index("HeadYaw")] = text

    for text in ("20.0", "3.0"):  # as radians, the second one were turned to the back
        turned = read_curves(csv(tmp_path / "deg.csv", edit=degrees))
        assert abs(turned.pose[:, 0] - float(text)).max() < 1e-3
    assert not read_curves(csv(tmp_path / "no.csv", names=NAMES[:52])).has_head


def cell(row: int, column: int, text: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column] = text

    return change


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (cell(5, 30, "nan"), "NaN"),
        (cell(5, 30, "abc"), "row 6"),
        (cell(5, 30, "97"), "0 to 1"),
        (cell(5, 0, "noon"), "row 6: timecode 'noon'"),
        (cell(5, 0, "16:59:00:00"), "goes back"),
        (cell(0, 0, "Time"), "Timecode,BlendShapeCount"),
        (cell(0, 3, "EyeBlinkLeft"), "each once"),
        (cell(5, 30, "1e999"), "NaN"),
        (cell(5, 30, "9" * 20_000), "line of more than"),
        (lambda rows: rows[7].pop(), "row 8: 62 values"),
        (lambda rows: rows[1:].clear() or rows.__delitem__(slice(2, None)), "1 rows"),
        (lambda rows: rows.clear() or rows.append(["x"]), "Timecode"),
    ],
)
def test_broken_takes_are_named(
    tmp_path: Path, edit: Callable[[list[list[str]]], None], says: str
) -> None:
    with pytest.raises(TrackingError, match=says):
        read_curves(csv(tmp_path / "bad.csv", edit=edit))


def test_a_large_take_is_read_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = [f"Extra{i}" for i in range(400)]
    path = csv(tmp_path / "wide.csv", seconds=40, names=[*NAMES, *extra])
    text = path.read_text().replace("0.020000", "0")
    path.write_text(text)
    tracemalloc.start()
    curves = read_curves(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        curves.weights.shape == (2400, 52) and peak < 4 << 20
    )  # 400 columns are left where they are
    monkeypatch.setattr(livelink, "MAX_BYTES", 1 << 20)
    with pytest.raises(TrackingError, match="expected at most 1"):
        read_curves(path)


def test_spreadsheets_quote(tmp_path: Path) -> None:
    plain = csv(tmp_path / "plain.csv")
    quoted = tmp_path / "quoted.csv"
    rows = [line.split(",") for line in plain.read_text().splitlines()]
    quoted.write_text("\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows))
    np.testing.assert_array_equal(read_curves(plain).weights, read_curves(quoted).weights)


def test_other_csv_files_are_refused(tmp_path: Path) -> None:
    for data in (b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b'"' + b"x" * 200_000):
        (tmp_path / "bad.csv").write_bytes(data)
        with pytest.raises(TrackingError, match="bad.csv"):
            read_curves(tmp_path / "bad.csv")
