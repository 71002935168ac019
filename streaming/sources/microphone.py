"""The local microphone through PortAudio (or a file that stands in for one).

PortAudio's callback copies bytes and hands them to the event loop; it takes no lock and runs no
numpy. Everything after it is the same as for a file, which is how this is tested without a device.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from engine.errors import RuntimeUnavailable
from streaming.channel import Channel
from streaming.clock import LoopClock
from streaming.errors import TransportError
from streaming.sound import VOICE_BLOCK, VOICE_RATE, Sound
from streaming.sources import file

BOUND_MS = 200  # sound waiting for the loop; older sound is dropped


def portaudio() -> ModuleType:
    """sounddevice, or RuntimeUnavailable that says how to get PortAudio."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the shared library is missing
        raise RuntimeUnavailable(
            f"local sound needs PortAudio ({error}); install it (Debian: apt install "
            "libportaudio2), or leave --mic and --output out and use the browser's microphone"
        ) from error
    module: ModuleType = sounddevice
    return module


def device_number(name: str, kind: str) -> int:
    """PortAudio's number for a device name, part of it, or a number; `kind`: input or output.

    Raises TransportError with the devices there are.
    """
    sound = portaudio()
    try:
        wanted: int | str | None = int(name) if name.isdigit() else name
        if name == "default":
            wanted = None
        info = sound.query_devices(wanted, kind)
    except (ValueError, sound.PortAudioError) as error:
        field = f"max_{kind}_channels"
        devices = [f"{d['index']}: {d['name']}" for d in sound.query_devices() if d[field] > 0]
        there = "; ".join(devices) or "none at all"
        raise TransportError(
            f"no {kind} device {name!r} ({error}); {kind} devices here: {there}"
        ) from error
    return int(info["index"])


def stands_in(name: str) -> bool:
    """Whether `name` is a file that stands in for a microphone."""
    return Path(name).is_file()


def check(name: str) -> None:
    """Raise TransportError or RuntimeUnavailable if `listen(name)` could not start."""
    if stands_in(name):
        return
    sound = portaudio()
    number = device_number(name, "input")
    try:
        sound.check_input_settings(device=number, channels=1, dtype="int16", samplerate=VOICE_RATE)
    except sound.PortAudioError as error:
        raise TransportError(
            f"microphone {name!r} cannot record 48 kHz mono ({error}); choose another one"
        ) from error


async def listen(name: str) -> AsyncIterator[Sound]:
    """48 kHz int16 from a device (name, number, "default"), or from an audio file in a loop."""
    if stands_in(name):
        async for heard in file.play(name, LoopClock(), loop=True):
            yield heard
        return
    sound = portaudio()
    channel: Channel[bytes] = Channel(BOUND_MS, lambda b: len(b) / 2 / VOICE_RATE * 1000)
    loop = asyncio.get_running_loop()

    def copy(data: Any, frames: int, time: Any, status: Any) -> None:
        loop.call_soon_threadsafe(channel.put, bytes(data))

    stream = sound.RawInputStream(
        device=device_number(name, "input"),
        samplerate=VOICE_RATE,
        channels=1,
        dtype="int16",
        blocksize=VOICE_BLOCK,
        latency="low",
        callback=copy,
    )
    position = 0
    with stream:
        async for data in channel:
            pcm = np.frombuffer(data, np.int16)[:, None]
            yield Sound(position, VOICE_RATE, pcm)
            position += len(pcm)
