"""StyleAvatar's latent style fusion (section 5.1) in causal form.

The lower half of a 1-D residual network turns sound into a latent row per tick, dropout thins that
latent and never the style, the style is put beside every row, the upper half writes face and pose.
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
class FusionShape:
    """Sizes; `dropout` 0 is the paper's argument turned off (ablation)."""

    code: int = 110
    width: int = 56
    blocks: int = 2  # on either side of the fusion
    dropout: float = 0.3


class FusionState(NamedTuple):
    """Memory between ticks."""

    code: Tensor  # [B, D]
    lower: tuple[Tensor, ...]
    upper: tuple[Tensor, ...]


class FusionDecoder(nn.Module):
    """Stage: Speech -> motion [B, T, MOTION]."""

    latency = 0

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        self.shape = s = shape
        rows = [PPG + PROSODY] + [s.width] * s.blocks
        self.lower = nn.ModuleList(Convolution(i, s.width) for i in rows[:-1])
        self.drop = nn.Dropout(s.dropout)
        self.fuse = nn.Linear(s.width + s.code, s.width)
        nn.init.kaiming_normal_(self.fuse.weight, nonlinearity="linear")
        self.upper = nn.ModuleList(Convolution(s.width, s.width) for _ in range(s.blocks))
        self.out = nn.Linear(s.width, MOTION)

    def init_state(
        self, batch: int, code: Tensor | None = None, pose: Tensor | None = None
    ) -> FusionState:
        """Silence before the first tick. The network has no use for a first pose."""
        style = style_of(code, batch, self.shape.code, self.out.weight)
        halves = ([block.init_state(batch) for block in half] for half in (self.lower, self.upper))  # type: ignore[operator]
        return FusionState(style, *(tuple(half) for half in halves))

    def step(self, x: Speech, state: FusionState) -> tuple[Tensor, FusionState]:
        motion, state = self.rows(x, state)
        free = motion[..., BLENDSHAPES:]
        return torch.cat([motion[..., :BLENDSHAPES].clamp(0, 1), free], -1), state

    def rows(self, x: Speech, state: FusionState) -> tuple[Tensor, FusionState]:
        """Unclipped motion, for training."""
        latent, lower = _through(self.lower, torch.cat([x.ppg, x.prosody], -1), state.lower)
        beside = repeat(state.code, x.ppg.shape[1])
        y = self.fuse(torch.cat([self.drop(latent), beside], -1))
        y, upper = _through(self.upper, y, state.upper)
        return self.out(y), FusionState(state.code, lower, upper)

    def forward(self, x: Speech) -> Tensor:
        """The whole clip, in the average style."""
        return self.step(x, self.init_state(len(x.ppg)))[0]


def _through(
    blocks: nn.ModuleList, y: Tensor, pasts: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    after = []
    for block, past in zip(blocks, pasts, strict=True):
        y, past = block(y, past)
        after.append(past)
    return y, tuple(after)
