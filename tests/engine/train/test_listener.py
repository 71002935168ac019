"""The offline teacher: who it labels, from whom it learns, what an absent package says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from engine.errors import RuntimeUnavailable
from engine.eval.recordings import Recording, bundled, kept_out
from engine.train import listener
from engine.train.listener import Lesson, ListenerConfig

TINY = ListenerConfig(folds=2, steps=3, batch=4, crop=20, hidden=8)


def _recording(number: int, phones: bool = True, seconds: float = 4.0) -> Recording:
    spoken = (("AA", 0, 40),) if phones else ()
    return Recording(
        "librispeech", f"clip{number}", f"speaker{number}", Path("none.flac"), seconds, spoken, "a"
    )


def _lesson(recording: Recording, rng: np.random.Generator) -> Lesson:
    rows = 30
    x = rng.standard_normal((rows, listener._INPUTS)).astype(np.float16)
    y = rng.integers(0, 40, rows) if recording.phones else np.full(rows, -1)
    return Lesson(recording, x, y.astype(np.int8))


def test_windows_hold_every_recording_once_within_thirty_seconds() -> None:
    recordings = [_recording(n, seconds=1.0 + n % 13) for n in range(40)]
    batches = list(listener.windows(recordings))
    assert sorted(r.id for b in batches for r in b) == sorted(r.id for r in recordings)
    assert all(sum(r.seconds + 0.5 for r in batch) <= 30 for batch in batches)


def test_only_speakers_who_may_be_trained_on_are_labelled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    recordings = [_recording(n) for n in range(12)] + [_recording(99, phones=False), bundled()[0]]
    assert kept_out(recordings[-1].corpus, recordings[-1].speaker)
    report = listener.label([_lesson(r, rng) for r in recordings], tmp_path, TINY)
    allowed = {r.id for r in recordings if not kept_out(r.corpus, r.speaker)}
    assert {p.stem for p in tmp_path.glob("*.npy")} == allowed
    rows = np.load(tmp_path / "clip0.npy").astype(np.float32)
    assert rows.shape == (30, 40)
    np.testing.assert_allclose(rows.sum(1), 1, atol=5e-3)
    assert 0 <= report["native, other folds"]["phone_sp"] <= 1


def test_a_fold_is_labelled_by_a_teacher_that_never_heard_its_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[set[str]] = []
    fit = listener.fit

    def spy(heard: list[Lesson], config: ListenerConfig, seed: int) -> listener.Listener:
        taught.append({h.recording.speaker for h in heard})
        return fit(heard, config, seed)

    monkeypatch.setattr(listener, "fit", spy)
    rng = np.random.default_rng(0)
    recordings = [_recording(n) for n in range(12)]
    listener.label([_lesson(r, rng) for r in recordings], tmp_path, TINY)
    for fold, speakers in enumerate(taught):
        own = {r.speaker for r in recordings if listener.fold_of(r, TINY.folds) == fold}
        assert own and not own & speakers


def test_an_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeUnavailable, match=r"ctranslate2 not found.*pip install"):
        listener.Encoder()
