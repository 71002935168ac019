"""The papers' objectives on motion.

Contract: target and made are [B, T, C] unless said otherwise, mask [B, C] says which columns the
source has; every loss is a mean, so weights do not depend on batch, crop or number of columns.
"""

import torch
from torch import Tensor, nn

from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES
from engine.nets.papers.speech import MOTION

MARGIN = 5.0  # of the triplet, StyleTalk++ section 3.2
_C1, _C2 = 1e-3, 2e-3  # large enough that channels which hardly move don't count


def masked(each: Tensor, mask: Tensor) -> Tensor:
    """Mean of [B, T, C] or [B, C] over the columns that exist."""
    wide = mask if each.dim() == 2 else mask[:, None].expand_as(each)
    return (each * wide).sum() / wide.sum().clamp(min=1.0)


def l1(made: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference."""
    return masked((made - target).abs(), mask)


def asymmetric(made: Tensor, target: Tensor, mean: Tensor, mask: Tensor) -> Tensor:
    """VAST's reconstruction (Tran et al. 2017 section 3.3): squares of what lies beyond the truth,
    three times the squares of what falls short of it, both seen from the mean [C]."""
    sign = torch.where(target >= mean, 1.0, -1.0)
    far, reached = (target - mean).abs(), sign * (made - mean)
    beyond, short = (reached - far).clamp(min=0), (far - reached).clamp(min=0)
    return masked(beyond.square() + 3.0 * short.square(), mask)


def ssim(made: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """StyleTalk++ Eq. 6: one minus the structural similarity of each column over time."""
    one, two = made.mean(1), target.mean(1)
    a, b = made - one[:, None], target - two[:, None]
    covariance = (a * b).mean(1)
    brightness = (2 * one * two + _C1) / (one.square() + two.square() + _C1)
    structure = (2 * covariance + _C2) / (a.square().mean(1) + b.square().mean(1) + _C2)
    return masked(1.0 - brightness * structure, mask)


def triplet(anchor: Tensor, same: Tensor, other: Tensor, margin: float = MARGIN) -> Tensor:
    """StyleTalk++ Eq. 3 on codes [B, D]."""
    near = (anchor - same).square().sum(-1).clamp(min=1e-9).sqrt()
    far = (anchor - other).square().sum(-1).clamp(min=1e-9).sqrt()
    return (near - far + margin).clamp(min=0).mean()


def judged(scores: Tensor, wanted: float) -> Tensor:
    """LSGAN: scores of a discriminator against 1 (real) or 0."""
    return (scores - wanted).square().mean()


def in_step(cosine: Tensor) -> Tensor:
    """StyleTalk++ Eq. 16: minus the log of the lip-sync probability."""
    return -cosine.clamp(min=1e-3).log().mean()


def region_weights() -> Tensor:
    """[MOTION]: 5 for the mouth, 3 for the eyes, 1 for the rest of the face, 0 for the pose, which
    is the background of the 2D paper's Eq. 3."""
    row = torch.zeros(MOTION)
    for i, name in enumerate(ARKIT):
        mouth = name.startswith(("jaw", "mouth", "tongue"))
        row[i] = 5.0 if mouth else 3.0 if name.startswith("eye") else 1.0
    return row


def matched(made: Tensor, frames: Tensor, weights: Tensor) -> Tensor:
    """2D paper Eq. 3: region-weighted distance of every row to the most similar of the style
    reference frames [B, N, MOTION]."""
    face = weights[:BLENDSHAPES].sum()
    away = ((made[:, :, None] - frames[:, None]).abs() * weights).sum(-1) / face
    return away.amin(-1).mean()


def constraint(f: nn.Module, made: Tensor, style: Tensor) -> Tensor:
    """2D paper Eq. 4: squared distance of the mean features of both motions."""
    away: Tensor = f(made).mean(1) - f(style).mean(1)
    return away.square().sum(-1).mean()


def regulariser(f: nn.Module, made: Tensor, style: Tensor, share: float) -> Tensor:
    """2D paper Eq. 5-6: the slope of f between both motions [B, T, C] shall be one."""
    mixed = (share * style + (1 - share) * made).detach().requires_grad_(True)
    slope = torch.autograd.grad(f(mixed).sum(), mixed, create_graph=True)[0]
    return torch.mean((slope.norm(dim=-1) - 1.0).square())
