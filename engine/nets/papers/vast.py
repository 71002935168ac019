"""VAST's hybrid decoder (section 3.3) in causal form.

Non-autoregressive: transformer over PPG and the broadcast style writes the lips (Eq. 4).
Autoregressive: LSTM on its own past, dropped-out PPG and style writes eyes and brows (Eq. 3) and,
as the paper takes its pose from a template video, the pose too: ours to add.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import BLENDSHAPES
from engine.nets.papers.blocks import Seen, Stack
from engine.nets.papers.speech import (
    LIPS,
    MOTION,
    ORDER,
    PPG,
    REST,
    Speech,
    before,
    repeat,
    style_of,
)


@dataclass(frozen=True)
class VastShape:
    """Sizes; `autoregressive` False lets the transformer write everything (ablation)."""

    code: int = 32
    width: int = 48
    layers: int = 2
    heads: int = 4
    window: int = 24
    hidden: int = 96
    cell: int = 56
    dropout: float = 0.5  # of the LSTM's PPG
    autoregressive: bool = True


class VastState(NamedTuple):
    """Memory between ticks."""

    code: Tensor  # [B, D]
    seen: tuple[Seen, ...]
    past: Tensor  # [B, REST] the LSTM's last output
    h: Tensor  # [B, cell]
    c: Tensor  # [B, cell]


class VastDecoder(nn.Module):
    """Stage: Speech -> motion [B, T, MOTION]."""

    latency = 0
    mean: Tensor

    def __init__(self, shape: VastShape) -> None:
        super().__init__()
        self.shape = s = shape
        self.embed = nn.Linear(PPG + s.code, s.width)
        self.stack = Stack(s.layers, s.width, s.heads, s.window, s.hidden)
        self.lips = nn.Linear(s.width, len(LIPS) if s.autoregressive else MOTION)
        self.drop = nn.Dropout(s.dropout)
        if s.autoregressive:
            self.cell = nn.LSTM(len(REST) + PPG + s.code, s.cell, batch_first=True)
            self.rest = nn.Linear(s.cell, len(REST))
        # The asymmetric loss is about this mean, so it travels with the weights.
        self.register_buffer("mean", torch.zeros(MOTION))

    def init_state(
        self, batch: int, code: Tensor | None = None, pose: Tensor | None = None
    ) -> VastState:
        """A face at rest; `pose` [B, 6] is where the head begins."""
        like = self.embed.weight
        past = like.new_zeros(batch, len(REST))
        if pose is not None:
            past = torch.cat([past[:, : -pose.shape[1]], pose], 1)
        cell = like.new_zeros(batch, self.shape.cell)
        style = style_of(code, batch, self.shape.code, like)
        return VastState(style, self.stack.init_state(batch), past, cell, cell)

    def step(self, x: Speech, state: VastState) -> tuple[Tensor, VastState]:
        lips, seen = self._lips(x, state)
        state = state._replace(seen=seen)
        if not self.shape.autoregressive:
            return _bounded(lips), state
        rows = []
        for t in range(x.ppg.shape[1]):
            made, h, c = self._rest(
                state.past[:, None], x.ppg[:, t : t + 1], state.code, state.h, state.c
            )
            past = torch.cat([made[:, 0, :-6].clamp(0, 1), made[:, 0, -6:]], 1)
            state = state._replace(past=past, h=h, c=c)
            rows.append(past)
        return _bounded(torch.cat([lips, torch.stack(rows, 1)], -1)[..., ORDER]), state

    def forward(self, x: Speech) -> Tensor:
        """The whole clip, in the average style."""
        return self.step(x, self.init_state(len(x.ppg)))[0]

    def _lips(self, x: Speech, state: VastState) -> tuple[Tensor, tuple[Seen, ...]]:
        row = torch.cat([x.ppg, repeat(state.code, x.ppg.shape[1])], -1)
        y, seen = self.stack(self.embed(row), state.seen)
        return self.lips(y), seen

    def _rest(
        self, past: Tensor, ppg: Tensor, code: Tensor, h: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        row = torch.cat([past, self.drop(ppg), repeat(code, past.shape[1])], -1)
        y, (h, c) = self.cell(row, (h[None].contiguous(), c[None].contiguous()))
        return self.rest(y), h[0], c[0]

    def lesson(self, x: Speech, code: Tensor, target: Tensor, first: Tensor, own: float) -> Tensor:
        """Training form: motion [B, T, MOTION], unclipped. The LSTM's past is the truth, a share
        `own` of it the output of a first pass (scheduled sampling, Mihaylova & Martins 2019);
        `first` [B, MOTION] lies before the crop."""
        state = self.init_state(len(code), code)
        lips, _ = self._lips(x, state)
        if not self.shape.autoregressive:
            return lips
        truth = before(first, target)[..., REST]
        past = truth
        if own > 0:
            with torch.no_grad():
                made, _, _ = self._rest(truth, x.ppg, code, state.h, state.c)
                use = (torch.rand(len(code), 1, 1, device=truth.device) < own).to(truth)
                past = use * before(truth[:, 0], made) + (1 - use) * truth
        past = past + 0.02 * torch.randn_like(past)
        rest, _, _ = self._rest(past, x.ppg, code, state.h, state.c)
        return torch.cat([lips, rest], -1)[..., ORDER]


def _bounded(motion: Tensor) -> Tensor:
    """Weights within [0, 1]; the pose is free."""
    return torch.cat([motion[..., :BLENDSHAPES].clamp(0, 1), motion[..., BLENDSHAPES:]], -1)
