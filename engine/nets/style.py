"""Three style encoders as Stages behind one interface: Reference -> the code after every tick.

`forward` [B, T, D] holds the code known so far; `encode` the last one. Statistics: StyleAvatar
Eq. 2, with or without means. VAST: convolution and GRU over motion and PPG, then a Gaussian and K
Householder flows. StyleTalk++: transformer, self-attention pooling (Eq. 2), one instance for the
expression and one for the head, trained with the triplet of Eq. 3 (engine.train.paper_losses).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from engine.frames import BLENDSHAPES, POSE
from engine.nets.papers.blocks import Convolution, Seen, Stack
from engine.nets.papers.flow import HouseholderFlow
from engine.nets.papers.speech import MOTION, SAID, Reference


class StyleEncoder(nn.Module):
    """What the three have in common. `face` and `head`: how many code values speak of which; an
    encoder whose code does not tell them apart has head 0."""

    latency = 0
    face: int
    head: int

    def init_state(self, batch: int) -> Any:
        """Nothing seen."""
        raise NotImplementedError

    def step(self, x: Reference, state: Any) -> tuple[Tensor, Any]:
        """Look at T more ticks -> codes [B, T, D]."""
        raise NotImplementedError

    def forward(self, x: Reference) -> Tensor:
        """The whole reference: codes [B, T, D]."""
        return self.step(x, self.init_state(len(x.motion)))[0]

    def encode(self, x: Reference) -> Tensor:
        """The code [B, D] of a reference."""
        codes: Tensor = self(x)
        return codes[:, -1]


class StatisticsState(NamedTuple):
    """Sums in double: deviations are small differences of large sums."""

    ticks: Tensor  # [B] seen
    last: Tensor  # [B, MOTION]
    sums: Tensor  # [B, 2, MOTION] of the motion and of its change
    squares: Tensor  # [B, 2, MOTION]


class StatisticsEncoder(StyleEncoder):
    """StyleAvatar Eq. 2: sigma(face), sigma(change of face), sigma(change of pose); `means` adds
    the mean of the face and of the pose. z-scored with `centre` and `scale`."""

    centre: Tensor
    scale: Tensor

    def __init__(self, means: bool) -> None:
        super().__init__()
        self.means = means
        self.face = (3 if means else 2) * BLENDSHAPES
        self.head = (2 if means else 1) * len(POSE)
        self.register_buffer("centre", torch.zeros(self.face + self.head))
        self.register_buffer("scale", torch.ones(self.face + self.head))

    def init_state(self, batch: int) -> StatisticsState:
        sums = self.centre.new_zeros(batch, 2, MOTION, dtype=torch.float64)
        return StatisticsState(sums[:, 0, 0], sums[:, 0], sums, sums)

    def raw(self, x: Reference, state: StatisticsState) -> tuple[Tensor, StatisticsState]:
        """Statistics before the z-score [B, T, D]."""
        motion = x.motion.double()
        change = torch.cat([state.last[:, None], motion], 1).diff(dim=1)
        seen = torch.ones_like(motion[..., 0])
        count = state.ticks[:, None] + seen.cumsum(1)
        # The first tick has no change.
        moved = (count > 1).to(motion)
        rows = torch.stack([motion, change * moved[..., None]], 2)
        sums = state.sums[:, None] + rows.cumsum(1)
        squares = state.squares[:, None] + rows.square().cumsum(1)
        number = torch.stack([count, (count - 1).clamp(min=1)], 2)[..., None]
        mean = sums / number
        spread = (squares / number - mean.square()).clamp(min=0).sqrt()
        face = [spread[:, :, 0, :BLENDSHAPES], spread[:, :, 1, :BLENDSHAPES]]
        head = [spread[:, :, 1, BLENDSHAPES:]]
        if self.means:
            face.insert(0, mean[:, :, 0, :BLENDSHAPES])
            head.insert(0, mean[:, :, 0, BLENDSHAPES:])
        after = StatisticsState(count[:, -1], motion[:, -1], sums[:, -1], squares[:, -1])
        return torch.cat([*face, *head], -1), after

    def step(self, x: Reference, state: StatisticsState) -> tuple[Tensor, StatisticsState]:
        raw, state = self.raw(x, state)
        z = ((raw - self.centre) / self.scale).clamp(-4, 4)
        # Smaller than what a decoder hears, or so many values would drown it.
        return (z / 4).to(x.motion), state


class VastState(NamedTuple):
    """Memory of the convolution and of the GRU."""

    past: Tensor  # [B, 4, MOTION + SAID]
    hidden: Tensor  # [B, H]


class Posterior(NamedTuple):
    """q(z | motion, speech) of VAST Eq. 1."""

    mean: Tensor  # [B, D]
    log_variance: Tensor  # [B, D]
    hidden: Tensor  # [B, H]


class VastEncoder(StyleEncoder):
    """VAST section 3.1-3.2; the code is the posterior's mean after the flow. `enhanced` False: the
    bare embedding, no Gaussian and no flow (the paper's ablation)."""

    def __init__(self, size: int = 32, hidden: int = 48, flows: int = 4, enhanced: bool = True):
        super().__init__()
        self.face, self.head, self.enhanced = size, 0, enhanced
        self.early = Convolution(MOTION + SAID, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.mean = nn.Linear(hidden, size)
        self.log_variance = nn.Linear(hidden, size)
        self.flow = HouseholderFlow(size, hidden, flows if enhanced else 0)

    def init_state(self, batch: int) -> VastState:
        hidden = self.mean.weight.new_zeros(batch, self.gru.hidden_size)
        return VastState(self.early.init_state(batch), hidden)

    def hidden(self, x: Reference, state: VastState) -> tuple[Tensor, VastState]:
        """What the GRU says [B, T, H]."""
        y, past = self.early(torch.cat([x.motion, x.ppg], -1), state.past)
        y, last = self.gru(y, state.hidden[None])
        return y, VastState(past, last[0])

    def step(self, x: Reference, state: VastState) -> tuple[Tensor, VastState]:
        hidden, state = self.hidden(x, state)
        batch, ticks, width = hidden.shape
        flat = hidden.reshape(batch * ticks, width)
        code = self.flow(self.mean(flat), flat)
        return code.view(batch, ticks, -1), state

    def posterior(self, x: Reference) -> Posterior:
        """For training: the Gaussian after the whole reference."""
        last = self.hidden(x, self.init_state(len(x.motion)))[0][:, -1]
        return Posterior(self.mean(last), self.log_variance(last).clamp(-6, 3), last)

    def sample(self, q: Posterior) -> Tensor:
        """z_K [B, D] by the reparameterisation trick."""
        if not self.enhanced:
            return q.mean
        z = q.mean + torch.randn_like(q.mean) * (0.5 * q.log_variance).exp()
        code: Tensor = self.flow(z, q.hidden)
        return code


class PooledState(NamedTuple):
    """Memory of the layers and of the pooling."""

    seen: tuple[Seen, ...]
    sums: Tensor  # [B, D] of weight times token
    weights: Tensor  # [B] of weights


class StyleTalkEncoder(StyleEncoder):
    """StyleTalk++ section 3.2, over some columns of the motion. Causal: tokens look back
    `window` ticks; the pooling's softmax runs over all tokens so far."""

    def __init__(
        self, columns: tuple[int, int], size: int = 32, width: int = 48, layers: int = 2,
        heads: int = 4, window: int = 32, hidden: int = 96,
    ) -> None:  # fmt: skip
        super().__init__()
        self.columns = columns  # first, after the last
        self.face, self.head = (size, 0) if columns[0] == 0 else (0, size)
        self.embed = nn.Linear(columns[1] - columns[0], width)
        self.stack = Stack(layers, width, heads, window, hidden)
        self.out = nn.Linear(width, size)
        self.attention = nn.Linear(size, 1, bias=False)  # W_s of Eq. 2

    def init_state(self, batch: int) -> PooledState:
        sums = self.embed.weight.new_zeros(batch, self.out.out_features)
        return PooledState(self.stack.init_state(batch), sums, sums[:, 0])

    def step(self, x: Reference, state: PooledState) -> tuple[Tensor, PooledState]:
        tokens, seen = self.stack(
            self.embed(x.motion[..., self.columns[0] : self.columns[1]]), state.seen
        )
        tokens = self.out(tokens)
        # Bounded, so that the softmax can be a quotient of two running sums.
        weight = (5.0 * (self.attention(tokens) / 5.0).tanh()).exp()
        sums = state.sums[:, None] + (weight * tokens).cumsum(1)
        weights = state.weights[:, None] + weight[..., 0].cumsum(1)
        after = PooledState(seen, sums[:, -1], weights[:, -1])
        return sums / weights[..., None].clamp(min=1e-9), after


class PairState(NamedTuple):
    """Both memories."""

    face: PooledState
    head: PooledState


class StyleTalkPair(StyleEncoder):
    """Separate encoders of expression and head: the code is the one, then the other."""

    def __init__(self, face: int = 32, head: int = 16) -> None:
        super().__init__()
        self.expression = StyleTalkEncoder((0, BLENDSHAPES), face)
        self.movement = StyleTalkEncoder((BLENDSHAPES, MOTION), head, width=32, hidden=64)
        self.face, self.head = face, head

    def init_state(self, batch: int) -> PairState:
        return PairState(self.expression.init_state(batch), self.movement.init_state(batch))

    def step(self, x: Reference, state: PairState) -> tuple[Tensor, PairState]:
        face, one = self.expression.step(x, state.face)
        head, two = self.movement.step(x, state.head)
        return torch.cat([face, head], -1), PairState(one, two)
