"""The lips suite runs on what a folder has and names what it has not."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import offline
from engine.eval import lips, openings
from engine.eval.__main__ import main
from engine.eval.acting import act_all, hear
from engine.eval.recordings import BUNDLED, bundled
from engine.face.blendshapes import ARKIT
from engine.style.library import StyleLibrary


def result(capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, object]]:
    text = capsys.readouterr().out
    return text, json.loads(text.splitlines()[-1])


def test_bundled_clips_are_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert lips.main(["--clips", "1", "--plots", str(tmp_path)]) == 0
    text, found = result(capsys)
    assert "ridge_mel" in text and found["clips"] == 1
    for name in ("engine", "mesh", "ppg_table", "rms_jaw", "ridge_mel"):
        row = found[name]
        assert isinstance(row, dict) and 0.2 < row["r"] <= 1 and abs(row["lag_ms"]) <= 120
    assert (tmp_path / "lags.png").stat().st_size > 10_000
    assert len(list(tmp_path.glob("opening_*.png"))) == 1


def test_a_flat_folder_is_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recording = bundled()[0]
    pcm = recording.pcm()[: 3 * 16_000]
    soundfile.write(tmp_path / "a.wav", pcm, 16_000)
    motion = offline.motion(pcm)
    np.savez(tmp_path / "a.npz", start=motion.start, weights=motion.weights, pose=motion.pose,
             names=np.array(ARKIT))  # fmt: skip
    soundfile.write(tmp_path / "b.wav", pcm, 16_000)
    phones = [list(p) for p in recording.phones if p[1] + p[2] < 300]
    (tmp_path / "b.json").write_text(json.dumps({"phones": phones}))
    soundfile.write(tmp_path / "c.wav", pcm, 16_000)
    (tmp_path / "d.mp4").write_bytes(b"no video")
    assert lips.main(["--data", str(tmp_path), "--plots", str(tmp_path)]) == 0
    text, found = result(capsys)
    assert "c.wav has neither" in text and "d.mp4 cannot be read" in text
    assert found["clips"] == 1 and found["skipped"] == 2
    tracked = found["tracked"]
    # The recording is our own motion at -25 dBFS or nearly so.
    assert isinstance(tracked, dict) and tracked["all"]["engine"]["r"] > 0.9
    assert abs(tracked["all"]["engine"]["lag_ms"]) <= 20
    assert (tmp_path / "recorded.png").is_file() and (tmp_path / "jaws.png").is_file()


def test_acting_on_what_was_heard_is_the_live_line() -> None:
    pcm = bundled()[1].pcm()[:20_000]
    library = StyleLibrary()
    sessions = [(library.get("neutral"), 3), (library.get("cheerful"), 4)]
    for (style, seed), parts in zip(sessions, act_all(hear(pcm), sessions), strict=True):
        whole = offline.motion(pcm, style, seed=seed)
        np.testing.assert_array_equal(whole.start, parts.start)
        np.testing.assert_allclose(whole.weights, parts.weights, atol=1e-4)
        np.testing.assert_allclose(whole.pose, parts.pose, atol=1e-3)


def test_loudness_opens_with_the_sound_just_heard() -> None:
    pcm = np.zeros(6400, np.float32)
    pcm[3200:3840] = 0.5
    at, values = openings.of_loudness(pcm)
    assert at[values.argmax()] == 3840 and values.max() == pytest.approx(0.5)


def test_bundled_manifest_lies_in_the_checkout() -> None:
    assert BUNDLED.is_file()


def test_what_stops_a_suite_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["lips", "--data", str(tmp_path / "none")],
        ["lips", "--data", str(tmp_path)],
        ["lips", "--style", "nobody", "--clips", "1"],
        ["style", "--data", str(tmp_path / "none")],
        ["style", "--styles", str(tmp_path / "none.safetensors")],
    ):
        assert main(arguments) == 1
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith(f"engine.eval {arguments[0]}: "), told
