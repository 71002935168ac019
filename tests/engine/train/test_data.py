"""The corpus: the tiny one goes through every step, and never where a real one lies."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.speech.phonemes import INDEX
from engine.train import data
from engine.train import ppg as training
from engine.train.corpus import SIL, read_shards
from engine.train.espeak import Espeak
from engine.train.voices import UNKNOWN, Spoken


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    data.main(["--tiny", "--out", str(folder)])
    return folder


def test_tiny_corpus(tiny: Path) -> None:
    shards = {s.group: s for s in read_shards(tiny)}
    native = shards["native"]
    assert native.x.shape == (len(native.y), 160) and np.isfinite(native.x).all()
    assert len(set(native.y.tolist())) > 30
    assert (shards["noise"].y == SIL).all()
    for shard in shards.values():
        assert shard.aux.shape == (len(shard.y), 2) and np.isfinite(shard.aux).all()
        if shard.group != "noise":
            # Phones that sound are voiced and loud, pauses are neither.
            sounding = np.isin(shard.y, [INDEX[p] for p in ("AA", "AY", "M", "N", "L", "EH")])
            assert shard.aux[sounding, 0].mean() > 0.7 > shard.aux[shard.y == 0, 0].mean()
            assert shard.aux[sounding, 1].mean() > shard.aux[shard.y == 0, 1].mean() + 2


def test_tiny_corpus_speaks_where_espeak_is(tiny: Path) -> None:
    if Espeak.find() is None:
        pytest.skip("libespeak-ng is not installed")
    assert {"espeak", "languages"} <= {s.group for s in read_shards(tiny)}


def test_absent_espeak_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Espeak, "find", lambda: None)
    data.main(["--tiny", "--out", str(tmp_path)])
    assert {s.group for s in read_shards(tmp_path)} == {"native", "noise"}
    assert "espeak-ng is not installed" in capsys.readouterr().out


def test_tiny_and_real_corpus_never_share_a_folder(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data.parse(["--tiny"]).out == data.TINY != data.OUT == data.parse([]).out
    assert data.parse(["--tiny", "--out", str(tiny)]).out == tiny
    np.save(tmp_path / "native-00.x.npy", np.zeros(1))
    for argv, said in (
        (["--tiny", "--out", str(data.OUT)], "real corpus"),
        (["--tiny", "--out", str(tmp_path)], "real corpus"),
        (["--out", str(tiny)], "kept-out clips"),
    ):
        with pytest.raises(SystemExit):
            data.parse(argv)
        assert said in capsys.readouterr().err
        with pytest.raises(SystemExit):
            training.read_options([a.replace("--out", "--shards") for a in argv])
        assert said in capsys.readouterr().err


def test_languages_become_shards_and_a_silent_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Espeak.find()
    if engine is None:
        pytest.skip("libespeak-ng is not installed")
    speak = Espeak.speak_language

    def half_dumb(
        self: Espeak, texts: list[str], rng: np.random.Generator, language: str
    ) -> Iterator[Spoken]:
        return speak(self, texts[:3], rng, language) if language == "de" else iter(())

    monkeypatch.setattr(Espeak, "speak_language", half_dumb)
    monkeypatch.setattr("engine.train.languages.LANGUAGES", ("de", "fr"))
    options = data.parse(["--out", str(tmp_path), "--minutes", "0.001"])
    group, minutes = data.make_group("languages", range(1), options)
    assert group == "languages" and minutes > 0.02
    assert "fr: none" in capsys.readouterr().out
    (shard,) = read_shards(tmp_path)
    assert shard.group == "languages" and shard.soft is None
    assert np.mean(shard.y[shard.y != SIL] != UNKNOWN) > 0.9


def test_real_speech_first_and_every_copy_once() -> None:
    options = data.parse(["--copies", "1"])
    jobs = data.jobs_of(options)
    made = [(group, n) for group, copies in jobs for n in copies]
    assert len(made) == len(set(made)) == sum(data.COPIES.values())
    assert [group for group, _ in jobs][:3] == ["native", "accented", "children"]


@pytest.mark.data
def test_kept_out_speakers_are_never_taught(data_dir: Path) -> None:
    from engine.eval.recordings import kept_out, read_data

    for group, (corpus, adult) in data.REAL.items():
        chosen = data.taught(group, data_dir, None)
        assert chosen and all(r.phones and r.adult == adult for r in chosen)
        assert not any(kept_out(corpus, r.speaker) for r in chosen)
        speakers = {r.speaker for r in read_data(data_dir) if r.corpus == corpus}
        assert len({r.speaker for r in chosen}) < len(speakers)
