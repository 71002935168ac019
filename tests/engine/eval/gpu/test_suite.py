"""The check of a GPU as a command: without a card, with parts that fail, and what it writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.eval import capacity
from engine.eval.gpu import machine, suite
from engine.eval.gpu.rows import ABSENT, FAILED, MEASURED, MISSED, Row, number, read, table
from kernels.cuda.build import CudaUnavailable

ROOT = Path(__file__).parents[4]


def test_without_a_card_it_ends_well_and_says_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, "-m", "engine.eval", "gpu", "--minutes", "2", "--json", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == json.loads(out.read_text()) and "steps" not in result
    rows = [row for row in result["rows"] if row["part"] != "packages"]
    assert {row["part"] for row in rows} == set(suite.PARTS) - {"packages"}
    assert {row["status"] for row in rows} == {ABSENT}
    assert all("no card" in row["note"] for row in rows if row["part"] != "card"), rows


def rows(name: str, raised: BaseException, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    def broken(_: object) -> object:
        yield number(name, "first", 1.0, "us")
        raise raised

    monkeypatch.setattr(machine, suite.PARTS[name].function, broken)
    return list(suite.rows_of(name, lambda seconds: None, 1.0))


def test_what_stops_a_part_is_one_row_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = rows("copies", ValueError("it broke"), monkeypatch)
    assert first.status == MEASURED and last.status == FAILED
    assert last.note == "ValueError: it broke"
    for raised in (CudaUnavailable("no driver"), ModuleNotFoundError("x", name="x")):
        assert rows("build", raised, monkeypatch)[1].status == ABSENT


def test_a_process_that_dies_or_hangs_leaves_the_rows_it_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    line = number("copies", "first", 1.0, "us").line()
    for ends, said in (("kill -9 $$", "status -9"), ("sleep 60", "stopped after")):
        script.write_text(f"#!/bin/sh\necho '{line}'\n{ends}\n")
        script.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(script))
        first, last = suite.child("copies", True, -4.0)
        assert first.name == "first" and last.status == FAILED and said in last.note


def test_parts_that_begin_too_late_are_absent() -> None:
    begun = suite.run(suite.PARTS, 0.0, True, lambda *_: pytest.fail("it began"))
    assert {row.status for row in begun} == {ABSENT} and "minutes were over" in begun[0].note


def test_steps_are_what_capacity_reads(tmp_path: Path) -> None:
    card = Row("card", "name", MEASURED, note="a card")
    calls = [
        number("stages", "wall of a call", 0.5 * batch, "ms", more={"size": size, "batch": batch})
        for size in (512, 1024) for batch in (1, 8)
    ]  # fmt: skip
    assert suite.steps([card]) is None and suite.steps(calls) is None
    path = tmp_path / "steps.json"
    path.write_text(json.dumps({"steps": suite.steps([card, *calls])}))
    found = capacity.read_steps(path)
    assert found is not None and found["draw"] == {1: 0.0005, 8: 0.004}
    assert found["device"] == "a card"


def test_rows_are_lines_and_a_torn_one_is_passed_over() -> None:
    kept = number("stages", "x", 12.3456789, "us", 10.0, more={"batch": 8})
    assert kept.status == MISSED and number("a", "b", 5, "", 4, least=True).status == MEASURED
    text = f"noise\n{kept.line()}\n{kept.line()[:-20]}\n"
    assert read(text) == [kept]
    assert "| stages | x | missed | 12.346 us | 10 | batch 8 |" in table([kept])
