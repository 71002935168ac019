"""Calls of many sessions together, in made-up time: soon, fair, and each on its own account."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Hashable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pytest

from engine import Audio, Motion, Video
from engine.admission import DRAW, HEAR, HOLD_S
from engine.frames import HOP, HOP_PHASE
from streaming.batch import Batcher
from streaming.job import Draw, Hear, Job, calling, drawing
from streaming.worker import EngineThread
from tests.fakes import FakeAvatar, FakeEngine, FakeState
from tests.virtual_time import run

P = ParamSpec("P")
R = TypeVar("R")


class Machine(FakeEngine):
    """Engine and thread in one: each call costs loop time by its size, and is written down."""

    def __init__(self, hear_s: float = 0.001, more_s: float = 0.0, draw_s: float = 0.004) -> None:
        self.hear_s, self.more_s, self.draw_s = hear_s, more_s, draw_s
        self.calls: list[tuple[float, str, int]] = []  # when, what, of how many
        self.broken = False
        self._cost = 0.0
        self._turn = asyncio.Lock()

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        async with self._turn:
            try:
                return function(*args, **kwargs)
            finally:
                cost, self._cost = self._cost, 0.0
                await asyncio.sleep(cost)

    def now(self) -> float:
        """As it will be when the call is over: nothing else happens in it."""
        return asyncio.get_running_loop().time() + self._cost

    def animate(self, turns: Sequence[Hear]) -> list[Any]:
        self._note(HEAR, len(turns), self.hear_s + self.more_s * (len(turns) - 1))
        if self.broken:
            raise MemoryError("the device is gone")
        return super().animate(turns)

    def draw(self, turns: Sequence[Draw]) -> list[Any]:
        self._note(DRAW, len(turns), self.draw_s * len(turns))
        return super().draw(turns)

    def _note(self, what: str, count: int, cost: float) -> None:
        self.calls.append((asyncio.get_running_loop().time(), what, count))
        self._cost = cost


class Hearer:
    """Hears silence, hop after hop, and draws what comes of it."""

    def __init__(self, batcher: Batcher, who: Hashable, avatar: FakeAvatar | None = None) -> None:
        self.batcher, self.who = batcher, who
        self.avatar = avatar or FakeAvatar()
        self.state = self.avatar.init_state()
        self.waits: list[float] = []  # of each job, from the sound to the answer
        self.pictures: list[Video] = []
        self.spent = 0.0

    def hearing(self, hops: int) -> Generator[Hear, Any, tuple[list[Motion], FakeState]]:
        state, motions = self.state, []
        for _ in range(hops):
            audio = Audio(HOP * state.hop + HOP_PHASE, np.zeros(HOP, np.float32))
            more, state = yield Hear(self.avatar, audio, state)
            motions += more
        return motions, state

    async def hear(self, hops: int = 1, due_s: float = 0.1) -> list[Motion]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        job = Job(HEAR, self.hearing(hops), self.who, began + due_s)
        motions, self.state = await self.batcher.call(job)
        self.waits.append(loop.time() - began)
        self.spent += job.spent
        return motions

    async def live(self, seconds: float, phase: float = 0.0, drawn: bool = True) -> None:
        """A packet every 20 ms; a picture every 40, due 80 ms after its sound."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(phase)
        began, packet = loop.time(), 0
        while packet * 0.02 < seconds:
            packet += 1
            await asyncio.sleep(max(0.0, began + packet * 0.02 - loop.time()))
            for motion in (await self.hear())[: 1 if drawn else 0]:
                due = began + motion.start / 16_000 + 0.08
                job = drawing(self.who, due, self.avatar, motion)
                self.pictures.append(await self.batcher.call(job))


def on(machine: Machine, main: Callable[[Batcher], Coroutine[Any, Any, R]], **limits: int) -> R:
    async def begin() -> R:
        return await main(Batcher(machine, machine, limits or {HEAR: 8, DRAW: 1}, machine.now))

    return run(begin())


def test_a_job_runs_alone_on_any_worker() -> None:
    async def main() -> tuple[tuple[list[Motion], FakeState], float]:
        worker = EngineThread()
        hearer = Hearer(None, 0)  # type: ignore[arg-type]
        job = Job(HEAR, hearer.hearing(4), 0, 0.0)
        answer = await worker.call(job)
        worker.close()
        return answer, job.spent

    (motions, state), spent = asyncio.run(main())
    assert state.hop == 4 and [m.start for m in motions] == [0, 640]
    assert spent > 0


def test_one_session_alone_is_served_at_once() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> Hearer:
        hearer = Hearer(batcher, 0)
        await hearer.live(2.0)
        return hearer

    hearer = on(machine, main)
    assert max(hearer.waits) == pytest.approx(machine.hear_s)
    assert len(hearer.pictures) == 50 and hearer.spent > 0


def test_sessions_that_come_together_share_calls_and_wait_no_longer_than_the_hold() -> None:
    machine = Machine(hear_s=0.008)

    async def main(batcher: Batcher) -> list[Hearer]:
        hearers = [Hearer(batcher, i, FakeAvatar(("mira", "theo")[i % 2])) for i in range(3)]
        await asyncio.gather(*(h.live(2.0, 0.0015 * i, drawn=False) for i, h in enumerate(hearers)))
        return hearers

    hearers = on(machine, main)
    sizes = [count for _, _, count in machine.calls]
    assert np.mean(np.array(sizes[10:]) == 3) > 0.9
    assert max(max(h.waits) for h in hearers) <= HOLD_S + 2 * machine.hear_s


def test_sessions_far_apart_do_not_wait_for_each_other() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> list[Hearer]:
        hearers = [Hearer(batcher, i) for i in range(2)]
        await asyncio.gather(*(h.live(1.0, 0.01 * i, drawn=False) for i, h in enumerate(hearers)))
        return hearers

    for hearer in on(machine, main):
        assert max(hearer.waits) == pytest.approx(machine.hear_s)


def test_what_comes_while_the_engine_works_goes_together_and_pictures_go_by_their_time() -> None:
    machine = Machine()
    order: list[int] = []

    async def main(batcher: Batcher) -> None:
        hearers = [Hearer(batcher, i) for i in range(5)]

        async def draw(i: int, due: float) -> None:
            motion = Motion(640 * i, np.zeros(52, np.float32), np.zeros(6, np.float32))
            await batcher.call(drawing(i, due, FakeAvatar(), motion))
            order.append(i)

        first = asyncio.create_task(draw(0, 0.5))
        await asyncio.sleep(0.001)
        later = [draw(1, 0.04), draw(2, 0.02), draw(3, 0.03)]
        await asyncio.gather(first, *later, *(h.hear(due_s=0.06) for h in hearers))

    on(machine, main)
    assert order == [0, 2, 3, 1]
    assert [(kind, n) for _, kind, n in machine.calls] == [(DRAW, 1)] * 4 + [(HEAR, 5)]


def test_a_full_call_leaves_the_rest_for_the_next() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> None:
        await asyncio.gather(*(Hearer(batcher, i).hear() for i in range(19)))

    on(machine, main)
    assert [count for _, _, count in machine.calls] == [8, 8, 3]


def test_a_session_that_is_behind_holds_nobody_up() -> None:
    machine = Machine(hear_s=0.01)

    async def main(batcher: Batcher) -> tuple[Hearer, Hearer]:
        behind, punctual = Hearer(batcher, 0), Hearer(batcher, 1)
        await asyncio.gather(behind.hear(hops=10), punctual.hear())
        return behind, punctual

    behind, punctual = on(machine, main)
    assert behind.state.hop == 10 and punctual.state.hop == 1
    assert punctual.waits[0] <= 0.0201 and behind.waits[0] == pytest.approx(0.1)


class Broken(FakeAvatar):
    def animate(self, audio: Audio, state: FakeState) -> tuple[list[Motion], FakeState]:
        raise ValueError("a broken face")


def test_an_error_is_of_one_session_and_has_its_traceback() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> tuple[list[Any], list[Hearer]]:
        hearers = [Hearer(batcher, 0), Hearer(batcher, 1, Broken()), Hearer(batcher, 2)]
        ends = await asyncio.gather(*(h.hear(3) for h in hearers), return_exceptions=True)
        return list(ends), hearers

    ends, hearers = on(machine, main)
    assert isinstance(ends[1], ValueError) and hearers[0].state.hop == hearers[2].state.hop == 3
    names = []
    trace = ends[1].__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "hearing" in names and names[-1] == "animate"


def test_a_call_that_fails_as_a_whole_ends_those_in_it_and_the_next_works() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> list[Any]:
        machine.broken = True
        ends = await asyncio.gather(
            *(Hearer(batcher, i).hear() for i in range(3)), return_exceptions=True
        )
        machine.broken = False
        survivor = Hearer(batcher, 9)
        await survivor.hear()
        assert survivor.state.hop == 1
        return list(ends)

    assert all(isinstance(end, MemoryError) for end in on(machine, main))


def test_an_engine_that_answers_too_few_ends_those_it_was_asked_for_and_nobody_else() -> None:
    class Short(Machine):
        def animate(self, turns: Sequence[Hear]) -> list[Any]:
            return super().animate(turns)[: 1 if len(turns) > 1 else None]

    async def main(batcher: Batcher) -> tuple[list[Any], list[Hearer]]:
        hearers = [Hearer(batcher, i) for i in range(9)]  # eight together, the ninth waits
        ends = await asyncio.gather(*(h.hear() for h in hearers), return_exceptions=True)
        return list(ends), hearers

    ends, hearers = on(Short(), main)
    assert all("1 answers to 8 jobs" in str(end) for end in ends[:8])
    assert hearers[8].state.hop == 1


def test_an_engine_that_breaks_off_a_round_ends_its_members_and_nobody_else() -> None:
    class Quitting(Machine):
        def draw(self, turns: Sequence[Draw]) -> list[Any]:
            raise GeneratorExit("out of the blue")

    async def main(batcher: Batcher) -> list[Any]:
        motion = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
        guilty = batcher.call(drawing(0, 0.0, FakeAvatar(), motion))
        innocent = Hearer(batcher, 1)
        ends = await asyncio.gather(guilty, innocent.hear(), return_exceptions=True)
        assert innocent.state.hop == 1 and batcher.waiting == 0
        return list(ends)

    assert isinstance(on(Quitting(), main)[0], GeneratorExit)


def test_who_leaves_is_forgotten_and_harms_nobody() -> None:
    machine = Machine(hear_s=0.01)
    touched: list[str] = []

    class Shy(FakeAvatar):
        def animate(self, audio: Audio, state: FakeState) -> tuple[list[Motion], FakeState]:
            touched.append(self.name)
            return super().animate(audio, state)

    async def main(batcher: Batcher) -> None:
        running, waiting, staying = (Hearer(batcher, i, Shy(name)) for i, name in enumerate("abc"))
        tasks = [asyncio.create_task(running.hear(2))]
        await asyncio.sleep(0.001)
        tasks += [asyncio.create_task(h.hear(2)) for h in (waiting, staying)]
        await asyncio.sleep(0.001)
        tasks[0].cancel()  # its first hop is being heard
        tasks[1].cancel()  # has not begun
        assert len(await tasks[2]) >= 0
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ends[0], asyncio.CancelledError)
        assert isinstance(ends[1], asyncio.CancelledError)
        assert batcher.waiting == 0

    on(machine, main)
    assert touched == ["a", "c", "c"]


def test_other_functions_run_in_turn_with_their_answers_and_errors() -> None:
    machine = Machine()

    def fail() -> None:
        raise KeyError("deep inside")

    async def main(batcher: Batcher) -> list[Any]:
        calls = [batcher.call(divmod, 7, 2), batcher.call(fail), batcher.call(int, "12", base=8)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    one, two, three = on(machine, main)
    assert one == (3, 1) and three == 10
    assert isinstance(two, KeyError)
    assert machine.calls == []


def test_too_much_work_is_shared_fairly() -> None:
    """Eight sessions on an engine that draws for three: nobody starves."""
    machine = Machine(draw_s=0.012)

    async def main(batcher: Batcher) -> list[Hearer]:
        hearers = [Hearer(batcher, i) for i in range(8)]
        tasks = [asyncio.create_task(h.live(60.0, 0.0013 * i)) for i, h in enumerate(hearers)]
        await asyncio.sleep(10.0)
        assert batcher.waiting <= 8
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return hearers

    drawn = [len(h.pictures) for h in on(machine, main)]
    assert sum(drawn) >= 0.9 * 10 / 0.0135, "and the engine is never idle"
    assert max(drawn) - min(drawn) <= 2


def test_the_engine_goes_on_while_the_event_loop_is_held_up() -> None:
    may_end, begun = threading.Event(), threading.Event()

    async def main() -> None:
        thread = EngineThread()
        batcher = Batcher(thread, FakeEngine())
        first = asyncio.create_task(batcher.call(may_end.wait, 30))
        second = asyncio.create_task(batcher.call(begun.set))
        for _ in range(5):
            await asyncio.sleep(0)
        may_end.set()
        assert begun.wait(30), "the next call waited for the loop"  # nothing runs on it meanwhile
        assert await first
        await second
        thread.close()

    asyncio.run(main())


def test_calls_of_a_closed_thread_end_with_an_error() -> None:
    async def main() -> list[Any]:
        thread = EngineThread()
        batcher = Batcher(thread, FakeEngine())
        thread.close()
        calls = [batcher.call(divmod, 7, 2), batcher.call(divmod, 8, 2)]
        return list(await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30))

    assert [type(end) for end in asyncio.run(main())] == [RuntimeError] * 2


def test_plain_calls_are_never_shared_and_leave_nothing_behind() -> None:
    machine = Machine()

    async def main(batcher: Batcher) -> list[int]:
        calls = [batcher.call(calling(i, 0.0, divmod, i, 2)) for i in range(3)]
        answers = await asyncio.gather(*calls)
        assert not batcher._admission._rhythms
        return [whole for whole, _ in answers]

    assert on(machine, main) == [0, 0, 1]
