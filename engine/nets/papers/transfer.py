"""The adaptation of the 2D paper to blendshapes: motion generator, style-aware generator and style
transfer network.

The motion generator hears the sound and writes neutral motion; the style-aware generator bends it
towards the four style reference frames (for us motion stands where the paper draws pictures); the
style transfer network f (three layers, section 4.1, scaled down) compares means of motions while
the motion generator is fine-tuned to a style (Eq. 4-7, engine.train.paper_losses).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import BLENDSHAPES
from engine.nets.papers.blocks import Convolution
from engine.nets.papers.speech import (
    MOTION,
    PPG,
    PROSODY,
    Speech,
    repeat,
    style_of,
)


@dataclass(frozen=True)
class TransferShape:
    """Sizes."""

    code: int = 232
    cell: int = 80
    style: int = 32
    width: int = 56


class TransferState(NamedTuple):
    """Memory between ticks."""

    code: Tensor  # [B, D]
    h: Tensor  # [B, cell]
    c: Tensor  # [B, cell]
    past: Tensor  # of the style-aware generator


class TransferDecoder(nn.Module):
    """Stage: Speech -> motion [B, T, MOTION]."""

    latency = 0

    def __init__(self, shape: TransferShape) -> None:
        super().__init__()
        self.shape = s = shape
        self.hear = nn.LSTM(PPG + PROSODY, s.cell, batch_first=True)
        self.generate = nn.Linear(s.cell, MOTION)
        self.style = nn.Sequential(
            nn.Linear(s.code, s.style), nn.ReLU(), nn.Linear(s.style, s.style)
        )
        self.blend = Convolution(MOTION + s.style, s.width)
        self.out = nn.Linear(s.width, MOTION)

    def init_state(
        self, batch: int, code: Tensor | None = None, pose: Tensor | None = None
    ) -> TransferState:
        """Silence before the first tick; `code`: the four style reference frames, flat."""
        like = self.out.weight
        cell = like.new_zeros(batch, self.shape.cell)
        style = style_of(code, batch, self.shape.code, like)
        return TransferState(style, cell, cell, self.blend.init_state(batch))

    def step(self, x: Speech, state: TransferState) -> tuple[Tensor, TransferState]:
        _, styled, state = self.rows(x, state)
        free = styled[..., BLENDSHAPES:]
        return torch.cat([styled[..., :BLENDSHAPES].clamp(0, 1), free], -1), state

    def rows(self, x: Speech, state: TransferState) -> tuple[Tensor, Tensor, TransferState]:
        """For training: the intermediate motion, the styled motion, both unclipped."""
        cells = (state.h[None].contiguous(), state.c[None].contiguous())
        heard, (h, c) = self.hear(torch.cat([x.ppg, x.prosody], -1), cells)
        plain = self.generate(heard)
        style = repeat(self.style(state.code), plain.shape[1])
        y, past = self.blend(torch.cat([plain, style], -1), state.past)
        return plain, plain + self.out(y), TransferState(state.code, h[0], c[0], past)

    def forward(self, x: Speech) -> Tensor:
        """The whole clip, in the average style."""
        return self.step(x, self.init_state(len(x.ppg)))[0]


class TransferNetwork(nn.Module):
    """f of Eq. 4: frames [.., MOTION] -> features [.., 32]; training only."""

    def __init__(self, sizes: tuple[int, int, int] = (128, 64, 32)) -> None:
        super().__init__()
        first, second, third = sizes
        self.layers = nn.Sequential(
            nn.Linear(MOTION, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(),
            nn.Linear(second, third),
        )  # fmt: skip

    def forward(self, frames: Tensor) -> Tensor:
        features: Tensor = self.layers(frames)
        return features
