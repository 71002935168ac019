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
from engine.eval.synchrony import closures
from engine.face.blendshapes import ARKIT

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
    names = ("speech/librispeech/heard", "speech/librispeech/84", "motion/address/ob_1")
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


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('"a text"', "no row about a clip"),
        ("5", "no row about a clip"),
        ("[1]", "no row about a clip"),
        ("{bad", "a.json: JSONDecodeError"),
        ("[" * 5000, "a.json: "),
        ('{"phones": 5}', "a.wav: TypeError"),
        ('{"phones": [["AA", -5, 20]]}', "'AA' lies at -5"),
        ('{"phones": [["AA", 0, 1e99]]}', "'AA' lies at 0"),
        ('{"phones": [["AA", 0]]}', "a.wav: ValueError"),
        ('{"fps": 0}', "a.wav: ZeroDivisionError"),
        ('{"shift": NaN}', "a: its motion lies from nan"),
        ('{"shift": null}', "a.wav: TypeError"),
    ],
)
def test_bad_rows_are_named_and_gone_without(tmp_path: Path, row: str, says: str) -> None:
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", SOUND, 16_000)
        start, weights = np.arange(25) * 640, np.tile(np.linspace(0, 0.5, 25)[:, None], 52)
        np.savez(tmp_path / f"{name}.npz", start=start, weights=weights, names=np.array(ARKIT))
    (tmp_path / "a.json").write_text(row)
    found = gather(tmp_path)
    assert "b" in [clip.name for clip in found.performances]
    assert any(says in note for note in found.notes()), found.notes()


def test_bad_lines_and_sounds_are_named(tmp_path: Path) -> None:
    said = [["AA", 0, 60], ["P", 90, 30], ["B", 400, 5]]  # the second one ends after the sound
    good = {"audio": "x.wav", "phones": said}
    (tmp_path / "m.jsonl").write_text("{bad\n[1]\n\n" + json.dumps(good) + "\n")
    (tmp_path / "n.jsonl").write_bytes(b"\xff\xfe")
    soundfile.write(tmp_path / "x.wav", SOUND, 16_000)
    soundfile.write(tmp_path / "empty.wav", SOUND[:0], 16_000)
    soundfile.write(tmp_path / "blip.wav", SOUND[:900], 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan), 16_000, "FLOAT")
    (tmp_path / "folder.wav").mkdir()
    found = gather(tmp_path)
    (clip,) = found.clips
    assert clip.phones == (("AA", 0, 60), ("P", 90, 10))
    assert closures(clip, (np.arange(25) * 640, np.linspace(1, 0, 25)))[:2] == (1, 1)
    notes = "\n".join(found.notes())
    for says in ("m.jsonl, line 1: JSONDecodeError", "'[1]' is no row", "n.jsonl: Unicode",
                 "empty.wav", "blip.wav lasts 0.06 s", "NaN", "folder.wav"):  # fmt: skip
        assert says in notes, notes


def test_broken_manifests_of_the_data_layout_are_named(tmp_path: Path) -> None:
    like_ours(tmp_path)
    (tmp_path / "speech" / "torn.jsonl").write_text('{"id": "x"}\n')
    motion = tmp_path / "motion"
    motion.mkdir()
    for text, says in (
        ("{torn", "motion/manifest.json: JSONDecodeError"),
        ('[{"name": "x"}, 5]', "a row of manifest.json"),
    ):
        (motion / "manifest.json").write_text(text)
        found = gather(tmp_path)
        assert [clip.name for clip in found.clips] == ["a", "d"]
        notes = "\n".join(found.notes())
        assert says in notes and "torn.jsonl: KeyError" in notes


def test_flat_clips_of_training_are_known_by_name(tmp_path: Path) -> None:
    said = [["SIL", 0, 20], ["AA", 20, 40], ["SIL", 60, 40]]
    rows: dict[str, dict[str, object]] = {
        "ob_1": {}, "mine": {}, "one": {"speaker": "heard", "corpus": "librispeech"},
        "two": {"speaker": "heard"}, "three": {"speaker": "heard", "corpus": "mine"},
        "84-1-0000": {}, "85-1-0000": {},
        "child": {"corpus": "speechocean762", "speaker": "9", "age": 8},
    }  # fmt: skip
    for name, row in rows.items():
        soundfile.write(tmp_path / f"{name}.wav", SOUND, 16_000)
        (tmp_path / f"{name}.json").write_text(json.dumps({**row, "phones": said}))
    for name in ("ob_1", "mine"):
        start, weights = np.arange(25) * 640, np.tile(np.linspace(0, 0.5, 25)[:, None], 52)
        np.savez(tmp_path / f"{name}.npz", start=start, weights=weights, names=np.array(ARKIT))
    found = gather(tmp_path)
    assert sorted(c.name for c in found.clips) == ["85-1-0000", "mine", "three"]
    assert [c.name for c in found.performances] == ["mine"] and found.left_out == 5
    assert [(c.name, c.person) for c in found.others] == [("ob_1", "address")]
    notes = "\n".join(found.notes())
    assert "left out: 5" in notes and "everything else counts as unseen" in notes
    assert len(gather(tmp_path, everything=True).clips) == len(rows)


def test_a_late_start_is_kept(tmp_path: Path) -> None:
    """Rows that begin at .4 s lie beside the sound of .4 s."""
    soundfile.write(tmp_path / "x.wav", np.tile(SOUND, 2), 16_000)
    weights = np.zeros((30, 52), np.float32)
    weights[15:, ARKIT.index("jawOpen")] = 0.5
    np.savez(tmp_path / "x.npz", start=6400 + np.arange(30) * 640, weights=weights,
             names=np.array(ARKIT))  # fmt: skip
    (clip,) = gather(tmp_path).performances
    assert int(np.argmax(clip.weights[:, ARKIT.index("jawOpen")] > 0.25)) == 25


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
