"""StyleTalk++'s expression branch (section 3.4) in causal form.

A transformer encodes the PPG (soft phoneme labels); in the decoder the style is the query, the
phonemes are key and value, and the feed-forward weights are mixed by the style (Eq. 12-13). Two
decoders in parallel write the lower and the upper face (3.4.3). The paper decodes a window around
each tick and keeps its middle token; here the style tokens of past ticks are remembered instead.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import BLENDSHAPES
from engine.nets.papers.blocks import AdaptiveFeed, Attention, Mixed, Seen, Stack
from engine.nets.papers.speech import FACE_ORDER, LIPS, PPG, Speech, style_of


@dataclass(frozen=True)
class FaceShape:
    """Sizes; `experts` 1 and `split` False are the ablations."""

    code: int = 32
    width: int = 48
    encoder_layers: int = 1
    layers: int = 1
    heads: int = 4
    window: int = 16
    hidden: int = 64
    experts: int = 8
    split: bool = True


class HalfState(NamedTuple):
    """Memory of one decoder; `mixed` is made once per style."""

    query: Tensor  # [B, width]
    mixed: tuple[Mixed, ...]
    own: tuple[Seen, ...]
    cross: tuple[Seen, ...]


class FaceState(NamedTuple):
    """Memory of the branch."""

    phonemes: tuple[Seen, ...]
    halves: tuple[HalfState, ...]


class Half(nn.Module):
    """Style-aware adaptive transformer decoder of a part of the face."""

    def __init__(self, s: FaceShape, outputs: int) -> None:
        super().__init__()
        self.query = nn.Linear(s.code, s.width)
        self.own = nn.ModuleList(Attention(s.width, s.heads, s.window) for _ in range(s.layers))
        self.cross = nn.ModuleList(Attention(s.width, s.heads, s.window) for _ in range(s.layers))
        self.norms = nn.ModuleList(nn.LayerNorm(s.width) for _ in range(3 * s.layers + 1))
        self.feeds = nn.ModuleList(
            AdaptiveFeed(s.code, s.width, s.hidden, s.experts) for _ in range(s.layers)
        )
        self.out = nn.Sequential(
            nn.Linear(s.width, s.width), nn.ReLU(), nn.Linear(s.width, outputs)
        )

    def init_state(self, code: Tensor) -> HalfState:
        batch = len(code)
        return HalfState(
            self.query(code),
            tuple(feed.mix(code) for feed in self.feeds),  # type: ignore[operator]
            tuple(layer.init_state(batch) for layer in self.own),  # type: ignore[operator]
            tuple(layer.init_state(batch) for layer in self.cross),  # type: ignore[operator]
        )

    def forward(self, phonemes: Tensor, state: HalfState) -> tuple[Tensor, HalfState]:
        x = state.query[:, None].expand(-1, phonemes.shape[1], -1)
        owns, crosses = [], []
        for n, (own, cross, feed) in enumerate(zip(self.own, self.cross, self.feeds, strict=True)):
            row = self.norms[3 * n](x)
            y, seen = own(row, row, state.own[n])
            owns.append(seen)
            x = x + y
            y, seen = cross(self.norms[3 * n + 1](x), phonemes, state.cross[n])
            crosses.append(seen)
            x = x + y
            x = x + feed(self.norms[3 * n + 2](x), state.mixed[n])
        after = state._replace(own=tuple(owns), cross=tuple(crosses))
        return self.out(self.norms[-1](x)), after


class FaceDecoder(nn.Module):
    """Stage: Speech -> weights [B, T, 52]."""

    latency = 0

    def __init__(self, shape: FaceShape) -> None:
        super().__init__()
        self.shape = s = shape
        self.embed = nn.Linear(PPG, s.width)
        self.phonemes = Stack(s.encoder_layers, s.width, s.heads, s.window, 2 * s.width)
        outputs = (len(LIPS), BLENDSHAPES - len(LIPS)) if s.split else (BLENDSHAPES,)
        self.halves = nn.ModuleList(Half(s, count) for count in outputs)

    def init_state(
        self, batch: int, code: Tensor | None = None, pose: Tensor | None = None
    ) -> FaceState:
        """Nothing said yet; mixes the style's weights."""
        style = style_of(code, batch, self.shape.code, self.embed.weight)
        halves = tuple(half.init_state(style) for half in self.halves)  # type: ignore[operator]
        return FaceState(self.phonemes.init_state(batch), halves)

    def step(self, x: Speech, state: FaceState) -> tuple[Tensor, FaceState]:
        weights, state = self.rows(x, state)
        return weights.clamp(0, 1), state

    def rows(self, x: Speech, state: FaceState) -> tuple[Tensor, FaceState]:
        """Unclipped weights, for training."""
        said, seen = self.phonemes(self.embed(x.ppg), state.phonemes)
        pairs = [half(said, memory) for half, memory in zip(self.halves, state.halves, strict=True)]
        weights = torch.cat([rows for rows, _ in pairs], -1)
        if self.shape.split:
            weights = weights[..., FACE_ORDER]
        return weights, FaceState(seen, tuple(memory for _, memory in pairs))

    def forward(self, x: Speech) -> Tensor:
        """The whole clip, in the average style."""
        return self.step(x, self.init_state(len(x.ppg)))[0]
