"""The real engine in a session, in virtual time: it moves with real speech and stops when told."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from engine.avatar import Avatar
from engine.face.blendshapes import ARKIT
from engine.frames import Audio, Motion, Video
from streaming.delay import choose_delay
from streaming.session import Session
from streaming.sources.file import live_blocks
from tests.fakes import InlineWorker, microphone
from tests.virtual_time import run

CLIP = Path(__file__).parents[1] / "golden" / "speech" / "103-1240-0000.flac"
JAW = ARKIT.index("jawOpen")


class Watched:
    """An Avatar that remembers the jaw of every motion and draws a flat picture."""

    look, drawer, precision = "toon", "toon", ""

    def __init__(self) -> None:
        self.avatar = Avatar.load(size=128)
        self.latency = self.avatar.latency
        self.jaw: dict[int, float] = {}

    def init_state(self, style: str = "neutral", seed: int = 0) -> Any:
        return self.avatar.init_state(style, seed)

    def animate(self, audio: Audio, state: Any) -> tuple[list[Motion], Any]:
        motions, state = self.avatar.animate(audio, state)
        self.jaw |= {motion.start: float(motion.weights[JAW]) for motion in motions}
        return motions, state

    def restyle(self, state: Any, style: str) -> Any:
        return self.avatar.restyle(state, style)

    def interrupt(self, state: Any) -> Any:
        return self.avatar.interrupt(state)

    def swing(self, motions: list[Motion], state: Any) -> tuple[list[Motion], Any]:
        return self.avatar.swing(motions, state)

    def plain(self) -> None:
        """Nothing draws it at less cost."""

    def render(self, motion: Motion) -> Video:
        return Video(motion.start, np.zeros((96, 64), np.uint8))


def speech() -> np.ndarray:
    return np.concatenate([sound.pcm for sound in live_blocks(CLIP)])


def test_mouth_moves_and_closes_within_80_ms_of_an_interrupt() -> None:
    shown: list[tuple[int, float]] = []
    moment: list[int] = []

    async def main() -> None:
        actor = Watched()
        delay = choose_delay(actor.latency, 20)
        session = Session(actor, InlineWorker(0.003, 0.017), actor.init_state(), delay=delay)
        task = asyncio.create_task(session.run(microphone(speech(), session.clock)))
        tick, video = 0, None
        while session.clock.now() < 16_000 * 5:
            await session.playout.due(tick * 640)
            video = session.playout.picture(tick) or video
            jaw = actor.jaw[video.start] if video else 0.0
            shown.append((session.clock.now(), jaw))
            loud = session.clock.now() > 16_000 * 2 and jaw > 0.15
            if loud and not moment:
                moment.append(session.clock.now())
                session.muted = True
                await session.interrupt()
            tick += 1
        assert session.stats.invented == 0
        session.close()
        await task

    run(main())
    assert moment, "the mouth never opened"
    before = next(jaw for clock, jaw in shown if clock == moment[0])
    after = [(clock - moment[0], jaw) for clock, jaw in shown if clock > moment[0]]
    assert min(jaw for late, jaw in after if late <= 80 * 16) < before
    assert max(jaw for late, jaw in after if late >= 400 * 16) < 0.1
