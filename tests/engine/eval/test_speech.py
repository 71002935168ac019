"""The gate on the shipped model, and the measure itself."""

import json

import numpy as np
import pytest

from engine.eval import speech
from engine.eval.recordings import bundled, kept_out, read_data, row_labels, training_set
from engine.speech.phonemes import INDEX
from engine.speech.ppg import PPG


def test_shipped_model_passes_the_gate() -> None:
    """Floors of the project for ten voices never trained on, at 20 ms look-ahead."""
    row = speech.measure(bundled(), PPG(20))
    assert row["phone_sp"] >= 0.42
    assert row["vis14_sp"] >= 0.55
    assert row["vis14_all"] >= 0.60
    assert row["sil_speech"] >= 0.93


@pytest.mark.parametrize("level_dbfs", [-36.0, -10.0])
def test_level_hardly_matters(level_dbfs: float) -> None:
    row = speech.measure(bundled()[:5], PPG(20), level_dbfs)
    assert row["vis14_sp"] >= 0.50 and row["sil_speech"] >= 0.88


def test_longer_look_ahead_is_better() -> None:
    scores = [speech.measure(bundled(), PPG(ms))["phone_sp"] for ms in (0, 20, 60)]
    assert scores == sorted(scores)


def test_tally_on_known_answers() -> None:
    labels = np.array([INDEX[p] for p in "SIL SIL AA B B M T SIL P SIL".split()])
    truth = np.eye(40, dtype=np.float32)[labels]
    tally = speech.Tally()
    tally.add(truth, labels)
    row = tally.report()
    assert row.pop("closure_false") == 0
    assert set(row.values()) == {1.0}
    assert tally.closures == 2 and tally.speech == 6
    wrong = np.eye(40, dtype=np.float32)[np.full(10, INDEX["AH"])]
    tally.add(wrong, labels)
    assert tally.report()["vis14_sp"] == pytest.approx((6 + 1) / 12)  # AH and AA share a viseme
    assert tally.report()["closure_recall"] == 0.5


def test_labels_by_row() -> None:
    labels = row_labels([("SIL", 0, 3), ("AA", 3, 10)], 10)
    # Row 0 is labelled at 17.5 ms, row 1 at 37.5 ms, row 6 at 137.5 ms (past the end).
    assert labels[:2].tolist() == [0, INDEX["AA"]] and labels[6] == 0


def test_split_is_by_speaker() -> None:
    assert all(kept_out("librispeech", clip.speaker) for clip in bundled())
    assert not training_set(bundled())


@pytest.mark.data
def test_split_of_the_data_folder(data_dir) -> None:
    everyone = read_data(data_dir)
    out = {(r.corpus, r.speaker) for r in everyone if kept_out(r.corpus, r.speaker)}
    trained = {(r.corpus, r.speaker) for r in training_set(everyone)}
    assert not out & trained
    assert sum(c == "librispeech" for c, _ in out) >= 10


def test_last_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert speech.main([]) == 0
    out = capsys.readouterr().out.splitlines()
    result = json.loads(out[-1])
    assert result["suite"] == "speech" and set(result["bundled"]) == {"0", "20", "60"}
