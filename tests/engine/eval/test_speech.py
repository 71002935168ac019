"""The gate on the shipped model, and what the suite prints."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine import offline
from engine.eval import card, speech
from engine.eval.conditions import CONDITIONS
from engine.eval.recordings import LABEL_AT, bundled, kept_out, read_data, row_labels, training_set
from engine.speech.phonemes import INDEX
from engine.speech.ppg import PPG

BY_NAME = {condition.name: condition for condition in CONDITIONS}


def test_shipped_model_passes_the_gate() -> None:
    """Floors of the project for ten voices never trained on, at 20 ms look-ahead."""
    row = speech.measure(bundled(), PPG(20))
    assert row["phone_sp"] >= 0.42
    assert row["vis14_sp"] >= 0.55
    assert row["vis14_all"] >= 0.60
    assert row["sil_speech"] >= 0.93
    assert row["closure_f1"] >= 0.50


@pytest.mark.parametrize(
    ("name", "points"), [("Opus 24 kbit/s", 3), ("level -35 dBFS", 5), ("level -10 dBFS", 3)]
)
def test_call_and_level_hardly_matter(name: str, points: float) -> None:
    clips, ppg = bundled()[:5], PPG(20)
    clean = speech.measure(clips, ppg)
    changed = speech.measure(clips, ppg, change=BY_NAME[name].apply)
    assert changed["vis14_sp"] >= clean["vis14_sp"] - points / 100
    assert changed["sil_speech"] >= 0.90


def test_more_noise_is_worse() -> None:
    clips, ppg = bundled()[:5], PPG(20)
    scores = [
        speech.measure(clips, ppg, change=BY_NAME[f"coloured noise {db} dB"].apply)["vis14_sp"]
        for db in (5, 10, 20)
    ]
    assert scores == sorted(scores) and scores[-1] < speech.measure(clips, ppg)["vis14_sp"]


@pytest.mark.parametrize("lookahead_ms", [0, 20, 60])
def test_suite_hears_what_the_live_line_hears(lookahead_ms: int) -> None:
    pcm = bundled()[2].pcm()
    live = offline.ppg(pcm, lookahead_ms)
    rows = speech.posteriors_of(pcm, PPG(lookahead_ms))
    first = int(np.searchsorted(live.start, LABEL_AT))
    assert live.start[first] == LABEL_AT
    both = min(len(rows), len(live.start) - first)
    assert both >= len(rows) - 1
    np.testing.assert_allclose(live.posteriors[first:][:both], rows[:both], atol=1e-5)


def test_longer_look_ahead_is_better() -> None:
    scores = [speech.measure(bundled(), PPG(ms))["phone_sp"] for ms in (0, 20, 60)]
    assert scores == sorted(scores)


def test_labels_by_row() -> None:
    labels = row_labels([("SIL", 0, 3), ("AA", 3, 10)], 10)
    # Row 0 is labelled at 17.5 ms, row 1 at 37.5 ms, row 6 at 137.5 ms (past the end).
    assert labels[:2].tolist() == [0, INDEX["AA"]] and labels[6] == 0


def test_split_is_by_speaker() -> None:
    assert all(kept_out("librispeech", clip.speaker) for clip in bundled())
    assert not training_set(bundled())


@pytest.mark.data
def test_split_of_the_data_folder(data_dir: Path) -> None:
    everyone = read_data(data_dir)
    out = {(r.corpus, r.speaker) for r in everyone if kept_out(r.corpus, r.speaker)}
    trained = {(r.corpus, r.speaker) for r in training_set(everyone)}
    assert not out & trained
    assert sum(c == "librispeech" for c, _ in out) >= 10


def test_prints_tables_a_picture_and_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "bundled", lambda: bundled()[2:5])
    picture = tmp_path / "confusions.png"
    assert speech.main(["--quick", "--png", str(picture)]) == 0
    out = capsys.readouterr().out
    result = json.loads(out.splitlines()[-1])
    assert result["suite"] == "speech" and set(result["bundled"]) == {"0", "20", "60"}
    assert set(result["conditions"]["bundled"]) == set(speech.QUICK)
    assert set(result["baselines"]["bundled"]) >= {"this model", "LDA on mel", "RMS jaw"}
    assert result["cost"]["megabytes"] <= 8 and result["cost"]["step_ms_p50"] > 0
    figures = [v for row in result["bundled"].values() for v in row.values()]
    assert np.isfinite(figures).all() and min(figures) >= 0 and max(figures) <= 1
    for title in ("Accuracy per look-ahead", "Lip closures", "Mouth shapes", "Baselines", "Cost"):
        assert f"### {title}" in out
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20_000


def test_card_is_that_of_the_shipped_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        speech.main(["--card", "--model", str(tmp_path / "other.onnx")])
    assert "card of ppg.onnx" in capsys.readouterr().err
    text = speech.CARD.read_text()
    assert card.BEGIN in text and card.END in text.split(card.BEGIN)[1]
