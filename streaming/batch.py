"""The engine's work of many sessions, together: a Worker that collects their calls.

A session asks through `call`, as of any Worker, and waits for its own answer. What it asks is a
`Job`: a generator that yields what it needs of the engine (`Hear`, `Draw`) and is sent the answer,
so one call of the engine serves the jobs of many sessions; without a Batcher a Job runs alone.
Everything else runs by itself, in turn. engine.admission says who goes next.

Everything here is the event loop's, but `_Round`, which runs on the engine's thread. A session asks
for one thing at a time, so there are never more jobs than sessions. One that is cancelled is
forgotten, and what it raises is its own: neither touches others.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from engine.admission import CALL, DRAW, HEAR, Admission, Turn
from engine.batch import Batch
from engine.frames import Audio, Motion, Video
from streaming.actor import Actor
from streaming.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")

LIMITS = {HEAR: 32, DRAW: 1}  # on a CPU: hearing gains by company, pictures do not


class Hear(NamedTuple):
    """Asks for actor.animate(audio, state)."""

    actor: Actor
    audio: Audio
    state: Any


class Draw(NamedTuple):
    """Asks for actor.render(motion)."""

    actor: Actor
    motion: Motion


class Engine(Protocol):
    """What answers many at once; an exception is the answer of that session alone."""

    def animate(self, turns: Sequence[Any]) -> Sequence[tuple[list[Motion], Any] | Exception]: ...

    def draw(self, turns: Sequence[Any]) -> Sequence[Video | Exception]: ...


class Job(Generic[R]):
    """One call of one session, to be run once."""

    def __init__(self, kind: str, steps: Generator[Any, Any, R], who: Hashable, due: float) -> None:
        """`kind`: HEAR if `steps` yields Hears only, DRAW if Draws only; `who`: the session; `due`:
        loop time when the result is of no more use."""
        self.kind = kind
        self.who = who
        self.due = due
        self.spent = 0.0  # seconds of the engine: its own, or its share of calls with others
        self._steps = steps
        self.asks: Any = None  # what it waits for; None before the first and after the last
        self.ended = False
        self.result: R | None = None
        self.error: BaseException | None = None

    def __call__(self) -> R:
        """Run alone."""
        began = time.perf_counter()
        self.go()
        while not self.ended:
            actor, *what = self.asks
            take = actor.animate if self.kind == HEAR else actor.render
            try:
                answer = take(*what)
            except Exception as error:  # noqa: BLE001 - raised where the job asked
                answer = error
            self.go(answer)
        self.spent = time.perf_counter() - began
        return self.answer()

    def go(self, answer: Any = None) -> None:
        """On to what it asks next, with the answer to what it asked; never raises."""
        try:
            if isinstance(answer, Exception):
                self.asks = self._steps.throw(answer)
            else:
                self.asks = self._steps.send(answer)
        except StopIteration as end:
            self.ended, self.result = True, end.value
        except BaseException as error:  # noqa: BLE001 - comes out where the session waits
            self.ended, self.error = True, error

    def answer(self) -> R:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return cast(R, self.result)


def drawing(actor: Actor, motion: Motion) -> Generator[Draw, Any, Video]:
    """The steps of one picture."""
    return cast(Video, (yield Draw(actor, motion)))


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
            job = Job(CALL, _once(partial(function, *args, **kwargs)), object(), loop.time())
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


def _once(function: Callable[[], R]) -> Generator[Any, Any, R]:
    """A function as steps that ask for nothing."""
    return function()
    yield
