"""The tracker of a process: loaded when the first camera asks for it, one call at a time.

Files may have to be fetched and networks set up, which takes seconds; so it happens in the
tracker's own thread, as does all tracking. The engine's thread and the event loop never wait.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.frames import U8, Motion
from engine.style import reference
from engine.style.code import Style
from engine.tracker import clip, coach
from engine.tracker.neck import about_neck
from engine.tracker.neutral import Neutral
from engine.tracker.tracker import Tracked
from streaming.sources.camera import Picture
from streaming.worker import EngineThread, Worker

END_S = 1.0  # for a load under way when the server ends


class Eyes(Protocol):
    """What this needs of engine.tracker.tracker.Tracker."""

    def init_state(self) -> Any: ...

    def step(self, rgb: U8, start: int, state: Any) -> tuple[Tracked | None, Any]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """What was made of one picture; the picture itself is gone."""

    start: int
    tracked: Tracked | None  # the face with its rest still in
    motion: Motion | None  # the face from rest, the head's place about the neck
    advice: str  # of engine.tracker.coach


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of one camera from picture to picture: numbers, never a picture but a thinned
    one of some thousand grey levels that tells whether the next is another."""

    eyes: Any
    neutral: Any
    coach: coach.CoachState


class Sight:
    """One per process; any number of cameras share it."""

    def __init__(
        self,
        load: Callable[[], Eyes],
        missing: str = "",
        worker: Worker | None = None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        """`load` may take seconds and raise RuntimeUnavailable, WeightsError, TransportError;
        `stop` makes one that is under way end soon; it is called on another thread.

        `missing`: what is known to be missing beforehand, for the page.
        """
        self.missing = missing
        self._stop = stop
        self._load = load
        self._worker = worker or EngineThread("tracker")
        self._neutral = Neutral()
        self._loading: asyncio.Future[Eyes] | None = None

    @property
    def ready(self) -> bool:
        loading = self._loading
        return loading is not None and loading.done() and not loading.cancelled()

    async def open(self) -> None:
        """Load, unless that is done. Raises what `load` raises; the next call tries again."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._worker.call(self._load))
            self._loading.add_done_callback(self._forget_failed)
        await asyncio.shield(self._loading)

    def begin(self) -> Memory:
        """The memory of a camera that has shown nothing yet; only after `open`."""
        return Memory(self._eyes.init_state(), self._neutral.init_state(), coach.init_state())

    async def look(self, picture: Picture, memory: Memory) -> tuple[Look, Memory]:
        """Track one picture; only after `open`."""
        return await self._worker.call(self._look, picture, memory)

    async def study(
        self, tracked: Sequence[Tracked | None], seconds: float, name: str, made: str
    ) -> Style:
        """The talking style of a recorded clip of `seconds`, the one that a film of the same
        pictures gives. Raises TrackingError when it shows too little."""
        return await self._worker.call(_study, tracked, seconds, name, made)

    async def close(self) -> None:
        """Within END_S; a load under way is told to end, and the event loop does not wait."""
        self._stop()
        if isinstance(self._worker, EngineThread):
            self._worker.close(wait=False)
        if self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading], timeout=END_S)
            if self._loading is not None:
                self._loading.cancel()

    @property
    def _eyes(self) -> Eyes:
        assert self._loading is not None
        return self._loading.result()

    def _look(self, picture: Picture, memory: Memory) -> tuple[Look, Memory]:
        rgb = picture.rgb()
        tracked, eyes = self._eyes.step(rgb, picture.start, memory.eyes)
        advice, watched = coach.advise(rgb, picture.start, tracked, memory.coach)
        motion, neutral = None, memory.neutral
        if tracked is not None:
            motion, neutral = self._neutral.step(tracked, neutral)
            motion = about_neck(motion)
        return Look(picture.start, tracked, motion, advice), Memory(eyes, neutral, watched)

    def _forget_failed(self, loading: "asyncio.Future[Eyes]") -> None:
        if loading.cancelled() or loading.exception() is not None:
            self._loading = None  # the extra may be installed, the network may come back


def _study(tracked: Sequence[Tracked | None], seconds: float, name: str, made: str) -> Style:
    settled = clip.settle(tracked)
    reference.enough(settled, "the recording", seconds)
    return reference.filmed(settled).style(name, made)
