"""The papers' table: every row has its files, every figure its definition, whatever performs."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.eval import papers
from engine.eval.landmarks import face
from engine.eval.paper_motion import Ears, Ours, Paper, Played, Prompt
from engine.eval.paper_scenes import STYLES, Person, Scenes, Spoken, read_looks
from engine.eval.recordings import bundled
from engine.eval.synchrony import prepare
from engine.frames import F32
from engine.motion.decoder import DecoderInput
from engine.runtime import ASSETS

FILES = ASSETS / "papers"


class Copycat:
    """Moves exactly as its reference did, whatever is said."""

    name = "copycat"
    parameters = 0

    def play(self, heard: DecoderInput, prompt: Prompt, pose: F32 | None) -> Played:
        rows = np.resize(np.arange(len(prompt.weights)), heard.ppg.shape[1])
        return Played(prompt.weights[rows], prompt.pose[rows])

    def ms(self, heard: DecoderInput) -> float:
        return 0.0


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    clip = prepare(bundled()[0])
    heard = Ears().hear(clip.pcm)
    looks = read_looks(FILES / "references.safetensors")
    ticks = min(100, heard.ppg.shape[1])
    prompt = looks[1].prompt
    cut = DecoderInput(*(x[:, :ticks] for x in heard))
    person = Person(
        "x", cut, prompt.weights[:ticks], prompt.pose[:ticks], np.ones(52, np.float32), True, prompt
    )
    return Scenes([Spoken(clip, heard)], looks, [person])


def test_ears_hear_every_tick(scenes: Scenes) -> None:
    clip, heard = scenes.spoken[0].clip, scenes.spoken[0].heard
    assert heard.ppg.shape[:2] == (1, len(clip.pcm) // 640) == heard.prosody.shape[:2]
    rows = heard.ppg[0].reshape(heard.ppg.shape[1], -1, 40).sum(-1)
    np.testing.assert_allclose(rows, 1.0, atol=1e-3)


def test_a_copy_of_the_truth_is_perfect(scenes: Scenes) -> None:
    found = papers.people(Copycat(), scenes, face())
    assert found["lmd"] == pytest.approx(0, abs=1e-6) and found["d_l"] == pytest.approx(0, abs=1e-6)
    assert found["head_ssim"] == pytest.approx(1, abs=1e-6)
    told = papers.styles(Copycat(), scenes, face())
    assert told["recognition"] >= 0.6 > 2 * told["recognition_chance"]


def test_ten_different_styles() -> None:
    looks = read_looks(FILES / "references.safetensors")
    assert len({look.name for look in looks}) == STYLES and looks[0].name == "neutral"


@pytest.mark.parametrize("row", papers.ROWS)
def test_every_row_performs(row: str, scenes: Scenes) -> None:
    performer = Paper(row, [FILES / f"{file}.safetensors" for file in papers.ROWS[row]])
    made = performer.play(scenes.people[0].heard, scenes.looks[0].prompt, np.zeros(6, np.float32))
    assert made.weights.shape == (scenes.people[0].heard.ppg.shape[1], 52)
    assert made.pose.shape == (len(made.weights), 6)
    assert np.isfinite(made.weights).all() and np.isfinite(made.pose).all()
    assert performer.parameters > 50_000


def test_ours_performs_in_the_style_of_a_reference(scenes: Scenes) -> None:
    ours = Ours()
    made = [ours.play(scenes.people[0].heard, look.prompt, None) for look in scenes.looks[:2]]
    assert made[0].weights.shape == made[1].weights.shape
    assert np.abs(made[0].weights - made[1].weights).mean() > 1e-3


def test_table_has_a_dash_where_there_is_no_truth() -> None:
    text = papers.table({"x": {"r": 0.91234, "parameters": 123456}})
    row = text.splitlines()[-1]
    assert row.startswith("| x | -") and "0.912" in row and "123456" in row


def test_command_prints_one_table_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert papers.main(["--clips", "1", "--only", "StyleAvatar"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    result = json.loads(lines[-1])
    assert set(result["systems"]) == {"ours (shipped)", "StyleAvatar"}
    assert result["systems"]["StyleAvatar"]["r"] > 0
    assert "lmd" not in result["systems"]["StyleAvatar"], "no truth without the data folder"


def test_card_holds_the_table() -> None:
    card = Path(FILES / "papers.md").read_text()
    for name in papers.ROWS:
        assert f"| {name} |" in card, name
    assert "Sync-C" not in card
