"""The engine's work of many sessions, together: a Worker that collects their calls.

A session asks through `call`, as of any Worker, and waits for its own answer. Of Jobs
(streaming.job) those of many sessions are served by one call of the engine; everything else runs by
itself, in turn. engine.admission says who goes next.

Everything here is the event loop's, but `_round`, which runs on the engine's thread. A session asks
for one thing at a time, so there are never more jobs than sessions. One that is cancelled is
forgotten, and what it raises is its own: neither touches others.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

from engine.admission import DRAW, HEAR, Admission, Turn
from engine.batch import Batch
from engine.frames import Motion, Video
from streaming.job import Job, calling
from streaming.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")

LIMITS = {HEAR: 32, DRAW: 1}  # on a CPU: hearing gains by company, pictures do not


class Engine(Protocol):
    """What answers many at once; an exception is the answer of that session alone."""

    def animate(self, turns: Sequence[Any]) -> Sequence[tuple[list[Motion], Any] | Exception]: ...

    def draw(self, turns: Sequence[Any]) -> Sequence[Video | Exception]: ...


class _Waiting(NamedTuple):
    turn: Turn
    job: Job[Any]
    future: "asyncio.Future[None]"


class Batcher:
    """The Worker of all sessions of a process."""

    def __init__(
        self,
        worker: Worker,
        engine: Engine | None = None,
        limits: Mapping[str, int] = LIMITS,
    ) -> None:
        """`worker`: the thread that everything runs on; `limits`: see Admission."""
        self._worker = worker
        self._engine = engine or Batch()
        self._admission = Admission(limits)
        self._waiting: dict[Turn, _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._busy: asyncio.Task[None] | None = None

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a Job with those of others, any other function by itself; exceptions come back with
        their own traceback."""
        loop = asyncio.get_running_loop()
        if isinstance(function, Job):
            job: Job[R] = function
        else:
            job = calling(object(), loop.time(), function, *args, **kwargs)
        future: asyncio.Future[None] = loop.create_future()
        turn = Turn(job.who, job.kind, loop.time(), job.due)
        self._waiting[turn] = _Waiting(turn, job, future)
        self._admission.came(turn)
        self._look()
        await future
        return job.answer()

    @property
    def waiting(self) -> int:
        """Jobs that have not begun, or go on later."""
        return sum(not each.future.done() for each in self._waiting.values())

    def _look(self) -> None:
        """Begin the next round if the engine is free and it is time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for turn in [turn for turn, each in self._waiting.items() if each.future.done()]:
            del self._waiting[turn]  # cancelled: the session is gone
        if self._busy is not None or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        chosen = self._admission.choose(loop.time(), list(self._waiting))
        if isinstance(chosen, float):
            self._timer = loop.call_at(chosen, self._look)
            return
        self._busy = loop.create_task(self._run([self._waiting.pop(turn) for turn in chosen]))

    async def _run(self, members: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        jobs = [each.job for each in members]
        try:
            began = loop.time()  # the way to the thread and back is part of what sharing saves
            await self._worker.call(_round, self._engine, jobs)
            self._admission.took(jobs[0].kind, len(jobs), loop.time() - began)
        except BaseException as error:  # noqa: BLE001 - everybody in the call learns of it
            for each in members:
                each.job.ended, each.job.error = True, error
            if not isinstance(error, Exception):
                raise
        finally:
            self._busy = None
            for each in members:
                if each.future.done():
                    continue
                if each.job.ended:
                    each.future.set_result(None)
                else:
                    self._waiting[each.turn] = each
            # After those who have just been answered: they may ask for the next thing at once.
            loop.call_soon(self._look)


def _round(engine: Engine, jobs: Sequence[Job[Any]]) -> None:
    """On the engine's thread: every job asks, is answered and goes on."""
    began = time.perf_counter()
    for job in jobs:
        if job.asks is None:
            job.go()
    asking = [job for job in jobs if not job.ended]
    if asking:
        take = engine.animate if asking[0].kind == HEAR else engine.draw
        answers = take([job.asks for job in asking])
        for job, answer in zip(asking, answers, strict=True):
            job.go(answer)
    seconds = time.perf_counter() - began
    for job in jobs:
        job.spent += seconds / len(jobs)
