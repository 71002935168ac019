"""The gate on the shipped model, and what the suite prints."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import offline
from engine.audio.mel import LABEL_AT
from engine.eval import accuracy, card, cost, mandarin, speech, voice
from engine.eval.accuracy import Score
from engine.eval.recordings import Recording, bundled, kept_out, read_data, row_labels, training_set
from engine.eval.rows import Clip, hear
from engine.frames import SAMPLE_RATE
from engine.speech.phonemes import INDEX
from engine.speech.ppg import DEFAULT, PPG

# Floors of the project for ten voices never trained on, at 20 ms look-ahead.
FLOORS = {
    "phone_sp": 0.52,
    "vis14_sp": 0.62,
    "vis14_all": 0.67,
    "sil_speech": 0.94,
    "closure_f1": 0.62,
}
# Points of vis14_sp that a condition may cost the first CHANGED of them, and their silence then.
COSTS = {"Opus 24 kbit/s": 2, "level -35 dBFS": 2, "level -10 dBFS": 2}
SILENCE_CHANGED = 0.92
CHANGED = 5
PICTURE_BYTES = 150_000

SMALL = voice.Scope(noises=("pink",), snrs_db=(10,), events=("key",), drawn=2, alone_s=2)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [Clip.of(recording) for recording in bundled()]


@pytest.fixture(scope="module")
def scores(clips: list[Clip]) -> dict[int, list[Score]]:
    """Of every clip by look-ahead."""
    return speech.look_aheads(clips, DEFAULT)


@pytest.fixture(scope="module")
def changed(clips: list[Clip], scores: dict[int, list[Score]]) -> dict[str, dict[str, float]]:
    """Figures of the first clips by condition."""
    names = [*COSTS, *(f"coloured noise {db} dB" for db in (5, 10, 20))]
    return speech.conditions(clips[:CHANGED], scores[20][:CHANGED], DEFAULT, names)


@pytest.mark.parametrize("figure", FLOORS)
def test_shipped_model_passes_the_gate(figure: str, scores: dict[int, list[Score]]) -> None:
    assert accuracy.figures(scores[20])[figure] >= FLOORS[figure]


@pytest.mark.parametrize("name", COSTS)
def test_call_and_level_hardly_matter(name: str, changed: dict[str, dict[str, float]]) -> None:
    assert changed[name]["change"] >= -COSTS[name] / 100
    assert changed[name]["sil_speech"] >= SILENCE_CHANGED


def test_more_noise_is_worse(changed: dict[str, dict[str, float]]) -> None:
    costs = [changed[f"coloured noise {db} dB"]["change"] for db in (5, 10, 20)]
    assert costs == sorted(costs) and costs[-1] < 0


def test_longer_look_ahead_is_better(scores: dict[int, list[Score]]) -> None:
    right = [accuracy.figures(scores[ms])["phone_sp"] for ms in (0, 20, 60)]
    assert right == sorted(right)


@pytest.mark.parametrize("lookahead_ms", [0, 20, 60])
def test_suite_hears_what_the_live_line_hears(lookahead_ms: int) -> None:
    pcm = bundled()[2].pcm()[: 5 * SAMPLE_RATE]
    live = offline.ppg(pcm, lookahead_ms)
    rows = hear(pcm, PPG(lookahead_ms)).posteriors
    first = int(np.searchsorted(live.start, LABEL_AT))
    assert live.start[first] == LABEL_AT
    both = min(len(rows), len(live.start) - first)
    assert both >= len(rows) - 1
    np.testing.assert_allclose(live.posteriors[first:][:both], rows[:both], atol=1e-5)


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
    assert sum(c == "librispeech" for c, _ in out) == 16
    adults = {r.speaker for r in everyone if r.corpus == "speechocean762" and r.adult}
    assert len(adults & {s for c, s in out if c == "speechocean762"}) == 18


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    """What the suite printed, and its last line read as strict JSON."""
    out = capsys.readouterr().out

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return out, json.loads(out.splitlines()[-1], parse_constant=refuse)


def test_prints_tables_a_picture_and_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "bundled", lambda: bundled()[2:4])
    picture = tmp_path / "confusions.png"
    assert speech.main(["--quick", "--png", str(picture)]) == 0
    out, result = printed(capsys)
    assert result["suite"] == "speech" and set(result["bundled"]) == {"0", "20", "60"}
    assert set(result["conditions"]["bundled"]) == set(speech.QUICK)
    assert set(result["baselines"]["bundled"]) >= {"this model", "LDA on mel", "RMS jaw"}
    assert result["cost"]["megabytes"] <= 8 and result["cost"]["step_ms_p50"] > 0
    figures = [v for row in result["bundled"].values() for v in row.values()]
    assert np.isfinite(figures).all() and min(figures) >= 0 and max(figures) <= 1
    for title in ("Accuracy per look-ahead", "Lip closures", "Mouth shapes", "Baselines", "Cost"):
        assert f"### {title}" in out
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000


def folder() -> list[Recording]:
    """Eight clips as a data folder: two native, one of them again without alignment, an accented
    adult, a child, and four of a speaker who may be trained on."""
    clips = bundled()

    def someone(corpus: str, out: bool) -> str:
        return next(name for name in map(str, range(999)) if kept_out(corpus, name) is out)

    foreign = replace(clips[2], corpus="speechocean762", speaker=someone("speechocean762", True))
    taught = (replace(clip, speaker=someone("librispeech", False)) for clip in clips[4:8])
    return [
        *clips[:2],
        replace(clips[0], id="unaligned", phones=()),
        replace(foreign, age=30),
        replace(foreign, path=clips[3].path, phones=clips[3].phones, age=9),
        *taught,
    ]


def resting_and_moving() -> list[mandarin.Jaw]:
    pcm = bundled()[9].pcm()[: 4 * SAMPLE_RATE]
    times = np.arange(120) / 30
    return [mandarin.Jaw(name, pcm, times, times % 1 * n) for n, name in enumerate("ab")]


def test_a_data_folder_fills_every_table_and_the_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "read_data", lambda data: folder())
    monkeypatch.setattr(mandarin, "read", lambda data: resting_and_moving())
    monkeypatch.setattr(speech, "CONDITIONS", speech.CONDITIONS[:2])
    monkeypatch.setattr(voice, "report", partial(voice.report, scope=SMALL))
    monkeypatch.setattr(cost, "measure", partial(cost.measure, steps=100))
    monkeypatch.setattr(speech, "CARD", tmp_path / "ppg.md")
    speech.CARD.write_text(f"{card.BEGIN}x -->\n{card.END}\n")
    assert speech.main(["--data", "folder", "--card", "--no-allphone"]) == 0
    out, result = printed(capsys)
    assert result["about"]["native"].endswith("1 recordings without alignment left out")
    assert result["about"]["accented"].startswith("1 speakers") and "children" in result["about"]
    assert "Heard: 2 of 2 clips (native), 1 of 1 clips (accented)." in out
    assert set(result["voice"]) == {"native", "accented"} and "conditions" in result
    assert result["mandarin"]["openness"]["r_at_0 a"] == 0
    for title in ("Voice activity", "Clicks and breath", "Mandarin (FACEGOOD), 20 ms"):
        assert f"### {title}" in out and f"### {title}" in speech.CARD.read_text()
    assert f"]({speech.PICTURE})" in speech.CARD.read_text()
    assert (tmp_path / speech.PICTURE).stat().st_size <= PICTURE_BYTES


def test_card_is_that_of_the_shipped_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        speech.main(["--card", "--model", str(tmp_path / "other.onnx")])
    assert "card of ppg.onnx" in capsys.readouterr().err
    text = speech.CARD.read_text()
    assert card.BEGIN in text and card.END in text.split(card.BEGIN)[1]
    if f"]({speech.PICTURE})" in text:
        assert speech.CARD.with_name(speech.PICTURE).stat().st_size <= PICTURE_BYTES
