"""The renderer's critic: is this a picture of that face? Training only.

A PatchGAN (Isola et al. 2017) conditioned on the mesh image as in VAST, supplement §2: normals,
depth and coverage are concatenated with the picture. Judging two pictures in a row also judges
motion.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

MESH = 5  # normal, depth, coverage: channels 8:13 of the renderer's image


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """Shape of the critic."""

    widths: tuple[int, ...] = (24, 48, 96)  # one layer of stride 2 each
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
        inputs = MESH + 3 * self.config.frames
        for width in self.config.widths:
            layers.append(spectral_norm(nn.Conv2d(inputs, width, 4, 2, 1)))
            inputs = width
        layers.append(spectral_norm(nn.Conv2d(inputs, inputs, 3, 1, 1)))
        self.layers = nn.ModuleList(layers)
        self.score = spectral_norm(nn.Conv2d(inputs, 1, 3, 1, 1))
        self.act = nn.LeakyReLU(0.2)

    def forward(self, mesh: Tensor, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = torch.cat([mesh, picture], 1)
        features = []
        for layer in self.layers:
            x = self.act(layer(x))
            features.append(x)
        return self.score(x), features
