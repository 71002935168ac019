"""Files: whatever FFmpeg reads simply works; what cannot be used is an AudioError with a reason."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import AudioError
from streaming.clock import LoopClock
from streaming.sources.file import blocks, duration, play, read
from tests import virtual_time

RNG = np.random.default_rng(0)


def encode(path: Path, pcm: np.ndarray, rate: int, codec: str, layout: str, fmt: str) -> Path:
    """`pcm` [C, S] float32 into any container."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout, format=fmt)
        frame = av.AudioFrame.from_ndarray(pcm.astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        for ready in av.AudioResampler(fmt, layout, rate).resample(frame):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
    return path


def tone(rate: int, channels: int, seconds: float = 0.7) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return np.stack([0.4 * np.sin(2 * np.pi * (200 + 50 * c) * t) for c in range(channels)])


@pytest.mark.parametrize(
    ("name", "rate", "layout", "codec", "fmt", "tolerance"),
    [
        ("a.wav", 16_000, "mono", "pcm_u8", "u8", 1e-2),
        ("b.wav", 8_000, "mono", "pcm_s16le", "s16", 1e-4),
        ("c.wav", 96_000, "5.1", "pcm_s32le", "s32", 1e-5),
        ("d.wav", 44_100, "stereo", "pcm_f32le", "flt", 1e-7),
        ("e.wav", 48_000, "mono", "pcm_f64le", "dbl", 1e-7),
        ("f.flac", 22_050, "stereo", "flac", "s16", 1e-4),
    ],
)
def test_odd_formats_work(
    tmp_path: Path, name: str, rate: int, layout: str, codec: str, fmt: str, tolerance: float
) -> None:
    want = tone(rate, av.AudioLayout(layout).nb_channels)
    sounds = list(read(encode(tmp_path / name, want, rate, codec, layout, fmt)))
    assert {s.rate for s in sounds} == {rate}
    got = np.concatenate([s.pcm for s in sounds])
    assert got.dtype == np.float32 and got.shape == want.T.shape
    np.testing.assert_allclose(got, want.T, atol=tolerance)
    assert [s.start for s in sounds][1:] == [s.end for s in sounds][:-1]


def test_sound_of_a_video_file(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("aac", rate=48_000, layout="mono")
        for k in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((96, 64), k, np.uint8), "yuv420p")
            picture.pts = k
            out.mux(video.encode(picture))
        frame = av.AudioFrame.from_ndarray(
            tone(48_000, 1, 1.0).astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48_000
        for ready in av.AudioResampler("fltp", "mono", 48_000, frame_size=1024).resample(frame):
            out.mux(audio.encode(ready))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    sounds = list(read(path))
    assert abs(sum(len(s.pcm) for s in sounds) - 48_000) <= 1024


def test_blocks_are_20_ms(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(44_100, 1), 44_100, "pcm_s16le", "mono", "s16")
    cut = list(blocks(path, 20))
    assert {len(s.pcm) for s in cut[:-1]} == {882}
    whole = np.concatenate([s.pcm for s in read(path)])
    np.testing.assert_array_equal(np.concatenate([s.pcm for s in cut]), whole)


def test_duration(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", tone(44_100, 2), 44_100, "flac", "stereo", "s16")
    assert duration(path) == pytest.approx(0.7, abs=0.001)


def test_play_is_a_live_microphone(tmp_path: Path) -> None:
    """48 kHz int16 blocks of 20 ms, each when its end is due; the end runs into the beginning."""
    path = encode(tmp_path / "a.wav", tone(8_000, 6, 0.2), 8_000, "pcm_s16le", "5.1", "s16")

    async def main() -> list[tuple[int, int, tuple[int, ...]]]:
        clock = LoopClock()
        heard = []
        async for sound in play(path, clock, loop=True):
            heard.append((clock.now(), sound.start, sound.pcm.shape))
            assert sound.rate == 48_000 and sound.pcm.dtype == np.int16
            if len(heard) == 40:
                break
        return heard

    heard = virtual_time.run(main())
    assert [start for _, start, _ in heard] == [960 * k for k in range(40)]
    assert {shape for _, _, shape in heard} == {(960, 2)}
    assert all(abs(now - 320 * (k + 1)) <= 2 for k, (now, _, _) in enumerate(heard))


def test_a_loop_shorter_than_a_block_neither_hangs_nor_loses_sound(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(16_000, 1, 0.01), 16_000, "pcm_s16le", "mono", "s16")

    async def main() -> list[np.ndarray]:
        heard = []
        async for sound in play(path, LoopClock(), loop=True):
            heard.append(sound.pcm)
            if len(heard) == 5:
                break
        return heard

    heard = virtual_time.run(main())
    assert {pcm.shape for pcm in heard} == {(960, 1)}
    assert all(np.abs(pcm[:400]).max() > 1000 for pcm in heard)


def write_wav(path: Path, pcm: np.ndarray, rate: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((pcm * 32767).astype("<i2").tobytes())
    return path


def drain(path: Path) -> int:
    return sum(len(s.pcm) for s in read(path))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="not a file"):
        drain(tmp_path / "nowhere.wav")


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioError, match="empty"):
        drain(tmp_path / "a.wav")


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="without a single sample|cannot be decoded|not an audio"):
        drain(write_wav(tmp_path / "a.wav", np.zeros(0)))


@pytest.mark.parametrize(
    "content", [b"hello, this is a text" * 99, RNG.bytes(5000), b"RIFF", b"\0"]
)
def test_not_media(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.wav"):
        drain(path)


def test_a_picture_has_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), "yuv420p")
        frame.pts = 0
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    with pytest.raises(AudioError, match="no sound track"):
        drain(path)


@pytest.mark.parametrize("keep", [0.6, 0.05])
def test_truncated(tmp_path: Path, keep: float) -> None:
    whole = write_wav(tmp_path / "whole.wav", tone(16_000, 1, 2.0)[0]).read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(AudioError, match="truncated"):
        drain(path)


def test_truncated_flac(tmp_path: Path) -> None:
    noise = RNG.uniform(-0.5, 0.5, (1, 64_000))
    whole = encode(tmp_path / "w.flac", noise, 16_000, "flac", "mono", "s16").read_bytes()
    path = tmp_path / "cut.flac"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match="truncated"):
        drain(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan(tmp_path: Path, bad: float) -> None:
    pcm = tone(16_000, 1)
    pcm[0, 5000] = bad
    path = encode(tmp_path / "a.wav", pcm, 16_000, "pcm_f32le", "mono", "flt")
    with pytest.raises(AudioError, match=r"NaN or infinite samples, the first at 0\.312"):
        drain(path)


def test_folder_and_device_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(AudioError, match="not a file"):
            drain(path)
