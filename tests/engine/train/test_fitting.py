"""Fitting finds the targets that made a motion; what was never heard stays by hand."""

from pathlib import Path

import numpy as np
import pytest

from engine.frames import F32
from engine.speech.phonemes import INDEX, PHONES
from engine.train import fitting
from engine.train.fitting import Lesson
from engine.train.shapes import DOMINANCE, FITTED, FIXED, GROUP, hand, read_fitted

HEARD = ["AA", "IY", "UW", "S", "K", "EH"]
RNG = np.random.default_rng(0)


def lesson(person: str, target: F32, gain: float, rest: float, ticks: int = 3000) -> Lesson:
    """Someone who says HEARD in random order and moves `upper` to `target`."""
    said = [INDEX[str(RNG.choice(HEARD))] for _ in range(4 * ticks // 8)]
    index = np.repeat(said, 8)[: 4 * ticks]
    shares = np.eye(len(PHONES), dtype=np.float32)[index]
    influence = {group: fitting._influence(shares, group, ticks) for group in DOMINANCE}
    moved = rest + gain * (influence[GROUP["upper"]] @ target)
    moved = (moved + 0.004 * RNG.standard_normal(ticks)).astype(np.float32)
    return Lesson(person, influence, {"upper": moved}, np.arange(ticks) // (ticks // 4) % 2)


def test_targets_are_found_and_the_rest_stays_by_hand() -> None:
    truth = hand("upper").copy()
    truth[[INDEX[p] for p in HEARD]] = [0.3, 0.02, 0.12, 0.2, 0.05, 0.25]
    people = [lesson("one", truth, 1.0, 0.1), lesson("two", truth, 0.6, 0.0)]
    found = fitting.fit(people)
    heard = np.isin(PHONES, HEARD)
    assert np.corrcoef(found["upper"][heard], truth[heard])[0, 1] > 0.98
    np.testing.assert_allclose(found["upper"][~heard], hand("upper")[~heard], atol=0.01)
    for part in ("pucker", "smile"):
        np.testing.assert_array_equal(found[part], hand(part))
    rows = {(person, part): (a, b) for person, part, a, b in fitting.report(people)}
    by_hand, fitted = rows["one", "upper"]
    assert fitted > 0.95 > by_hand


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    truth = hand("upper").copy()
    people = [lesson("one", truth, 1.0, 0.0, 800)]
    path = tmp_path / "shapes.json"
    fitting.write(fitting.fit(people), people, path)
    assert set(read_fitted(path)) == set(read_fitted(FITTED))


@pytest.mark.data
def test_only_trained_clips_are_lessons(data_dir: Path) -> None:
    from engine.eval.performances import kept_back, read_performances
    from engine.runtime import ASSETS, load

    clips = [c for c in read_performances(data_dir) if c.corpus in ("grid_s1", "grid_s33")]
    some = [c for c in clips if kept_back(c)][:3] + [c for c in clips if not kept_back(c)][:3]
    taught = fitting.lessons(some, load(ASSETS / "ppg.onnx"))
    ticks = sum(len(c.weights) for c in some if not kept_back(c))
    assert [one.person for one in taught] == ["grid_s1"] and len(taught[0].fold) == ticks
    assert FIXED[0] == "SIL"
