"""Manners: told apart by their statistics, random ones in range and the same for the same seed."""

from dataclasses import asdict

import numpy as np
import pytest

from engine.eval.recordings import bundled
from engine.runtime import ASSETS, load
from engine.style.encoder import statistics
from engine.train.manner import _FAMILY, _RANGES, BUNDLED, SINGING, SPEAKING, random_manner
from engine.train.noises import Noises
from engine.train.takes import Tape, record, take
from engine.train.tracks import taught

PART = 150  # ticks


@pytest.fixture(scope="module")
def tape() -> Tape:
    rng = np.random.default_rng(0)
    noises = Noises(rng, [])
    takes = [take(recording, False, rng, noises) for recording in bundled()[:4]]
    return record(takes, load(ASSETS / "ppg.onnx"))


def parts(name: str, tape: Tape, seed: int) -> np.ndarray:
    track = taught(name, name, BUNDLED[name], tape, seed)
    return np.stack([
        statistics(track.weights[i : i + PART].astype(np.float32), track.pose[i : i + PART])
        for i in range(0, len(track) - PART + 1, PART)
    ])  # fmt: skip


def test_there_are_enough_and_the_old_names_stay() -> None:
    assert len(SPEAKING) >= 10 and len(SINGING) == 3
    assert {"neutral", "calm", "cheerful", "emphatic", "shy", "theatrical"} <= set(SPEAKING)


def test_every_manner_is_told_from_the_others(tape: Tape) -> None:
    """Nearest mean of other seconds, other noise: z-scored statistics of six seconds."""
    reference = {name: parts(name, tape, 1)[::2] for name in BUNDLED}
    every = np.concatenate(list(reference.values()))
    mean, scale = every.mean(0), np.maximum(every.std(0), 0.02)
    centres = np.stack([(rows.mean(0) - mean) / scale for rows in reference.values()])
    far = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    far[np.diag_indices(len(far))] = np.inf
    assert far.min() > 4.0
    found = []
    for n, name in enumerate(BUNDLED):
        rows = (parts(name, tape, 2)[1::2] - mean) / scale
        nearest = np.linalg.norm(rows[:, None] - centres[None], axis=2).argmin(1)
        found.append((nearest == n).mean())
    assert min(found) >= 0.5 and np.mean(found) > 0.9


def test_random_manners_stay_in_range_and_differ() -> None:
    rng = np.random.default_rng(0)
    made = [asdict(random_manner(rng)) for _ in range(200)]
    for name, (low, high) in _RANGES.items():
        values = np.array([manner[name] for manner in made])
        assert values.min() >= low - 1e-9 and values.max() <= high + 1e-9, name
        assert values.std() > 0.1 * (high - low), name
    assert set(_FAMILY) <= set(_RANGES)
    # Families: who smiles more frowns less and lifts the brows when it matters.
    smile = np.array([m["smile"] for m in made])
    frown = np.array([m["frown"] for m in made])
    assert np.corrcoef(smile, frown)[0, 1] < -0.1


def test_a_seed_makes_the_same_manner() -> None:
    one, two = (random_manner(np.random.default_rng(5)) for _ in range(2))
    assert one == two != random_manner(np.random.default_rng(6))


def test_bundled_manners_lie_in_the_range_of_random_ones() -> None:
    for name, manner in BUNDLED.items():
        for knob, value in asdict(manner).items():
            low, high = _RANGES[knob]
            assert low <= value <= high, (name, knob)
