"""A session played in virtual time before a viewer who notes what left, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import numpy as np

from engine.frames import Video
from streaming.clock import LoopClock
from streaming.session import Session
from streaming.sinks.webrtc import PictureTrack, VoiceTrack
from streaming.sound import Sound
from tests.fakes import FakeAvatar, InlineWorker
from tests.virtual_time import run

DELAY = 1600  # 100 ms


class Watch:
    """A viewer: what left, and when (clock samples)."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.pictures: list[tuple[int, int, Video]] = []  # clock, tick, picture
        self.voice: list[tuple[int, int, np.ndarray]] = []  # clock, block, pcm [960, 2]
        self._tasks = [
            asyncio.create_task(self._look(PictureTrack(session.playout, session.stats))),
            asyncio.create_task(self._listen(VoiceTrack(session.playout))),
        ]

    async def _look(self, track: PictureTrack) -> None:
        while True:
            frame = await track.recv()
            assert frame.pts is not None and frame.pts % 3600 == 0
            tick = frame.pts // 3600
            video = self.session.playout.picture(tick) or self.pictures[-1][2]
            self.pictures.append((self.session.clock.now(), tick, video))

    async def _listen(self, track: VoiceTrack) -> None:
        while True:
            frame = await track.recv()
            assert frame.pts is not None and frame.pts % 960 == 0
            pcm = frame.to_ndarray().reshape(-1, 2)
            self.voice.append((self.session.clock.now(), frame.pts // 960, pcm))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


def play(
    source: Callable[[LoopClock], AsyncIterator[Sound] | None],
    seconds: float,
    *,
    worker: Callable[[], InlineWorker] = lambda: InlineWorker(0.003, 0.020),
    avatar: FakeAvatar | None = None,
    during: Callable[[Session, Watch], Coroutine[Any, Any, None]] | None = None,
    delay: int = DELAY,
) -> tuple[Session, Watch]:
    async def main() -> tuple[Session, Watch]:
        actor = avatar or FakeAvatar()
        session = Session(actor, worker(), actor.init_state(), delay=delay)
        watch = Watch(session)
        task = asyncio.create_task(session.run(source(session.clock)))
        if during:
            await during(session, watch)
        await asyncio.sleep(seconds - asyncio.get_running_loop().time())
        watch.stop()
        session.close()
        await task
        return session, watch

    return run(main())
