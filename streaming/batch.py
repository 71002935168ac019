"""The engine's work of many sessions, together: a Worker that collects their calls.

A session asks through `call`, as of any Worker, and waits for its own answer. Of Jobs
(streaming.job) those of many sessions are served by one call of the engine, a round; everything
else runs by itself, in turn. engine.admission says who goes next: on the engine's thread, when it
is free, so that it never waits for the event loop while there is work.

There are never more jobs than sessions ask for, one or two each. One that is cancelled is
forgotten, and what one raises is its own: neither touches others.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

from engine.admission import DRAW, HEAR, Admission, Turn
from engine.batch import Batch
from engine.frames import Motion, Video
from streaming.job import Draw, Hear, Job, calling
from streaming.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")

LIMITS = {HEAR: 32, DRAW: 1}  # on a CPU: hearing gains by company, pictures do not
AHEAD = 2  # rounds the thread is asked for: the next begins while the loop hands out the last


class Engine(Protocol):
    """What answers many at once; an exception is the answer of that session alone."""

    def animate(self, turns: Sequence[Hear]) -> Sequence[tuple[list[Motion], Any] | Exception]: ...

    def draw(self, turns: Sequence[Draw]) -> Sequence[Video | Exception]: ...


class _Waiting(NamedTuple):
    turn: Turn
    job: Job[Any]
    future: "asyncio.Future[None]"


class Batcher:
    """The Worker of all sessions of a process. `call` belongs to the event loop."""

    def __init__(
        self,
        worker: Worker,
        engine: Engine | None = None,
        limits: Mapping[str, int] = LIMITS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`worker`: the thread that everything runs on; `limits`: see Admission; `now`: the event
        loop's clock, as any thread may read it."""
        self._worker = worker
        self._engine = engine or Batch()
        self._now = now
        self._lock = threading.Lock()  # of the two below
        self._admission = Admission(limits)
        self._waiting: dict[Turn, _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rounds: set[asyncio.Task[None]] = set()

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a Job with those of others, any other function by itself; exceptions come back with
        their own traceback."""
        if isinstance(function, Job):
            job: Job[R] = function
        else:
            job = calling(object(), self._now(), function, *args, **kwargs)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turn = Turn(job.who, job.kind, self._now(), job.due)
        with self._lock:
            self._waiting[turn] = _Waiting(turn, job, future)
            self._admission.came(turn)
        self._look()
        try:
            await future
        finally:
            with self._lock:
                self._waiting.pop(turn, None)  # cancelled: the session is gone
        return job.answer()

    @property
    def waiting(self) -> int:
        """Jobs that have not begun, or go on later."""
        with self._lock:
            return len(self._waiting)

    def _look(self) -> None:
        """Ask the thread for another round, if there is work and it is time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if len(self._rounds) >= AHEAD:
            return
        chosen: list[Turn] | float = []
        with self._lock:
            if self._waiting and not self._rounds:
                chosen = self._admission.choose(self._now(), list(self._waiting))
            elif self._waiting:
                chosen = list(self._waiting)  # whoever will be most urgent when it begins
        loop = asyncio.get_running_loop()
        if isinstance(chosen, float):
            self._timer = loop.call_later(max(0.0, chosen - self._now()), self._look)
        elif chosen:
            self._rounds.add(loop.create_task(self._run()))

    async def _run(self) -> None:
        done: list[_Waiting] = []
        try:
            done = await self._worker.call(self._round)
        except BaseException as error:  # noqa: BLE001 - the thread is gone: all learn of it
            with self._lock:
                done = list(self._waiting.values())
            for each in done:
                each.job.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._rounds.discard(task)
            for each in done:
                if not each.future.done():
                    each.future.set_result(None)
            # After those who have just been answered: they may ask for the next thing at once.
            asyncio.get_running_loop().call_soon(self._look)

    def _round(self) -> list[_Waiting]:
        """On the engine's thread: serve the most urgent; returns whose jobs have ended."""
        with self._lock:
            if not self._waiting:
                return []
            began = self._now()
            chosen = self._admission.choose(began, list(self._waiting))
            if isinstance(chosen, float):
                return []  # the loop asks again then
            members = [self._waiting.pop(turn) for turn in chosen]
        try:
            _serve(self._engine, [each.job for each in members])
        except BaseException as error:  # noqa: BLE001 - of this round; the thread goes on
            for each in members:
                each.job.fail(error)
        with self._lock:
            self._admission.took(chosen[0].kind, len(chosen), self._now() - began)
            for each in members:
                if not each.job.ended and not each.future.done():
                    self._waiting[each.turn] = each
        return [each for each in members if each.job.ended]


def _serve(engine: Engine, jobs: Sequence[Job[Any]]) -> None:
    """Every job asks, is answered and goes on."""
    began = time.perf_counter()
    for job in jobs:
        if job.asks is None:
            job.go()
    asking = [job for job in jobs if not job.ended]
    if asking:
        take = engine.animate if asking[0].kind == HEAR else engine.draw
        try:
            answers: Sequence[Any] = take([job.asks for job in asking])
            if len(answers) != len(asking):
                raise RuntimeError(f"the engine gave {len(answers)} answers to {len(asking)} jobs")
        except Exception as error:  # noqa: BLE001 - raised where each of them asked
            answers = [error] * len(asking)
        for job, answer in zip(asking, answers, strict=True):
            job.go(answer)
    seconds = time.perf_counter() - began
    for job in jobs:
        job.spent += seconds / len(jobs)
