"""One system of the papers in training: its objective, its discriminators, its loop.

Contract: a run is a function of config, lessons, critics and recipe (seed in it); equal recipes
hear equally many crops, so no system has more data or budget than another.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from engine.frames import BLENDSHAPES, POSE
from engine.nets.papers.critics import Patches, StylePatches
from engine.nets.papers.flow import divergence
from engine.nets.papers.fusion import FusionDecoder
from engine.nets.papers.head import HeadDecoder
from engine.nets.papers.speech import MOTION, Speech
from engine.nets.papers.styletalk import FaceDecoder
from engine.nets.papers.system import PaperConfig, System
from engine.nets.papers.templates import TEMPLATES
from engine.nets.papers.transfer import TransferDecoder
from engine.nets.papers.vast import VastDecoder
from engine.nets.style import StatisticsEncoder, VastEncoder
from engine.train.paper_critics import Critics
from engine.train.paper_lessons import Lesson, PaperLessons
from engine.train.paper_losses import (
    asymmetric,
    in_step,
    judged,
    l1,
    matched,
    region_weights,
    ssim,
    triplet,
)

_FACE = slice(0, BLENDSHAPES)
_POSE = slice(BLENDSHAPES, MOTION)
_POSE_WEIGHT = 0.3  # of the pose's error, whose unit is large, beside the face's
_KL = 2e-3
_DIVERSE = 0.05  # weight of the 2D paper's matched frames


@dataclass(frozen=True, slots=True)
class PaperRecipe:
    """Everything a run depends on besides its config and the data."""

    steps: int = 300
    batch: int = 16
    crop: int = 64  # ticks
    rate: float = 2e-3
    warmup: int = 30
    average: float = 0.98
    critic_steps: int = 150
    seed: int = 0


Terms = dict[str, Tensor]


def coded(system: System, lesson: Lesson, terms: Terms) -> Tensor:
    """The style codes [B, D] of a batch; adds what the encoder is punished for to `terms`."""
    encoder = system.encoder
    if not system.config.styled:
        size = encoder.face + encoder.head
        return lesson.motion.new_zeros(len(lesson.motion), size)
    if isinstance(encoder, VastEncoder):
        q = encoder.posterior(lesson.reference)
        if encoder.enhanced:
            terms["kl"] = _KL * divergence(q.mean, q.log_variance)
        return encoder.sample(q)
    code = encoder.encode(lesson.reference)
    if system.config.code == "styletalk":
        same = encoder.encode(lesson.again)
        other = code.roll(1, 0)
        strange = lesson.person != lesson.person.roll(1, 0)
        if strange.any():
            terms["triplet"] = triplet(code[strange], same[strange], other[strange])
    return code


def vast_terms(system: System, lesson: Lesson, progress: float) -> Terms:
    """VAST Eq. 2: asymmetric reconstruction and KL."""
    decoder = system.decoder
    assert isinstance(decoder, VastDecoder)
    terms: Terms = {}
    code = coded(system, lesson, terms)
    own = min(0.9, 1.8 * progress)
    made = decoder.lesson(lesson.speech, code, lesson.motion, lesson.first, own)
    face = asymmetric(
        made[..., _FACE], lesson.motion[..., _FACE], decoder.mean[_FACE], lesson.mask[:, _FACE]
    )
    pose = asymmetric(
        made[..., _POSE], lesson.motion[..., _POSE], decoder.mean[_POSE], lesson.mask[:, _POSE]
    )
    return {"face": 100.0 * face, "pose": 100.0 * _POSE_WEIGHT**2 * pose, **terms}


def fusion_terms(system: System, lesson: Lesson, progress: float) -> Terms:
    """StyleAvatar Eq. 3: L1 of face and of pose."""
    decoder = system.decoder
    assert isinstance(decoder, FusionDecoder)
    terms: Terms = {}
    code = coded(system, lesson, terms)
    made, _ = decoder.rows(lesson.speech, decoder.init_state(len(code), code))
    face = l1(made[..., _FACE], lesson.motion[..., _FACE], lesson.mask[:, _FACE])
    pose = l1(made[..., _POSE], lesson.motion[..., _POSE], lesson.mask[:, _POSE])
    # Beside the encoders' terms, which are weighed for squares.
    return {"face": 30.0 * face, "pose": 30.0 * _POSE_WEIGHT * pose, **terms}


def transfer_terms(system: System, lesson: Lesson, progress: float) -> Terms:
    """2D paper: both generators' L1 and the style-aware loss of Eq. 3."""
    decoder = system.decoder
    assert isinstance(decoder, TransferDecoder)
    terms: Terms = {}
    code = coded(system, lesson, terms)
    plain, styled, _ = decoder.rows(lesson.speech, decoder.init_state(len(code), code))
    for name, made in (("generator", plain), ("face", styled)):
        face = l1(made[..., _FACE], lesson.motion[..., _FACE], lesson.mask[:, _FACE])
        pose = l1(made[..., _POSE], lesson.motion[..., _POSE], lesson.mask[:, _POSE])
        terms[name] = 30.0 * (face + _POSE_WEIGHT * pose)
    frames = code.view(len(code), len(TEMPLATES), MOTION)
    terms["matched"] = 30.0 * _DIVERSE * matched(styled, frames, region_weights())
    return terms


class Branch:
    """StyleTalk++'s branches, which have discriminators that learn beside them."""

    def __init__(self, system: System, critics: Critics | None) -> None:
        self.system, self.critics = system, critics
        face = system.config.family == "face"
        self.columns = _FACE if face else _POSE
        channels = BLENDSHAPES if face else len(POSE)
        code = system.encoder.face + system.encoder.head
        self.temporal = Patches(channels)
        self.style = StylePatches(channels, code)
        self.optimiser = torch.optim.AdamW(
            [*self.temporal.parameters(), *self.style.parameters()], lr=1e-3, betas=(0.5, 0.9)
        )
        self.weight = (1.0, 1.0) if face else (10.0, 10.0)  # temporal, style: Eq. 18, Eq. 10

    def terms(self, system: System, lesson: Lesson, progress: float) -> Terms:
        """Eq. 18 (face) or Eq. 10 (head); the discriminators take a step of their own."""
        terms: Terms = {}
        code = coded(system, lesson, terms)
        mask = lesson.mask[:, self.columns]
        real = lesson.motion[..., self.columns] * mask[:, None]
        if isinstance(system.decoder, FaceDecoder):
            rows, _ = system.decoder.rows(lesson.speech, system.decoder.init_state(len(code), code))
            made = rows * mask[:, None]
            terms["face"] = 88.0 * (0.1 * l1(made, real, mask) + 0.9 * ssim(made, real, mask))
            self._frozen(made, lesson, terms)
            strange = None
        else:
            made, strange = self._heads(lesson, code, progress)
            made = made * mask[:, None]
            terms["head"] = 100.0 * ssim(made, real, mask)
        self._adversaries(real, made, code, strange, terms)
        return terms

    def _frozen(self, made: Tensor, lesson: Lesson, terms: Terms) -> None:
        """The critics of the expression that were taught before."""
        without = self.system.config.without
        assert self.critics is not None
        if "sync" not in without:
            terms["sync"] = in_step(self.critics.sync(made, lesson.speech.ppg))
        if "style" not in without:
            terms["style"] = nn.functional.nll_loss(self.critics.style(made), lesson.person)

    def _heads(self, lesson: Lesson, code: Tensor, progress: float) -> tuple[Tensor, Tensor | None]:
        """Heads in their own style and, in the second half of the training, in another's."""
        decoder = self.system.decoder
        assert isinstance(decoder, HeadDecoder)
        first = lesson.first[:, _POSE]
        if progress < 0.5 or "style" in self.system.config.without:
            state = decoder.init_state(len(code), code, first)
            return decoder.step(lesson.speech, state)[0], None
        both = torch.cat([code, code.roll(1, 0)])
        speech = Speech(*(torch.cat([part, part]) for part in lesson.speech))
        state = decoder.init_state(len(both), both, torch.cat([first, first]))
        made, strange = decoder.step(speech, state)[0].chunk(2)
        return made, strange

    def _adversaries(
        self, real: Tensor, made: Tensor, code: Tensor, strange: Tensor | None, terms: Terms
    ) -> None:
        fixed = code.detach()
        loss = torch.zeros(())
        if "temporal" not in self.system.config.without:
            loss = loss + judged(self.temporal(real), 1.0)
            loss = loss + judged(self.temporal(made.detach()), 0.0)
        if strange is not None:  # Eq. 8
            loss = loss + judged(self.style(real, fixed), 1.0)
            loss = loss + judged(self.style(real, fixed.roll(1, 0)), 0.0)
        if loss.requires_grad:
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        if "temporal" not in self.system.config.without:  # Eq. 7
            terms["temporal"] = self.weight[0] * judged(self.temporal(made), 1.0)
        if strange is not None:  # Eq. 9
            own = judged(self.style(made, fixed), 1.0)
            other = judged(self.style(strange, fixed.roll(1, 0)), 1.0)
            terms["style"] = self.weight[1] * (own + other)


def begin(config: PaperConfig, lessons: PaperLessons, recipe: PaperRecipe) -> System:
    """A system with random weights and what is fitted to the data beforehand."""
    torch.manual_seed(recipe.seed)
    system = System(config)
    if isinstance(system.encoder, StatisticsEncoder):
        lessons.fit(system.encoder, np.random.default_rng(recipe.seed), 400)
    if isinstance(system.decoder, VastDecoder):
        system.decoder.mean.copy_(lessons.mean())
    return system


def teach(
    name: str,
    config: PaperConfig,
    lessons: PaperLessons,
    critics: Critics | None,
    recipe: PaperRecipe,
) -> tuple[System, dict[str, Any]]:
    """Train one system -> it with its running average of weights, and what to say about it. Only
    the expression branch of StyleTalk++ asks `critics`."""
    system = begin(config, lessons, recipe)
    terms_of = {
        "vast": vast_terms, "fusion": fusion_terms, "transfer": transfer_terms,
    }.get(config.family) or Branch(system, critics).terms  # fmt: skip
    rng = np.random.default_rng(recipe.seed + 1)
    optimiser = torch.optim.AdamW(
        system.parameters(), lr=recipe.rate, weight_decay=0.01, betas=(0.9, 0.98)
    )
    average = {k: v.detach().clone() for k, v in system.state_dict().items()}
    shown: dict[str, float] = {}
    spent = time.process_time()
    progress = tqdm(range(recipe.steps), desc=name, mininterval=5)
    for step in progress:
        share = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / recipe.steps))
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / recipe.warmup) * share
        lesson = lessons.draw(rng, paired=config.code == "vast")
        terms = terms_of(system, lesson, step / recipe.steps)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimiser.step()
        keep = min(recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for key, value in system.state_dict().items():
                average[key].lerp_(value, 1.0 - keep)
        for key, term in terms.items():
            shown[key] = 0.9 * shown.get(key, float(term.detach())) + 0.1 * float(term.detach())
        if step % 20 == 0:
            progress.set_postfix({k: f"{v:.3f}" for k, v in shown.items()})
    system.load_state_dict(average)
    about = {
        "recipe": asdict(recipe),
        "cpu_s": round(time.process_time() - spent, 1),
        "loss": {k: round(v, 4) for k, v in shown.items()},
    }
    return system.eval(), about
