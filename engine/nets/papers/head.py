"""StyleTalk++'s head branch (section 3.3) in causal form.

A transformer encodes the acoustics; a Transformer-XL with a memory of tokens (Eq. 4) is fed the
sound, the style with its position, and the spatial embedding it gave out one tick before; a four
layer network turns the first pose into the first embedding.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import POSE
from engine.nets.papers.blocks import Seen, Stack
from engine.nets.papers.speech import PROSODY, Speech, style_of

_PERIODS = (8.0, 24.0, 72.0, 216.0)  # ticks, of the position beside the style


@dataclass(frozen=True)
class HeadShape:
    """Sizes; `initial` False begins every head at the same place (ablation)."""

    code: int = 16
    width: int = 48
    layers: int = 2
    heads: int = 4
    window: int = 32  # tokens remembered
    hidden: int = 96
    initial: bool = True


class HeadState(NamedTuple):
    """Memory between ticks."""

    code: Tensor  # [B, D]
    tick: Tensor  # [B] float
    heard: tuple[Seen, ...]
    memory: tuple[Seen, ...]
    place: Tensor  # [B, width] the spatial embedding e


class HeadDecoder(nn.Module):
    """Stage: Speech -> pose [B, T, 6] in network units."""

    latency = 0

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = s = shape
        self.embed = nn.Linear(PROSODY, s.width)
        self.hear = Stack(1, s.width, s.heads, s.window, s.hidden)
        self.join = nn.Linear(2 * s.width + s.code + 2 * len(_PERIODS), s.width)
        self.memory = Stack(s.layers, s.width, s.heads, s.window, s.hidden)
        self.begin = nn.Sequential(
            nn.Linear(len(POSE), s.width), nn.ReLU(), nn.Linear(s.width, s.width), nn.ReLU(),
            nn.Linear(s.width, s.width), nn.ReLU(), nn.Linear(s.width, s.width),
        )  # fmt: skip
        self.out = nn.Linear(s.width, len(POSE))

    def init_state(
        self, batch: int, code: Tensor | None = None, pose: Tensor | None = None
    ) -> HeadState:
        """Before the first tick; `pose` [B, 6] in network units, straight ahead by default."""
        like = self.out.weight
        first = like.new_zeros(batch, len(POSE))
        if pose is not None and self.shape.initial:
            first = pose.to(like)
        return HeadState(
            style_of(code, batch, self.shape.code, like), first[:, 0] * 0,
            self.hear.init_state(batch), self.memory.init_state(batch), self.begin(first),
        )  # fmt: skip

    def step(self, x: Speech, state: HeadState) -> tuple[Tensor, HeadState]:
        heard, seen = self.hear(self.embed(x.prosody), state.heard)
        rows, place, memory, tick = [], state.place, state.memory, state.tick
        for t in range(heard.shape[1]):
            moment = [
                wave(tick * (2 * math.pi / period))
                for period in _PERIODS
                for wave in (torch.sin, torch.cos)
            ]
            row = torch.cat([heard[:, t], place, state.code, torch.stack(moment, 1)], 1)
            token, memory = self.memory(self.join(row)[:, None], memory)
            place, tick = token[:, 0], (tick + 1) % _PERIODS[-1]
            rows.append(place)
        after = HeadState(state.code, tick, seen, memory, place)
        return self.out(torch.stack(rows, 1)), after

    def forward(self, x: Speech) -> Tensor:
        """The whole clip, in the average style, from straight ahead."""
        return self.step(x, self.init_state(len(x.ppg)))[0]
