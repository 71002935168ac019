"""The renderer's critic: is this a picture of that face? Training only.

A PatchGAN (Isola et al. 2017) conditioned on the mesh image as in VAST, supplement §2: normals,
depth and coverage are concatenated with the picture and with its fine grain, amplified: what a
painter taught by differences lacks, and what a critic of a thousand steps must not have to look
for. For the same reason nothing is normalised: with spectral normalisation its score stayed at 0
for as long as we could train. Judging two pictures in a row also judges motion.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FINE, _LOUD = 5, 8.0  # px across which fine grain is told from colour; its amplification
MESH = 5  # normal, depth, coverage: channels 8:13 of the renderer's image


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """Shape of the critic."""

    widths: tuple[int, ...] = (16, 32, 64)  # one layer of stride 2 each
    frames: int = 1  # consecutive pictures it judges at once


class Critic(nn.Module):
    """mesh [B, 5, H, W], picture [B, 3 * frames, H, W] -> scores [B, 1, h, w], features.

    Each score sees a patch of about 46 pixels (three layers of stride 2). The features of every
    layer serve a feature-matching loss.
    """

    def __init__(self, config: CriticConfig | None = None) -> None:
        super().__init__()
        self.config = config or CriticConfig()
        layers: list[nn.Module] = []
        inputs = MESH + 6 * self.config.frames
        for width in self.config.widths:
            layers.append(nn.Conv2d(inputs, width, 4, 2, 1))
            inputs = width
        layers.append(nn.Conv2d(inputs, inputs, 3, 1, 1))
        self.layers = nn.ModuleList(layers)
        self.score = nn.Conv2d(inputs, 1, 3, 1, 1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, mesh: Tensor, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        around = F.avg_pool2d(picture, _FINE, 1, _FINE // 2, count_include_pad=False)
        x = torch.cat([mesh, 4 * picture - 2, _LOUD * (picture - around)], 1)
        features = []
        for layer in self.layers:
            x = self.act(layer(x))
            features.append(x)
        return self.score(x), features
