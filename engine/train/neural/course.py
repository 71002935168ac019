"""A whole training: first guess of the texture, the loop, checkpoints, previews, log."""

import argparse
import json
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from engine.errors import WeightsError
from engine.face.learned import Learned
from engine.nets.unet import UNetConfig
from engine.train.neural import preview
from engine.train.neural.features import PATH, Eye
from engine.train.neural.projecting import project
from engine.train.neural.shots import Shots
from engine.train.neural.trainer import Painter, Recipe, Trainer

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"
WINDOW = 16  # frames that follow one another, if nothing else is asked for
_WIDEST = 64  # frames: of more a crop would be too small to show anything
_SHOWN, _MEASURED = 3, 8  # held-out frames of a preview, of its numbers


class Diary:
    """What is written beside a training: a line a preview, pictures, a plot."""

    def __init__(self, out: Path, trainer: Trainer) -> None:
        self._out, self._trainer = out, trainer
        self._crops = preview.held_frames(trainer.shots, _MEASURED)
        self._log = out / LOG
        self._sums: dict[str, list[float]] = {}

    def note(self, terms: dict[str, float]) -> None:
        """Remember a step's loss."""
        for name, value in terms.items():
            self._sums.setdefault(name, []).append(value)

    def shown(self) -> dict[str, str]:
        """Means of the last steps, for the progress bar."""
        return {name: f"{sum(v[-50:]) / len(v[-50:]):.4f}" for name, v in self._sums.items()}

    def write(self) -> dict[str, float]:
        """Measure, draw and append to the log; returns the numbers."""
        trainer, painter = self._trainer, self._trainer.averaged()
        scale, device = trainer.shots.scale, trainer.device
        held = preview.measure(painter, self._crops, scale, device)
        row = {
            "minutes": round(trainer.seconds / 60, 2), "step": trainer.step,
            "loss": {name: sum(v) / len(v) for name, v in self._sums.items()}, "held": held,
        }  # fmt: skip
        self._sums.clear()
        with self._log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        step = max(1, len(self._crops) // _SHOWN)
        sheet = self._out / f"preview_{trainer.step:06d}.png"
        preview.sheet(painter, self._crops[::step][:_SHOWN], scale, sheet, device)
        rows = [json.loads(line) for line in self._log.read_text().splitlines()]
        preview.plot(rows, self._out / "losses.png")
        return held


def fit(
    shots: Shots, config: UNetConfig, recipe: Recipe, out: Path, *, device: str = "cpu",
    resume: bool = False, preview_minutes: float = 3.0, eye: Path | None = PATH,
    tell: Callable[[float], None] | None = None, start: Learned | None = None,
    texture: Tensor | None = None,
) -> tuple[Painter, dict[str, Any]]:  # fmt: skip
    """Train, or go on from the checkpoint in `out`; returns the averaged painter and what to
    tell of it: recipes, steps, minutes, numbers on held-out frames, trained ones if none is held.

    `eye`: weights of the perceptual features, None to do without; `tell`: is given the share done
    now and then; `start`: a look whose network is gone on from, and its texture too if it is of
    this avatar; `texture` [1, 8, R, R]: in place of the first guess.
    """
    shots.need(recipe.frames)
    out.mkdir(parents=True, exist_ok=True)
    own = start is not None and start.config.trained.get("mesh") in shots.meshes
    kept = own or texture is not None
    if texture is None:
        texture = _texture(shots, recipe, start if own else None, device)
    trainer = Trainer(
        shots, texture, config, recipe, None if eye is None else Eye.load(eye), device
    )
    checkpoint = out / CHECKPOINT
    if resume and checkpoint.is_file():
        trainer.load(checkpoint)
    else:
        if start is not None:
            _begin(trainer, start, kept)
        (out / LOG).unlink(missing_ok=True)
    diary, last = Diary(out, trainer), time.monotonic()
    held = diary.write()
    with tqdm(total=100, mininterval=5, desc=out.name, bar_format="{l_bar}{bar}{postfix}") as bar:
        while trainer.progress < 1:
            diary.note(trainer.advance())
            bar.n = round(100 * trainer.progress, 1)
            if trainer.step % 20 == 0:
                shown = {"step": str(trainer.step), "dB": f"{held['psnr']:.2f}", **diary.shown()}
                bar.set_postfix(shown, refresh=False)
                bar.update(0)
                if tell is not None:
                    tell(trainer.progress)
            if time.monotonic() - last > 60 * preview_minutes and trainer.progress < 1:
                held, last = diary.write(), time.monotonic()
                trainer.save(checkpoint)
                trainer.shots = shots.again()
    held = diary.write()
    trainer.save(checkpoint)
    painter = trainer.averaged()
    about = {
        "recipes": trainer.history, "steps": trainer.step, "frames": len(trainer.shots),
        "minutes": round(trainer.seconds / 60, 1), "device": device,
        "half": trainer.half, "held": bool(trainer.shots.held),
        "measured": {name: round(value, 4) for name, value in held.items()},
    }  # fmt: skip
    if start is not None:
        about["start"] = digest(start)
    (out / "about.json").write_text(json.dumps(about, indent=1))
    return painter, about


def _texture(shots: Shots, recipe: Recipe, own: Learned | None, device: str) -> Tensor:
    """What the texture begins as: that of the avatar's own look, or a guess."""
    if own is not None:
        return resized(spread_out(own), recipe.side)
    return project(shots, recipe.side, min(64, 4 * len(shots)), recipe.seed, device)


def spread_out(look: Learned) -> Tensor:
    """A look's texture [1, 8, R, R]."""
    return torch.from_numpy(look.texture.astype("f4")).permute(2, 0, 1)[None].contiguous()


def resized(texture: Tensor, side: int) -> Tensor:
    """Another number of texels a side."""
    if texture.shape[-1] == side:
        return texture
    return F.interpolate(texture, (side, side), mode="bilinear", antialias=True)


def digest(look: Learned) -> str:
    """Of a network and its texture: which weights a training began with."""
    code = zlib.crc32(look.texture.tobytes())
    for name in sorted(look.weights):
        code = zlib.crc32(look.weights[name].tobytes(), code)
    return f"{code:08x}"


def _begin(trainer: Trainer, start: Learned, kept: bool) -> None:
    """Take over a network and, unless the texture is `kept`, what a guessed one cannot tell from
    pictures: where the channels that are no colours lie. Raises WeightsError for a network of
    another size."""
    net, texture = trainer.painter.net, trainer.painter.texture
    weights = {name: torch.from_numpy(w.astype("f4")) for name, w in start.weights.items()}
    needed = net.state_dict()
    if any(name not in weights or weights[name].shape != w.shape for name, w in needed.items()):
        raise WeightsError(f"the network to start with is {start.config.size}: use --size of it")
    net.load_state_dict({name: weights[name] for name in needed})
    if not kept:
        middle = spread_out(start).mean((2, 3))[0, 3:]
        with torch.no_grad():
            texture[:, 3:] += middle.to(texture.device)[:, None, None]
    trainer.average = {k: v.detach().clone() for k, v in trainer.painter.state_dict().items()}


TINY = Recipe(
    steps=24, frames=2, batch=2, size=64, side=64, warmup=4, average=0.8, critic_from=0.5,
    critic_alone=1, half=False,
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """The flags that all trainings of the renderer share."""
    parser.add_argument("--size", choices=("small", "large"), default="large", help="network")
    parser.add_argument("--side", type=int, default=512, help="texels of the texture")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training")
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning; twice for texels")
    parser.add_argument(
        "--critic", type=float, default=0.6, metavar="SHARE",
        help="of the schedule after which the critic joins; 1: none",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=_frames, metavar="FRAMES",
        help=f"that follow one another, 1 to {_WIDEST} (default: {WINDOW}); fewer in larger crops, "
        "so that a step costs the same",
    )  # fmt: skip
    parser.add_argument(
        "--recurrent", action="store_true",
        help=f"with memory, windows of {WINDOW} frames; to compare, drawn by Neural.step only",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda ...")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=float, default=3.0, help="minutes between previews")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a toy, within a minute")


def _frames(text: str) -> int:
    """Of a window; for argparse."""
    frames = int(text)
    if not 1 <= frames <= _WIDEST:
        raise argparse.ArgumentTypeError(f"{frames} frames, expected 1 to {_WIDEST}")
    return frames


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Leave with the parser's error where flags do not go together."""
    if options.recurrent and options.window is not None:
        parser.error(f"--recurrent has windows of {WINDOW} frames: leave out --window")


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the flags ask for."""
    if options.tiny:
        return replace(TINY, seed=options.seed)
    recipe = Recipe(
        minutes=options.minutes, seed=options.seed, side=options.side, rate=options.rate,
        texture_rate=2 * options.rate, critic_from=options.critic,
    )  # fmt: skip
    if options.steps:
        recipe = replace(recipe, steps=options.steps, minutes=None)
    if options.recurrent:
        return replace(recipe, whole=1.0)
    return windowed(recipe, options.window or WINDOW)


def windowed(recipe: Recipe, frames: int) -> Recipe:
    """With windows of so many frames, and crops of such a size that a step costs about the same:
    four pairs of 128 x 128 px, two windows of 16 frames of 64 x 64."""
    batch = max(8, 2 * frames)
    side = 16 * round(128 * math.sqrt(8 / batch) / 16)
    return replace(recipe, frames=frames, batch=batch, size=side)


def net_of(options: argparse.Namespace, scale: int) -> UNetConfig:
    """The network that the flags ask for; its second head only where targets are that large."""
    return UNetConfig.of(options.size, x2=scale == 2, recurrent=options.recurrent)
