"""`python -m engine.train ppg`: train the phone posterior network on shards and export it.

Order: mostly synthetic speech first, then mostly real (`mixture`). The schedule is fixed and the
exported weights are a running average, so nothing is selected on kept-out speakers.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from engine.audio import mel
from engine.frames import MEL_HOP
from engine.nets.ppg import CLASSES, LOOK_AHEADS, PPGConfig, PPGNet, PPGState
from engine.runtime import ASSETS
from engine.speech.phonemes import PHONES, viseme_projection
from engine.train import data as speech_data
from engine.train.corpus import Shard, read_shards
from engine.train.export import export

VERSION = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the shards."""

    steps: int = 5000
    finish: int = 800  # steps after these, at a small rate with more accented speech
    finish_rate: float = 5e-4
    batch: int = 64
    crop: int = 150  # steps of 20 ms
    rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    smoothing: float = 0.05
    viseme_weight: float = 0.4
    average: float = 0.9985
    keep_state: float = 0.6  # share of crops that start in the state another crop ended in
    seed: int = 0


# Share of each group in a batch at the start (mostly synthetic) and from `_SETTLED` on.
_FIRST = {"native": 0.18, "accented": 0.12, "children": 0.03, "espeak": 0.42, "voices": 0.23,
          "noise": 0.02}  # fmt: skip
_THEN = {"native": 0.34, "accented": 0.27, "children": 0.07, "espeak": 0.16, "voices": 0.14,
         "noise": 0.02}  # fmt: skip
_FINISH = {"native": 0.28, "accented": 0.42, "children": 0.11, "espeak": 0.08, "voices": 0.09,
           "noise": 0.02}  # fmt: skip
_SETTLED = 0.3  # of the run
_HEAD_WEIGHTS = (0.3, 0.4, 0.3)


def mixture(progress: float) -> dict[str, float]:
    """Shares of the groups at `progress`: 0 .. 1 is the run, above 1 its finish."""
    if progress >= 1:
        return dict(_FINISH)
    a = min(progress / _SETTLED, 1.0)
    return {g: (1 - a) * _FIRST[g] + a * _THEN[g] for g in _FIRST}


def learning_rate(step: int, recipe: Recipe) -> float:
    """Warm-up and cosine; the finish is a second, smaller cosine."""
    if step < recipe.steps:
        peak, done = recipe.rate, step / recipe.steps
    else:
        peak, done = recipe.finish_rate, (step - recipe.steps) / max(recipe.finish, 1)
    warm = min(1.0, (step + 1) / recipe.warmup)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Batches:
    """Random crops of the shards, by group."""

    def __init__(self, shards: list[Shard], recipe: Recipe) -> None:
        self._groups: dict[str, list[Shard]] = {}
        for shard in shards:
            if len(shard.y) > recipe.crop:
                self._groups.setdefault(shard.group, []).append(shard)
        self._recipe = recipe

    def draw(self, rng: np.random.Generator, progress: float) -> tuple[Tensor, Tensor]:
        """x [batch, crop, 160] float32, y [batch, crop] int64 (-1: no label)."""
        shares = {g: s for g, s in mixture(progress).items() if g in self._groups}
        names, weights = list(shares), np.array(list(shares.values()))
        crop, xs, ys = self._recipe.crop, [], []
        for name in rng.choice(names, self._recipe.batch, p=weights / weights.sum()):
            shards = self._groups[str(name)]
            shard = shards[int(rng.integers(len(shards)))]
            at = int(rng.integers(len(shard.y) - crop))
            xs.append(shard.x[at : at + crop])
            ys.append(shard.y[at : at + crop])
        x = torch.from_numpy(np.stack(xs)).float()
        return x, torch.from_numpy(np.stack(ys)).long()

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and 1 / std of the features over the first shard of each group of speech."""
        sample = np.concatenate(
            [s[0].x[:: max(1, len(s[0].x) // 20000)] for g, s in self._groups.items()
             if g != "noise"]
        ).astype(np.float32)  # fmt: skip
        return torch.from_numpy(sample.mean(0)), torch.from_numpy(1.0 / sample.std(0))


def distort(x: Tensor, mean: Tensor, generator: torch.Generator) -> Tensor:
    """Cheap variety on top of the stored copies: level, tilt, masked bands and masked moments."""
    batch, steps, width = x.shape
    bands = width // 2
    knots = torch.randn(batch, 1, 5, generator=generator) * 0.35
    curve = functional.interpolate(knots, bands, mode="linear", align_corners=True)
    curve = curve + torch.randn(batch, 1, 1, generator=generator) * 0.3
    x = torch.log(torch.exp(x) * torch.exp(torch.cat([curve, curve], 2)) + mel.FLOOR)
    band = torch.arange(bands)[None]
    moment = torch.arange(steps)[None]
    hidden = torch.zeros(batch, steps, bands, dtype=torch.bool)
    for _ in range(2):
        low = torch.randint(0, bands, (batch, 1), generator=generator)
        size = torch.randint(0, 14, (batch, 1), generator=generator)
        hidden |= ((band >= low) & (band < low + size))[:, None]
    first = torch.randint(0, steps, (batch, 1), generator=generator)
    length = torch.randint(0, 6, (batch, 1), generator=generator)
    hidden |= ((moment >= first) & (moment < first + length))[:, :, None]
    return torch.where(torch.cat([hidden, hidden], 2), mean, x)


def loss_of(logits: tuple[Tensor, ...], y: Tensor, recipe: Recipe, projection: Tensor) -> Tensor:
    """Smoothed cross-entropy of phones plus that of their viseme sums, over the look-aheads."""
    total = y.new_zeros((), dtype=torch.float32)
    viseme_of = projection.argmax(1)
    for weight, delay, scores in zip(_HEAD_WEIGHTS, LOOK_AHEADS, logits, strict=True):
        steps = y.shape[1] - delay
        flat = scores[:, delay:].float().reshape(-1, CLASSES)
        target = y[:, :steps].reshape(-1)
        phones = functional.cross_entropy(
            flat, target, ignore_index=-1, label_smoothing=recipe.smoothing
        )
        groups = torch.log(torch.softmax(flat, 1) @ projection + 1e-6)
        classes = torch.where(target >= 0, viseme_of[target.clamp(min=0)], -1)
        visemes = functional.nll_loss(groups, classes, ignore_index=-1)
        total = total + weight * (phones + recipe.viseme_weight * visemes)
    return total


class Trainer:
    """Network, its running average, optimiser and position; saved whole at every checkpoint."""

    def __init__(self, config: PPGConfig, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.net = PPGNet(config)
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay,
            betas=(0.9, 0.98),
        )  # fmt: skip
        self.step = 0
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.rng = np.random.default_rng(recipe.seed)
        self.projection = torch.from_numpy(viseme_projection())
        self._carried: PPGState | None = None

    def _start(self) -> PPGState:
        """Zeros, or the end of another crop: a live session never starts afresh."""
        zero = self.net.init_state(self.recipe.batch)
        if self._carried is None:
            return zero
        chosen = torch.rand(self.recipe.batch, generator=self.random) < self.recipe.keep_state
        order = torch.randperm(self.recipe.batch, generator=self.random)
        fields = []
        for fresh, old in zip(zero, self._carried, strict=True):
            shape = (-1,) + (1,) * (fresh.dim() - 1)
            fields.append(torch.where(chosen.view(shape), old[order], fresh))
        return PPGState(*fields)

    def advance(self, batches: Batches) -> float:
        """One optimiser step; returns the loss."""
        r = self.recipe
        progress = self.step / r.steps
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, r)
        x, y = batches.draw(self.rng, progress)
        x = distort(x, self.net.mean, self.random)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, state = self.net.logits(x, self._start())
        self._carried = PPGState(*(s.detach().float() for s in state))
        loss = loss_of(logits, y, r, self.projection)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(r.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    def averaged(self) -> PPGNet:
        """The network with averaged weights, ready to export."""
        net = PPGNet(self.net.config)
        net.load_state_dict(self.average)
        return net.eval()

    def save(self, path: Path) -> None:
        """Everything needed to go on."""
        torch.save(
            {"net": self.net.state_dict(), "average": self.average, "step": self.step,
             "optimiser": self.optimiser.state_dict()}, path.with_suffix(".part"),
        )  # fmt: skip
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same sizes."""
        saved = torch.load(path, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.average = saved["average"]
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step = saved["step"]
        self.rng = np.random.default_rng([self.recipe.seed, self.step])
        self.random.manual_seed(self.recipe.seed + self.step)


def export_ppg(net: PPGNet, path: Path, recipe: Recipe, steps: int) -> float:
    """Write the graph (atomically: others may be reading it); returns the parity error."""
    states = {n: list(t.shape[1:]) for n, t in net.init_state(1)._asdict().items()}
    config = {
        "model": "ppg", "version": VERSION, "states": states, "phones": list(PHONES),
        "steps": steps,
        "look_aheads": list(LOOK_AHEADS), "net": asdict(net.config), "recipe": asdict(recipe),
        "mel": {"window": mel.WINDOW, "fft": mel.FFT, "hop": MEL_HOP, "bands": mel.BANDS,
                "low_hz": mel.LOW_HZ, "high_hz": mel.HIGH_HZ, "floor": mel.FLOOR},
    }  # fmt: skip
    part = path.with_name(path.stem + ".part.onnx")
    example = torch.randn(2, 12, net.config.inputs) * 2 - 4
    worst = export(net, example, part, config, [f"y{d}" for d in LOOK_AHEADS])
    part.replace(path)
    return worst


def train(options: argparse.Namespace, config: PPGConfig, recipe: Recipe) -> Trainer:
    """The loop: checkpoint and re-read the shards (more may have been made) now and then."""
    trainer = Trainer(config, recipe)
    batches = Batches(read_shards(options.shards), recipe)
    mean, scale = batches.statistics()
    trainer.net.mean.copy_(mean)
    trainer.net.scale.copy_(scale)
    trainer.average["mean"], trainer.average["scale"] = mean.clone(), scale.clone()
    checkpoint = options.out.with_suffix(".checkpoint")
    if options.resume:
        trainer.load(checkpoint)
    smooth, began = 0.0, time.time()
    total = recipe.steps + recipe.finish
    with tqdm(total=total, initial=trainer.step, unit="step", mininterval=10) as bar:
        while trainer.step < total:
            loss = trainer.advance(batches)
            smooth = loss if not smooth else 0.99 * smooth + 0.01 * loss
            bar.set_postfix(loss=f"{smooth:.4f}", refresh=False)
            bar.update()
            if trainer.step % options.every == 0:
                trainer.save(checkpoint)
                if trainer.step <= options.reread:
                    batches = Batches(read_shards(options.shards), recipe)
    trainer.save(checkpoint)
    row = {"steps": trainer.step, "loss": smooth, "seconds": time.time() - began}
    print(json.dumps(row))
    return trainer


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train ppg`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train ppg", description=__doc__)
    parser.add_argument("--shards", type=Path, default=speech_data.OUT, help="made by `data`")
    parser.add_argument("--out", type=Path, default=ASSETS / "ppg.onnx")
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--finish", type=int, default=Recipe().finish)
    parser.add_argument("--hidden", type=int, default=PPGConfig().hidden)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--reread", type=int, default=0, help="re-read shards up to this step")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's checkpoint")
    parser.add_argument("--export-only", action="store_true", help="export OUT's checkpoint")
    parser.add_argument("--tiny", action="store_true", help="a minute of work, no training data")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    config, recipe = (
        PPGConfig(hidden=options.hidden),
        Recipe(steps=options.steps, seed=options.seed),
    )
    if options.tiny:
        config = PPGConfig(conv=32, hidden=48)
        recipe = Recipe(steps=60, finish=10, batch=16, warmup=10, average=0.9)
        if not list(options.shards.glob("*.y.npy")):
            speech_data.main(["--tiny", "--out", str(options.shards)])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.export_only:
        trainer = Trainer(config, recipe)
        trainer.load(options.out.with_suffix(".checkpoint"))
    else:
        trainer = train(options, config, recipe)
    net = trainer.averaged()
    worst = export_ppg(net, options.out, recipe, trainer.step)
    save_file(net.state_dict(), str(options.out.with_suffix(".safetensors")))
    print(f"{options.out.name}: {trainer.step} steps, parity with torch {worst:.1e}")
    return 0
