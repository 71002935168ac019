"""Live Link Face recordings (CSV): ARKit weights and head angles with the time of each row.

Contract: columns are found by their header, in any order and case; time is the timecode's
`HH:MM:SS:FF` or `HH:MM:SS:FF.fff`, whose frame rate is read off the frames themselves. Sizes are
bounded; every defect is a TrackingError that names the file and the row.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face.rigs import plainly
from engine.frames import F32, POSE

MAX_BYTES = 512 << 20
MAX_ROWS = 2 * 3600 * 60  # two hours
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
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [cell.strip() for cell in next(rows, [])]
            columns = _columns(header, path.name)
            table = list(_numbers(rows, header, path.name))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrackingError(f"{path.name} is not a CSV of text ({error})") from error
    if len(table) < 2:
        raise TrackingError(f"{path.name} holds {len(table)} rows, expected a recording")
    stamps, values = [row[0] for row in table], np.array([row[1] for row in table], np.float64)
    lower = [cell.lower() for cell in header]
    pose = None
    if all(name in lower for name in _HEAD):
        pose = _degrees(values[:, [lower.index(name) for name in _HEAD]])
    weights = values[:, columns].astype(np.float32)
    return _times(stamps, path.name), weights, [header[i] for i in columns], pose


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


def _numbers(
    rows: Iterator[list[str]], header: list[str], name: str
) -> Iterator[tuple[str, list[float]]]:
    """(timecode, all columns as numbers) of each row; text columns count as 0."""
    lower = [cell.lower() for cell in header]
    time = lower.index("timecode")
    used = {i for i, cell in enumerate(lower) if plainly(cell) or cell in _HEAD}
    for number, row in enumerate(rows, 2):
        if not any(row):
            continue
        if number > MAX_ROWS:
            raise TrackingError(f"{name} has more than {MAX_ROWS} rows; cut the recording")
        if len(row) < len(header):
            raise TrackingError(
                f"{name}, row {number}: {len(row)} values, expected {len(header)}; the recording "
                "is cut off or was edited"
            )
        try:
            values = [float(row[i]) if i in used else 0.0 for i in range(len(header))]
        except ValueError as error:
            raise TrackingError(f"{name}, row {number}: {error}; expected numbers") from error
        yield row[time].strip(), values


def _times(stamps: list[str], name: str) -> F64:
    seconds, frames = np.zeros(len(stamps)), np.zeros(len(stamps))
    for i, stamp in enumerate(stamps):
        match = _TIME.fullmatch(stamp)
        if match is None:
            raise TrackingError(
                f"{name}, row {i + 2}: timecode {stamp[:40]!r}, expected HH:MM:SS:FF or "
                "HH:MM:SS:FF.fff"
            )
        hours, minutes, whole, frame = match.groups()
        seconds[i] = 3600 * int(hours) + 60 * int(minutes) + int(whole)
        frames[i] = float(frame)
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


def _degrees(angles: F64) -> F32:
    """Head angles [T, 3] -> pose [T, 6]. The app writes radians; some exporters write degrees."""
    turn = angles if np.abs(angles).max() > np.pi else np.degrees(angles)
    return np.pad(turn, ((0, 0), (0, len(POSE) - 3))).astype(np.float32)
