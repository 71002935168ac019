"""The delayed voice on a local output device, for programs that listen there (a call, a recorder).

PortAudio's callback only takes blocks from a short queue. Two crystals never agree, so the queue
is kept between none and a few blocks: an empty one plays silence, a full one drops its oldest. A
delay that glides would empty or fill it for seconds, so while a speaker plays the delay is kept.
"""

from collections import deque
from typing import Any

from engine.frames import HOP
from streaming.playout import Playout
from streaming.sinks.webrtc import VoiceTrack
from streaming.sound import VOICE_BLOCK, VOICE_RATE
from streaming.sources.microphone import device_number, portaudio

BLOCKS = 4  # 80 ms
SILENCE = bytes(4 * VOICE_BLOCK)

assert VOICE_BLOCK * 16_000 == HOP * VOICE_RATE


class BlockQueue:
    """Between the event loop (`put`) and PortAudio's thread (`fill`); deque makes both atomic."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque(maxlen=BLOCKS)
        self.starved = 0

    def put(self, block: bytes) -> None:
        self._blocks.append(block)

    def fill(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """PortAudio's callback: 20 ms of int16 stereo."""
        try:
            out[:] = self._blocks.popleft()
        except IndexError:
            self.starved += 1
            out[:] = SILENCE


async def play(playout: Playout, name: str) -> None:
    """Until cancelled. Raises TransportError if there is no such device."""
    sound = portaudio()
    queue = BlockQueue()
    stream = sound.RawOutputStream(
        device=device_number(name, "output"),
        samplerate=VOICE_RATE,
        channels=2,
        dtype="int16",
        blocksize=VOICE_BLOCK,
        latency="low",
        callback=queue.fill,
    )
    track = VoiceTrack(playout)
    playout.keep()
    with stream:
        while True:
            frame = await track.recv()
            queue.put(bytes(frame.planes[0])[: 4 * VOICE_BLOCK])
