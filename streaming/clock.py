"""The one place that knows the time of day: `Clock` in samples at 16 kHz, and its real form.

`now` never runs backwards. Everything else in Vivify counts samples.
"""

import asyncio
from typing import Protocol

from engine.frames import SAMPLE_RATE


class Clock(Protocol):
    """Time of one session."""

    def now(self) -> int:
        """Samples at 16 kHz since the session began."""

    async def until(self, sample: int) -> None:
        """Sleep until `now() >= sample`; returns at once if that is past."""


class LoopClock:
    """The running event loop's monotonic time, which tests replace by a virtual one.

    `nudge` moves the origin a little, so that a session follows its microphone's crystal instead
    of letting its queues grow or starve over an hour.
    """

    def __init__(self, now: int = 0) -> None:
        """`now`: what the clock reads at this moment."""
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time() - now / SAMPLE_RATE  # seconds
        self._latest = now

    def now(self) -> int:
        self._latest = max(
            self._latest, int((self._loop.time() - self._origin) * SAMPLE_RATE + 1e-4)
        )
        return self._latest

    async def until(self, sample: int) -> None:
        while True:  # again when the origin has moved meanwhile
            wait = self._origin + sample / SAMPLE_RATE - self._loop.time()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    def nudge(self, samples: int) -> None:
        """Make the clock read `samples` more (or less: it then stands still for that long)."""
        self._origin -= samples / SAMPLE_RATE
