"""The local microphone and loudspeaker: with a file everywhere, through PulseAudio where it is."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import RuntimeUnavailable, VivifyError
from streaming.errors import TransportError
from streaming.sinks.speaker import BLOCKS, SILENCE, BlockQueue
from streaming.sound import Sound
from streaming.sources import microphone
from tests import virtual_time
from tests.browser import speech
from tests.fakes import bursts

ROOT = Path(__file__).parents[3]


def onsets(pcm: np.ndarray, rate: int = 48_000) -> np.ndarray:
    """Seconds at which sound begins after at least 0.1 s of quiet."""
    loud = np.abs(pcm[: len(pcm) // 48 * 48].reshape(-1, 48)).max(axis=1) > 0.05
    before = np.convolve(loud, np.ones(100))[: len(loud)] - loud
    return np.flatnonzero(loud & (before == 0)) * 48 / rate


def test_a_file_stands_in_for_a_microphone(tmp_path: Path) -> None:
    path = speech.write(tmp_path / "a.wav", bursts(2.0))

    async def main() -> list[Sound]:
        heard = []
        async for sound in microphone.listen(str(path)):
            heard.append(sound)
            if len(heard) == 150:
                return heard
        return heard

    heard = virtual_time.run(main())
    pcm = np.concatenate([s.pcm[:, 0] for s in heard]) / 32768
    np.testing.assert_allclose(np.diff(onsets(pcm)), 1.0, atol=0.002)
    microphone.check(str(path))


def test_missing_portaudio_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(RuntimeUnavailable, match="libportaudio2"):
        microphone.check("default")


def test_unknown_device_lists_what_there_is() -> None:
    with pytest.raises(VivifyError, match="here|libportaudio2"):
        microphone.check("no such device")


def test_device_that_cannot_do_48_khz(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sounds:
        class PortAudioError(Exception):
            pass

        def query_devices(self, *wanted: object) -> dict[str, int]:
            return {"index": 3}

        def check_input_settings(self, **settings: object) -> None:
            raise self.PortAudioError("Invalid sample rate")

    monkeypatch.setattr(microphone, "portaudio", Sounds)
    with pytest.raises(TransportError, match="48 kHz"):
        microphone.check("3")


def test_speaker_queue_is_bounded_and_plays_silence_when_empty() -> None:
    queue, out = BlockQueue(), bytearray(len(SILENCE))
    for k in range(BLOCKS + 3):
        queue.put(bytes([k]) * len(SILENCE))
    played = []
    for _ in range(BLOCKS + 1):
        queue.fill(out, 960, None, None)
        played.append(out[0])
    assert played == [*range(3, BLOCKS + 3), 0] and queue.starved == 1


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A private PulseAudio whose default microphone is a pipe: (pipe, environment)."""
    if not shutil.which("pulseaudio"):
        pytest.skip("no PulseAudio here (Debian: pulseaudio libasound2-plugins libportaudio2)")
    pipe = tmp_path / "mic"
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    (tmp_path / ".asoundrc").write_text("pcm.!default{type pulse}\nctl.!default{type pulse}\n")
    modules = [
        "module-native-protocol-unix",
        "module-null-sink sink_name=spk",
        f"module-pipe-source source_name=pipe file={pipe} format=s16le rate=48000 channels=1",
    ]
    loads = [word for module in modules for word in ("-L", module)]
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--exit-idle-time=-1", "--daemonize=no", *loads],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(100):
        if pipe.exists():
            break
        time.sleep(0.05)
    try:
        yield pipe, environment
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.device
@pytest.mark.timeout(60)
def test_pulseaudio_to_engine_and_back(pulse: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Beeps written into the pipe come out of `listen`, evenly; the speaker plays meanwhile."""
    pipe, environment = pulse
    pcm = (bursts(7.0) * 32767).astype("<i2")
    written: list[float] = []
    stop = threading.Event()

    def feed() -> None:
        with pipe.open("wb", buffering=0) as out:
            began = time.monotonic()
            for block in range(len(pcm) // 960):
                wait = began + block * 0.02 - time.monotonic()
                if stop.wait(max(0.0, wait)):
                    return
                out.write(pcm[block * 960 : (block + 1) * 960].tobytes())
                written.append(time.monotonic())

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    saved = tmp_path / "heard.npz"
    probe = subprocess.run(
        [sys.executable, "-m", "tests.streaming.sources.probe", str(saved)],
        cwd=ROOT,
        env=environment,
        timeout=40,
        capture_output=True,
        text=True,
        check=False,
    )
    stop.set()
    feeder.join(5)
    assert probe.returncode == 0, probe.stderr
    heard = np.load(saved)
    found = onsets(heard["pcm"] / 32768)[1:]  # the first may be cut by the start of recording
    assert len(found) >= 2
    np.testing.assert_allclose(np.diff(found), 1.0, atol=0.06)
    arrival = heard["arrived"][(found * 50).astype(int)]
    source = np.array(written)[np.arange(0, len(written), 50)]
    late = [float(min(a - source[source <= a])) for a in arrival if (source <= a).any()]
    print(f"\npipe to engine: {np.median(late) * 1000:.0f} ms; {probe.stdout.strip()}")
    assert np.median(late) < 0.4
    assert heard["starved"] < 0.5 * heard["played"]


def test_probe_is_importable() -> None:
    import tests.streaming.sources.probe as probe

    assert asyncio.iscoroutinefunction(probe.main)
