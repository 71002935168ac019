"""A process of its own, at the lowest priority, for work that nobody waits for while others speak.

A page's pickers show a portrait of every avatar, and loading a dozen takes seconds, just when
somebody goes live. A thread would hold up their pictures at any priority, because it takes Python's
lock with it.

Contract: the work and what it is asked are values that can be sent; a VivifyError of the work comes
back as it is. A process that nobody asks for a while ends, and who asks next starts another.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from engine.errors import VivifyError
from streaming.errors import TransportError

A = TypeVar("A")
B = TypeVar("B")

IDLE_S = 60.0
_MOMENT_S = 1.0  # for a process that ends anyway
_LOWEST = 19


class Easel(Generic[A, B]):
    """Does one kind of work. `ask` from one thread, `close` from any."""

    def __init__(self, work: Callable[[A], B], idle_s: float = IDLE_S) -> None:
        """The process starts at once, so that it is ready when it is needed. `work`: a function of
        a module, or a `partial` of one; `idle_s`: how long the process waits for more."""
        self._work, self._idle_s = work, idle_s
        self._closed = False
        self._starting = threading.Lock()  # or it would start behind the back of `close`
        self._start()

    def ask(self, what: A) -> B:
        """What the work makes of it. Raises its VivifyErrors, TransportError if the process ends
        half way, or after `close`."""
        for _ in range(2):  # it may have ended for want of work just now
            if not self._process.is_alive():
                self._start()
            with contextlib.suppress(EOFError, OSError):
                self._pipe.send(what)
                answer = self._pipe.recv()
                if isinstance(answer, VivifyError):
                    raise answer
                return answer  # type: ignore[no-any-return]
            self._process.join(_MOMENT_S)
        raise TransportError("the process that draws portraits ended; ask again")

    def close(self) -> None:
        """End the process, at work or not; no other follows it."""
        with self._starting:
            self._closed = True
            self._process.terminate()

    def _start(self) -> None:
        with self._starting:
            if self._closed:
                raise TransportError("portraits are drawn no more: the server is closing")
            self._spawn()

    def _spawn(self) -> None:
        # Not a copy of this process: threads and locks of networks do not survive being copied.
        fresh = multiprocessing.get_context("spawn")
        self._pipe, far = fresh.Pipe()
        self._process = fresh.Process(
            target=_serve, args=(self._work, far, self._idle_s), name="easel", daemon=True
        )
        self._process.start()
        far.close()
        if hasattr(os, "setpriority") and self._process.pid is not None:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _LOWEST)


def _serve(work: Callable[[Any], Any], pipe: Connection, idle_s: float) -> None:
    """In the process: until nobody asks, or the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this
    with contextlib.suppress(EOFError, OSError):
        while pipe.poll(idle_s):
            try:
                answer = work(pipe.recv())
            except VivifyError as error:
                answer = error
            pipe.send(answer)
