"""Any audio or video file in, an MP4 of the avatar speaking it out; no network, no sound card.

Runs exactly the live line, in 20 ms chunks.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from engine import Avatar, Motion, MotionClip, PPGClip, VivifyError, offline
from engine.avatar import DEFAULT_AVATAR, DEFAULT_STYLE
from engine.errors import AudioError
from engine.face.blendshapes import ARKIT
from engine.frames import LOOKAHEAD_STEPS
from engine.line import Row
from engine.render.renderer import sides
from engine.render.setting import Setting
from engine.speech.phonemes import PHONES
from streaming import provenance, scenery
from streaming.errors import TransportError
from streaming.sinks.file import Mp4Writer
from streaming.sources.file import blocks, duration

CHUNK_MS = 20


def hear(path: Path, out: Mp4Writer, bar: "tqdm[Any]") -> Iterator[tuple[npt.NDArray[Any], int]]:
    """The file's sound, chunk by chunk; each goes into the film as it is heard."""
    for sound in blocks(path, CHUNK_MS):
        out.hear(sound)
        heard = sound.end / sound.rate
        bar.update(min(heard, bar.total or heard) - bar.n)
        yield sound.pcm, sound.rate


def speak(args: argparse.Namespace) -> tuple[list[Row], list[Motion]]:
    """Write the film; returns what was heard and how the face moved."""
    rows: list[Row] = []
    motions: list[Motion] = []
    look, mark = scenery.look(args.look)
    setting = Setting(background=scenery.background(args.background), look=look, mark=mark)
    size = scenery.size(args.size)
    avatar = Avatar.load(args.avatar, size, args.lookahead, setting)
    style, hair = avatar.style(args.style), None
    facts = provenance.about(avatar, style.name, mark)
    seconds = duration(args.input)
    form = "{l_bar}{bar}| {n:.1f}/{total:.1f} s [{elapsed}<{remaining}]" if seconds else None
    with (
        Mp4Writer(args.output, *sides(size), about=provenance.tags(facts, avatar.title)) as out,
        tqdm(total=seconds, unit="s", bar_format=form, desc=args.input.name) as bar,
    ):
        for done in offline.perform(hear(args.input, out, bar), style, args.lookahead):
            swung, hair = avatar.swing(done.motions, hair)
            for motion in swung:
                out.write(avatar.render(motion))
            rows += done.rows
            motions += done.motions
    return rows, motions


def save(args: argparse.Namespace, rows: Sequence[Row], motions: Sequence[Motion]) -> None:
    if args.ppg:
        heard = PPGClip.of(rows)
        np.savez_compressed(
            args.ppg,
            start=heard.start,
            posteriors=heard.posteriors,
            phones=np.array(PHONES),
            closure=heard.closure,
            voicing=heard.voicing,
            energy=heard.energy,
        )
    if args.motion:
        moved = MotionClip.of(motions)
        np.savez_compressed(
            args.motion,
            start=moved.start,
            weights=moved.weights,
            names=np.array(ARKIT),
            pose=moved.pose,
        )


def check(args: argparse.Namespace) -> None:
    """Refuse now what would fail after minutes of drawing."""
    if not args.input.is_file():
        raise AudioError(f"{args.input} is not a file; give the path of an audio or video file")
    args.output = args.output or args.input.with_suffix(".vivify.mp4")
    for path in (args.output, args.ppg, args.motion):
        if path is None:
            continue
        if path.exists() and path.samefile(args.input):
            raise TransportError(f"{path} is the input itself; choose another name to write to")
        if not os.access(path.absolute().parent, os.W_OK) or path.is_dir():
            raise TransportError(
                f"cannot write {path}; choose a folder that exists and is writable"
            )
    for path in (args.ppg, args.motion):
        if path is not None and path.suffix != ".npz":
            raise TransportError(f"{path} should end in .npz, the format it is written in")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demos.speak_file", description=__doc__)
    parser.add_argument("input", type=Path, metavar="IN", help="audio or video file")
    parser.add_argument(
        "output", type=Path, metavar="OUT.mp4", nargs="?", help="default: IN.vivify.mp4"
    )
    parser.add_argument("--avatar", default=DEFAULT_AVATAR, help="bundled name or package path")
    parser.add_argument("--style", default=DEFAULT_STYLE, help="bundled name or .style file")
    parser.add_argument("--size", default="512", metavar="512|1280x720", help="pixels (512)")
    parser.add_argument("--background", default="auto", metavar="auto|plain:#RRGGBB|green|FILE",
                        help="what lies behind the avatar (auto: its own)")  # fmt: skip
    parser.add_argument("--look", default="auto", metavar=scenery.LOOK_HELP,
                        help="unmarked: no badge on a person's likeness")  # fmt: skip
    parser.add_argument("--lookahead", type=int, default=20, choices=LOOKAHEAD_STEPS, metavar="MS")
    parser.add_argument("--ppg", type=Path, metavar="P.npz", help="also save what was heard")
    parser.add_argument("--motion", type=Path, metavar="M.npz", help="also save the motion")
    args = parser.parse_args(argv)
    try:
        check(args)
        rows, motions = speak(args)
        save(args, rows, motions)
    except (VivifyError, OSError) as error:
        print(f"speak_file: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: {len(motions)} pictures, {len(rows)} PPG rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
