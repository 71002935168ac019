"""The demo's edges: what is missing is said in one line with exit code 1; Ctrl-C ends it with 0."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from demos import webcam_mirror
from engine.errors import WeightsError
from kernels.cuda import backend
from kernels.cuda.build import CudaUnavailable
from streaming import scenery
from streaming.web.catalogue import Choice
from tests.browser import rig
from tests.fakes import InlineWorker

ROOT = Path(__file__).parents[2]


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert webcam_mirror.main(["--no-browser", "--port", "0", *arguments]) == 1
    message = capsys.readouterr().err.removeprefix(
        "Loading the avatar; the very first start compiles for some seconds.\n"
    )
    assert message.startswith("Vivify cannot go on: ") and message.count("\n") == 1
    return message


def test_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = fails_with(capsys, "--port", port)
    assert port in message and "--port" in message


def test_port_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 to 65535" in fails_with(capsys, "--port", "70000")


def test_no_such_microphone(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such microphone" in fails_with(capsys, "--mic", "no such microphone")


def test_missing_portaudio(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "libportaudio2" in fails_with(capsys, "--mic", "default")


def test_output_without_microphone(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--mic" in fails_with(capsys, "--output", "default")


def test_a_card_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(driver: object) -> object:
        raise CudaUnavailable("no NVIDIA driver: use the CPU")

    monkeypatch.setattr(backend, "checked", absent)
    said = fails_with(capsys, "--device", "cuda")
    assert "use the CPU" in said or "pip install" in said


def test_face_model_that_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    message = fails_with(capsys, "--face-model", "x.task")
    assert "--face-model x.task" in message and "face_landmarker.task" in message


def test_face_model_that_is_another_file_is_said_when_a_camera_is_used(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs the extra [tracker]")
    wrong = tmp_path / "face_landmarker.task"
    wrong.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="expected the official"):
        webcam_mirror.load_tracker(str(wrong))


def test_a_tracker_that_is_not_installed_is_known_beforehand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "extra `tracker`" in webcam_mirror.missing()


@pytest.mark.parametrize("flags", [("--avatar", "nobody"), ("--style", "nothing.style")])
def test_no_such_avatar_or_style(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, str]
) -> None:
    assert flags[1] in fails_with(capsys, *flags)


def test_size_that_cannot_be_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert "7" in fails_with(capsys, "--size", "7")


def test_defaults_are_the_stable_surface() -> None:
    args = webcam_mirror.parse([])
    assert Choice(args.avatar, scenery.size(args.size), args.lookahead) == Choice("mira", 512, 20)
    assert (args.host, args.port, args.style) == ("127.0.0.1", 8080, "neutral")
    assert args.max_sessions == 4


def test_as_many_browsers_as_asked_for() -> None:
    rooms = webcam_mirror.open_rooms(webcam_mirror.parse(["--max-sessions", "7"]), InlineWorker())
    try:
        assert rooms.limit == 7
    finally:
        asyncio.run(rooms.close())


def test_runs_with_a_file_as_microphone_and_ends_cleanly() -> None:
    clip = next((ROOT / "tests" / "golden" / "speech").glob("*.flac"))
    demo = ("demos.webcam_mirror", "--no-browser", "--port", "0", "--size", "128")
    with rig.server(*demo, "--mic", str(clip)) as address:
        with urllib.request.urlopen(f"{address}/healthz") as response:
            assert json.load(response)["status"] == "ok"
        with urllib.request.urlopen(f"{address}/choices.json") as response:
            choices = json.load(response)
        assert choices["microphone"] == "server" and len(choices["styles"]) >= 4
        for _ in range(100):
            with urllib.request.urlopen(f"{address}/metrics") as response:
                drawn = [x for x in response.read().decode().splitlines() if "pictures" in x]
            if float(drawn[-1].split()[-1]) > 5:
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"no pictures: {drawn}")


def test_help_names_every_flag() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "demos.webcam_mirror", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    flags = "avatar style size lookahead device mic output face-model host port"
    flags += " max-sessions no-browser"
    for flag in flags.split():
        assert f"--{flag}" in shown
