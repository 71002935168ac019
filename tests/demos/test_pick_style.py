"""pick_style: styles from clips of every kind, blends and pictures; refusals say what to do."""

import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from demos import pick_style, speak_file
from engine import Style, StyleLibrary, offline
from engine.errors import PackageError
from engine.eval.recordings import bundled
from engine.face.blendshapes import ARKIT
from engine.frames import SAMPLE_RATE
from engine.motion.decoder import Decoder
from engine.style.encoder import EXPRESSION
from engine.tracker.models import CHECKSUMS
from streaming import models
from tests.engine.motion.test_livelink import csv

SPEECH = bundled()[0].pcm()[: 4 * SAMPLE_RATE]
SENTENCE = str(pick_style.SENTENCE)


def motion(path: Path, style: str = "shy", seconds: int = 4) -> Path:
    """What demos.speak_file --motion writes."""
    clip = offline.motion(SPEECH[: seconds * SAMPLE_RATE], style)
    np.savez(path, start=clip.start, weights=clip.weights, names=np.array(ARKIT), pose=clip.pose)
    return path


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The demo as a user starts it."""
    root = Path(pick_style.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-m", "demos.pick_style", *map(str, arguments)],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip


def test_list_make_blend_and_speak(tmp_path: Path) -> None:
    listed = run("list", cwd=tmp_path)
    names = StyleLibrary().names()
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == names, listed.stderr
    clip = motion(tmp_path / "clip.npz")
    made = run("make", clip, "--name", "mine", "--out", tmp_path / "m.style", cwd=tmp_path)
    assert made.returncode == 0 and "use it with --style" in made.stdout, made.stderr
    style = Style.load(tmp_path / "m.style")
    assert style.name == "mine" and "4.0 s" in style.made
    mixed = run(
        "blend", tmp_path / "m.style", "neutral", "--weight", "0.25", "--out",
        tmp_path / "b.style", cwd=tmp_path,
    )  # fmt: skip
    assert mixed.returncode == 0, mixed.stderr
    neutral = StyleLibrary().get("neutral").code
    np.testing.assert_allclose(
        Style.load(tmp_path / "b.style").code, 0.75 * style.code + 0.25 * neutral, atol=1e-6
    )
    offline.motion(SPEECH[:SAMPLE_RATE], style=tmp_path / "b.style")


def test_a_live_link_take_with_a_head_from_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take, other = csv(tmp_path / "take.csv"), motion(tmp_path / "head.npz", "theatrical")
    make = ["make", str(take), "--name", "take", "--out"]
    assert pick_style.main([*make, str(tmp_path / "a.style")]) == 0
    for source in (str(other), "theatrical"):
        out = tmp_path / f"{len(source)}.style"
        assert pick_style.main([*make, str(out), "--head-from", source]) == 0
        plain, swapped = Style.load(tmp_path / "a.style").code, Style.load(out).code
        np.testing.assert_array_equal(plain[:EXPRESSION], swapped[:EXPRESSION])
        assert np.abs(plain - swapped)[EXPRESSION:].max() > 0.1
    assert "note" not in capsys.readouterr().out
    short = csv(tmp_path / "short.csv", seconds=2.2)
    assert pick_style.main(["make", str(short), "--name", "s", "--out", str(out), "--force"]) == 0
    assert "--head-from" in capsys.readouterr().out


def test_show_draws_a_map_and_strips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["show", "neutral", "shy", "--size", "64", "--sound", SENTENCE, "--out"]
    assert pick_style.main([*arguments, str(tmp_path / "pictures")]) == 0
    with Image.open(tmp_path / "pictures" / "styles.png") as picture:
        page = np.asarray(picture)
    half = page.shape[0] // 2
    neutral, shy = page[:half, 140:].astype(int), page[half:, 140:].astype(int)
    assert np.abs(neutral - shy).max() > 50
    with Image.open(tmp_path / "pictures" / "map.png") as picture:
        assert picture.width == 900
    assert str(tmp_path / "pictures" / "map.png") in capsys.readouterr().out
    assert pick_style.main([*arguments, str(tmp_path / "pictures")]) == 1
    assert "choose another folder with --out or overwrite with --force" in capsys.readouterr().err
    assert pick_style.main([*arguments, str(tmp_path / "pictures"), "--force"]) == 0
    assert pick_style.main(["show", "one style", "--out", str(tmp_path / "x")]) == 1


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "good.style"
    out.write_bytes(b"precious")
    arguments = ["blend", "calm", "shy", "--out", str(out)]
    assert pick_style.main(arguments) == 1 and out.read_bytes() == b"precious"
    assert pick_style.main([*arguments, "--force"]) == 0 and Style.load(out).code.any()
    (tmp_path / "folder.style").mkdir()
    for name in ("folder.style", "absent/x.style", "style.txt"):
        bad = ["blend", "calm", "shy", "--force", "--out", str(tmp_path / name)]
        assert pick_style.main(bad) == 1
    assert not list(tmp_path.glob(".*")), "a part file is left behind"
    assert "choose a folder" in capsys.readouterr().err


def test_bad_names_and_weights_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(motion(tmp_path / "clip.npz"))
    out = ["--out", str(tmp_path / "x.style")]
    for arguments, says in (
        (["make", clip, "--name", "../up", *out], "not allowed"),
        (["make", clip, "--name", "Loud", *out], "not allowed"),
        (["blend", "calm", "shy", "--weight", "1.5", *out], "0 to 1"),
        (["blend", "calm", "shy", "--weight", "nan", *out], "0 to 1"),
        (["blend", "calm", "nobody", *out], "unknown"),
        (["make", clip, "--name", "x", "--head-from", "nobody", *out], "nobody"),
        (["make", str(tmp_path / "x.style"), "--name", "x", *out], "is a style already"),
        (["make", str(tmp_path), "--name", "x", *out], "not a file"),
        (["make", SENTENCE, "--name", "x", *out], "no picture track"),
        (["make", str(tmp_path / "no.npz"), "--name", "x", *out], "no such file"),
    ):
        assert pick_style.main(arguments) == 1
        assert says in capsys.readouterr().err
    assert not (tmp_path / "x.style").exists()


def test_what_can_be_refused_is_refused_before_tracking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pick_style, "reference", lambda *_: pytest.fail("tracked"))
    make = ["make", str(motion(tmp_path / "clip.npz")), "--out", str(tmp_path / "x.style")]
    for arguments, says in (
        (["--name", "Loud"], "not allowed"),
        (["--name", "x", "--head-from", "nobody"], "no bundled style; expected a clip"),
        (["--name", "x", "--head-from", str(tmp_path / "no.style")], "no.style"),
        (["--name", "x", "--adapt"], "--sound"),
        (["--name", "x", "--adapt", "--sound", str(tmp_path / "no.wav")], "no.wav"),
    ):
        assert pick_style.main([*make, *arguments]) == 1
        assert says in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "engine.train.adapt", None)
    sound = ["--sound", str(Path(SENTENCE).absolute())]
    assert pick_style.main([*make, "--name", "x", "--adapt", *sound]) == 1
    assert ".[train]" in capsys.readouterr().err


def test_a_sentence_that_is_not_here_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pick_style, "SENTENCE", tmp_path / "none.flac")
    assert pick_style.main(["show", "neutral", "--out", str(tmp_path)]) == 1
    assert "--sound FILE" in capsys.readouterr().err


def test_a_short_clip_and_one_without_a_voice_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = motion(tmp_path / "clip.npz")
    out = ["--name", "x", "--out", str(tmp_path / "x.style")]
    assert pick_style.main(["make", str(clip), "--adapt", *out]) == 1
    assert "--sound" in capsys.readouterr().err
    short = motion(tmp_path / "short.npz", seconds=1)
    assert pick_style.main(["make", str(short), *out]) == 1
    assert "at least 2 s" in capsys.readouterr().err
    np.savez(short, start=np.arange(100) * 640, weights=np.full((100, 52), 0.3), names=ARKIT)
    assert pick_style.main(["make", str(short), *out]) == 0
    assert "the mouth hardly moves" in capsys.readouterr().out


def film(path: Path, style: str) -> Path:
    """Our avatar saying four seconds, with its voice."""
    with wave.open(str(path.with_suffix(".wav")), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((SPEECH * 32767).astype("<i2").tobytes())
    speech = [str(path.with_suffix(".wav")), str(path), "--size", "192", "--style", style]
    assert speak_file.main(speech) == 0
    return path


tracking = pytest.mark.skipif(
    not all(models._is_there(models.cache_folder() / "face" / name) for name in CHECKSUMS),
    reason="the tracker's models are not in the user's cache (demos.pick_style make fetches them)",
)


@tracking
def test_a_film_without_a_face_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert")
    with av.open(str(tmp_path / "wall.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(60):
            wall = np.full((120, 160, 3), 120, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(wall, format="rgb24")))
        container.mux(stream.encode(None))
    make = ["make", str(tmp_path / "wall.mp4"), "--name", "x", "--out", str(tmp_path / "x.style")]
    assert pick_style.main(make) == 1 and not (tmp_path / "x.style").exists()
    assert "face" in capsys.readouterr().err


@tracking
def test_a_film_of_our_own_avatar_makes_a_style(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    calm, lively = (film(tmp_path / f"{n}.mp4", n) for n in ("calm", "theatrical"))
    out = tmp_path / "film.style"
    assert pick_style.main(["make", str(lively), "--name", "film", "--out", str(out)]) == 0
    assert Style.load(out).code.any()
    still, moving = (pick_style.look(path, None).clip for path in (calm, lively))
    assert moving.pose[:, :3].std(0).sum() > 1.5 * still.pose[:, :3].std(0).sum()
    heard = pick_style.voice(lively, None)
    assert abs(len(heard) - len(SPEECH)) < 0.1 * SAMPLE_RATE


def test_an_adapter_that_fits_no_decoder_is_refused(tmp_path: Path) -> None:
    neutral = StyleLibrary().get("neutral")
    for adapter in (
        {"rest": np.zeros(3, np.float32)},
        {"up": np.zeros((2, 96, 192), np.float32)},
        {"secret": np.zeros(4, np.float32)},
    ):
        Style("bad", neutral.code, adapter=adapter).save(tmp_path / "bad.style")
        with pytest.raises(PackageError, match="adapter"):
            Decoder().prepare(Style.load(tmp_path / "bad.style"))
