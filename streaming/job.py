"""One engine call of one session, written so that it can share the engine with others'.

A `Job` is a generator that yields what it needs of the engine (`Hear`, `Draw`) and is sent the
answer. By itself it is a function without arguments, which any Worker runs; streaming.batch runs
those of many sessions in lockstep, so that one call of the engine serves them all.
"""

import time
from collections.abc import Callable, Generator, Hashable
from functools import partial
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, cast

from engine.admission import CALL, DRAW, HEAR
from engine.audio.chunker import Chunker
from engine.batch import attempt
from engine.frames import Audio, Motion, Video
from streaming.actor import Actor
from streaming.mimic import Mimic
from streaming.sound import Sound

P = ParamSpec("P")
R = TypeVar("R")


class Hear(NamedTuple):
    """Asks for actor.animate(audio, state)."""

    actor: Actor
    audio: Audio
    state: Any


class Draw(NamedTuple):
    """Asks for actor.render(motion)."""

    actor: Actor
    motion: Motion


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
            self.go(attempt(partial(actor.animate if self.kind == HEAR else actor.render, *what)))
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

    def fail(self, error: BaseException) -> None:
        """End with an error that came between its steps, unless it has ended."""
        if not self.ended:
            self.ended, self.error = True, error

    def answer(self) -> R:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return cast(R, self.result)


def hearing(
    who: Hashable, due: float, actor: Actor, chunker: Chunker, mimic: Mimic, sounds: list[Sound],
    states: tuple[Any, Any],
) -> Job[tuple[list[Motion], tuple[Any, Any]]]:  # fmt: skip
    """Sounds -> the motions they complete; `states`: actor's, hair's."""

    def steps() -> Generator[Hear, Any, tuple[list[Motion], tuple[Any, Any]]]:
        motions: list[Motion] = []
        state, hair = states
        for sound in sounds:
            for audio in chunker.push(sound.pcm, sound.rate, sound.start):
                done, state = yield Hear(actor, audio, state)
                motions += mimic.lead(done)
        motions, hair = actor.swing(motions, hair)
        return motions, (state, hair)

    return Job(HEAR, steps(), who, due)


def drawing(who: Hashable, due: float, actor: Actor, motion: Motion) -> Job[Video]:
    """A motion -> its picture."""

    def steps() -> Generator[Draw, Any, Video]:
        return cast(Video, (yield Draw(actor, motion)))

    return Job(DRAW, steps(), who, due)


def calling(
    who: Hashable, due: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> Job[R]:
    """Any function; it shares with nobody."""

    def steps() -> Generator[Any, Any, R]:
        return function(*args, **kwargs)
        yield

    return Job(CALL, steps(), who, due)
