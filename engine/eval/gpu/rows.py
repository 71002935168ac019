"""What a check says: one row per finding, printed as a line of JSON as soon as it is known."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OK, FAILED, ABSENT, MEASURED, MISSED = "ok", "failed", "absent", "measured", "missed"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding."""

    part: str
    name: str
    status: str  # ok or failed: a check; measured or missed: a number; absent: not there to check
    value: float | None = None
    unit: str = ""
    target: float | None = None  # `value` is no larger, if not said otherwise
    note: str = ""
    more: dict[str, float | str] = field(default_factory=dict)

    def line(self) -> str:
        """As JSON in one line."""
        return json.dumps({key: value for key, value in asdict(self).items() if value not in
                           (None, "", {})})  # fmt: skip


def number(
    part: str, name: str, value: float, unit: str, target: float | None = None,
    note: str = "", least: bool = False, more: Mapping[str, float | str] | None = None,
) -> Row:  # fmt: skip
    """A measurement; `least`: the target is to be reached or passed."""
    kept = target is None or (value >= target if least else value <= target)
    return Row(
        part,
        name,
        MEASURED if kept else MISSED,
        float(f"{value:.5g}"),
        unit,
        target,
        note,
        dict(more or {}),
    )


def check(part: str, name: str, good: bool, note: str = "", **more: float | str) -> Row:
    """A check that holds or does not."""
    return Row(part, name, OK if good else FAILED, note=note, more=more)


def told(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def read(text: str) -> list[Row]:
    """The rows among lines of output; other lines are passed over."""
    found = []
    for line in text.splitlines():
        if line.startswith('{"part"'):
            try:
                found.append(Row(**json.loads(line)))
            except (ValueError, TypeError):  # a process that was stopped within a line
                continue
    return found


def table(rows: Iterable[Row]) -> str:
    """For people."""
    lines = ["| part | what | status | value | target | |", "|---|---|---|---|---|---|"]
    for row in rows:
        value = "" if row.value is None else f"{row.value:g} {row.unit}"
        target = "" if row.target is None else f"{row.target:g}"
        also = ", ".join(f"{key} {_short(worth)}" for key, worth in row.more.items())
        note = "; ".join(part for part in (row.note, also) if part)
        lines.append(f"| {row.part} | {row.name} | {row.status} | {value} | {target} | {note} |")
    return "\n".join(lines)


def _short(worth: Any) -> str:
    return f"{worth:.4g}" if isinstance(worth, float) else str(worth)
