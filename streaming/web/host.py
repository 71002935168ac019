"""One web application at one address, until somebody stops it.

Contract: a taken port is noticed before anything is loaded; Ctrl-C and SIGTERM end it cleanly.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from streaming.errors import TransportError

SHUTDOWN_S = 2.0


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound at once. Raises TransportError for a port that is taken or does not exist."""
    if not 0 <= port <= 65_535:
        raise TransportError(f"port {port} does not exist; choose 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise TransportError(
            f"cannot listen on {host} port {port} ({error.strerror}); choose another --port if "
            "another program is using it, or a --host of this machine"
        ) from error


def names(host: str) -> frozenset[str]:
    """Names under which a server that listens on `host` may be asked."""
    return frozenset({socket.gethostname().lower(), host})


def address(host: str, listener: socket.socket) -> str:
    """The URL under which this machine reaches what listens."""
    reach = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    shown = f"[{reach}]" if ":" in reach else reach
    return f"http://{shown}:{listener.getsockname()[1]}"


async def serve(
    app: web.Application,
    listener: socket.socket,
    opened: Callable[[], Coroutine[Any, Any, None]],
    failed: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Until Ctrl-C, or until `failed` returns or raises. `opened`: run once it can be reached."""
    stop = asyncio.Event()
    if os.name != "nt":  # there Ctrl-C arrives as KeyboardInterrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await opened()
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if failed is not None:
            waits.append(asyncio.create_task(failed()))
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    finally:
        await runner.cleanup()
