"""The renderer's training loop: random crops first, whole frames at the end.

Network and neural texture are trained together; what is kept is a running average of both. The
schedule is fixed by steps or minutes, so nothing is selected on held-out clips. The critic joins
late: pictures that are plainly wrong need none.
"""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.nets.critic import Critic, CriticConfig
from engine.nets.unet import UNet, UNetConfig
from engine.train.neural import losses
from engine.train.neural.clip import Crop
from engine.train.neural.features import Eye
from engine.train.neural.lesson import MESH, Backdrop, Lesson, halved
from engine.train.neural.losses import Weights
from engine.train.neural.shots import Shots


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the shots and the network's size."""

    steps: int = 20_000
    minutes: float | None = None  # the schedule ends by then, however slow the machine
    frames: int = 16  # consecutive ones in a window (VAST, supplement §2)
    batch: int = 32  # crops a step: windows x frames
    size: int = 64  # px of the grid a crop has on each side
    whole: float = 0.85  # from this share of the schedule on whole frames are drawn,
    rest: int = 2  # so many a step, one after another
    rate: float = 2e-3
    texture_rate: float = 4e-3  # 0: it stays as it is given
    warmup: int = 100  # steps
    average: float = 0.998
    critic_from: float = 0.6  # share of the schedule; 1: no critic
    critic_every: int = 2  # steps
    critic_rate: float = 1e-3
    critic_alone: int = 60  # its own steps before it is asked: first it must know something
    eye_every: int = 2  # steps
    silence: float = 0.3  # chance that a window's PPG is unknown
    side: int = 512  # texels of the texture on each side
    half: bool = True  # bfloat16 where the device has it
    seed: int = 0
    weights: Weights = field(default_factory=Weights)


def halves(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; one that does not is many times slower with it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


class Painter(nn.Module):
    """What is trained and shipped: a network and its texture."""

    def __init__(self, config: UNetConfig, texture: Tensor) -> None:
        super().__init__()
        self.net = UNet(config)
        self.texture = nn.Parameter(texture)

    def forward(
        self, lesson: Lesson, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(rgba [N, 4, h, w], its double, the new hidden map) of a lesson's frames."""
        rgba, double, hidden = self.net(lesson.image(self.texture), lesson.ppg, hidden)
        return rgba, double, hidden


class Trainer:
    """Painter, its running average, critic, optimisers and position; saved whole."""

    def __init__(
        self, shots: Shots, texture: Tensor, config: UNetConfig, recipe: Recipe, eye: Eye | None,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        """texture [1, 8, R, R]: of `engine.train.neural.projecting`; eye: perceptual features."""
        torch.manual_seed(recipe.seed)
        self.shots, self.recipe, self.device = shots, recipe, device
        self.painter = Painter(config, texture).to(device)
        self.painter.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.painter.texture.requires_grad_(recipe.texture_rate > 0)
        self.average = {k: v.detach().clone() for k, v in self.painter.state_dict().items()}
        self.critic = Critic(CriticConfig()).to(device)
        self.eye = None if eye is None else eye.to(device)
        own = self.painter.net.parameters()
        self.optimiser = torch.optim.Adam(
            [{"params": own, "rate": recipe.rate},
             {"params": [self.painter.texture], "rate": recipe.texture_rate}],
            lr=recipe.rate, betas=(0.9, 0.99), fused=True,
        )  # fmt: skip
        self.against = torch.optim.Adam(
            self.critic.parameters(), lr=recipe.critic_rate, betas=(0.5, 0.99)
        )
        self.half = recipe.half and halves(torch.device(device))
        self.step, self.seconds, self.judged = 0, 0.0, 0
        self.history = [{"from_step": 0, **asdict(recipe)}]  # one more where a recipe changes
        self._draw_afresh()

    def _draw_afresh(self) -> None:
        self.rng = np.random.default_rng([self.recipe.seed, self.step])
        torch.manual_seed(int(self.rng.integers(1 << 62)))

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end of the schedule."""
        minutes = self.recipe.minutes
        by_time = self.seconds / 60 / minutes if minutes else 0.0
        return min(1.0, max(self.step / self.recipe.steps, by_time))

    def _rate(self) -> float:
        """Factor on learning rates: warm-up and cosine."""
        warm = min(1.0, (self.step + 1) / self.recipe.warmup)
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress)))

    @property
    def frames(self) -> int:
        """Consecutive frames in the windows of this step."""
        r = self.recipe
        return r.frames if self.progress < r.whole else min(r.frames, r.rest)

    def _draw(self) -> Crop:
        r, frames = self.recipe, self.frames
        if self.progress < r.whole:
            return self.shots.draw(self.rng, max(1, r.batch // frames), r.size, frames)
        return self.shots.draw(self.rng, max(1, r.rest // frames), None, frames)

    def advance(self) -> dict[str, float]:
        """One step; returns the terms of the loss."""
        began = time.monotonic()
        lesson = self._silenced(Lesson.of(self._draw(), self.device))
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self._rate()
        terms = self._terms(lesson)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.painter.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self._follow()
        self.seconds += time.monotonic() - began
        return {name: float(term.detach()) for name, term in terms.items()}

    def _silenced(self, lesson: Lesson) -> Lesson:
        windows = len(lesson.ppg) // self.frames
        heard = torch.from_numpy(self.rng.random(windows) >= self.recipe.silence)
        heard = heard.repeat_interleave(self.frames).to(lesson.ppg)
        lesson.ppg.mul_(heard[:, None, None])
        return lesson

    def _paint(self, lesson: Lesson) -> tuple[Tensor, Tensor | None]:
        """Both heads. A recurrent network sees the frames of each window one after another."""
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.half):
            if not self.painter.net.config.hidden:
                rgba, double, _ = self.painter(lesson)
            else:
                rgba, double = self._unrolled(lesson)
        return rgba.float(), None if double is None else double.float()

    def _unrolled(self, lesson: Lesson) -> tuple[Tensor, Tensor | None]:
        image, frames = lesson.image(self.painter.texture), self.frames
        hidden, plain, doubles = None, [], []
        for t in range(frames):
            rgba, double, hidden = self.painter.net(
                image[t::frames], lesson.ppg[t::frames], hidden
            )  # fmt: skip
            plain.append(rgba)
            doubles.append(double)
        return _woven(plain), None if doubles[0] is None else _woven(doubles)

    def _terms(self, lesson: Lesson) -> dict[str, Tensor]:
        r, scale = self.recipe, self.shots.scale
        w = r.weights
        windows = len(lesson.looks) // self.frames
        colour = torch.from_numpy(self.rng.random((windows, 3, 1, 1), np.float32))
        drop = Backdrop(lesson, colour.repeat_interleave(self.frames, 0).to(self.device))
        rgba, double = self._paint(lesson)
        truth, weight = drop.truth(), losses.region_weight(lesson.region, scale)
        terms: dict[str, Tensor] = {}
        if scale == 2:
            small = truth._replace(
                rgb=halved(truth.rgb), alpha=None if truth.alpha is None else halved(truth.alpha)
            )
            ours, coarse = drop.ours(rgba), losses.region_weight(lesson.region, 1)
            terms["plain"] = w.plain * losses.pixel(ours.rgb, small.rgb, coarse)
            if ours.alpha is not None and small.alpha is not None:
                terms["plain"] = terms["plain"] + w.plain * w.alpha * losses.pixel(
                    ours.alpha, small.alpha, torch.ones_like(coarse)
                )
        fine = double if scale == 2 and double is not None else rgba
        ours = drop.ours(fine)
        terms["pixel"] = w.pixel * losses.pixel(ours.rgb, truth.rgb, weight)
        if ours.alpha is not None and truth.alpha is not None:
            terms["alpha"] = w.alpha * losses.pixel(
                ours.alpha, truth.alpha, torch.ones_like(weight)
            )
        terms["temporal"] = w.temporal * losses.temporal(ours.rgb, truth.rgb, self.frames, weight)
        if self.eye is not None and self.step % r.eye_every == 0:
            terms["perceptual"] = w.perceptual * self._perceived(ours.rgb, truth.rgb, weight)
        if self.progress >= r.critic_from and self.step % r.critic_every == r.critic_every - 1:
            terms.update(self._criticised(lesson, ours.rgb, truth.rgb))
        return terms

    def _perceived(self, ours: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        assert self.eye is not None
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.half):
            return losses.perceptual(self.eye, ours, truth, weight)

    def _criticised(self, lesson: Lesson, ours: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Train the critic, then ask it: on a random part of the crop, half as wide, in full
        resolution."""
        scale, w = self.shots.scale, self.recipe.weights
        h, wide = lesson.looks.shape[1] // 2, lesson.looks.shape[2] // 2
        y, x = int(self.rng.integers(h + 1)), int(self.rng.integers(wide + 1))
        mesh = lesson.plain[:, : MESH.stop - MESH.start, y : y + h, x : x + wide]
        if scale == 2:
            mesh = mesh.repeat_interleave(2, 2).repeat_interleave(2, 3)
        part = np.s_[:, :, scale * y : scale * (y + h), scale * x : scale * (x + wide)]
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.half):
            real, _ = self.critic(mesh, truth[part])
            fake, _ = self.critic(mesh, ours[part].detach())
        loss = losses.critic_loss(real.float(), fake.float())
        self.against.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.against.step()
        self.judged += 1
        if self.judged <= self.recipe.critic_alone:
            return {}
        for parameter in self.critic.parameters():
            parameter.requires_grad_(False)
        with torch.autocast(kind, torch.bfloat16, enabled=self.half):
            with torch.no_grad():
                _, goals = self.critic(mesh, truth[part])
            score, seen = self.critic(mesh, ours[part])
        for parameter in self.critic.parameters():
            parameter.requires_grad_(True)
        return {
            "adversarial": w.adversarial * losses.adversarial(score.float()),
            "matching": w.matching * losses.matching(seen, goals).float(),
        }

    def _follow(self) -> None:
        keep = min(self.recipe.average, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for name, value in self.painter.state_dict().items():
                self.average[name].lerp_(value, 1.0 - keep)

    def averaged(self) -> Painter:
        """A copy with the running average."""
        texture = self.average["texture"].clone()
        painter = Painter(self.painter.net.config, texture).to(self.device)
        painter.load_state_dict(self.average)
        return painter.eval()

    def save(self, path: Path) -> None:
        """Everything needed to go on."""
        whole = {
            "painter": self.painter.state_dict(), "average": self.average,
            "critic": self.critic.state_dict(), "step": self.step, "seconds": self.seconds,
            "judged": self.judged,
            "optimiser": self.optimiser.state_dict(), "against": self.against.state_dict(),
            "history": json.dumps(self.history),
        }  # fmt: skip
        torch.save(whole, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same sizes."""
        saved = torch.load(path, map_location=self.device, weights_only=True)
        self.painter.load_state_dict(saved["painter"])
        self.average = saved["average"]
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.seconds = saved["step"], saved["seconds"]
        shapes = [{k: v.shape for k, v in s.items()}
                  for s in (saved["critic"], self.critic.state_dict())]  # fmt: skip
        if shapes[0] == shapes[1]:  # one of another shape begins anew: no look depends on it
            self.critic.load_state_dict(saved["critic"])
            self.against.load_state_dict(saved["against"])
            self.judged = saved["judged"]
        history, own = json.loads(saved["history"]), json.loads(json.dumps(self.history[0]))
        if {**history[-1], "from_step": 0} != own:
            history.append({**own, "from_step": self.step})
        self.history = history
        self._draw_afresh()


def _woven(parts: list[Tensor]) -> Tensor:
    """Frames t of all windows, for each t -> windows one after another."""
    return torch.stack(parts, 1).flatten(0, 1)
