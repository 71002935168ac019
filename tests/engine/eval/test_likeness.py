"""Style recognition: made to be recognised, it is; shuffled, it is chance."""

import numpy as np
import pytest

from engine.eval.likeness import manner, recognise
from engine.face.blendshapes import INDEX


def person(gain: float, brow: float, seed: int, ticks: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = np.zeros((ticks, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = gain * np.abs(rng.standard_normal(ticks)) * 0.2
    weights[:, INDEX["browInnerUp"]] = brow + 0.02 * rng.standard_normal(ticks)
    return weights


def test_manner_is_mean_deviation_and_change() -> None:
    weights = np.zeros((4, 52), np.float32)
    weights[:, 0] = (0, 1, 0, 1)
    row = manner(weights)
    assert row[0] == 0.5 and row[52] == 0.5 and row[104] == pytest.approx(np.std([1, -1, 1]))
    assert manner(weights, weights[1])[0] == -0.5


def test_known_people_are_recognised() -> None:
    people = [(0.5, 0.0), (1.5, 0.0), (0.5, 0.4), (1.5, 0.4)]
    references = {str(n): manner(person(*p, seed=n)) for n, p in enumerate(people)}
    motions = [(str(n % 4), manner(person(*people[n % 4], seed=100 + n))) for n in range(24)]
    found = recognise(references, motions)
    assert found.rate == 1.0 and 0.2 < found.chance() < 0.3
    np.testing.assert_array_equal(found.confusion(), 6 * np.eye(4))


def test_one_face_for_all_is_chance() -> None:
    references = {str(n): manner(person(0.3 * n, 0.0, n)) for n in range(5)}
    motions = [(str(n % 5), manner(person(0.6, 0.0, 50))) for n in range(20)]
    found = recognise(references, motions)
    assert found.rate == pytest.approx(0.2) and found.chance() == pytest.approx(0.2)
