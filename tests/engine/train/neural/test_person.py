"""What is held out of a person's videos is never trained on."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.train.neural import person
from engine.train.neural.footage import Footage


def clips(count: int, frames: int) -> list[Footage]:
    empty = np.zeros((frames, 0), np.float32)
    return [
        Footage(Path(f"{i}.mp4"), np.arange(frames), np.arange(frames) * 640, empty, empty,
                np.zeros(0, np.float32))
        for i in range(count)
    ]  # fmt: skip


def test_of_few_videos_the_end_is_held_out() -> None:
    taught, held = person.split(clips(2, 400), 0.25)
    assert taught == [slice(0, 300)] * 2
    assert held == [slice(300, None)] * 2


def test_of_many_videos_whole_ones_are() -> None:
    taught, held = person.split(clips(10, 75), 0.2)
    assert [t is None for t in taught] == [h is not None for h in held]
    assert sum(t is None for t in taught) == 2


def test_nothing_is_held_out_unless_asked() -> None:
    taught, held = person.split(clips(3, 200), 0.0)
    assert held == [None] * 3 and taught == [slice(0, None)] * 3


def test_too_little_is_refused() -> None:
    with pytest.raises(TrackingError, match="4.0 s"):
        person.split(clips(1, 100), 0.0)


def test_consent_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        person.main(["clip.mp4", "--out", "nowhere"])
    assert "--consent" in capsys.readouterr().err


def test_a_missing_video_is_an_error_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        person.main(["a.mp4", "--out", str(tmp_path), "--consent", "me", "--hold-out", "2"])
    assert "--hold-out is 2.0" in capsys.readouterr().err
