"""Variety made on log-mel rows while training: another vocal tract, room, microphone and company.

Contract: `distort` maps crops [B, T, 160] of natural-log mel power to crops of the same shape in
which every label stays true. Sums of sounds are sums of power, and the floor stays where it is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.audio.mel import BANDS, FLOOR, HIGH_HZ, LOW_HZ


@dataclass(frozen=True, slots=True)
class Distortion:
    """Chances and ranges; ratios in dB, times in frames of 10 ms unless named."""

    warp: float = 0.12  # of the frequency axis: the length of the vocal tract
    curve: float = 0.45  # nepers of power at each of `knots` points over the bands
    knots: int = 6
    tilt: float = 0.7
    gain: float = 0.7
    room_chance: float = 0.35
    rt60_s: tuple[float, float] = (0.1, 0.7)
    direct_db: tuple[float, float] = (-3.0, 14.0)
    babble_chance: float = 0.25
    babble_db: tuple[float, float] = (4.0, 30.0)
    noise_chance: float = 0.55
    noise_db: tuple[float, float] = (0.0, 30.0)
    grain: float = 0.15  # of normal noise on every value
    band_masks: int = 2
    band_mask: int = 16  # bands at most
    moment_masks: int = 2
    moment_mask: int = 5  # rows at most


_FRAMES_PER_S = 100.0


class Distorter:
    """Draws one distortion a crop."""

    def __init__(self, distortion: Distortion, generator: torch.Generator) -> None:
        self.d = distortion
        self.random = generator

    def __call__(self, x: Tensor) -> Tensor:
        """x [B, T, 160] -> the same shape."""
        batch, steps, _ = x.shape
        frames = x.reshape(batch, 2 * steps, BANDS)
        power = (torch.exp(self._warped(frames)) - FLOOR).clamp_(min=0)
        power = self._room(power) * self._filter(batch)
        power = power + self._babble(power) + self._noise(power)
        power = power * torch.exp(self._normal(batch, 1, 1) * self.d.gain)
        frames = torch.log(power + FLOOR)
        frames = frames + self._normal(*frames.shape) * self.d.grain
        return self._masked(frames.reshape(batch, steps, 2 * BANDS))

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.random) * (high - low) + low

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random)

    def _chosen(self, chance: float, batch: int) -> Tensor:
        return (torch.rand(batch, 1, 1, generator=self.random) < chance).float()

    def _warped(self, frames: Tensor) -> Tensor:
        """Bands read at `factor` times their frequency."""
        batch = len(frames)
        mel_low, mel_high = _mel(torch.tensor([LOW_HZ, HIGH_HZ]))
        band = (mel_high - mel_low) / (BANDS + 1)
        centres = mel_low + band * torch.arange(1, BANDS + 1)
        hz = 700.0 * (10.0 ** (centres / 2595.0) - 1.0)
        factor = torch.exp(self._uniform(-self.d.warp, self.d.warp, batch, 1))
        place = ((_mel(hz * factor) - mel_low) / band - 1.0).clamp(0, BANDS - 1)
        # [B, from, to]: a triangle one band wide around the place that is read.
        reach = 1.0 - (torch.arange(BANDS)[None, :, None] - place[:, None, :]).abs()
        warped: Tensor = frames @ reach.clamp_(min=0)
        return warped

    def _room(self, power: Tensor) -> Tensor:
        """Adds an exponentially falling tail to some crops."""
        batch, length, _ = power.shape
        rt60 = self._uniform(*self.d.rt60_s, batch, 1, 1)
        fall = 6.0 * 2.302585 / (rt60 * _FRAMES_PER_S)  # of the power, per frame
        moment = torch.arange(length)
        age = (moment[:, None] - moment[None, :]).float()[None]
        tail = torch.exp(-fall * age.clamp(min=1)) * (age >= 1)
        direct = 10 ** (-self._uniform(*self.d.direct_db, batch, 1, 1) / 10)
        gain = direct * fall * self._chosen(self.d.room_chance, batch)
        wet = gain[:, 0, 0].nonzero()[:, 0]
        if not len(wet):
            return power
        out = power.clone()
        out[wet] += gain[wet] * (tail[wet] @ power[wet])
        return out

    def _filter(self, batch: int) -> Tensor:
        """Microphone and distance: a smooth curve and a tilt over the bands."""
        knots = self._normal(batch, 1, self.d.knots) * self.d.curve
        curve = functional.interpolate(knots, BANDS, mode="linear", align_corners=True)
        tilt = self._normal(batch, 1, 1) * self.d.tilt * torch.linspace(-1, 1, BANDS)
        return torch.exp(curve + tilt)

    def _ratio(self, power: Tensor, other: Tensor, decibels: tuple[float, float]) -> Tensor:
        """What `other` is multiplied by to lie so far below `power`."""
        batch = len(power)
        level = power.mean(dim=(1, 2), keepdim=True)
        theirs = other.mean(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        return level / theirs * 10 ** (-self._uniform(*decibels, batch, 1, 1) / 10)

    def _babble(self, power: Tensor) -> Tensor:
        """Another crop of the batch, further away."""
        other = power[torch.randperm(len(power), generator=self.random)]
        chosen = self._chosen(self.d.babble_chance, len(power))
        return chosen * self._ratio(power, other, self.d.babble_db) * other

    def _noise(self, power: Tensor) -> Tensor:
        """Steady noise with a smooth random spectrum; power of a Gaussian sound."""
        batch, length, _ = power.shape
        other = self._filter(batch) * torch.exp(
            self._normal(batch, 1, 1) * 1.5 * torch.linspace(1, -1, BANDS)
        )
        # A band holds a few independent bins, so its power scatters by about a third.
        other = other * torch.exp(0.33 * self._normal(batch, length, BANDS))
        chosen = self._chosen(self.d.noise_chance, batch)
        return chosen * self._ratio(power, other, self.d.noise_db) * other

    def _masked(self, x: Tensor) -> Tensor:
        """Hides bands and moments behind the crop's own average (Park et al. 2019)."""
        batch, steps, _ = x.shape
        hidden = torch.zeros(batch, steps, BANDS, dtype=torch.bool)
        band, moment = torch.arange(BANDS)[None], torch.arange(steps)[None]
        for _ in range(self.d.band_masks):
            hidden |= self._span(band, self.d.band_mask, batch)[:, None]
        for _ in range(self.d.moment_masks):
            hidden |= self._span(moment, self.d.moment_mask, batch)[:, :, None]
        return torch.where(torch.cat([hidden, hidden], 2), x.mean(dim=1, keepdim=True), x)

    def _span(self, places: Tensor, longest: int, batch: int) -> Tensor:
        first = torch.randint(0, places.shape[1], (batch, 1), generator=self.random)
        size = torch.randint(0, longest + 1, (batch, 1), generator=self.random)
        return (places >= first) & (places < first + size)


def _mel(hz: Tensor) -> Tensor:
    return 2595.0 * torch.log10(1.0 + hz / 700.0)
