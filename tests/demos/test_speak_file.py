"""speak_file: odd sound simply works, bad sound is named, the film plays and is in step."""

import json
import subprocess
import sys
import wave
from dataclasses import asdict
from pathlib import Path

import av
import numpy as np
import pytest

from demos import speak_file
from engine import offline
from engine.eval.recordings import bundled
from engine.face.blendshapes import ARKIT
from engine.face.learned import Config
from engine.face.likeness import Consent, Likeness
from engine.frames import SAMPLE_RATE
from engine.render.mark import badge
from engine.speech.phonemes import PHONES
from streaming.provenance import KEY
from tests.looks import dressed

SPEECH = bundled()[0].pcm()[: 2 * SAMPLE_RATE]


def encode(path: Path, rate: int, codec: str, layout: str = "mono") -> Path:
    """The speech as a file of some rate, sample format and layout."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        pcm = np.ascontiguousarray(SPEECH[None])
        frame = av.AudioFrame.from_ndarray(pcm, format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def seconds(path: Path, kind: str) -> float:
    """Length of a track by decoding it."""
    with av.open(str(path)) as file:
        frames = list(file.decode(**{kind: 0}))
        if kind == "video":
            return len(frames) / 25
        return sum(frame.samples for frame in frames) / frames[0].sample_rate


def test_film_ppg_and_motion(tmp_path: Path) -> None:
    source = encode(tmp_path / "in.wav", 48_000, "pcm_s16le")
    out, ppg, motion = tmp_path / "o.mp4", tmp_path / "p.npz", tmp_path / "m.npz"
    arguments = [source, out, "--size", "128", "--ppg", ppg, "--motion", motion]
    done = subprocess.run(
        [sys.executable, "-m", "demos.speak_file", *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "50 pictures" in done.stdout and "%" in done.stderr  # result, progress bar
    assert abs(seconds(out, "video") - 2) < 0.041
    assert abs(seconds(out, "audio") - seconds(out, "video")) <= 0.040 + 1e-6
    with np.load(ppg) as saved:
        assert saved["start"].dtype == np.int64 and saved["posteriors"].dtype == np.float32
        assert tuple(saved["phones"]) == PHONES
        assert saved["posteriors"].shape == (len(saved["start"]), 40)
        for name in ("closure", "voicing", "energy"):
            assert saved[name].shape == saved["start"].shape and np.isfinite(saved[name]).all()
    with np.load(motion) as saved:
        assert tuple(saved["names"]) == ARKIT
        assert saved["weights"].shape == (50, 52) and saved["pose"].shape == (50, 6)
        direct = offline.motion(SPEECH).weights
        # The file went to 48 kHz and back: nearly, not exactly, the same sound.
        assert np.corrcoef(saved["weights"][:, 24], direct[:50, 24])[0, 1] > 0.95


@pytest.mark.parametrize(
    ("rate", "codec", "layout"),
    [
        (16_000, "pcm_u8", "mono"),
        (8_000, "pcm_s16le", "mono"),
        (96_000, "pcm_s24le", "stereo"),
        (44_100, "pcm_f32le", "5.1"),
    ],
)
def test_odd_sound_simply_works(tmp_path: Path, rate: int, codec: str, layout: str) -> None:
    source = encode(tmp_path / "odd.wav", rate, codec, layout)
    out = tmp_path / "odd.mp4"
    assert speak_file.main([str(source), str(out), "--size", "64"]) == 0
    assert abs(seconds(out, "video") - 2) < 0.041


def test_a_wide_film_with_a_background(tmp_path: Path) -> None:
    source, out = encode(tmp_path / "in.wav", 16_000, "pcm_s16le"), tmp_path / "o.mp4"
    wide = ["--size", "192x108", "--background", "plain:#0000ff"]
    assert speak_file.main([str(source), str(out), *wide]) == 0
    with av.open(str(out)) as film:
        picture = next(film.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (108, 192, 3)
    red, _, blue = picture[5, 5].astype(int)
    assert blue > red + 150
    assert speak_file.main([str(source), str(out), "--size", "wide"]) == 1
    assert speak_file.main([str(source), str(out), "--background", "nowhere.png"]) == 1


def test_the_likeness_of_a_person_is_marked_and_says_so(tmp_path: Path) -> None:
    """The film of a neural package: what is seen in a corner, what stands in its metadata."""
    package = dressed(tmp_path / "ada", Config("small", "person", default=True))
    manifest = json.loads((package / "avatar.json").read_text())
    consent = Consent("Ada Lovelace", "2026-11-22", "I agree to this avatar of me.")
    manifest["likeness"] = asdict(Likeness("real person", consent))
    (package / "avatar.json").write_text(json.dumps(manifest))
    source = encode(tmp_path / "in.wav", 16_000, "pcm_s16le")
    corners = {}
    mark = badge(128, 128)
    for look in ("auto", "toon", "neural,unmarked"):
        out = tmp_path / "o.mp4"
        options = ["--avatar", str(package), "--look", look, "--size", "128"]
        assert speak_file.main([str(source), str(out), *options]) == 0
        with av.open(str(out)) as film:
            facts = json.loads(film.metadata[KEY])
            picture = next(film.decode(video=0)).to_ndarray(format="gray")
        assert facts["renderer"] == ("toon" if look == "toon" else "neural")
        assert facts["likeness"]["consent"]["by"] == "Ada Lovelace"
        assert facts["likeness"]["visibleMark"] == ("unmarked" not in look)
        corners[look] = picture[mark.top : mark.top + 14, mark.left : 124].astype(int)
    assert np.abs(corners["auto"] - corners["toon"]).mean() < 25  # the same badge, whoever draws
    assert np.abs(corners["auto"] - corners["neural,unmarked"]).mean() > 40
    assert speak_file.main([str(source), "--look", "oil"]) == 1


def test_a_video_file_is_heard(tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    source = encode(tmp_path / "in.wav", 16_000, "pcm_s16le")
    assert speak_file.main([str(source), str(first), "--size", "64"]) == 0
    assert speak_file.main([str(first), str(second), "--size", "64"]) == 0
    assert abs(seconds(second, "video") - 2) < 0.081


def torn(tmp_path: Path) -> Path:
    whole = encode(tmp_path / "whole.wav", 16_000, "pcm_s16le").read_bytes()
    path = tmp_path / "torn.wav"
    path.write_bytes(whole[: len(whole) // 2])
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.wav"
    path.write_bytes(b"")
    return path


def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.wav"
    path.write_text("this is not sound\n" * 50)
    return path


def missing(tmp_path: Path) -> Path:
    return tmp_path / "missing.wav"


@pytest.mark.parametrize(
    ("make", "message"),
    [(torn, "truncated"), (empty, "empty"), (text, "not an audio"), (missing, "not a file")],
)
def test_bad_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: object, message: str
) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    out = tmp_path / "never.mp4"
    assert speak_file.main([str(path), str(out), "--size", "64"]) == 1
    error = capsys.readouterr().err
    assert message in error and path.name in error
    assert not out.exists(), "half a film is left behind"


@pytest.mark.parametrize(
    "option", [["--avatar", "nobody"], ["--style", "nowhere"], ["--size", "7"]]
)
def test_bad_choices_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    source = encode(tmp_path / "in.wav", 16_000, "pcm_s16le")
    assert speak_file.main([str(source), str(tmp_path / "o.mp4"), *option]) == 1
    assert option[1] in capsys.readouterr().err


@pytest.mark.parametrize("channels", [7, 9, 40])
def test_many_channels_simply_work(tmp_path: Path, channels: int) -> None:
    pcm = np.repeat((SPEECH[: SAMPLE_RATE // 2, None] * 32767).astype("<i2"), channels, axis=1)
    source = tmp_path / "many.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes())
    out = tmp_path / "many.mp4"
    assert speak_file.main([str(source), str(out), "--size", "64"]) == 0
    assert abs(seconds(out, "video") - 0.5) < 0.041


def test_one_sample_keeps_the_shapes(tmp_path: Path) -> None:
    source, ppg, out = tmp_path / "one.wav", tmp_path / "p.npz", tmp_path / "o.mp4"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"\0\0")
    assert speak_file.main([str(source), str(out), "--size", "64", "--ppg", str(ppg)]) == 0
    with np.load(ppg) as saved:
        assert saved["posteriors"].shape == (0, 40)


def test_nothing_that_exists_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = encode(tmp_path / "in.wav", 16_000, "pcm_s16le")
    before = source.read_bytes()
    assert speak_file.main([str(source), str(source)]) == 1
    assert "input itself" in capsys.readouterr().err and source.read_bytes() == before
    out = tmp_path / "good.mp4"
    out.write_bytes(b"a good film")
    assert speak_file.main([str(text(tmp_path)), str(out), "--size", "64"]) == 1
    assert out.read_bytes() == b"a good film"
    assert not list(tmp_path.glob(".*")), "a part file is left behind"


@pytest.mark.parametrize("name", [".", "/"])
def test_a_folder_is_not_an_input(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert speak_file.main([name]) == 1
    assert "not a file" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["missing/p.npz", "p.txt"])
def test_unwritable_results_are_refused_before_the_work(
    tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = encode(tmp_path / "in.wav", 16_000, "pcm_s16le")
    out = tmp_path / "o.mp4"
    assert speak_file.main([str(source), str(out), "--ppg", str(tmp_path / target)]) == 1
    assert target.split("/")[-1] in capsys.readouterr().err and not out.exists()
