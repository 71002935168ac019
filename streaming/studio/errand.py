"""Long work that somebody waits for: another process, with its progress, that can be called off.

The process tells how far it is by lines "vivify-progress SHARE WORDS" on its standard error, SHARE
from 0 to 1; the last of its other lines says why it failed. It runs at low priority, because
somebody may be in a call meanwhile. Contract: after `run` the process is gone, however it ended.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence

from engine.errors import VivifyError

MARK = "vivify-progress "
PATIENCE_S = 5.0  # from asking a process to stop to stopping it
NICENESS = 10
LINE = 64 << 10  # bytes of a line at most

Told = Callable[[float, str], None]


class Failed(VivifyError):  # noqa: N818 - a condition
    """The process could not do it; the message is its own."""


class Errand:
    """`run` once; `call_off` at any time from the same loop."""

    def __init__(self, command: Sequence[str], told: Told) -> None:
        """`told`: gets the share that is done, and what is being done."""
        self._command = command
        self._told = told
        self._off = asyncio.Event()

    def call_off(self) -> None:
        """Make `run` return False soon."""
        self._off.set()

    async def run(self) -> bool:
        """True if it was done, False if it was called off. Raises Failed."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE,
            # A group of its own: Ctrl-C is for us, and its children end with it. No session of
            # its own, which would get as much time as ours however low its priority.
            process_group=None if os.name == "nt" else 0,
        )
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        assert process.stderr is not None
        reading = asyncio.create_task(self._read(process.stderr))
        off = asyncio.create_task(self._off.wait())
        try:
            await asyncio.wait({reading, off}, return_when=asyncio.FIRST_COMPLETED)
            if self._off.is_set():
                return False
            last = await reading
            if await process.wait() != 0:
                raise Failed(last or f"it ended with code {process.returncode}")
            return True
        finally:
            await _end(process)
            for task in (reading, off):
                task.cancel()
            await asyncio.gather(reading, off, return_exceptions=True)

    async def _read(self, stream: asyncio.StreamReader) -> str:
        """Until the end of what it says; its last line that is no progress."""
        kept: deque[str] = deque([""], maxlen=1)
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than LINE
                continue
            if not line:
                return kept[0]
            # Progress bars write over their line.
            text = line.decode(errors="replace").replace("\r", "\n").strip().rsplit("\n", 1)[-1]
            if text.startswith(MARK):
                share, _, words = text.removeprefix(MARK).partition(" ")
                with contextlib.suppress(ValueError):
                    self._told(min(1.0, max(0.0, float(share))), words)
            elif text:
                kept.append(text[:500])


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop it and what it has started."""
    for hard in (False, True):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.terminate()
            else:
                os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE_S)
