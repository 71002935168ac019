"""A picture and a motion -> the picture moved: the rival without a mesh.

After PIRenderer as StyleTalk++ §3.5 uses it: a mapping network makes a latent of the motion, a
warping network under its influence a dense flow, and an editing network paints what warping
cannot. Small, for comparison only; nothing of it is shipped.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.nets.fusion import activation

MOTION = 58  # weights and pose
_LATENT = 64
_TURN = 0.05  # of the pose's degrees, so that all inputs are of a size
_FLOW = 0.3  # of half the picture: the farthest that a place moves


class _Swayed(nn.Module):
    """A convolution whose normalised output the latent scales and shifts (AdaIN)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = nn.GroupNorm(4, outputs, affine=False)
        self.sway = nn.Linear(_LATENT, 2 * outputs)
        self.act = activation()

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        scale, shift = self.sway(latent)[..., None, None].chunk(2, 1)
        y: Tensor = self.act(self.norm(self.conv(x)) * (1 + scale) + shift)
        return y


class _Hourglass(nn.Module):
    """[N, 3 or 6, h, w] -> [N, 3, h / 2, w / 2] by four swayed levels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * inputs, 24, 3, padding=1)
        self.down = nn.ModuleList(_Swayed(x, y, 2) for x, y in ((24, 32), (32, 48), (48, 64)))
        self.up = nn.ModuleList(_Swayed(x, y) for x, y in ((64, 48), (48, 32), (32, 24)))
        self.out = nn.Conv2d(24, outputs, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        y = self.stem(F.pixel_unshuffle(x, 2))
        kept = [y]
        for layer in self.down:
            y = layer(y, latent)
            kept.append(y)
        for layer, beside in zip(self.up, reversed(kept[:-1]), strict=True):
            y = F.interpolate(layer(y, latent), scale_factor=2.0, mode="bilinear") + beside
        out: Tensor = self.out(y)
        return out


class Warper(nn.Module):
    """picture [N, 3, h, w] in [0, 1], motion [N, 58] -> picture [N, 3, h, w]; sides: multiples of
    16."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            nn.Linear(MOTION, 96), activation(), nn.Linear(96, _LATENT), activation(),
            nn.Linear(_LATENT, _LATENT),
        )  # fmt: skip
        self.warping, self.editing = _Hourglass(3, 2), _Hourglass(6, 12)
        scale = torch.ones(MOTION)
        scale[52:55] = _TURN
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, picture: Tensor, motion: Tensor) -> Tensor:
        assert isinstance(self.scale, Tensor)
        latent = self.mapping(motion * self.scale)
        flow = _FLOW * torch.tanh(self.warping(picture - 0.5, latent))
        flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear").permute(0, 2, 3, 1)
        still = torch.eye(2, 3, device=picture.device).expand(len(picture), -1, -1)
        grid = F.affine_grid(still, list(picture.shape), align_corners=False) + flow
        moved = F.grid_sample(picture, grid, "bilinear", "border", align_corners=False)
        both = torch.cat([picture, moved], 1) - 0.5
        return (moved + F.pixel_shuffle(self.editing(both, latent), 2)).clamp(0, 1)
