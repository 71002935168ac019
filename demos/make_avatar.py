"""Your own avatar: sliders in a local page, a start from your photo, models brought in, or yourself
as a photographic avatar, from a video or a photo.

`python -m demos.make_avatar` opens the page; see --help for the rest. Nothing leaves the computer.
"""

import argparse
import asyncio
import shutil
import socket
import sys
import webbrowser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from demos.pick_style import SENTENCE, heard
from engine import offline
from engine.avatar import DEFAULT_AVATAR
from engine.errors import PackageError, RuntimeUnavailable, VivifyError
from engine.frames import F32, SAMPLE_RATE
from engine.tracker.models import Models
from engine.train.workshop import Workshop, untrained
from streaming.models import face_models, missing
from streaming.studio.app import create_app
from streaming.studio.errand import Errand
from streaming.studio.shelf import Shelf, Taken, checked, named_after
from streaming.web import host

COMMANDS = ("edit", "photo", "video", "import")
DEFAULT_OUT = Path("avatars")
PREVIEW_S = 8.0
CONSENT = (
    "This reads the face in {file}. Go on only with a photo of yourself, or of somebody who has\n"
    "allowed you to use it for this. It is looked at in memory and not stored. Go on? [y/N] "
)
WHO = (
    "This makes an avatar that looks like the person in {file}. Go on only if that is you, or "
    "somebody\nwho has agreed to it. Their name and today's date are written into the avatar, and "
    "its pictures bear\na visible mark. The name of the person who agrees (empty: nobody): "
)


def voice() -> F32:
    """What the preview says: a bundled sentence; silence outside a checkout."""
    if SENTENCE.is_file():
        return heard(SENTENCE, PREVIEW_S)
    return np.zeros(int(PREVIEW_S * SAMPLE_RATE), np.float32)


def models() -> Models:
    """The face tracker's, fetched the first time."""
    return Models.load(face_models())


def workshop(quick: bool) -> Workshop:
    """The makers, with what the preview does."""
    talking = offline.motion(voice(), style="cheerful")
    idle = offline.motion(np.zeros(int(PREVIEW_S * SAMPLE_RATE), np.float32), style="neutral")
    return Workshop(talking, idle, models, quick)


async def serve(args: argparse.Namespace, listener: socket.socket) -> None:
    start = Workshop().find(args.source or DEFAULT_AVATAR)  # refused before anything takes time
    makers = workshop(args.quick)

    async def opened() -> None:
        url = host.address(args.host, listener)
        print(f"Vivify is live at {url}", flush=True)
        if not args.no_browser:
            await asyncio.to_thread(webbrowser.open, url)

    app = create_app(
        makers, args.out, start, seed=args.seed, hosts=host.names(args.host), missing=missing(),
        untrained=untrained(),
    )  # fmt: skip
    await host.serve(app, listener, opened)


def edit(args: argparse.Namespace) -> None:
    with host.listening_socket(args.host, args.port) as listener:
        asyncio.run(serve(args, listener))


def photo(args: argparse.Namespace) -> None:
    """A likeness as a package and its recipe; with --neural a photographic one."""
    checked(args.name)
    if args.neural:
        return person(args)
    if not (args.i_consent or args.consent) and not _agreed(args.file):
        raise PackageError("nothing was read; say --i-consent or answer y")
    if lacking := missing():
        raise RuntimeUnavailable(lacking)
    makers = Workshop(models=models, quick=args.quick)
    with tqdm(total=2, desc=args.file.name, bar_format="{l_bar}{bar}| {elapsed}") as bar:
        recipe, notes = makers.likeness(_content(args.file))
        recipe |= {"name": args.name, "title": args.name.capitalize()}
        bar.update()
        folder = _kept(args, partial(makers.build, makers.check(recipe)))
        bar.update()
    report(folder, notes)
    print(f"go on with the sliders: python -m demos.make_avatar edit {folder}")


def person(args: argparse.Namespace) -> None:
    """A photographic avatar of a person, from a video or, with --neural, a photo."""
    makers, shelf = Workshop(), Shelf(args.out)
    _free(shelf, args)
    who = args.consent or _named(args.file)
    if not who:
        raise PackageError(
            "nothing was read: the person shown must agree; say so with --consent NAME, their name"
        )
    makers.consent(who)
    if lacking := missing() or untrained():
        raise RuntimeUnavailable(lacking)
    if not args.file.is_file():
        raise PackageError(f"{args.file} cannot be read: it is not a file")
    if args.command == "video":
        makers.minutes = args.minutes
    make = makers.portrait if args.command == "photo" else makers.person
    with shelf.spare() as work:
        made = Path(work) / args.name
        asyncio.run(_awaited(make(args.file.resolve(), made, args.name, who), args.file.name))
        folder = _kept(args, partial(shutil.move, made))
    report(folder, [f"{who} agreed to it; its pictures bear a mark (--look auto,unmarked: none)"])


async def _awaited(command: Sequence[str], title: str) -> None:
    """Wait for a training with a bar; Ctrl-C ends it, and leaves nothing."""
    form = "{l_bar}{bar}| {elapsed} {postfix}"
    with tqdm(total=100, desc=title, bar_format=form) as bar:

        def told(share: float, words: str) -> None:
            bar.set_postfix_str(words, refresh=False)
            bar.update(round(100 * share) - bar.n)

        await Errand(command, told).run()
        bar.update(100 - bar.n)


def bring(args: argparse.Namespace) -> None:
    """A GLB or VRM as a package, and what it lacks."""
    checked(args.name)
    content = _content(args.file)
    notes: list[str] = []
    makers = Workshop()

    def build(folder: Path) -> None:
        notes.extend(makers.convert(content, args.file.name, folder, args.permitted))

    folder = _kept(args, build)
    report(folder, notes)


def report(folder: Path, notes: Sequence[str]) -> None:
    for note in notes:
        print(f"  {note}")
    print(f"{folder}: use it with python -m demos.webcam_mirror --avatar {folder}")


def _agreed(file: Path) -> bool:
    return sys.stdin.isatty() and input(CONSENT.format(file=file)).strip().lower() in ("y", "yes")


def _named(file: Path) -> str:
    """Who agrees, asked on a terminal; a pipe is nobody's word."""
    return input(WHO.format(file=file)).strip() if sys.stdin.isatty() else ""


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PackageError(f"{file} cannot be read: {error.strerror}") from error


def _kept(args: argparse.Namespace, build: Callable[[Path], Any]) -> Path:
    """The package folder that `build` fills; refuses to overwrite without --force."""
    _free(Shelf(args.out), args)
    folder, _ = Shelf(args.out).keep(args.name, build, args.force)
    return folder


def _free(shelf: Shelf, args: argparse.Namespace) -> None:
    """Refuse a name that is taken, before anything takes time."""
    try:
        shelf.free(args.name, args.force)
    except Taken as error:
        raise PackageError(
            f"{args.out / args.name} exists; choose another --name or overwrite with --force"
        ) from error


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; without a command it is `edit`."""
    top = argparse.ArgumentParser(prog="python -m demos.make_avatar", description=__doc__)
    parts = top.add_subparsers(dest="command", required=True)
    one = parts.add_parser("edit", help="sliders in a local page with a live preview (default)")
    one.add_argument("source", nargs="?", metavar="RECIPE.json|NAME|PACKAGE", help="start from it")
    one.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    one.add_argument("--port", type=int, default=8081, help="0 takes any free port (8081)")
    one.add_argument("--no-browser", action="store_true", help="do not open the page")
    one.add_argument("--seed", type=int, default=1, help="of the first random person (1)")
    two = parts.add_parser("photo", help="an approximate likeness from one photo of a face")
    two.add_argument("file", type=Path, metavar="FILE")
    two.add_argument("--i-consent", action="store_true", help="it shows me, or I was allowed to")
    two.add_argument("--neural", action="store_true", help="a photographic avatar, in minutes")
    four = parts.add_parser("video", help="a photographic avatar of a person, from their video")
    four.add_argument("file", type=Path, metavar="FILE", help="30 s to 10 min of one person")
    four.add_argument("--minutes", type=float, default=30.0, help="of training (30)")
    for part in (two, four):
        part.add_argument("--consent", metavar="NAME",
                          help="the person shown, who agrees; stays in the avatar")  # fmt: skip
    three = parts.add_parser("import", help="a GLB or VRM model with ARKit or viseme shapes")
    three.add_argument("file", type=Path, metavar="FILE.glb|.vrm")
    three.add_argument("--permitted", action="store_true",
                       help="I made it, or its maker permits me to use it this way")  # fmt: skip
    for part in (two, three, four):
        part.add_argument("--name", help="of the avatar (default: the file's)")
        part.add_argument("--force", action="store_true", help="overwrite an avatar of that name")
    for part in (one, two, three, four):
        part.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for avatars")
    for part in (one, two):
        part.add_argument("--quick", action="store_true",
                          help="save drafts: small textures, built in a second")  # fmt: skip
    named = [*argv] if argv and (argv[0] in COMMANDS or argv[0] in ("-h", "--help")) else None
    args = top.parse_args(named or ["edit", *argv])
    if args.command != "edit":
        args.name = args.name or named_after(args.file)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 with a message if something cannot be done."""
    args = parse(sys.argv[1:] if argv is None else argv)
    try:
        {"edit": edit, "photo": photo, "video": person, "import": bring}[args.command](args)
    except VivifyError as error:
        print(f"make_avatar: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
