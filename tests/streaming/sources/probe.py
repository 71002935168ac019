"""Runs under a private PulseAudio: records four seconds and plays them back delayed."""

import asyncio
import sys
import time

import numpy as np

from streaming.clock import LoopClock
from streaming.playout import Playout
from streaming.sinks import speaker
from streaming.sources import microphone

SECONDS = 4


async def main(path: str) -> None:
    clock = LoopClock()
    playout = Playout(clock, 1600)
    queues: list[speaker.BlockQueue] = []
    made = speaker.BlockQueue

    def remember() -> speaker.BlockQueue:
        queues.append(made())
        return queues[-1]

    speaker.BlockQueue = remember  # type: ignore[misc, assignment]
    playing = asyncio.create_task(speaker.play(playout, "default"))
    pcm, arrived = [], []
    async for sound in microphone.listen("default"):
        playout.hear(sound)
        pcm.append(sound.pcm[:, 0])
        arrived.append(time.monotonic())
        if len(pcm) >= 50 * SECONDS:
            break
    playing.cancel()
    starved = queues[0].starved
    np.savez(path, pcm=np.concatenate(pcm), arrived=arrived, starved=starved, played=len(pcm))
    print(f"speaker starved for {starved} of {len(pcm)} blocks")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
