"""Causal blocks of the papers' networks: windowed attention, residual convolution, feed-forward
layers whose weights depend on the style. All memory is an argument; forward is step from nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Seen(NamedTuple):
    """What attention remembers: the last window - 1 rows of keys and values."""

    keys: Tensor  # [B, W - 1, C]
    values: Tensor  # [B, W - 1, C]
    valid: Tensor  # [B, W - 1] 1 where a row was seen


class Attention(nn.Module):
    """Attention of every tick over itself and the window before it, with a learned age bias.

    x [B, T, C] asks, source [B, T, C] answers (x itself for self-attention).
    """

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.query = nn.Linear(width, width)
        self.both = nn.Linear(width, 2 * width)
        self.merge = nn.Linear(width, width)
        # Begins with what is near, each head with its own reach (Press et al. 2022, section 3).
        reach = 2.0 ** -torch.arange(heads)[:, None]
        self.near = nn.Parameter(-reach * torch.arange(window))

    def init_state(self, batch: int) -> Seen:
        rows = self.near.new_zeros(batch, self.window - 1, self.query.in_features)
        return Seen(rows, rows, rows[..., 0])

    def forward(self, x: Tensor, source: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        batch, ticks, width = x.shape
        k, v = self.both(source).chunk(2, -1)
        keys = torch.cat([seen.keys, k], 1)
        values = torch.cat([seen.values, v], 1)
        valid = torch.cat([seen.valid, k.new_ones(batch, ticks)], 1)
        bias = self._bias(ticks, keys.shape[1]).masked_fill(valid[:, None, None] == 0, -1e4)

        def split(rows: Tensor) -> Tensor:
            return rows.view(batch, rows.shape[1], self.heads, -1).transpose(1, 2)

        score = split(self.query(x)) @ split(keys).transpose(2, 3)
        share = (score / (width // self.heads) ** 0.5 + bias).softmax(-1)
        mixed = (share @ split(values)).transpose(1, 2).reshape(x.shape)
        keep = self.window - 1
        return self.merge(mixed), Seen(keys[:, -keep:], values[:, -keep:], valid[:, -keep:])

    def _bias(self, ticks: int, rows: int) -> Tensor:
        """What age is worth [1, heads, ticks, rows]; what lies outside the window is worth -1e4."""
        if ticks == 1:
            return self.near.flip(1)[None, :, None]
        place = torch.arange(rows, device=self.near.device)
        age = self.window - 1 + torch.arange(ticks, device=place.device)[:, None] - place
        bias = self.near[:, age.clamp(0, self.window - 1)][None]
        return bias.masked_fill((age < 0) | (age >= self.window), -1e4)


class Layer(nn.Module):
    """Transformer encoder layer, normalised first: x [B, T, C] -> the same shape."""

    def __init__(self, width: int, heads: int, window: int, hidden: int) -> None:
        super().__init__()
        self.attend = Attention(width, heads, window)
        self.near, self.far = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def init_state(self, batch: int) -> Seen:
        return self.attend.init_state(batch)

    def forward(self, x: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        row = self.near(x)
        y, seen = self.attend(row, row, seen)
        x = x + y
        return x + self.feed(self.far(x)), seen


class Stack(nn.Module):
    """Layers in a row."""

    def __init__(self, layers: int, width: int, heads: int, window: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads, window, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def init_state(self, batch: int) -> tuple[Seen, ...]:
        return tuple(layer.init_state(batch) for layer in self.layers)  # type: ignore[operator]

    def forward(self, x: Tensor, seen: tuple[Seen, ...]) -> tuple[Tensor, tuple[Seen, ...]]:
        after = []
        for layer, memory in zip(self.layers, seen, strict=True):
            x, memory = layer(x, memory)
            after.append(memory)
        return self.norm(x), tuple(after)


class Convolution(nn.Module):
    """Causal residual pair of convolutions over time: x [B, T, C_in] -> [B, T, C_out].

    Nothing bends the sum: without a ResNet's batch normalisation, which a stream cannot have, a
    ReLU behind it kept the network from learning within the budget.
    """

    def __init__(self, inputs: int, outputs: int, span: int = 3) -> None:
        super().__init__()
        self.inputs, self.past = inputs, 2 * (span - 1)
        self.first = nn.Conv1d(inputs, outputs, span)
        self.second = nn.Conv1d(outputs, outputs, span)
        self.skip = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()

    def init_state(self, batch: int) -> Tensor:
        return self.first.weight.new_zeros(batch, self.past, self.inputs)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past, x], 1)
        y = self.second(F.relu(self.first(joined.transpose(1, 2)))).transpose(1, 2)
        return y + self.skip(x), joined[:, -self.past :]


class Mixed(NamedTuple):
    """Feed-forward weights of one style."""

    up: Tensor  # [B, width, hidden]
    up_bias: Tensor  # [B, hidden]
    down: Tensor  # [B, hidden, width]
    down_bias: Tensor  # [B, width]


class AdaptiveFeed(nn.Module):
    """StyleTalk++ Eq. 12-13: K sets of weights, shared out by a softmax over the style code.

    One set (K = 1) is the vanilla layer of the ablation: the code then has no say.
    """

    def __init__(self, code: int, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.randn(experts, width, hidden) * width**-0.5)
        self.up_bias = nn.Parameter(torch.zeros(experts, hidden))
        self.down = nn.Parameter(torch.randn(experts, hidden, width) * hidden**-0.5)
        self.down_bias = nn.Parameter(torch.zeros(experts, width))
        self.share = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, experts))

    def mix(self, code: Tensor) -> Mixed:
        """Once per style: code [B, D] -> its weights."""
        return self.blend(self.share(code).softmax(-1))

    def blend(self, share: Tensor) -> Mixed:
        """Weights for shares [B, K] of the experts."""
        return Mixed(
            torch.einsum("bk,kio->bio", share, self.up),
            share @ self.up_bias,
            torch.einsum("bk,kio->bio", share, self.down),
            share @ self.down_bias,
        )

    def forward(self, x: Tensor, mixed: Mixed) -> Tensor:
        inner = F.relu(x @ mixed.up + mixed.up_bias[:, None])
        return inner @ mixed.down + mixed.down_bias[:, None]
