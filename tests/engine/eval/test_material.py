"""Whatever lies in a folder is found, whatever does not is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.errors import AudioError
from engine.eval import roster
from engine.eval.material import gather, phones_of
from engine.eval.performances import kept_back, read_performances
from engine.eval.recordings import bundled, kept_out, read_data

SOUND = (0.1 * np.sin(np.arange(16_000) * 0.05)).astype(np.float32)


def utterance(
    folder: Path, name: str, speaker: str, phones: list[object] | None
) -> dict[str, object]:
    soundfile.write(folder / f"{name}.flac", SOUND, 16_000)
    return {"id": name, "speaker": speaker, "audio": f"{name}.flac", "seconds": 1.0, "text": "",
            "phones": phones}  # fmt: skip


def like_ours(folder: Path) -> None:
    """A data folder with one unseen speaker and one on the roster."""
    speech = folder / "speech"
    speech.mkdir(parents=True)
    said: list[object] = [["SIL", 0, 20], ["AA", 20, 40], ["SIL", 60, 40]]
    rows = [utterance(speech, "a", "unseen", said), utterance(speech, "b", "heard", said),
            utterance(speech, "c", "unseen", None)]  # fmt: skip
    (speech / "librispeech.jsonl").write_text("\n".join(map(json.dumps, rows)))
    other = [utterance(speech, "d", "x", said), {**rows[0], "id": "e", "audio": "gone.flac"}]
    (speech / "other.jsonl").write_text("\n".join(map(json.dumps, other)))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roster of one speaker and one recording."""
    names = ("speech/librispeech/heard", "motion/address/ob_1")
    digests = frozenset(roster._digest(name) for name in names)
    monkeypatch.setattr(roster, "_roster", lambda: digests)


def test_only_what_training_left_is_measured(tmp_path: Path) -> None:
    like_ours(tmp_path)
    found = gather(tmp_path)
    assert [(c.name, c.group) for c in found.clips] == [("a", "native"), ("d", "other")]
    assert found.left_out == 1
    notes = "\n".join(found.notes())
    assert "--all" in notes and "gone.flac" in notes and "without aligned phones" in notes
    assert [c.name for c in gather(tmp_path, everything=True).clips] == ["a", "b", "d"]


def test_kept_back_motion_and_the_rest_for_styles(tmp_path: Path) -> None:
    folder = tmp_path / "motion" / "address"
    folder.mkdir(parents=True)
    rows = []
    for name in ("ob_1", "ob_4"):
        soundfile.write(folder / f"{name}.wav", SOUND, 16_000)
        weights = np.linspace(0, 0.5, 25)[:, None]
        np.savez(folder / f"{name}.npz", trk_bs52=weights, trk_names=np.array(["jawOpen"]),
                 trk_t=np.arange(25) / 25)  # fmt: skip
        rows.append({"name": name, "folder": "address", "fps": 25})
    rows.append({"name": "ob_9", "folder": "address", "fps": 25})
    (tmp_path / "motion" / "manifest.json").write_text(json.dumps(rows))
    found = gather(tmp_path)
    assert [c.name for c in found.performances] == ["ob_4"]
    assert [c.name for c in found.others] == ["ob_1"] and found.left_out == 1
    assert any("ob_9" in note for note in found.notes())
    assert len(gather(tmp_path, everything=True).performances) == 2


def test_a_manifest_beside_flat_clips(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", SOUND, 16_000)
    soundfile.write(tmp_path / "x.ogg", SOUND, 16_000)
    row = {"audio": "x.wav", "phones": [["sil", 0, 50], ["AA1", 50, 50]], "group": "mine"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row))
    (clip,) = gather(tmp_path).clips
    assert clip.phones == (("SIL", 0, 50), ("AA", 50, 50)) and clip.group == "mine"


def test_nothing_to_measure_says_so(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="nothing to measure"):
        gather(tmp_path)
    with pytest.raises(AudioError, match="no folder"):
        gather(tmp_path / "none")
    with pytest.raises(AudioError, match="no ARPAbet"):
        phones_of([["XX", 0, 3]])


def test_the_bundled_speakers_are_on_no_roster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 300 < len(roster._roster()) < 1000
    assert not any(roster.speaker_trained(r.corpus, r.speaker) for r in bundled())
    assert not roster.speaker_trained("librispeech", "nobody")


@pytest.mark.data
def test_the_roster_is_the_split(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for r in read_data(data_dir):
        assert roster.speaker_trained(r.corpus, r.speaker) != kept_out(r.corpus, r.speaker)
    for clip in read_performances(data_dir):
        assert roster.clip_trained(clip) != kept_back(clip)
