"""The neural texture, sampled by UV as the rasterizer's four samples of a pixel see it.

Same numbers as `kernels/texture.py` (tests hold them together): texel (i, j) of an R x R texture
has its centre at u = (j + 0.5) / R, v = (i + 0.5) / R; outside, its border goes on.
Deferred neural rendering: Thies et al. 2019; StyleAvatar §5.2.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kernels.texture import SPREAD

CHANNELS = 8  # the first three live in RGB space


def sample(texture: Tensor, uv: Tensor) -> Tensor:
    """Mean over the covered samples of each pixel, 0 where none is.

    texture [B or 1, C, R, R]; uv [B, H, W, S, 2] with NaN where a sample meets nothing, or
    [B, H, W, 2] -> [B, C, H, W]. Differentiable in the texture.
    """
    if uv.dim() == 4:
        uv = uv[..., None, :]
    batch, height, width, samples, _ = uv.shape
    met = ~torch.isnan(uv[..., 0])  # [B, H, W, S]
    grid = (uv.nan_to_num(0.5) * 2 - 1).reshape(batch, height, width * samples, 2)
    texels = F.grid_sample(
        texture.expand(batch, -1, -1, -1), grid, "bilinear", "border", align_corners=False
    ).reshape(batch, -1, height, width, samples)
    weight = met.to(texels.dtype)
    weight = weight / weight.sum(-1, keepdim=True).clamp(min=1)
    return (texels * weight[:, None]).sum(-1)


def spread(sampled: Tensor, covered: Tensor) -> Tensor:
    """Colours run SPREAD pixels over the edge of what is covered: a pixel takes the mean of its
    known neighbours, those beside the edge first. Same numbers as `kernels.texture.spread`.

    sampled [B, C, H, W]; covered [B, 1, H, W], above 0 where something is.
    """
    known = (covered > 0).to(sampled.dtype)
    for _ in range(SPREAD):
        near = F.avg_pool2d(known, 3, 1, 1)
        mean = F.avg_pool2d(sampled * known, 3, 1, 1) / near.clamp(min=1e-6)
        sampled = torch.where((known == 0) & (near > 0), mean, sampled)
        known = (near > 0).to(sampled.dtype)
    return sampled
