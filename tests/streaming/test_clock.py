"""The clock: samples since the session began, never backwards, movable by a nudge."""

import asyncio

from streaming.clock import LoopClock
from tests.virtual_time import run


def test_counts_samples() -> None:
    async def main() -> list[int]:
        clock = LoopClock()
        seen = [clock.now()]
        await asyncio.sleep(0.5)
        seen.append(clock.now())
        await clock.until(16_000)
        seen.append(clock.now())
        await clock.until(5)  # past: at once
        seen.append(clock.now())
        return seen

    assert run(main()) == [0, 8000, 16_000, 16_000]


def test_nudge_moves_time_but_never_back() -> None:
    async def main() -> None:
        clock = LoopClock(now=1000)
        clock.nudge(160)
        assert clock.now() == 1160
        clock.nudge(-320)
        assert clock.now() == 1160  # stands still
        await asyncio.sleep(0.01)
        assert clock.now() == 1160
        await asyncio.sleep(0.02)
        assert clock.now() == 1000 + 160 - 320 + 480

    run(main())


def test_sleeper_follows_a_nudge() -> None:
    async def main() -> float:
        clock = LoopClock()
        sleeper = asyncio.create_task(clock.until(16_000))
        await asyncio.sleep(0.5)
        clock.nudge(-1600)
        await sleeper
        return asyncio.get_running_loop().time()

    assert abs(run(main()) - 1.1) < 1e-3
