"""A server with the fake avatar, for browser tests of everything but the face.

`python -m tests.browser.server [--flash] [--limit N] [--size 256] [--seconds 3] [--blind]` prints
its address like the demo does. With --flash the picture is white while the sound is loud. Its eyes
are fake too and see a face in any bright picture; --blind: the tracker is not installed.
"""

import argparse
import asyncio
import signal
from functools import partial
from typing import Any, NoReturn

from aiohttp import web

from engine.errors import RuntimeUnavailable
from streaming.batch import Batcher
from streaming.sight import Sight
from streaming.web.app import create_app
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.rooms import Rooms
from streaming.worker import EngineThread
from tests.fakes import STYLES, FakeAvatar, FakeEngine, FakeEyes

MISSING = "the tracker is not installed; install Vivify with its extra `tracker`"


class Learned:
    """A loader of FakeAvatars of which theo can be drawn by a network as well."""

    names = staticmethod(FakeAvatar.names)

    @staticmethod
    def load(name: str, size: int, lookahead_ms: int) -> FakeAvatar:
        return FakeAvatar(name, size, lookahead_ms, learned=name == "theo")


class Flashing:
    """A loader of FakeAvatars that flash."""

    names = staticmethod(FakeAvatar.names)
    load: Any = staticmethod(partial(FakeAvatar, flash=True))


def no_eyes() -> NoReturn:
    raise RuntimeUnavailable(MISSING)


async def serve(args: argparse.Namespace) -> None:
    worker = EngineThread()
    loader: Any = Flashing if args.flash else Learned
    catalogue = Catalogue(loader, list(STYLES), Choice("mira", args.size, 20), "neutral")
    sight = Sight(no_eyes, missing=MISSING) if args.blind else Sight(FakeEyes)
    batcher = Batcher(worker, FakeEngine())
    rooms = Rooms(catalogue, batcher, limit=args.limit, sight=sight, seconds=args.seconds)
    runner = web.AppRunner(create_app(rooms))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", args.port, reuse_address=True).start()
    print(f"Vivify is live at http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()
    worker.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--flash", action="store_true")
    parser.add_argument("--limit", type=int, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--blind", action="store_true")
    asyncio.run(serve(parser.parse_args()))
