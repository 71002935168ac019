"""The phone posterior network: two causal convolutions, two GRUs, one head per look-ahead.

Head d of step k describes the label d steps back; all heads share the trunk, so a longer
look-ahead costs one matrix. Mean and standard deviation of the features are part of the model.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.nets.layers import CausalConv1d, CausalGRU, SequenceDropout

LOOK_AHEADS = (0, 1, 3)  # steps of 20 ms
CLASSES = 40


@dataclass(frozen=True, slots=True)
class PPGConfig:
    """Sizes of the network."""

    inputs: int = 160
    conv: int = 224
    hidden: int = 320
    kernel: int = 3
    dropout: float = 0.25


class PPGState(NamedTuple):
    """What the trunk remembers."""

    conv1: Tensor  # [B, kernel - 1, inputs]
    conv2: Tensor  # [B, kernel - 1, conv]
    gru1: Tensor  # [B, hidden]
    gru2: Tensor  # [B, hidden]


class Posteriors(NamedTuple):
    """Per look-ahead [B, T, 40]; row k of `yd` describes step k - d."""

    y0: Tensor
    y1: Tensor
    y3: Tensor


class PPGNet(nn.Module):
    """Stage in torch form: log-mel [B, T, 160] -> Posteriors."""

    latency = 0  # of the trunk; the head chosen at run time adds its look-ahead
    mean: Tensor  # [inputs]
    scale: Tensor  # [inputs], 1 / standard deviation

    def __init__(self, config: PPGConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PPGConfig()
        self.register_buffer("mean", torch.zeros(c.inputs))
        self.register_buffer("scale", torch.ones(c.inputs))
        self.conv1 = CausalConv1d(c.inputs, c.conv, c.kernel)
        self.conv2 = CausalConv1d(c.conv, c.conv, c.kernel)
        self.gru1 = CausalGRU(c.conv, c.hidden)
        self.gru2 = CausalGRU(c.hidden, c.hidden)
        self.drop = SequenceDropout(c.dropout)
        self.heads = nn.ModuleList(nn.Linear(2 * c.hidden, CLASSES) for _ in LOOK_AHEADS)

    def init_state(self, batch: int) -> PPGState:
        """Zeros: the average of speech, not silence; the first steps say so soon enough."""
        return PPGState(
            self.conv1.init_state(batch),
            self.conv2.init_state(batch),
            self.gru1.init_state(batch),
            self.gru2.init_state(batch),
        )

    def logits(self, x: Tensor, state: PPGState) -> tuple[tuple[Tensor, ...], PPGState]:
        """One tensor [B, T, 40] per look-ahead, before the softmax; used in training."""
        x = (x - self.mean) * self.scale
        a, conv1 = self.conv1(x, state.conv1)
        b, conv2 = self.conv2(torch.relu(a), state.conv2)
        trunk, gru1 = self.gru1(self.drop(torch.relu(b)), state.gru1)
        top, gru2 = self.gru2(self.drop(trunk), state.gru2)
        both = self.drop(torch.cat([trunk, top], dim=2))
        return tuple(head(both) for head in self.heads), PPGState(conv1, conv2, gru1, gru2)

    def step(self, x: Tensor, state: PPGState) -> tuple[Posteriors, PPGState]:
        """Advance by T steps of 20 ms."""
        logits, state = self.logits(x, state)
        return Posteriors(*(torch.softmax(y, dim=2) for y in logits)), state

    def forward(self, x: Tensor) -> Posteriors:
        """The whole clip from `init_state`."""
        return self.step(x, self.init_state(len(x)))[0]
