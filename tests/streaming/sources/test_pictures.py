"""Videos become pictures with their media time; what is no video is refused by name."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from demos.pick_style import voice
from engine.errors import AudioError
from engine.eval.recordings import read_sound
from streaming.sources import pictures as module
from streaming.sources.pictures import pictures, sound_start


def film(path: Path, times_ms: list[int]) -> Path:
    """A small video whose n-th picture is grey 20 n, shown at times_ms[n]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, moment in enumerate(times_ms):
            grey = np.full((48, 64, 3), 20 * i, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = moment, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    moments = [0, 40, 80, 200, 233]  # 25 a second, a pause, 30 a second
    shown = list(pictures(film(tmp_path / "a.mp4", moments)))
    assert [start for _, start in shown] == [round(16 * ms) for ms in moments]
    for i, (rgb, _) in enumerate(shown):
        assert rgb.shape == (48, 64, 3) and rgb.dtype == np.uint8 and rgb.flags.c_contiguous
        assert abs(float(rgb.mean()) - 20 * i) < 6


def filmed(path: Path, late_ms: int, picture_ms: int = 0) -> Path:
    """Two seconds of picture whose sound, loud at once, begins `late_ms` after time 0."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = picture_ms // 40 + i, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for i in range(50):
            loud = np.full((1, 640), 9000, np.int16)
            heard = av.AudioFrame.from_ndarray(loud, format="s16", layout="mono")
            heard.sample_rate, heard.pts = 16_000, 16 * late_ms + 640 * i
            heard.time_base = Fraction(1, 16_000)
            container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return path


def test_sound_that_begins_later_is_told(tmp_path: Path) -> None:
    late = filmed(tmp_path / "late.mkv", 480)
    assert next(pictures(late))[1] == 0 and abs(sound_start(late) - 7680) <= 16
    early = filmed(tmp_path / "early.mkv", 0, picture_ms=400)
    assert next(pictures(early))[1] == 6400 and sound_start(early) == 0
    assert sound_start(film(tmp_path / "mute.mp4", [0, 40])) == 0
    # Measuring and making a style hear it where it is seen.
    for pcm in (read_sound(late), voice(late, None)):
        assert abs(int(np.argmax(np.abs(pcm) > 0.1)) - 7680) <= 320
        assert abs(len(pcm) - 7680 - 32_000) <= 640


def test_huge_pictures_are_refused_and_large_ones_made_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "a.mp4", [0, 40])
    monkeypatch.setattr(module, "SHOWN_SIDE", 32)
    assert next(pictures(path))[0].shape == (24, 32, 3)
    monkeypatch.setattr(module, "MAX_SIDE", 63)
    with pytest.raises(AudioError, match="pictures of 64 x 48, expected at most 63"):
        next(pictures(path))


def test_sound_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 160), np.int16), "s16", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
    with pytest.raises(AudioError, match="no picture track .found audio.; choose a video"):
        next(pictures(path))


@pytest.mark.parametrize(
    ("content", "said"), [(None, "not a file"), (b"", "empty"), (b"no video" * 99, "not a video")]
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "odd.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=said):
        next(pictures(path))


def test_a_torn_video_gives_what_it_has_or_says_so(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mkv", [40 * i for i in range(12)]).read_bytes()
    torn = tmp_path / "torn.mkv"
    torn.write_bytes(whole[: len(whole) * 2 // 3])
    shown = 0
    try:
        for rgb, _ in pictures(torn):
            shown += rgb.shape == (48, 64, 3)
    except AudioError as error:
        assert "torn.mkv" in str(error)
    assert shown < 12
