"""Sound in the picture's bottleneck: PPG encoder, audio-image fusion, optional memory.

After VAST, supplement §2: the speech features are injected into the bottleneck of the image encoder
by a fusion module of four convolutional layers, followed by a recurrent one for sequences.
"""

import torch
from torch import Tensor, nn

PHONES = 40
SLOPE = 0.1  # of the leaky ReLU that every layer of the renderer uses


def activation() -> nn.Module:
    """Fused into the convolution before it by every runtime, unlike SiLU."""
    return nn.LeakyReLU(SLOPE)


class PPGEncoder(nn.Module):
    """ppg [B, 40, 8] -> code [B, C, 1, 1]: three convolutions over time, 8 -> 4 -> 2 -> 1 rows."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(PHONES, channels, (1, 4), (1, 2), (0, 1))
        self.wide = nn.Conv2d(channels, channels, (1, 4), (1, 2), (0, 1))
        self.whole = nn.Conv2d(channels, channels, (1, 2))
        self.act = activation()

    def forward(self, ppg: Tensor) -> Tensor:
        x = self.act(self.near(ppg[:, :, None]))
        code: Tensor = self.act(self.whole(self.act(self.wide(x))))
        return code


class Fusion(nn.Module):
    """x [B, C, H, W], code [B, P, 1, 1] -> [B, C, H, W] through four convolutions.

    The first is a convolution over picture and broadcast code, written as a sum: the code is the
    same everywhere, so its part is computed once.
    """

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.heard = nn.Conv2d(code, channels, 1, bias=False)
        self.first, self.second, self.third, self.fourth = (
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(4)
        )
        self.act = activation()

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        y: Tensor = self.act(self.first(x) + self.heard(code))
        y = x + self.act(self.second(y))
        y = y + self.act(self.fourth(self.act(self.third(y))))
        return y


class ConvGRU(nn.Module):
    """One recurrent step over a map: x [B, C, H, W], hidden [B, N, H, W] -> x', hidden'.

    The paper has an LSTM here; a GRU keeps one map instead of two and costs a quarter less.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(channels + hidden, 2 * hidden, 3, padding=1)
        self.candidate = nn.Conv2d(channels + hidden, hidden, 3, padding=1)
        self.back = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        reset, update = torch.sigmoid(self.gates(torch.cat([x, hidden], 1))).chunk(2, 1)
        new = torch.tanh(self.candidate(torch.cat([x, reset * hidden], 1)))
        hidden = update * hidden + (1 - update) * new
        return x + self.back(hidden), hidden
