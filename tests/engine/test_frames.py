"""Frames check their shapes and show them."""

import dataclasses

import numpy as np
import pytest

from engine import errors
from engine.errors import AudioError, FrameError, VivifyError
from engine.frames import HOP, SAMPLES_PER_FRAME, Audio, Motion, Video


def test_start_is_the_first_field_and_frames_are_values() -> None:
    for frame in (Audio, Motion, Video):
        assert dataclasses.fields(frame)[0].name == "start"
    audio = Audio(0, np.zeros(HOP, np.float32))
    with pytest.raises(dataclasses.FrozenInstanceError):
        audio.start = 1  # type: ignore[misc]


def test_time_is_exact() -> None:
    assert SAMPLES_PER_FRAME == 2 * HOP
    assert SAMPLES_PER_FRAME * 90_000 % 16_000 == 0 and SAMPLES_PER_FRAME * 90_000 // 16_000 == 3600


@pytest.mark.parametrize(
    "pcm", [np.zeros((2, 320), np.float32), np.zeros(320, np.int16), np.zeros(320)]
)
def test_audio_refuses_other_shapes(pcm: np.ndarray) -> None:
    with pytest.raises(AudioError, match="expected mono float32"):
        Audio(0, pcm)


def test_motion_refuses_other_shapes() -> None:
    with pytest.raises(FrameError, match=r"\(51,\).*expected \(52,\)"):
        Motion(0, np.zeros(51, np.float32), np.zeros(6, np.float32))
    with pytest.raises(FrameError, match=r"swing \(2,\).*expected \(3,\)"):
        Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32), np.zeros(2, np.float32))
    with pytest.raises(FrameError, match=r"ppg \(40, 8\), expected \(8, 40\)"):
        Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32), ppg=np.zeros((40, 8), "f4"))


@pytest.mark.parametrize("shape", [(98, 64), (96, 63)])
def test_video_refuses_other_shapes(shape: tuple[int, int]) -> None:
    with pytest.raises(FrameError):
        Video(0, np.zeros(shape, np.uint8))


def test_repr_is_short() -> None:
    assert repr(Video(640, np.zeros((96, 64), np.uint8))) == "Video(start=640, 64x64)"
    assert repr(Audio(320, np.zeros(5, np.float32))) == "Audio(start=320, samples=5)"


def test_every_error_is_in_the_tree_and_its_docstring() -> None:
    names = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, VivifyError)
    ]
    assert len(names) == 7
    for name in names:
        assert errors.__doc__ and name in errors.__doc__
