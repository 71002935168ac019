"""python -m engine.eval gpu: does everything that needs an NVIDIA card work on this one, how fast.

Parts run one after the other, each in a process of its own: what one breaks, or a card that hangs,
is one row. Without a card every part is `absent`, and so is what a part needs and does not find.
Times are of the device, by its events, cold: before each run copies push all else out of its
second-level cache; medians. "wall" is a whole call from Python, tables and waiting included.

Until a JSON of a run lies in engine/eval/results, nothing here was ever run on a card: the parts
ran on a stand-in for the driver only (tests/engine/eval/gpu).
"""

import argparse
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.eval.gpu.rows import ABSENT, FAILED, Row, read, table, told

FPS = 25  # of a live session
ROOT = Path(__file__).parents[3]


class Part(NamedTuple):
    """One part of the check: `module.function(rig)` yields rows."""

    module: str
    function: str
    seconds: float  # at most, of those that are left
    card: bool = True  # whether it is given a Rig


PARTS = {
    "packages": Part("machine", "packages", 30, card=False),
    "card": Part("machine", "card", 60),
    "build": Part("machine", "build", 90),
    "copies": Part("machine", "copies", 40),
    "pictures": Part("pictures", "equal", 150),
    "replay": Part("pictures", "replay", 60),
    "stages": Part("stages", "stages", 150),
    "decoder": Part("networks", "decoder", 90),
    "ears": Part("networks", "ears", 90),
    "painter": Part("networks", "painter", 120),
    "tests": Part("machine", "tests", 150),
    "sanitizer": Part("machine", "sanitizer", 120),
}


def rows_of(name: str, make: Callable[[float], Any], seconds: float) -> Iterator[Row]:
    """The rows of one part, in this process; `make`: seconds -> its Rig. Whatever stops it is its
    last row."""
    try:
        part = PARTS[name]
        module = importlib.import_module(f"engine.eval.gpu.{part.module}")
        yield from getattr(module, part.function)(make(seconds) if part.card else None)
    except ModuleNotFoundError as error:
        yield Row(name, error.name or "package", ABSENT, note=told(error))
    except Exception as error:  # noqa: BLE001 - the row says what was raised
        missing = type(error).__name__ in ("CudaUnavailable", "RuntimeUnavailable")
        yield Row(name, "run", ABSENT if missing else FAILED, note=told(error))


def _rig(tiny: bool) -> Callable[[float], Any]:
    """A Rig on this machine's card; what that needs is imported only then."""

    def make(seconds: float) -> Any:
        from engine.eval.gpu.rig import TINY, Noted, Rig, Scale

        return Rig(Noted(), TINY if tiny else Scale(), seconds)

    return make


def child(name: str, tiny: bool, seconds: float) -> list[Row]:
    """A part in a process of its own."""
    command = [sys.executable, "-m", "engine.eval", "gpu", "--part", name]
    command += ["--seconds", f"{seconds:.1f}", *["--tiny"] * tiny]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        late = False
        try:
            out, said = process.communicate(timeout=seconds + 5)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
            out, said = process.communicate()
    found = read(out)
    if late:
        found.append(Row(name, "run", FAILED, note=f"stopped after {seconds:.0f} s"))
    elif process.returncode:
        last = " ".join(said.split())[-300:]
        found.append(Row(name, "run", FAILED, note=f"status {process.returncode}: {last}"))
    return found


def run(
    names: Iterable[str], minutes: float, tiny: bool,
    start: Callable[[str, bool, float], list[Row]] = child,
) -> list[Row]:  # fmt: skip
    """All rows; what begins too late is not begun."""
    until, rows, missing = time.monotonic() + 60 * minutes, [], ""
    for name in names:
        left = until - time.monotonic()
        if missing:
            rows.append(Row(name, "run", ABSENT, note=missing))
        elif left < 10:
            rows.append(Row(name, "run", ABSENT, note=f"the {minutes:g} minutes were over"))
        else:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += (found := start(name, tiny, min(PARTS[name].seconds, left)))
            if name == "card" and found[0].status in (ABSENT, FAILED):
                missing = f"no card: {found[0].note}"
    return rows


def steps(rows: Sequence[Row]) -> dict[str, Any] | None:
    """What `engine.eval capacity` reads: ms of one call that draws, by sessions in it."""
    card = next((row for row in rows if row.part == "card"), None)
    calls = [row for row in rows if row.part == "stages" and row.name == "wall of a call"]
    drawn = {
        str(row.more["batch"]): row.value for row in calls
        if row.more["size"] == 512 and row.value
    }  # fmt: skip
    if card is None or not drawn:
        return None
    return {
        "device": card.note, "date": time.strftime("%Y-%m-%d"), "draw": "toon 512x512",
        "draw_ms": drawn,
    }  # fmt: skip


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m engine.eval gpu", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result there too")
    parser.add_argument("--minutes", type=float, default=8, help="the whole check takes at most")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="these only, and `card`")
    parser.add_argument("--tiny", action="store_true", help="small pictures, few runs")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.part:
        for row in rows_of(args.part, _rig(args.tiny), args.seconds):
            print(row.line(), flush=True)
        return 0
    names = [name for name in PARTS if name in ("card", *(args.parts or PARTS))]
    began = time.monotonic()
    rows = run(names, args.minutes, args.tiny)
    print(table(rows))
    result: dict[str, Any] = {
        "suite": "gpu", "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.platform(), "tiny": args.tiny,
        "seconds": round(time.monotonic() - began, 1),
        "rows": [json.loads(row.line()) for row in rows],
    }  # fmt: skip
    if found := steps(rows):
        result["steps"] = found
    absent = sum(row.status == ABSENT for row in rows)
    failed = [f"{row.part} {row.name}" for row in rows if row.status == FAILED]
    print(f"\n{len(rows)} rows, {absent} absent, failed: {', '.join(failed) or 'none'}")
    text = json.dumps(result)
    if args.json:
        args.json.write_text(text + "\n")
    print(text)
    return 0
