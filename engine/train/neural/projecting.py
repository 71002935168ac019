"""The neural texture's first guess: the training pictures' colours, laid onto the texture by UV."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.nets.texture import CHANNELS
from engine.train.neural.lesson import Lesson, halved
from engine.train.neural.shots import Shots

_FIRM = 0.05  # texels seen with less weight than this are taken from their neighbours


def _spread(uv: Tensor, values: Tensor, side: int) -> Tensor:
    """The transpose of bilinear sampling: uv [P, 2], values [C, P] -> sums [C, side, side]."""
    texture = torch.zeros(1, len(values), side, side, device=uv.device, requires_grad=True)
    found = F.grid_sample(texture, (uv * 2 - 1)[None, None], "bilinear", "border",
                          align_corners=False)  # fmt: skip
    (sums,) = torch.autograd.grad(found, texture, values[None, :, None])
    return sums[0]


def fill(sums: Tensor, weight: Tensor) -> Tensor:
    """sums [C, R, R] / weight [1, R, R]; where weight is little, the mean of a coarser level.

    A pyramid of 2 x 2 sums, so that unseen texels take the colour of the nearest seen ones.
    """
    if weight.shape[-1] == 1:
        return sums / weight.clamp(min=1e-6)
    coarse = fill(halved(sums[None])[0] * 4, halved(weight[None])[0] * 4)
    around = F.interpolate(coarse[None], sums.shape[-2:], mode="bilinear")[0]
    share = (weight / _FIRM).clamp(max=1)
    return share * sums / weight.clamp(min=1e-6) + (1 - share) * around


def project(
    shots: Shots, side: int, frames: int = 64, seed: int = 0, device: str = "cpu"
) -> Tensor:
    """Texture [1, 8, side, side] from `frames` training frames (side: a power of 2).

    The first three channels are mean colours; the others soft noise, from which the network learns
    to tell places apart.
    """
    rng = np.random.default_rng(seed)
    sums = torch.zeros(4, side, side, device=device)
    for _ in range(frames):
        lesson = Lesson.of(shots.draw(rng, 1, None), device)
        colour, alpha = lesson.target[:, :3], lesson.target[:, 3:]
        if len(alpha[0]):
            colour = colour * alpha
        else:
            alpha = torch.ones_like(colour[:, :1])
        both = torch.cat([colour, alpha], 1)
        both = both if shots.scale == 1 else halved(both)
        # Pixels with several places (seams, outlines) show a mixture of colours: left out.
        inside = ((lesson.looks == 1) & (lesson.plain[:, 4] == 1)).reshape(-1)
        values = both.transpose(0, 1).reshape(4, -1)[:, inside]
        sums += _spread(lesson.uv.reshape(-1, 2)[inside], values, side)
    noise = torch.randn(1, CHANNELS - 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    soft = F.interpolate(noise.to(device) * 0.1, (side, side), mode="bicubic")
    return torch.cat([fill(sums[:3], sums[3:])[None].clamp(0, 1), soft], 1)
