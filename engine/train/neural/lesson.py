"""What one training step sees: a crop as tensors, the network's input, and the true picture."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.nets.texture import spread
from engine.train.neural.clip import Crop

MESH = slice(8, 13)  # channels of the image that the critic sees: normal, depth, coverage


@dataclass(frozen=True, slots=True)
class Lesson:
    """A crop on the device; channels first."""

    uv: Tensor  # [N, h, w, 2]
    looks: Tensor  # [N, h, w]
    more_at: Tensor  # [M] int64
    more_uv: Tensor  # [M, 2]
    plain: Tensor  # [N, 8, h, w] normal, depth, coverage, background: channels 8:16
    region: Tensor  # [N, h, w] int64
    target: Tensor  # [N, 3 or 4, s h, s w] in [0, 1]
    ppg: Tensor  # [N, 40, 8]
    behind: bool  # whether the background is known

    @classmethod
    def of(cls, crop: Crop, device: str = "cpu") -> "Lesson":
        """Move a crop to a device."""

        def tensor(array: object) -> Tensor:
            return torch.as_tensor(array, device=device)

        planes = [tensor(crop.normal).permute(0, 3, 1, 2), tensor(crop.depth)[:, None],
                  tensor(crop.coverage)[:, None],
                  tensor(crop.background).permute(0, 3, 1, 2)]  # fmt: skip
        return cls(
            uv=tensor(crop.uv), looks=tensor(crop.looks), more_at=tensor(crop.more_at),
            more_uv=tensor(crop.more_uv), plain=torch.cat(planes, 1),
            region=tensor(crop.region).long(),
            target=tensor(crop.target).permute(0, 3, 1, 2).float().div_(255),
            ppg=tensor(crop.ppg).transpose(1, 2).contiguous(),
            behind=crop.behind,
        )  # fmt: skip

    @property
    def set_in(self) -> bool:
        """Whether a face is drawn into surroundings that are seen: those are known, alpha is not;
        the coverage says where."""
        return self.behind and self.target.shape[1] == 3

    def image(self, texture: Tensor) -> Tensor:
        """The network's input [N, 16, h, w] for a texture [1, 8, R, R]: the mean over the places
        of the texture that a pixel averages, spread over the edge (as kernels/texture.py)."""
        count, height, width = self.looks.shape
        points = torch.cat([self.uv.reshape(-1, 2), self.more_uv]) * 2 - 1
        found = F.grid_sample(
            texture, points[None, None], "bilinear", "border", align_corners=False
        )[0, :, 0]  # [8, N h w + M]
        size = self.looks.numel()
        total = found[:, :size] * (self.looks > 0).reshape(1, -1)
        total = total.index_add(1, self.more_at, found[:, size:])
        mean = total / self.looks.reshape(1, -1).clamp(min=1)
        sampled = mean.reshape(-1, count, height, width).transpose(0, 1)
        sampled = spread(sampled, self.looks[:, None])
        if self.set_in:  # what lies behind shows through wherever no mesh is drawn
            met = (self.looks[:, None] > 0).float()
            share = F.avg_pool2d(F.pad(met, (1, 1, 1, 1), mode="replicate"), 3, 1)
            share = share * (self.plain[:, 4:5] > 0)
            colour = torch.lerp(self.plain[:, 5:8], sampled[:, :3], share)
            sampled = torch.cat([colour, sampled[:, 3:]], 1)
        return torch.cat([sampled, self.plain], 1).contiguous(memory_format=torch.channels_last)


class Pictures(NamedTuple):
    """What losses compare at one scale."""

    rgb: Tensor  # [N, 3, H, W] over the background
    alpha: Tensor | None  # [N, 1, H, W]; None: unknown


def halved(x: Tensor) -> Tensor:
    """Means of 2 x 2 pixels: [N, C, H, W] -> [N, C, H / 2, W / 2]."""
    return F.avg_pool2d(x, 2)


class Backdrop:
    """What both pictures are laid over before they are compared.

    With true alpha: a random flat colour a frame, so that no colour hides a wrong edge. Without:
    nothing, and alpha is left out; where the background is known, colours are compared only in its
    hole, which the input's coverage tells, and everywhere if it is not.
    """

    def __init__(self, lesson: Lesson, colour: Tensor) -> None:
        """colour [N, 3, 1, 1]: the random ones; equal for the frames of a window."""
        self._known = lesson.target.shape[1] == 4
        self._colour = colour if self._known else None
        self._drawn = lesson.plain[:, 4:5] if lesson.set_in else None
        self._target = lesson.target

    def truth(self) -> Pictures:
        """At the scale of the target."""
        if not self._known:
            return Pictures(self._target, None)
        alpha = self._target[:, 3:]
        assert self._colour is not None
        return Pictures(self._target[:, :3] * alpha + (1 - alpha) * self._colour, alpha)

    def ours(self, rgba: Tensor) -> Pictures:
        """rgba [N, 4, H, W] at any scale."""
        rgb, alpha = rgba[:, :3], rgba[:, 3:]
        if self._drawn is not None:
            drawn, truth = self._drawn, self._target
            if truth.shape[-2:] != rgb.shape[-2:]:
                truth = halved(truth)
            if drawn.shape[-2:] != rgb.shape[-2:]:
                drawn = F.interpolate(drawn, rgb.shape[-2:], mode="bilinear")
            return Pictures(torch.lerp(truth, rgb, drawn), None)
        if self._colour is None:
            return Pictures(rgb, None)
        return Pictures(rgb * alpha + (1 - alpha) * self._colour, alpha)
