"""Losses of the neural renderer, each a scalar tensor.

L1, perceptual and conditional adversarial terms are VAST's (§3.4, eq. 5 to 7); weights by
region are those of "Style Transfer for 2D Talking Head Generation" (§3.4, eq. 3), except that
"other" is not 0: hair and shoulders are drawn by the same network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

REGIONS = (0.5, 1.0, 5.0, 3.0)  # other, skin, mouth, eyes
_SQUARE = 3.0  # of the square beside the absolute difference
Features = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term counts."""

    pixel: float = 1.0
    alpha: float = 1.0
    plain: float = 0.5  # pixel and alpha terms of the head without upsampling
    perceptual: float = 0.4
    temporal: float = 0.5
    adversarial: float = 0.005
    matching: float = 0.05  # the critic's features


def region_weight(region: Tensor, scale: int) -> Tensor:
    """region [N, h, w] int64 -> weight [N, 1, scale h, scale w]."""
    table = torch.tensor(REGIONS, device=region.device)
    weight = table[region][:, None]
    return weight if scale == 1 else weight.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


def pixel(ours: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of |d| + 3 d²: ours, truth [N, C, H, W], weight [N, 1, H, W].

    The square leads to what moves about in a small place: |d| alone asks for the median there, and
    the median of an eye's highlight is none. Divided by the number of values, not by the weights: a
    crop of hair alone must not count as much as one of a mouth.
    """
    apart = (ours - truth).abs()
    return (weight * (apart + _SQUARE * apart.square())).mean()


def perceptual(features: Features, ours: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Squared distance of features, unit length over channels at each place (LPIPS, Zhang et al.
    2018, eq. 1), mean over places by weight and over layers."""
    with torch.no_grad():
        goals = features(truth)
    terms = []
    for a, b in zip(features(ours), goals, strict=True):
        apart = (_unit(a) - _unit(b)).square().sum(1, keepdim=True)
        here = F.adaptive_avg_pool2d(weight, (a.shape[-2], a.shape[-1]))
        terms.append((apart * here).mean())
    return torch.stack(terms).mean()


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True) + 1e-4).sqrt()


def temporal(ours: Tensor, truth: Tensor, frames: int, weight: Tensor) -> Tensor:
    """What changes from frame to frame shall be what truly changes: mean absolute difference of
    the consecutive differences. ours, truth [B * frames, C, H, W], windows one after another."""
    if frames < 2:
        return ours.new_zeros(())
    shape = (-1, frames, *ours.shape[1:])
    error = (ours - truth).reshape(shape)
    here = weight.reshape(-1, frames, *weight.shape[1:])[:, 1:]
    return (here * (error[:, 1:] - error[:, :-1]).abs()).mean()


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """VAST eq. 6 with D = sigmoid(score): -log D(real) - log(1 - D(fake)), mean over patches."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def adversarial(fake: Tensor) -> Tensor:
    """-log D(fake): the form of eq. 6 whose gradient does not vanish while the critic wins
    (Goodfellow et al. 2014, §3)."""
    return F.softplus(-fake).mean()


def matching(ours: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of a critic's features (Wang et al. 2018, eq. 4)."""
    terms = [(a - b.detach()).abs().mean() for a, b in zip(ours, truth, strict=True)]
    return torch.stack(terms).mean()
