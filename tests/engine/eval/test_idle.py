"""Life of a face: counted blinks, frozen seconds and swings have known numbers."""

import numpy as np
import pytest

from engine.eval.idle import blinks_per_minute, frozen_seconds, gaze, statistics
from engine.face.blendshapes import INDEX


def still(seconds: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((25 * seconds, 52), np.float32), np.zeros((25 * seconds, 6), np.float32)


def test_blinks_are_counted_once() -> None:
    weights, _ = still(60)
    for at in (100, 300, 301, 302, 900):
        weights[at, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 0.9
    assert blinks_per_minute(weights) == 3.0
    weights[500, INDEX["eyeBlinkLeft"]] = 0.8  # a wink is none
    assert blinks_per_minute(weights) == 3.0


def test_frozen_seconds() -> None:
    weights, pose = still(10)
    assert frozen_seconds(weights, pose) == 19
    weights[:, INDEX["eyeLookUpLeft"]] = 0.01 * np.sin(np.arange(250))
    assert frozen_seconds(weights, pose) == 0
    weights[:, INDEX["eyeLookUpLeft"]] = 0
    pose[:, 0] = np.sin(np.arange(250) * 0.1)
    assert frozen_seconds(weights, pose) == 0
    weights[:100], pose[100:] = 0.5, 0.3
    assert frozen_seconds(weights, pose) == 10


def test_gaze_has_both_directions() -> None:
    weights, _ = still(1)
    weights[:, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.4
    weights[:, [INDEX["eyeLookUpLeft"], INDEX["eyeLookUpRight"]]] = 0.2
    np.testing.assert_allclose(gaze(weights), np.tile([0.4, 0.2], (25, 1)), rtol=1e-5)


def test_statistics_of_a_swing() -> None:
    weights, pose = still(20)
    pose[:, 0] = 5 * np.sin(2 * np.pi * np.arange(500) / 125)
    found = statistics(weights, pose)
    assert found["yaw_sd_deg"] == pytest.approx(5 / np.sqrt(2), abs=0.01)
    assert found["turn_max_deg"] == pytest.approx(2 * np.pi * 5 / 5, rel=0.01)
    assert found["speed_max"] == 0 and found["blinks_per_min"] == 0
