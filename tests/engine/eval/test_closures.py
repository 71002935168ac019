"""Closure events by hand: what is one event, what matches, and that no better pairing exists."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from engine.eval import closures
from engine.eval.closures import RULES, distance, pairs, runs
from engine.speech.phonemes import INDEX


def flags(text: str) -> np.ndarray:
    return np.array([c == "x" for c in text])


def matched(reference: str, found: str, rule: str) -> int:
    return len(pairs(runs(flags(reference)), runs(flags(found)), rule))


def test_runs_are_maximal() -> None:
    assert runs(flags("x.xx..x")).tolist() == [[0, 1], [2, 4], [6, 7]]
    assert runs(flags("....")).tolist() == [] and runs(flags("")).tolist() == []
    assert runs(flags("xxx")).tolist() == [[0, 3]]


@pytest.mark.parametrize("rule", RULES)
def test_identical_events_match(rule: str) -> None:
    assert matched("..xx...x..xxx", "..xx...x..xxx", rule) == 3


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("late", "hit"), [(0, True), (2, True), (3, False)])
def test_forty_milliseconds_are_two_rows(rule: str, late: int, hit: bool) -> None:
    for reference, found in (("....x......", "."), (".", "....x......")):
        moved = "." * (4 + late) + "x......"
        a, b = (reference, moved) if found == "." else (moved, found)
        assert matched(a, b, rule) == hit


def test_rules_differ_where_lengths_do() -> None:
    long, short = ".xxxxxxxx.", ".xx......."
    assert [matched(long, short, rule) for rule in RULES] == [0, 1, 1]  # centre, onset, span
    late = ".......xx."
    assert [matched(long, late, rule) for rule in RULES] == [0, 0, 1]
    inner = "....xx...."
    assert [matched(long, inner, rule) for rule in RULES] == [1, 0, 1]


@pytest.mark.parametrize("rule", RULES)
def test_pairs_are_one_to_one(rule: str) -> None:
    assert matched("...xx.....", "..x.x.x...", rule) == 1  # chatter finds one closure once
    assert matched("..x.x.x...", "...xx.....", rule) == 1  # one long guess finds one of three


@pytest.mark.parametrize("rule", RULES)
def test_nothing_matches_nothing(rule: str) -> None:
    assert matched("....", "....", rule) == 0 and matched("x...", "....", rule) == 0


@pytest.mark.parametrize("rule", RULES)
def test_no_better_pairing_exists(rule: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b = (runs(rng.random(40) < rng.uniform(0.1, 0.7)) for _ in range(2))
        near = np.array([[distance(x, y, rule) <= closures.WITHIN for y in b] for x in a])
        best = maximum_bipartite_matching(csr_array(near.reshape(len(a), len(b))), perm_type="row")
        chosen = pairs(a, b, rule)
        assert len(chosen) == int((best >= 0).sum())
        assert len({i for i, _ in chosen}) == len({j for _, j in chosen}) == len(chosen)
        assert all(near[i, j] for i, j in chosen)


def test_detectors() -> None:
    rows = np.zeros((3, 40), np.float32)
    rows[0, [INDEX["P"], INDEX["B"], INDEX["T"], INDEX["S"]]] = 0.3, 0.15, 0.28, 0.27
    rows[1, [INDEX["M"], INDEX["AA"]]] = 0.6, 0.4
    rows[2, [INDEX["T"], INDEX["P"]]] = 0.6, 0.4
    found = closures.detect(rows, np.array([0.1, 0.4, 0.9], np.float32))
    assert found["viseme"].tolist() == [True, True, False]
    assert found["sum"].tolist() == [False, True, False]
    assert found["head"].tolist() == [False, False, True]
