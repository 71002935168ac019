"""Figures of rows with known answers."""

import numpy as np
import pytest

from engine.eval import accuracy, confusion
from engine.eval.accuracy import MOUTHS, Score
from engine.eval.baselines import as_heard
from engine.speech.phonemes import INDEX, VISEMES

SAID = "SIL SIL AA B B M T SIL P SIL"


def rows(phones: str) -> np.ndarray:
    return np.array([INDEX[p] for p in phones.split()])


def scored(said: str, heard: str, speaker: str = "") -> Score:
    posteriors = np.eye(40, dtype=np.float32)[rows(heard)]
    return accuracy.score(as_heard(posteriors), rows(said), speaker)


def test_truth_is_all_right() -> None:
    figures = accuracy.figures([scored(SAID, SAID)])
    assert figures.pop("closure_false") == 0
    assert figures.pop("vis14_off") == 0  # no speech row has equal neighbours
    assert set(figures.values()) == {1.0}


def test_counts_by_hand() -> None:
    #                     SIL SIL AA B  B  M T SIL P SIL
    score = scored(SAID, "SIL AH  AH AH B  B T T   P P")
    figures = accuracy.figures([score])
    assert figures["phone_all"] == pytest.approx(4 / 10)  # SIL, B, T, P
    assert figures["phone_sp"] == pytest.approx(3 / 6)
    assert figures["vis14_sp"] == pytest.approx(5 / 6)  # AH shows AA's viseme, B shows M's
    assert figures["mouth6_all"] == pytest.approx(6 / 10)
    assert figures["sil_speech"] == pytest.approx(7 / 10)
    # Events: B B M and P; found B B (onset one row late) and P P.
    assert figures["closure_f1"] == 1.0
    visemes, mouths = confusion.classes([score])
    assert visemes["PP"]["recall"] == pytest.approx(3 / 4)
    assert visemes["PP"]["precision"] == pytest.approx(3 / 4)
    mistakes = str(visemes["sil"]["taken_for"]).split(", ")
    assert sorted(mistakes) == ["DD 25 %", "PP 25 %", "aa 25 %"]
    assert mouths["vowel"]["precision"] == pytest.approx(1 / 3)
    assert confusion.harmless([score]) == 0  # the one wrong speech viseme opens a closed mouth


def test_off_boundary_rows_have_equal_neighbours() -> None:
    said = "SIL AA AA AA AA B SIL"
    figures = accuracy.figures([scored(said, "SIL B AA AA B B SIL")])
    assert figures["vis14_off"] == 1.0 and figures["vis14_sp"] == pytest.approx(3 / 5)


def test_closures_by_rows_and_by_events() -> None:
    score = scored("SIL B B B B SIL SIL SIL T", "SIL SIL SIL SIL B B SIL SIL P")
    figures = accuracy.figures([score])
    # The run is touched in its last row, too late to be its event; the P at T is nobody's.
    assert figures["closure_recall"] == 1.0 and figures["closure_false"] == pytest.approx(1 / 3)
    assert figures["closure_f1"] == figures["closure_event_recall"] == 0.0
    figures = accuracy.figures([scored("SIL B B SIL M SIL", "SIL SIL B SIL SIL SIL")])
    assert figures["closure_recall"] == figures["closure_event_recall"] == 0.5
    assert figures["closure_event_precision"] == 1.0
    assert figures["closure_f1"] == pytest.approx(2 / 3)


def test_sets_are_sums_not_means_of_clips() -> None:
    good, bad = scored("AA AA AA", "AA AA AA"), scored("AA", "B")
    assert accuracy.figures([good, bad])["phone_all"] == pytest.approx(3 / 4)


def test_mouths_cover_the_visemes() -> None:
    projection = accuracy.mouth_projection()
    assert projection.shape == (40, len(MOUTHS)) and (projection.sum(1) == 1).all()
    assert sum(len(v) for v in MOUTHS.values()) == len(VISEMES)
    assert projection[INDEX["W"], list(MOUTHS).index("rounded")] == 1


def test_spread_is_over_speakers() -> None:
    same = [scored("AA B", "AA T", name) for name in "abcdef"]
    assert accuracy.spread(same)["phone_all"] == 0
    mixed = [scored("AA B", "AA B" if name in "abc" else "T T", name) for name in "abcdef"]
    assert 0.2 < accuracy.spread(mixed)["phone_all"] < 0.5
    # Many clips of one speaker tell as much as one.
    assert accuracy.spread(mixed * 5) == accuracy.spread(mixed)


def test_difference_is_paired() -> None:
    before = [scored("AA B", "AA B" if name in "abc" else "AA T", name) for name in "abcdef"]
    after = [scored("AA B", "T B" if name in "abc" else "T T", name) for name in "abcdef"]
    change, sure = accuracy.difference(before, after, "phone_all")
    assert change == pytest.approx(-0.5) and sure == pytest.approx(0)
