"""The renderer with memory over a clip: a Stage over pictures (VAST supplement §2: clips of 16)."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.nets.unet import STRIDE, UNet


class Seen(NamedTuple):
    """What the renderer is given, picture by picture."""

    image: Tensor  # [B, T, 16, gh, gw]
    ppg: Tensor  # [B, T, 40, 8]


class Drawn(NamedTuple):
    """What it draws; without an x2 head `double` is `rgba`."""

    rgba: Tensor  # [B, T, 4, gh, gw]
    double: Tensor  # [B, T, 4, 2 gh, 2 gw]


class Hidden(NamedTuple):
    """What it remembers."""

    map: Tensor  # [B, N, gh / 16, gw / 16]


class Recurrent:
    """A Stage of 25 pictures a second around a UNet with a hidden map, for one grid (gh, gw)."""

    latency = 0

    def __init__(self, net: UNet, grid: tuple[int, int]) -> None:
        self.net, self.grid = net, grid

    def init_state(self, batch: int) -> Hidden:
        height, width = self.grid
        weight = self.net.stem.weight
        return Hidden(
            weight.new_zeros(batch, self.net.config.hidden, height // STRIDE, width // STRIDE)
        )

    def step(self, x: Seen, state: Hidden) -> tuple[Drawn, Hidden]:
        plain, double, hidden = [], [], state.map
        for t in range(x.image.shape[1]):
            rgba, twice, kept = self.net(x.image[:, t], x.ppg[:, t], hidden)
            assert kept is not None
            hidden = kept
            plain.append(rgba)
            double.append(rgba if twice is None else twice)
        return Drawn(torch.stack(plain, 1), torch.stack(double, 1)), Hidden(hidden)

    def forward(self, x: Seen) -> Drawn:
        return self.step(x, self.init_state(len(x.image)))[0]
