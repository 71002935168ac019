"""The local voice: blocks in their order, silence where there are none, and a delay that stays."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streaming.clock import LoopClock
from streaming.playout import Playout
from streaming.sinks import speaker
from streaming.sinks.speaker import BLOCKS, SILENCE, BlockQueue
from streaming.sound import VOICE_BLOCK, Sound
from tests.virtual_time import run

DELAY = 1600


class Device:
    """PortAudio's output, which takes a block every 20 ms as its crystal says, not as ours does."""

    def __init__(self, callback: Callable[..., None], **options: Any) -> None:
        self.callback = callback
        self.played: list[bytes] = []

    def __enter__(self) -> None:
        self._task = asyncio.create_task(self._take())

    def __exit__(self, *error: object) -> None:
        self._task.cancel()

    async def _take(self) -> None:
        await asyncio.sleep(0.05)
        while True:
            out = bytearray(SILENCE)
            self.callback(memoryview(out), VOICE_BLOCK, None, None)
            self.played.append(bytes(out))
            await asyncio.sleep(0.02)


def test_a_queue_plays_silence_when_empty_and_drops_its_oldest_when_full() -> None:
    queue, out = BlockQueue(), bytearray(SILENCE)
    for number in range(BLOCKS + 1):
        queue.put(bytes([number + 1]) * len(SILENCE))
    heard = []
    for _ in range(BLOCKS + 1):
        queue.fill(memoryview(out), VOICE_BLOCK, None, None)
        heard.append(out[0])
    assert heard == [2, 3, 4, 5, 0] and queue.starved == 1


@pytest.mark.parametrize("change", [1280, -1280])
def test_while_a_speaker_plays_the_delay_stays_and_no_block_is_lost(
    change: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[Device] = []

    def opened(**options: Any) -> Device:
        devices.append(Device(**options))
        return devices[-1]

    monkeypatch.setattr(speaker, "portaudio", lambda: SimpleNamespace(RawOutputStream=opened))
    monkeypatch.setattr(speaker, "device_number", lambda name, kind: 0)

    async def main() -> Playout:
        playout = Playout(LoopClock(), DELAY + 1280)
        task = asyncio.create_task(speaker.play(playout, "default"))
        for block in range(500):
            pcm = np.full((VOICE_BLOCK, 2), block + 1, np.int16)
            playout.hear(Sound(block * VOICE_BLOCK, 48_000, pcm))
            if block == 50:
                playout.aim(playout.delay + change)
            playout.glide()
            await asyncio.sleep(0.02)
        task.cancel()
        return playout

    playout = run(main())
    assert playout.delay == DELAY + 1280
    numbers = [int(np.frombuffer(block, np.int16)[0]) for block in devices[0].played[20:]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
