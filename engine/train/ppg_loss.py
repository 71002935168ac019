"""What the phone posterior network is scored on: phones, their visemes, closure, voicing, energy.

Contract: head d is scored against the label d steps back. A row's target is its hard label, a
teacher's posterior where there is one, or their mixture; a row with neither weighs nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.nets.ppg import CLASSES, LOOK_AHEADS, Evidence
from engine.speech.phonemes import CLOSED


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares of the parts."""

    heads: tuple[float, ...] = (0.3, 0.4, 0.3)
    smoothing: float = 0.05
    visemes: float = 0.4
    teacher: float = 0.5  # of the target where a row has a hard label and a teacher
    closure: float = 0.8
    closure_rise: float = 2.2  # weight of a closed row against an open one
    voicing: float = 0.1
    energy: float = 0.05


def targets(y: Tensor, soft: Tensor | None, weights: Weights) -> tuple[Tensor, Tensor]:
    """Classes y [B, T] (-1: none), teacher [B, T, 40] (zeros: none) -> distribution [B, T, 40]
    and whether the row counts [B, T]."""
    known = (y >= 0).float()
    hard = functional.one_hot(y.clamp(min=0), CLASSES).float()
    hard = (1 - weights.smoothing) * hard + weights.smoothing / CLASSES
    if soft is None:
        return hard, known
    total = soft.sum(dim=2, keepdim=True)
    taught = (total[..., 0] > 0.5).float()
    share = torch.where(known > 0, weights.teacher * taught, taught)[..., None]
    return (1 - share) * hard + share * soft / total.clamp(min=1e-6), known.maximum(taught)


def loss_of(
    evidence: Evidence, y: Tensor, aux: Tensor, soft: Tensor | None, weights: Weights,
    projection: Tensor,
) -> Tensor:  # fmt: skip
    """One number from evidence, classes [B, T], voicing and energy [B, T, 2] (NaN: unknown),
    teacher [B, T, 40] or None, viseme projection [40, 14]."""
    goal, counts = targets(y, soft, weights)
    total = y.new_zeros((), dtype=torch.float32)
    for head, (weight, delay) in enumerate(zip(weights.heads, LOOK_AHEADS, strict=True)):
        steps = y.shape[1] - delay
        row, count = goal[:, :steps], counts[:, :steps]
        scores = torch.log_softmax(evidence.phones[:, delay:, head], dim=2)
        phones = -(row * scores).sum(dim=2)
        groups = torch.log(torch.exp(scores) @ projection + 1e-6)
        visemes = -((row @ projection) * groups).sum(dim=2)
        part = phones + weights.visemes * visemes
        side = evidence.aux[:, delay:, head]
        closed = row[..., list(CLOSED)].sum(dim=2)
        part = part + weights.closure * _closure(side[..., 0], closed, weights.closure_rise)
        part = (part * count).sum() / count.sum().clamp(min=1)
        total = total + weight * (part + _clean(side[..., 1:], aux[:, :steps], weights))
    return total


def _closure(score: Tensor, closed: Tensor, rise: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        score, closed, pos_weight=score.new_tensor(rise), reduction="none"
    )


def _clean(side: Tensor, aux: Tensor, weights: Weights) -> Tensor:
    """Voicing and energy where they are known."""
    known = torch.isfinite(aux)
    goal = torch.where(known, aux, 0.0)
    many = known.float().sum(dim=(0, 1)).clamp(min=1)
    voicing = functional.binary_cross_entropy_with_logits(
        side[..., 0], goal[..., 0].clamp(0, 1), reduction="none"
    )
    energy = functional.smooth_l1_loss(side[..., 1], goal[..., 1], reduction="none")
    return (
        weights.voicing * (voicing * known[..., 0]).sum() / many[0]
        + weights.energy * (energy * known[..., 1]).sum() / many[1]
    )
