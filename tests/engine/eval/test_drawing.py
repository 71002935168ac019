"""The table of what drawing costs."""

from pathlib import Path

import numpy as np
import pytest

from engine.eval import drawing
from engine.face.learned import Config
from engine.frames import Motion
from tests.looks import dressed

STILL = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))


def test_sizes_have_names() -> None:
    assert drawing.key(512) == "512" and drawing.key((1280, 720)) == "1280x720"


def test_costs_are_of_the_asked_pictures() -> None:
    found = drawing.costs("mira", [STILL] * 3, 64)
    assert 0 < found["p50"] <= found["p95"]


def test_a_neural_look_is_a_row_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    avatar = str(dressed(tmp_path / "mira", Config("large", "teacher"), beside=True))
    rows = drawing.table([avatar], [], [STILL], [64])
    assert set(rows) == {avatar, f"{avatar} neural", f"{avatar} neural small"}
    assert all(row["render_cpu_ms"]["64"]["p50"] > 0 for row in rows.values())
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_fresh_process_reports_first_picture_and_memory() -> None:
    found = drawing.fresh("mira", ["mira"])
    assert found["first_frame_ms"]["cpu"] > 100
    if not np.isnan(found["memory_mb"]["first"]):
        assert 20 < found["memory_mb"]["first"] < 400
        assert found["memory_mb"]["further"] == pytest.approx(6, abs=14)
