"""Causal building blocks with explicit, batch-first state; shared by every trained network."""

import torch
from torch import Tensor, nn


class CausalConv2d(nn.Module):
    """A convolution over time (causal, kernel 3) and frequency (centred, stride 2).

    x [B, C_in, T, F], past [B, C_in, 2, F] -> y [B, C_out, T, F / 2], the newest past.
    """

    PAST = 2

    def __init__(self, inputs: int, outputs: int, bands: int, span: int) -> None:
        super().__init__()
        self.shape = (inputs, self.PAST, bands)
        self.conv = nn.Conv2d(
            inputs, outputs, (self.PAST + 1, span), stride=(1, 2), padding=(0, span // 2)
        )
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def init_state(self, batch: int) -> Tensor:
        return self.conv.weight.new_zeros(batch, *self.shape)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past, x], dim=2)
        return self.conv(joined), joined[:, :, -self.PAST :]


class CausalGRU(nn.Module):
    """One GRU layer: x [B, T, C], h [B, H] -> y [B, T, H], the newest h."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, hidden, batch_first=True)

    def init_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.gru.hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_autocast_enabled("cpu"):
            return self._half(x, h)
        y, last = self.gru(x, h[None])
        return y, last[0]

    def _half(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        # Autocast would convert weights and state again at each of the T steps: twice as slow.
        g = self.gru
        with torch.autocast("cpu", enabled=False):
            half = [w.bfloat16() for w in g.parameters()]
            y, last = torch.gru(
                x.bfloat16(), h[None].bfloat16(), half, True, 1, 0.0, self.training, False, True
            )
        return y, last[0]


class RunningMean(nn.Module):
    """Mean of the past and present with exponential forgetting; zero counts as `prior` steps.

    x [B, T, C], weight [B, T, 1] in [0, 1], sums [B, C + 1] -> mean [B, T, C], the newest sums.
    The last column sums the weights. Both are bounded by 1 / (1 - decay) times their inputs.
    """

    def __init__(self, channels: int, memory: float, prior: float) -> None:
        super().__init__()
        self.channels, self.memory, self.prior = channels, memory, prior  # both in steps

    def init_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.channels + 1)

    def forward(self, x: Tensor, weight: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
        # Time against time as one matrix: exact, of any length, and the same for step and clip.
        moment = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)
        age = moment[:, None] - moment[None, :]
        share = torch.exp(age.clamp(min=0) / -self.memory) * (age >= 0)
        kept = torch.exp((moment + 1) / -self.memory)
        joined = torch.cat([x * weight, weight], dim=2)
        all_sums = share @ joined + kept[:, None] * sums[:, None]
        mean = all_sums[..., :-1] / (all_sums[..., -1:] + self.prior)
        return mean, all_sums[:, -1]


class SequenceDropout(nn.Module):
    """Dropout whose mask is drawn once per sequence: x [B, T, C], one mask [B, 1, C].

    Gal & Ghahramani 2016 ("variational" dropout for recurrent networks, section 4).
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.chance:
            return x
        keep = torch.rand(x.shape[0], 1, x.shape[2]) >= self.chance
        return x * (keep.to(x.dtype) / (1 - self.chance))
