"""Your voice, the avatar's face, in the browser: `python -m demos.webcam_mirror`."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from pathlib import Path

from engine.admission import DRAW
from engine.avatar import DEFAULT_AVATAR, DEFAULT_STYLE, Avatar
from engine.batch import Batch
from engine.errors import RuntimeUnavailable, VivifyError
from engine.frames import LOOKAHEAD_STEPS
from engine.render.screen import DEVICES, open_screen
from engine.render.setting import Setting
from engine.style.library import StyleLibrary
from engine.tracker.models import Models
from engine.tracker.tracker import Tracker
from streaming import scenery
from streaming.batch import LIMITS, Batcher
from streaming.errors import TransportError
from streaming.models import face_models, missing
from streaming.session import Session
from streaming.sight import Sight
from streaming.sinks import speaker
from streaming.sound import Sound
from streaming.sources import microphone
from streaming.web import host
from streaming.web.app import create_app
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.rooms import Rooms
from streaming.worker import EngineThread, Worker


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m demos.webcam_mirror", description=__doc__)
    face = p.add_argument_group("who is seen")
    face.add_argument("--avatar", default=DEFAULT_AVATAR,
                      help="bundled name, or a package folder or .zip")  # fmt: skip
    face.add_argument("--style", default=DEFAULT_STYLE, help="bundled name or .style file")
    face.add_argument("--size", default="512", metavar="512|1280x720", help="pixels (512)")
    face.add_argument("--background", default="auto", metavar="auto|plain:#RRGGBB|green|FILE",
                      help="what lies behind the avatar (auto: its own)")  # fmt: skip
    face.add_argument("--look", default="auto", metavar=scenery.LOOK_HELP,
                      help="what draws it; unmarked: no badge on a person's likeness")  # fmt: skip
    # Not auto: no card has drawn yet (engine/eval/results).
    face.add_argument("--device", default="cpu", choices=DEVICES,
                      help="what draws the toon look (cpu; auto: a GPU, if any)")  # fmt: skip
    sound = p.add_argument_group("sound and camera")
    sound.add_argument("--lookahead", type=int, default=20, choices=LOOKAHEAD_STEPS, help="ms (20)")
    sound.add_argument("--mic", help="local microphone: name, number, 'default', or an audio file")
    sound.add_argument("--output", help="play the delayed voice here: name, number or 'default'")
    sound.add_argument("--face-model", help="face_landmarker.task for the camera tracker")
    page = p.add_argument_group("the page")
    page.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    page.add_argument("--port", type=int, default=8080, help="0 takes any free port (8080)")
    page.add_argument("--max-sessions", type=int, default=4, help="browsers at a time (4)")
    page.add_argument("--no-browser", action="store_true", help="do not open the page")
    return p.parse_args(argv)


def load_tracker(face_model: str | None, stop: threading.Event | None = None) -> Tracker:
    """The camera tracker, its files fetched if need be and until `stop` is set; raises what says
    how to get them."""
    cancelled = stop.is_set if stop else lambda: False
    folder = None if face_model else face_models(cancelled=cancelled)
    return Tracker(Models.load(folder, Path(face_model) if face_model else None))


def open_rooms(args: argparse.Namespace, worker: Worker) -> Rooms:
    """Check what was asked for and put the parts together."""
    if args.face_model and not os.path.isfile(args.face_model):
        raise RuntimeUnavailable(
            f"--face-model {args.face_model} is not a file, expected the path of a "
            "face_landmarker.task; leave it out to do without"
        )
    if args.output and not args.mic:
        raise TransportError("--output plays the voice of --mic; give both or neither")
    if args.mic:
        microphone.check(args.mic)
    if args.output:
        microphone.device_number(args.output, "output")
    styles = StyleLibrary()
    styles.get(args.style)
    default = Choice(args.avatar, scenery.size(args.size), args.lookahead)
    look, mark = scenery.look(args.look)
    setting = Setting(background=scenery.background(args.background), look=look, mark=mark)
    names = list(styles.names())
    catalogue = Catalogue(Avatar, names, default, args.style, setting, apart=True)

    stop = threading.Event()
    sight = Sight(partial(load_tracker, args.face_model, stop), missing=missing(), stop=stop.set)

    def listen() -> AsyncIterator[Sound]:
        return microphone.listen(args.mic)

    def speak(session: Session) -> Coroutine[None, None, None]:
        return speaker.play(session.playout, args.output)

    return Rooms(
        catalogue,
        worker,
        limit=args.max_sessions,
        sight=sight,
        microphone=listen if args.mic else None,
        speaker=speak if args.output else None,
    )


async def serve(args: argparse.Namespace, listener: socket.socket) -> None:
    """Until Ctrl-C, or until the local microphone or engine fails."""
    screen, worker = open_screen(args.device), EngineThread()
    limits = {**LIMITS, DRAW: screen.together}
    rooms = open_rooms(args, Batcher(worker, Batch(screen), limits))

    async def opened() -> None:
        url = host.address(args.host, listener)
        print(f"Vivify is live at {url}", flush=True)
        if not args.no_browser:
            await asyncio.to_thread(webbrowser.open, url)

    print("Loading the avatar; the very first start compiles for some seconds.", file=sys.stderr)
    try:
        app = create_app(rooms, hosts=host.names(args.host))
        await host.serve(app, listener, opened, rooms.failed)
    finally:
        worker.close()


def main(argv: list[str] | None = None) -> int:
    """0 after Ctrl-C, 1 with a message if something is missing."""
    args = parse(argv)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        with host.listening_socket(args.host, args.port) as listener:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(serve(args, listener))
    except VivifyError as error:
        print(f"Vivify cannot go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    if os.name == "nt":
        return None
    import uvloop

    factory: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return factory


if __name__ == "__main__":
    sys.exit(main())
