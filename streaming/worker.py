"""The engine's one thread: model code runs here and nowhere else, never on the event loop.

Calls run in the order they were asked for. A session asks for one thing at a time, so sessions
take turns and none can crowd out another.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Worker(Protocol):
    """Where engine calls run."""

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run and wait; exceptions come back with their own traceback."""


class EngineThread:
    """The real Worker. One per process for the engine, one for the tracker of cameras."""

    def __init__(self, name: str = "engine") -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        run = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self, wait: bool = True) -> None:
        """Forget the calls that wait. `wait`: until the one that is running is finished."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
