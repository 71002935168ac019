"""`python -m engine.train ppg`: train the phone posterior network on shards and export it.

Order: mostly synthetic speech first, then mostly real (`crops.mixture`). The schedule is fixed and
the exported weights are a running average, so nothing is selected on kept-out speakers. Checkpoint
and weights lie beside the graph, those of the bundled graph in `../build/ppg`.
"""

import argparse
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from engine.audio import mel
from engine.frames import MEL_HOP
from engine.nets.ppg import AUX, LOOK_AHEADS, PPGConfig, PPGNet, PPGState
from engine.runtime import ASSETS
from engine.speech.phonemes import PHONES, viseme_projection
from engine.train import data as speech_data
from engine.train.corpus import read_shards
from engine.train.crew import Crew
from engine.train.crops import Batches
from engine.train.distort import Distorter, Distortion
from engine.train.export import export
from engine.train.ppg_loss import Weights, loss_of

VERSION = 2
OUT = ASSETS / "ppg.onnx"
TINY = Path("../build/tiny/ppg.onnx")
WORK = Path("../build/ppg")
_CHECKED = 300  # steps over which the graph is compared with torch


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the shards."""

    steps: int = 9000
    minutes: float | None = None  # the schedule ends by then, however slow the machine
    batch: int = 128
    crop: int = 120  # steps of 20 ms
    rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.999
    keep_state: float = 0.6  # share of crops that start in the state another crop ended in
    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    distortion: Distortion = field(default_factory=Distortion)


def learning_rate(step: int, progress: float, recipe: Recipe) -> float:
    """Warm-up and cosine."""
    warm = min(1.0, (step + 1) / recipe.warmup)
    fall = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return recipe.rate * warm * (0.01 + 0.99 * fall)


class Trainer:
    """Network, its running average, optimiser and position; saved whole at every checkpoint."""

    def __init__(self, config: PPGConfig, recipe: Recipe, crew: Crew | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.made_with: Mapping[str, Any] = asdict(recipe)  # the recipe of the weights
        self.crew = crew or Crew()
        self.batch = recipe.batch // self.crew.size  # of this worker
        self.net = PPGNet(config)
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay,
            betas=(0.9, 0.98),
        )  # fmt: skip
        self.step = 0
        self.seconds = 0.0  # spent in `advance`
        self.random = torch.Generator()
        self._draw_afresh()
        self.distort = Distorter(recipe.distortion, self.random)
        self.projection = torch.from_numpy(viseme_projection())
        self._carried: PPGState | None = None

    def _draw_afresh(self) -> None:
        """Every worker draws other crops, and other ones after a restart."""
        seed = [self.recipe.seed, self.step, self.crew.rank]
        self.rng = np.random.default_rng(seed)
        self.random.manual_seed(int(self.rng.integers(1 << 62)))
        torch.manual_seed(int(self.rng.integers(1 << 62)))

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end of the schedule."""
        steps, minutes = self.recipe.steps, self.recipe.minutes
        return max(self.step / steps, self.seconds / 60 / minutes if minutes else 0.0)

    def measure(self, batches: Batches) -> None:
        """Take the features' mean and deviation from the shards, the same in every process."""
        mean, scale = batches.statistics()
        self.crew.follow((mean, scale))
        self.net.mean.copy_(mean)
        self.net.scale.copy_(scale)
        self.average["mean"], self.average["scale"] = mean.clone(), scale.clone()

    def _start(self) -> PPGState:
        """Zeros, or the end of another crop: a live session never starts afresh."""
        zero = self.net.init_state(self.batch)
        if self._carried is None:
            return zero
        chosen = torch.rand(self.batch, generator=self.random) < self.recipe.keep_state
        order = torch.randperm(self.batch, generator=self.random)
        fields = []
        for fresh, old in zip(zero, self._carried, strict=True):
            shape = (-1,) + (1,) * (fresh.dim() - 1)
            fields.append(torch.where(chosen.view(shape), old[order], fresh))
        return PPGState(*fields)

    def advance(self, batches: Batches) -> float:
        """One optimiser step; returns the loss."""
        r, began = self.recipe, time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.progress, r)
        crops = batches.draw(self.rng, self.progress)
        x = self.distort(crops.x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            evidence, state = self.net.evidence(x, self._start())
        self._carried = PPGState(*(s.detach().float() for s in state))
        loss = loss_of(evidence, crops.y, crops.aux, crops.soft, r.weights, self.projection)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.crew.share(self.net.parameters())
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0, error_if_nonfinite=True)
        self.optimiser.step()
        self.step += 1
        keep = min(r.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        self.seconds += self.crew.mean(time.monotonic() - began)
        return float(loss.detach())

    def averaged(self) -> PPGNet:
        """The network with averaged weights, ready to export."""
        net = PPGNet(self.net.config)
        net.load_state_dict(self.average)
        return net.eval()

    def save(self, path: Path) -> None:
        """Everything needed to go on."""
        whole = {
            "net": self.net.state_dict(), "average": self.average, "step": self.step,
            "seconds": self.seconds, "optimiser": self.optimiser.state_dict(),
            "recipe": json.dumps(asdict(self.recipe)),
        }  # fmt: skip
        torch.save(whole, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same sizes; one without a recipe had the present one."""
        saved = torch.load(path, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.average = saved["average"]
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.seconds = saved["step"], saved["seconds"]
        if "recipe" in saved:
            self.made_with = json.loads(saved["recipe"])
        self._draw_afresh()


def kept(out: Path, suffix: str) -> Path:
    """Where what belongs to the graph `out` lies: beside it, but never in the package."""
    folder = WORK if out.resolve().is_relative_to(ASSETS.resolve()) else out.parent
    return folder / f"{out.stem}{suffix}"


def export_ppg(net: PPGNet, path: Path, recipe: Mapping[str, Any], steps: int) -> float:
    """Write the graph (atomically: others may be reading it); returns the parity error."""
    states = {n: list(t.shape[1:]) for n, t in net.init_state(1)._asdict().items()}
    config = {
        "model": "ppg", "version": VERSION, "states": states, "phones": list(PHONES),
        "aux": list(AUX), "steps": steps,
        "look_aheads": list(LOOK_AHEADS), "net": asdict(net.config), "recipe": dict(recipe),
        "mel": {"window": mel.WINDOW, "fft": mel.FFT, "hop": MEL_HOP, "bands": mel.BANDS,
                "low_hz": mel.LOW_HZ, "high_hz": mel.HIGH_HZ, "floor": mel.FLOOR},
    }  # fmt: skip
    part = path.with_name(path.stem + ".part.onnx")
    example = torch.randn(2, _CHECKED, mel.ROW) * 2 - 4
    outputs = [f"{kind}{d}" for kind in ("y", "aux") for d in LOOK_AHEADS]
    worst = export(net, example, part, config, outputs)
    part.replace(path)
    return worst


def train(options: argparse.Namespace, config: PPGConfig, recipe: Recipe, crew: Crew) -> None:
    """The loop: checkpoint and re-read the shards (more may have been made) now and then."""
    trainer = Trainer(config, recipe, crew)
    batches = Batches(read_shards(options.shards), trainer.batch, recipe.crop)
    trainer.measure(batches)
    checkpoint = kept(options.out, ".checkpoint")
    if options.resume:
        trainer.load(checkpoint)
    smooth, first = 0.0, crew.rank == 0
    with tqdm(total=recipe.steps, initial=trainer.step, mininterval=10, disable=not first) as bar:
        while trainer.progress < 1:
            loss = trainer.advance(batches)
            smooth = loss if not smooth else 0.99 * smooth + 0.01 * loss
            bar.set_postfix(loss=f"{smooth:.4f}", done=f"{trainer.progress:.3f}", refresh=False)
            bar.update()
            if trainer.step % options.every == 0:
                if first:
                    trainer.save(checkpoint)
                if trainer.step <= options.reread:
                    batches = Batches(read_shards(options.shards), trainer.batch, recipe.crop)
    if first:
        trainer.save(checkpoint)
        print(json.dumps({"steps": trainer.step, "loss": smooth, "seconds": trainer.seconds}))


def read_options(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.train ppg", description=__doc__)
    parser.add_argument("--shards", type=Path, help="made by `data`")
    parser.add_argument("--out", type=Path, help=f"the graph (the bundled one, tiny: {TINY})")
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--minutes", type=float, help="fewer steps if slower")
    parser.add_argument("--hidden", type=int, default=PPGConfig().hidden)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes that share each batch")
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--reread", type=int, default=0, help="re-read shards up to this step")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's checkpoint")
    parser.add_argument("--export-only", action="store_true", help="export OUT's checkpoint")
    parser.add_argument("--tiny", action="store_true", help="a minute of work, no training data")
    options = parser.parse_args(argv)
    options.shards = speech_data.shards_folder(parser, options.shards, options.tiny)
    options.out = options.out or (TINY if options.tiny else OUT)
    if options.tiny and options.out.resolve().is_relative_to(ASSETS.resolve()):
        parser.error("--tiny makes a toy: give --out FILE outside the package's assets")
    return options


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train ppg`."""
    options = read_options(argv)
    torch.set_num_threads(1)
    config = PPGConfig(hidden=options.hidden)
    recipe = Recipe(steps=options.steps, minutes=options.minutes, seed=options.seed)
    if options.tiny:
        config = replace(config, channels=(8, 8), width=48, hidden=48, dropout=0.0)
        recipe = replace(recipe, steps=240, batch=16, crop=60, rate=8e-3, warmup=10, average=0.9)
        if not list(options.shards.glob("*.y.npy")):
            speech_data.main(["--tiny", "--out", str(options.shards)])
    for path in (options.out, kept(options.out, ".checkpoint")):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not options.export_only:
        Crew.run(options.jobs, train, options, config, recipe)
    trainer = Trainer(config, recipe)
    trainer.load(kept(options.out, ".checkpoint"))
    net = trainer.averaged()
    worst = export_ppg(net, options.out, trainer.made_with, trainer.step)
    save_file(net.state_dict(), str(kept(options.out, ".safetensors")))
    print(f"{options.out.name}: {trainer.step} steps, parity with torch {worst:.1e}")
    return 0
