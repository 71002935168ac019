"""`python -m engine.train renderer teacher`: a network learns to draw a cast member as the teacher
does, at live cost.

Trains on a set of shots (made first where there is none), writes previews, log and checkpoint to
--work and the avatar's package with its neural look to --out.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from engine.errors import PackageError
from engine.face.learned import Config, Learned
from engine.face.package import load
from engine.train.neural import binding, stage, toy
from engine.train.neural.course import (
    WINDOW,
    add_options,
    check,
    fit,
    net_of,
    recipe_of,
    spread_out,
)
from engine.train.neural.features import PATH
from engine.train.neural.shots import Shots

TINY = Path("../build/tiny/renderer")


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m engine.train renderer teacher", description=__doc__
    )
    parser.add_argument("--avatar", default="mira", help="name, or folder of a package")
    parser.add_argument("--shots", type=Path, help="folder of the training set")
    parser.add_argument("--out", type=Path, help="folder of the package that is written")
    parser.add_argument("--frames", type=int, default=2000, help="to draw, if there are none")
    parser.add_argument("--held", type=int, default=300, help="to draw for measuring")
    parser.add_argument("--jobs", type=int, default=1, help="processes that draw")
    parser.add_argument("--start", type=Path, help="package whose network is gone on from")
    parser.add_argument(
        "--beside", action="store_true",
        help="train the small network beside the large one that the avatar has, for its texture; "
        "without the critic",
    )  # fmt: skip
    parser.add_argument("--work", type=Path, help="log, previews, checkpoint (default: OUT.work)")
    add_options(parser)
    options = parser.parse_args(argv)
    if options.tiny:
        options.shots = options.shots or TINY / "shots"
        options.out = options.out or TINY / "package"
    if options.shots is None or options.out is None:
        parser.error("give --shots and --out")
    check(parser, options)
    if options.beside:
        if options.recurrent:
            parser.error("--beside goes with a large network that remembers nothing: leave out "
                         "--recurrent")  # fmt: skip
        # No critic: what so small a network may invent, it does not keep from frame to frame.
        options.size, options.critic = "small", 1.0
    options.work = options.work or options.out.with_name(options.out.name + ".work")
    return options


def main(argv: list[str]) -> int:
    """Returns 0; prints the numbers on held-out frames."""
    options = _options(argv)
    torch.set_num_threads(options.threads)
    if not list(options.shots.glob("*/clip.json")):
        _shoot(options)
    shots, package = Shots(options.shots), load(options.avatar)
    binding.check(shots, package)
    recipe, texture = recipe_of(options), None
    start = None if options.start is None else _start(options.start, options.beside)
    if options.beside:
        texture = spread_out(binding.shared(package))
        recipe = replace(
            recipe, texture_rate=0.0, side=texture.shape[-1], critic_from=options.critic
        )
    painter, about = fit(
        shots, net_of(options, shots.scale), recipe, options.work,
        device=options.device, resume=options.resume, preview_minutes=options.every,
        eye=PATH if PATH.is_file() else None, texture=texture, start=start,
    )  # fmt: skip
    heard = any(bool(clip.arrays["ppg"].any()) for clip in shots.train)
    look = str(shots.train[0].about.get("look", "teacher"))
    notes = (
        f"Pictures: the {look} look of {package.name}, rendered by our own code; no picture of a "
        "person. Licence: as the package (LICENSE).\n\n"
        f"    {_command(options)}\n"
    )
    if options.beside:
        binding.bind_small(options.avatar, options.out, painter, about, notes)
        print(about["measured"])
        return 0
    config = Config(size=options.size, kind="teacher", ppg=heard, x2=shots.scale == 2)
    past = "" if options.start is None else binding.before(options.start)
    binding.bind(options.avatar, options.out, painter, config, about, notes, past=past)
    print(about["measured"])
    return 0


def _start(source: Path, beside: bool) -> Learned:
    """The look whose network is gone on from, its small one for one `beside`. Raises PackageError
    where it has none."""
    look = load(source).learned
    if look is None:
        raise PackageError(f"{source.name} has no neural look to go on from: leave out --start")
    return look.lighter() if beside else look


def _command(options: argparse.Namespace) -> str:
    """What was asked for, without the places of this machine."""
    length = f"--steps {options.steps}" if options.steps else f"--minutes {options.minutes:g}"
    shape = f"--size {options.size} --side {options.side}"
    shape = "--beside" if options.beside else shape
    return (
        f"python -m engine.train renderer teacher --avatar {Path(options.avatar).name} "
        f"--shots SHOTS --out PACKAGE {shape} {length} --rate {options.rate:g} "
        f"--critic {options.critic:g} --seed {options.seed}"
        + (f" --start {options.start.name}" if options.start else "")
        + ("" if options.recurrent else f" --window {options.window or WINDOW}")
        + (" --recurrent" if options.recurrent else "") + (" --tiny" if options.tiny else "")
    )  # fmt: skip


def _shoot(options: argparse.Namespace) -> None:
    if options.tiny:
        toy.make(options.shots, options.avatar)
        return
    stage.perform(
        options.shots, options.avatar, options.frames, options.held, seed=options.seed,
        jobs=options.jobs,
    )  # fmt: skip
