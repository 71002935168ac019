"""Talking styles: list, make from a clip, blend, look at. `python -m demos.pick_style --help`.

A clip is any video of one face, a Live Link Face recording (CSV) or a motion file (npz).
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from engine import Style, StyleLibrary, VivifyError
from engine.audio.chunker import Chunker
from engine.avatar import DEFAULT_AVATAR
from engine.errors import PackageError, RuntimeUnavailable, TrackingError
from engine.frames import F32, HOP_PHASE, SAMPLE_RATE
from engine.motion.curves import SUFFIXES
from engine.render.choose import choose
from engine.style import sheet
from engine.style.code import with_head
from engine.style.encoder import CODE
from engine.style.library import blend
from engine.style.reference import Reference, doubts, enough, filmed, often_enough, read
from engine.tracker.clip import settle
from engine.tracker.models import CHECKSUMS, Models
from engine.tracker.tracker import Tracker
from streaming.errors import TransportError
from streaming.models import cache_folder, face_models
from streaming.sources.file import blocks
from streaming.sources.pictures import pictures, sound_start

SENTENCE = Path(__file__).parent.parent / "tests/golden/speech/1743-142912-0000.flac"
SENTENCE_SECONDS = 5
MOST_SECONDS = 120  # of a video: more tells nothing more about a style
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus")
CHUNK_MS = 20


def look(path: Path, face_model: Path | None) -> Reference:
    """Track the face of a video."""
    film = pictures(path)
    first = next(film)  # a file without pictures is refused before anything is fetched
    fetched = all((cache_folder() / "face" / name).is_file() for name in CHECKSUMS)
    if face_model is None and not fetched:
        print("the tracker uses MediaPipe's models; they are fetched once (36 MB)")
    tracker = Tracker(Models.load(None if face_model else face_models(), face_model))
    state, seen, times = tracker.init_state(), [], [0.0]
    for rgb, start in tqdm(chain([first], film), unit=" pictures", desc=path.name):
        if start > MOST_SECONDS * SAMPLE_RATE:
            print(f"{path.name}: the first {MOST_SECONDS} s are enough")
            break
        face, state = tracker.step(rgb, start, state)
        seen.append(face)
        times.append(start / SAMPLE_RATE)
    often_enough(times[1:], path.name)
    clip = settle(seen)
    enough(clip, path.name, times[-1])
    return filmed(clip)


def reference(path: Path, args: argparse.Namespace) -> Reference:
    """What a clip of any kind shows; says what to know about it."""
    if path.suffix == ".style":
        raise TrackingError(f"{path} is a style already; expected a clip to make one from")
    shown = read(path) if path.suffix.lower() in SUFFIXES else look(path, args.face_model)
    for doubt in doubts(shown):
        print(f"note: {doubt}")
    return shown


def voice(clip: Path, sound: Path | None) -> F32:
    """The voice that goes with a clip, mono at 16 kHz: in the video, or in a file beside. Silence
    stands where a video's sound begins after its picture."""
    if sound is None and clip.suffix.lower() in SUFFIXES:
        sound = next((p for s in SOUNDS if (p := clip.with_suffix(s)).is_file()), None)
        if sound is None:
            raise TransportError(
                f"no voice beside {clip.name}, expected {clip.stem}.wav or another sound file of "
                "that name; give it with --sound"
            )
    if sound is not None:
        return heard(sound)
    late = min(sound_start(clip), MOST_SECONDS * SAMPLE_RATE)
    return np.concatenate([np.zeros(late, np.float32), heard(clip)])


def heard(path: Path, seconds: float = MOST_SECONDS) -> F32:
    """Sound of a file from its beginning, mono at 16 kHz."""

    def hops() -> Iterator[F32]:
        chunker = Chunker()
        for block in blocks(path, CHUNK_MS):
            yield from (audio.pcm for audio in chunker.push(block.pcm, block.rate))
            if block.end > seconds * block.rate:
                break
        yield from (audio.pcm for audio in chunker.flush())

    return np.concatenate(list(hops()))[-HOP_PHASE:]


def make(args: argparse.Namespace) -> None:
    # What can be refused is refused before the face is tracked.
    Style(args.name, np.zeros(CODE, np.float32))
    out = writable(args.out or file_of(args.name), ".style", args.force)
    library = StyleLibrary()
    head = known_head(args.head_from, library) if args.head_from else None
    adapt = fine_tuning() if args.adapt else None
    pcm = voice(args.clip, args.sound) if args.adapt else None
    shown = reference(args.clip, args)
    seconds = len(shown.clip.start) / 25
    style = shown.style(args.name, f"clip of {seconds:.1f} s, {args.clip.suffix.lower()}")
    if args.head_from:
        head = head or reference(Path(args.head_from), args).style("head", "another clip")
        style = with_head(style, head)
    if adapt and pcm is not None:
        style = adapt(style, shown, pcm)
    write(out, style.save)
    print(f"{out}: style {style.name!r} ({style.made}); use it with --style {out}")


def known_head(source: str, library: StyleLibrary) -> Style | None:
    """The style to take the head from; None for a clip, which must be there."""
    if source in library.names() or source.endswith(".style"):
        return library.get(source)
    if not Path(source).is_file():
        raise TrackingError(
            f"--head-from {source} is no file and no bundled style; expected a clip, a .style file "
            f"or one of {', '.join(library.names())}"
        )
    return None


def fine_tuning() -> Callable[[Style, Reference, F32], Style]:
    """What fits a style's weights to what its code can't hold."""
    try:
        from engine.train.adapt import adapt
    except ModuleNotFoundError as error:
        raise RuntimeUnavailable(
            f"--adapt trains, for which package {error.name} is missing; install it with "
            'pip install -e ".[train]"'
        ) from error
    return adapt


def mix(args: argparse.Namespace) -> None:
    library = StyleLibrary()
    a, b = library.get(args.a), library.get(args.b)
    mixed = blend(a, b, args.weight)
    if args.name:
        mixed = Style(args.name, mixed.code, mixed.encoder, mixed.made, mixed.adapter)
    out = writable(args.out or file_of(mixed.name), ".style", args.force)
    write(out, mixed.save)
    print(f"{out}: {mixed.made}; use it with --style {out}")


def show(args: argparse.Namespace) -> None:
    library = StyleLibrary()
    styles = [library.get(name) for name in args.styles or library.names()]
    args.out.mkdir(parents=True, exist_ok=True)
    places = {n: writable(args.out / f"{n}.png", ".png", args.force) for n in ("map", "styles")}
    if args.sound is None and not SENTENCE.is_file():
        raise TransportError(f"{SENTENCE.name} is not here, outside a checkout give --sound FILE")
    pcm = heard(args.sound or SENTENCE, SENTENCE_SECONDS)[: SENTENCE_SECONDS * SAMPLE_RATE]
    renderer = choose(args.avatar, args.size)
    faces = list(tqdm(sheet.strips(styles, pcm, renderer), total=len(styles), unit=" styles"))
    names, codes = [s.name for s in styles], np.stack([s.code for s in styles])
    pages = {
        "map": sheet.chart(names, codes, [strip[len(strip) // 2] for strip in faces]),
        "styles": sheet.sheet(names, faces),
    }
    for name, path in places.items():
        page = Image.fromarray(pages[name])
        write(path, lambda part, page=page: page.save(part, "PNG"))  # type: ignore[misc]
        print(f"{path}  {page.width}x{page.height}")


def listing(args: argparse.Namespace) -> None:
    library = StyleLibrary()
    for name in library.names():
        print(f"{name:18s}{library.get(name).made}")


def file_of(name: str) -> Path:
    """Where a style is written unless said otherwise; names with a slash are refused elsewhere."""
    return Path(name.replace("/", "").replace(" ", "-") + ".style")


def writable(path: Path, suffix: str, force: bool) -> Path:
    """The path, refused now if it could not be written after minutes of work."""
    if path.suffix != suffix:
        raise PackageError(f"{path} should end in {suffix}, the format it is written in")
    if path.exists() and (path.is_dir() or not force):
        raise PackageError(
            f"{path} exists; choose another {'folder' if suffix == '.png' else 'name'} with --out "
            "or overwrite with --force"
        )
    if not os.access(path.absolute().parent, os.W_OK):
        raise PackageError(f"cannot write {path}; choose a folder that exists and is writable")
    return path


def write(path: Path, save: Callable[[Path], None]) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        save(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m demos.pick_style", description=__doc__)
    parts = top.add_subparsers(dest="part", required=True)
    parts.add_parser("list", help="the bundled styles and how they were made")

    one = parts.add_parser("make", help="a style from a few seconds of somebody's speech")
    one.add_argument("clip", type=Path, metavar="CLIP", help="video, Live Link CSV or motion npz")
    one.add_argument("--name", required=True, help="lower-case words")
    one.add_argument("--head-from", metavar="CLIP2", help="clip or style to take the head from")
    one.add_argument("--adapt", action="store_true", help="fine-tune on the clip (extra [train])")
    one.add_argument("--sound", type=Path, help="voice to a CSV or npz, for --adapt")
    one.add_argument("--face-model", type=Path, metavar="FILE.task", help="better tracking")

    two = parts.add_parser("blend", help="a style between two others")
    two.add_argument("a", metavar="A", help="bundled name or .style file")
    two.add_argument("b", metavar="B")
    two.add_argument("--weight", type=float, default=0.5, help="0: A, 1: B (default 0.5)")
    two.add_argument("--name", help="lower-case words")

    see = parts.add_parser("show", help="a map of styles, and each saying the same sentence")
    see.add_argument("styles", nargs="*", metavar="STYLE", help="default: all bundled ones")
    see.add_argument("--avatar", default=DEFAULT_AVATAR, help="bundled name or package path")
    see.add_argument("--sound", type=Path, help="another sentence")
    see.add_argument("--size", type=int, default=192, help="pixels a face is drawn at")
    see.add_argument("--out", type=Path, default=Path("styles"), help="folder")
    for part in (one, two):
        part.add_argument("--out", type=Path, metavar="N.style", help="default: NAME.style")
    for part in (one, two, see):
        part.add_argument("--force", action="store_true", help="overwrite what exists")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    run = {"list": listing, "make": make, "blend": mix, "show": show}[args.part]
    try:
        run(args)
    except (VivifyError, OSError) as error:
        print(f"pick_style: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
