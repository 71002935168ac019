"""Live Link Face recordings (CSV): ARKit weights and head angles with the time of each row.

Contract: columns are found by their header, in any order and case; time is the timecode's
`HH:MM:SS:FF` or `HH:MM:SS:FF.fff`, whose frame rate is read off the frames themselves. Sizes of
the file, of a line and of the table are bounded before memory is asked for; every defect is a
TrackingError that names the file and the row.
"""

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face.rigs import plainly
from engine.frames import F32, POSE

MAX_BYTES = 128 << 20  # an hour of the app's own rows, 60 a second
MAX_ROWS = 2 * 3600 * 60  # two hours
_MAX_LINE = 16 << 10  # characters
_MAX_COLUMNS = 512
_HEAD = ("headyaw", "headpitch", "headroll")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d{1,6})?)")
_RATES = (24, 25, 30, 48, 50, 60, 90, 100, 120)
_LEAST = 20  # ARKit columns that a recording of a face has at least
_DAY = 24 * 3600.0

F64 = npt.NDArray[np.float64]


def read_rows(path: Path) -> tuple[F64, F32, list[str], F32 | None]:
    """-> times [T] in seconds from the first row, weights [T, N], their column names, pose [T, 6]
    in degrees (None where the file has no head). Raises TrackingError."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TrackingError(f"{path.name} has {size >> 20} MB, expected at most {MAX_BYTES >> 20}")
    try:
        with path.open(encoding="utf-8-sig") as file:
            rows = _rows(file, path.name)
            header = next(rows, [])
            columns = _columns(header, path.name)
            lower = [cell.lower() for cell in header]
            head = [lower.index(name) for name in _HEAD if name in lower]
            head = head if len(head) == len(_HEAD) else []
            stamps, values = _table(rows, len(header), lower.index("timecode"), columns + head,
                                    path.name)  # fmt: skip
    except UnicodeDecodeError as error:
        raise TrackingError(f"{path.name} is not a CSV of text ({error})") from error
    if len(values) < 2:
        raise TrackingError(f"{path.name} holds {len(values)} rows, expected a recording")
    weights, angles = values[:, : len(columns)], values[:, len(columns) :]
    pose = _degrees(angles) if head else None
    return _times(stamps, path.name), weights, [header[i] for i in columns], pose


def _rows(file: TextIO, name: str) -> Iterator[list[str]]:
    """Cells of each line; the app quotes nothing, spreadsheets quote whole cells."""
    while line := file.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise TrackingError(
                f"{name} has a line of more than {_MAX_LINE} characters, expected the rows of a "
                "Live Link Face recording"
            )
        yield [cell.strip(' "\t\r\n') for cell in line.split(",")]


def _columns(header: list[str], name: str) -> list[int]:
    if len(header) > _MAX_COLUMNS or "timecode" not in [cell.lower() for cell in header]:
        raise TrackingError(
            f"{name} begins with {', '.join(header[:4])[:80]!r}, expected the header of a Live "
            "Link Face recording: Timecode,BlendShapeCount,EyeBlinkLeft,..."
        )
    columns = [i for i, cell in enumerate(header) if plainly(cell)]
    meant = [plainly(header[i]) for i in columns]
    if len(columns) < _LEAST or len(set(meant)) < len(meant):
        raise TrackingError(
            f"{name} has {len(set(meant))} ARKit columns ({len(columns)} in all), expected the 52 "
            "of Live Link Face, each once; export the take as CSV again"
        )
    return columns


def _table(
    rows: Iterator[list[str]], width: int, time: int, used: list[int], name: str
) -> tuple[F64, F32]:
    """Timecodes [T, 2] as (seconds of the day, frame) and the used columns [T, N] of all rows."""
    stamps, values = array("d"), array("f")
    for number, row in enumerate(rows, 2):
        if not any(row):
            continue
        if number > MAX_ROWS:
            raise TrackingError(f"{name} has more than {MAX_ROWS} rows; cut the recording")
        if len(row) < width:
            raise TrackingError(
                f"{name}, row {number}: {len(row)} values, expected {width}; the recording is cut "
                "off or was edited"
            )
        try:
            values.extend([float(row[i]) for i in used])
        except (ValueError, OverflowError) as error:
            raise TrackingError(f"{name}, row {number}: {error}; expected numbers") from error
        match = _TIME.fullmatch(row[time])
        if match is None:
            raise TrackingError(
                f"{name}, row {number}: timecode {row[time][:40]!r}, expected HH:MM:SS:FF or "
                "HH:MM:SS:FF.fff"
            )
        hours, minutes, whole, frame = match.groups()
        stamps.extend((3600 * int(hours) + 60 * int(minutes) + int(whole), float(frame)))
    table = np.frombuffer(values, np.float32) if values else np.zeros(0, np.float32)
    return np.array(stamps).reshape(-1, 2), table.reshape(-1, len(used))


def _times(stamps: F64, name: str) -> F64:
    seconds, frames = stamps.T
    rate = next((r for r in _RATES if frames.max() < r), None)
    if rate is None:
        raise TrackingError(f"{name} counts {frames.max():.0f} frames in a second, expected 60")
    times = seconds + frames / rate
    times += _DAY * np.cumsum(np.diff(times, prepend=times[0]) < -_DAY / 2)  # midnight
    back = np.flatnonzero(np.diff(times) < -1e-6)
    if len(back):
        raise TrackingError(
            f"{name}, row {back[0] + 3}: the timecode goes back; expected one take in order"
        )
    return _spread(times - times[0])


def _spread(times: F64) -> F64:
    """Rows that share a timecode (60 rows a second under 30 frames) lie evenly up to the next."""
    firsts = np.flatnonzero(np.diff(times, prepend=-1.0) > 1e-6)
    counts = np.diff(np.append(firsts, len(times)))
    usual = float(np.median(np.diff(times[firsts]))) if len(firsts) > 1 else 0.0
    lengths = np.append(np.diff(times[firsts]), usual)
    # After a loss of rows the next timecode is far: the rows lie where rows usually lie.
    steps = np.minimum(lengths, usual) / counts
    within = np.arange(len(times)) - np.repeat(firsts, counts)
    return np.asarray(times + within * np.repeat(steps, counts))


def _degrees(angles: F32) -> F32:
    """Head angles [T, 3] -> pose [T, 6]. The app writes radians, some exporters write degrees: what
    would be a head turned beyond a right angle is in degrees."""
    turn = angles if np.abs(angles).max() > np.pi / 2 else np.degrees(angles)
    return np.pad(turn, ((0, 0), (0, len(POSE) - 3))).astype(np.float32)
