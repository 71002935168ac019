"""The phone posterior network: running normalisation, a front over time and bands, two GRUs.

Head d of step k describes the label d steps back; all heads share the trunk, so a longer
look-ahead costs one matrix. Beside the phones every head says lip closure, voicing and energy,
and its closure evidence is fused into P, B and M. Nothing is computed over a whole clip.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import LOOKAHEAD_STEPS
from engine.nets.layers import CausalConv2d, CausalGRU, RunningMean, SequenceDropout
from engine.speech.phonemes import CLOSED

LOOK_AHEADS = tuple(LOOKAHEAD_STEPS.values())
CLASSES = 40
BANDS = 80
AUX = ("closure", "voicing", "energy")


@dataclass(frozen=True, slots=True)
class PPGConfig:
    """Sizes of the network; memory and prior of the normalisation in steps of 20 ms."""

    channels: tuple[int, int] = (16, 32)
    width: int = 256
    hidden: int = 320
    dropout: float = 0.25
    memory: float = 150.0
    prior: float = 25.0


class PPGState(NamedTuple):
    """What the network remembers."""

    sums: Tensor  # [B, 81] fading sums of the loud rows' bands, then of their weights
    quiet: Tensor  # [B, 81] the same of the quiet rows
    early: Tensor  # [B, 3, 2, 80] channels: the two mel frames of a row, the quiet rows' mean
    late: Tensor  # [B, channels, 2, 40]
    gru1: Tensor  # [B, hidden]
    gru2: Tensor  # [B, hidden]


class Posteriors(NamedTuple):
    """Per look-ahead: phones, and AUX (two probabilities, natural-log energy); row k of `yd` and
    `auxd` describes step k - d."""

    y0: Tensor  # [B, T, 40]
    y1: Tensor
    y3: Tensor
    aux0: Tensor  # [B, T, 3]
    aux1: Tensor
    aux3: Tensor


class Evidence(NamedTuple):
    """What the loss reads, all heads at once: before softmax and sigmoid."""

    phones: Tensor  # [B, T, heads, 40], closure fused
    aux: Tensor  # [B, T, heads, 3]; energy is final


class PPGNet(nn.Module):
    """Stage in torch form: log-mel [B, T, 160] -> Posteriors."""

    latency = 0  # of the trunk; the head chosen at run time adds its look-ahead
    mean: Tensor  # [160]
    scale: Tensor  # [160], 1 / standard deviation
    closed: Tensor  # [40], 1 where the lips are closed

    def __init__(self, config: PPGConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PPGConfig()
        first, second = c.channels
        self.register_buffer("mean", torch.zeros(2 * BANDS))
        self.register_buffer("scale", torch.ones(2 * BANDS))
        closed = torch.zeros(CLASSES)
        closed[list(CLOSED)] = 1.0
        self.register_buffer("closed", closed, persistent=False)
        self.running = RunningMean(BANDS, c.memory, c.prior)
        self.loudness = nn.Parameter(torch.tensor([2.0, 1.0]))  # slope and offset of a row's weight
        self.quietness = nn.Parameter(torch.tensor([2.0, 1.0]))  # the same, below that average
        self.early = CausalConv2d(3, first, BANDS, 7)
        self.late = CausalConv2d(first, second, BANDS // 2, 5)
        self.join = nn.Linear(second * BANDS // 4 + 1, c.width)
        self.gru1 = CausalGRU(c.width, c.hidden)
        self.gru2 = CausalGRU(c.hidden, c.hidden)
        self.drop = SequenceDropout(c.dropout)
        self.heads = nn.Linear(2 * c.hidden, len(LOOK_AHEADS) * (CLASSES + len(AUX)))
        self.fuse = nn.Parameter(torch.zeros(len(LOOK_AHEADS), 2))  # share (logit) and bias

    def init_state(self, batch: int) -> PPGState:
        """Zeros: the average of speech, not silence; the first steps say so soon enough."""
        return PPGState(
            self.running.init_state(batch),
            self.running.init_state(batch),
            self.early.init_state(batch),
            self.late.init_state(batch),
            self.gru1.init_state(batch),
            self.gru2.init_state(batch),
        )

    def _normalise(self, x: Tensor, state: PPGState) -> tuple[Tensor, Tensor, PPGState]:
        """Frames and background freed of the voice's and the channel's average [B, 3, T, 80]; that
        average's level [B, T, 1]; the state with new sums."""
        x = (x - self.mean) * self.scale
        bands = (x[..., :BANDS] + x[..., BANDS:]) / 2
        # Silence says nothing about a voice: rows count by how loud they are.
        slope, offset = self.loudness
        loud = torch.sigmoid(slope * bands.mean(dim=2, keepdim=True) + offset)
        mean, sums = self.running(bands, loud, state.sums)
        # What the quiet rows hold is the noise beneath the others (noise-aware training: Seltzer,
        # Yu & Wang 2013, section 3.2, with a fading estimate in place of the clip's first frames).
        below = bands - mean
        slope, offset = self.quietness
        faint = torch.sigmoid(-slope * below.mean(dim=2, keepdim=True) - offset)
        background, quiet = self.running(below, faint, state.quiet)
        frames = torch.stack([x[..., :BANDS] - mean, x[..., BANDS:] - mean, background], dim=1)
        return frames, mean.mean(dim=2, keepdim=True), state._replace(sums=sums, quiet=quiet)

    def evidence(self, x: Tensor, state: PPGState) -> tuple[Evidence, PPGState]:
        """Advance by T steps, up to what the loss reads."""
        with torch.autocast("cpu", enabled=False):
            frames, level, state = self._normalise(x, state)
        # Formants that lie elsewhere are the same pattern shifted, so bands are convolved too.
        y, early = self.early(frames, state.early)
        y, late = self.late(torch.relu(y), state.late)
        y = torch.cat([torch.relu(y).transpose(1, 2).flatten(2), level], dim=2)
        low, gru1 = self.gru1(self.drop(torch.relu(self.join(y))), state.gru1)
        top, gru2 = self.gru2(self.drop(low), state.gru2)
        y = self.heads(self.drop(torch.cat([low, top], dim=2))).float()
        y = torch.stack(y.split(CLASSES + len(AUX), dim=2), dim=2)
        phones, aux = y[..., :CLASSES], y[..., CLASSES:]
        state = state._replace(early=early, late=late, gru1=gru1, gru2=gru2)
        return Evidence(self._fused(phones, aux[..., 0]), aux), state

    def _fused(self, phones: Tensor, closure: Tensor) -> Tensor:
        """Moves the joint odds of P, B and M towards the closure head's by a learned share; their
        odds among each other, and those of all others, stay."""
        shut = phones[..., list(CLOSED)].logsumexp(dim=3)
        others = (phones - 1e4 * self.closed).logsumexp(dim=3)
        share, bias = torch.sigmoid(self.fuse[:, 0]), self.fuse[:, 1]
        move = share * (closure + bias - (shut - others))
        return phones + self.closed * move[..., None]

    def step(self, x: Tensor, state: PPGState) -> tuple[Posteriors, PPGState]:
        """Advance by T steps of 20 ms."""
        evidence, state = self.evidence(x, state)
        phones = torch.softmax(evidence.phones, dim=3)
        aux = torch.cat([torch.sigmoid(evidence.aux[..., :2]), evidence.aux[..., 2:]], dim=3)
        return Posteriors(*phones.unbind(2), *aux.unbind(2)), state

    def forward(self, x: Tensor) -> Posteriors:
        """The whole clip from `init_state`."""
        return self.step(x, self.init_state(len(x)))[0]
