"""The tiny corpus needs no data folder and goes through every step."""

from pathlib import Path

import numpy as np
import pytest

from engine.speech.phonemes import INDEX
from engine.train import data
from engine.train.corpus import read_shards
from engine.train.espeak import Espeak


def test_tiny_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.main(["--tiny", "--out", str(tmp_path)])
    shards = {s.group: s for s in read_shards(tmp_path)}
    spoken = {"espeak", "languages"} if Espeak.find() else set()
    assert set(shards) == {"native", "noise"} | spoken
    assert bool(spoken) != ("espeak-ng is not installed" in capsys.readouterr().out)
    native = shards["native"]
    assert native.x.shape == (len(native.y), 160) and np.isfinite(native.x).all()
    assert len(set(native.y.tolist())) > 30
    assert (shards["noise"].y == INDEX["SIL"]).all()
    for shard in shards.values():
        assert shard.aux.shape == (len(shard.y), 2) and np.isfinite(shard.aux).all()
        if shard.group != "noise":
            # Phones that sound are voiced and loud, pauses are neither.
            sounding = np.isin(shard.y, [INDEX[p] for p in ("AA", "AY", "M", "N", "L", "EH")])
            assert shard.aux[sounding, 0].mean() > 0.7 > shard.aux[shard.y == 0, 0].mean()
            assert shard.aux[sounding, 1].mean() > shard.aux[shard.y == 0, 1].mean() + 2


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
