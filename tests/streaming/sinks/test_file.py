"""MP4 files: sound at its own rate, both tracks equal in length within one picture."""

from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import AudioError, FrameError
from engine.frames import Video
from streaming.errors import TransportError
from streaming.sinks.file import Mp4Writer
from streaming.sound import Sound


def picture(tick: int, shade: int | None = None) -> Video:
    return Video(640 * tick, np.full((96, 64), 40 + tick if shade is None else shade, np.uint8))


def lengths(path: Path) -> tuple[float, float]:
    with av.open(str(path)) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert video.duration and audio.duration and video.time_base and audio.time_base
        return float(video.duration * video.time_base), float(audio.duration * audio.time_base)


def hear(out: Mp4Writer, pcm: np.ndarray, rate: int) -> None:
    for i in range(0, len(pcm), 777):
        out.hear(Sound(i, rate, pcm[i : i + 777]))


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000, 192_000, 12_345])
@pytest.mark.parametrize("channels", [1, 2, 6, 3])
def test_lengths_agree(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.mp4"
    with Mp4Writer(path, 64, 64) as out:
        hear(out, np.zeros((int(rate * 0.913), channels), np.float32), rate)
        for tick in range(20):  # 0.8 s: too few, the last one is held
            out.write(picture(tick))
    video, audio = lengths(path)
    assert abs(audio - 0.913) < 0.002 and 0 <= video - audio < 0.04


def test_pictures_after_the_sound_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with Mp4Writer(path, 64, 64) as out:
        for tick in range(50):
            out.write(picture(tick))
        hear(out, np.zeros((48_000, 1), np.int16), 48_000)
    assert lengths(path) == (1.0, 1.0)


def test_full_band_survives(tmp_path: Path) -> None:
    """A 12 kHz tone: gone from any 16 kHz sound, present in the film."""
    path = tmp_path / "a.mp4"
    t = np.arange(48_000) / 48_000
    pcm = (0.3 * np.sin(2 * np.pi * 12_000 * t)).astype(np.float32)[:, None]
    with Mp4Writer(path, 64, 64) as out:
        hear(out, pcm, 48_000)
        out.write(picture(0))
    with av.open(str(path)) as film:
        got = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(got[4096 : 4096 + 32_768]))
    assert abs(np.argmax(spectrum) * 48_000 / 32_768 - 12_000) < 5
    assert np.sqrt(np.mean(got[4096:40_000] ** 2)) > 0.15


def test_a_gap_holds_the_picture_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with Mp4Writer(path, 64, 64, sound=False) as out:
        out.write(picture(0, 50))
        out.write(picture(5, 200))
    with av.open(str(path)) as film:
        shades = [int(f.to_ndarray()[:64].mean()) for f in film.decode(video=0)]
    assert len(shades) == 6 and all(abs(s - 50) < 4 for s in shades[:5]) and shades[5] > 190


def test_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="cannot write"):
        Mp4Writer(tmp_path / "no" / "folder" / "a.mp4", 64, 64)
    path = tmp_path / "a.mp4"
    with pytest.raises(FrameError, match="one size"), Mp4Writer(path, 64, 64) as out:
        out.write(Video(0, np.zeros((48, 32), np.uint8)))
    assert not path.exists()
    with pytest.raises(AudioError, match="does not continue"), Mp4Writer(path, 64, 64) as out:
        out.hear(Sound(5, 48_000, np.zeros((960, 1), np.int16)))


def test_a_film_without_pictures_is_still_closed(tmp_path: Path) -> None:
    with Mp4Writer(tmp_path / "a.mp4", 64, 64) as out:
        hear(out, np.zeros((4800, 1), np.float32), 48_000)
