"""The table of what drawing costs."""

import numpy as np
import pytest

from engine.eval import drawing
from engine.frames import Motion

STILL = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))


def test_sizes_have_names() -> None:
    assert drawing.key(512) == "512" and drawing.key((1280, 720)) == "1280x720"


def test_costs_are_of_the_asked_pictures() -> None:
    found = drawing.costs("mira", [STILL] * 3, 64)
    assert 0 < found["p50"] <= found["p95"]


def test_a_fresh_process_reports_first_picture_and_memory() -> None:
    found = drawing.fresh("mira", ["mira"])
    assert found["first_frame_ms"]["cpu"] > 100
    if not np.isnan(found["memory_mb"]["first"]):
        assert 20 < found["memory_mb"]["first"] < 400
        assert found["memory_mb"]["further"] == pytest.approx(6, abs=14)
