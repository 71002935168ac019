"""The renderer's network: sampled texture, normals, depth, coverage -> RGB and alpha.

A U-Net over the G-buffer (VAST supplement §2; StyleAvatar §5.2) made for one CPU core: only its two
ends work at full resolution, as 2 x 2 convolutions; nothing is normalised; and what the G-buffer
already says is passed on: colour = the first three channels of the texture + a residual, alpha =
coverage + a residual. Fresh weights therefore draw the plain texture.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import WeightsError
from engine.nets.fusion import ConvGRU, Fusion, PPGEncoder, activation

INPUTS = 16  # channels of the image
COVERAGE = 12  # its channel with the coverage
STRIDE = 16  # the grid's sides are multiples of it
_SKIP = (0, 1, 2, COVERAGE)  # channels of the image that RGB and alpha start from


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Shape of the network; travels in the graph's metadata."""

    size: str = "small"
    widths: tuple[int, int, int, int] = (16, 24, 32, 64)  # at 1/2, 1/4, 1/8, 1/16 of the grid
    code: int = 32  # channels of the encoded PPG
    detail: int = 8  # channels of the x2 head, at full resolution; 0: no such head
    hidden: int = 0  # channels of the recurrent map; 0: stateless

    @classmethod
    def of(cls, size: str, x2: bool = True, recurrent: bool = False) -> "UNetConfig":
        """The shipped sizes, "small" and "large". Raises WeightsError for another name."""
        if size not in ("small", "large"):
            raise WeightsError(f"renderer size {size!r} is unknown, expected small or large")
        small = size == "small"
        return cls(
            size=size,
            widths=(16, 24, 32, 64) if small else (32, 40, 64, 96),
            code=32 if small else 48,
            detail=(8 if small else 12) if x2 else 0,
            hidden=(32 if small else 48) if recurrent else 0,
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "UNetConfig":
        return cls(**{**data, "widths": tuple(data["widths"])})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "widths": list(self.widths)}


class UNet(nn.Module):
    """image [B, 16, gh, gw], ppg [B, 40, 8], hidden -> rgba [B, 4, gh, gw], its double, hidden.

    Channels of the image: 0:8 sampled texture, 8:11 normal, 11 depth, 12 coverage, 13:16 eroded
    background. gh and gw are multiples of 16. RGB is straight; all outputs are in [0, 1].
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.stem = nn.Conv2d(INPUTS, a, 2, 2)
        self.down1 = nn.Conv2d(a, b, 3, 2, 1)
        self.same1 = nn.Conv2d(b, b, 3, padding=1)
        self.down2 = nn.Conv2d(b, c, 3, 2, 1)
        self.same2 = nn.Conv2d(c, c, 3, padding=1)
        self.down3 = nn.Conv2d(c, d, 3, 2, 1)
        self.ears = PPGEncoder(config.code)
        self.fusion = Fusion(d, config.code)
        if config.hidden:
            self.memory = ConvGRU(d, config.hidden)
        self.lift2, self.join2 = nn.Conv2d(d, c, 1), nn.Conv2d(c, c, 3, padding=1)
        self.lift1, self.join1 = nn.Conv2d(c, b, 1), nn.Conv2d(b, b, 3, padding=1)
        self.lift0, self.join0 = nn.Conv2d(b, a, 1), nn.Conv2d(a, a, 3, padding=1)
        self.out = nn.Conv2d(a, 16, 1)
        self.near = nn.Conv2d(INPUTS, 16, 2, 2, bias=False)
        if config.detail:
            self.fine = nn.Conv2d(a, 4 * config.detail, 3, padding=1)
            self.grain = nn.Conv2d(config.detail, 16, 3, padding=1)
            self.spread = nn.Conv2d(4, 16, 3, bias=False)
        self.act = activation()
        self._start()

    def _start(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.1, nonlinearity="leaky_relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        # The residuals start at nothing: the first picture is the texture itself.
        for name, layer in self.named_modules():
            if name in ("out", "grain", "memory.back"):
                assert isinstance(layer, nn.Conv2d)
                nn.init.zeros_(layer.weight)
        with torch.no_grad():
            self.near.weight.copy_(_passing())
            if self.config.detail:
                self.spread.weight.copy_(_bilinear())

    def init_hidden(self, image: Tensor) -> Tensor:
        """Nothing remembered: zeros [B, hidden, gh / 16, gw / 16] for a picture like `image`."""
        height, width = image.shape[-2] // STRIDE, image.shape[-1] // STRIDE
        return image.new_zeros(image.shape[0], self.config.hidden, height, width)

    def forward(
        self, image: Tensor, ppg: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        x0 = self.act(self.stem(image))
        x1 = self.act(self.same1(self.act(self.down1(x0))))
        x2 = self.act(self.same2(self.act(self.down2(x1))))
        y = self.fusion(self.act(self.down3(x2)), self.ears(ppg))
        if self.config.hidden:
            y, hidden = self.memory(y, self.init_hidden(image) if hidden is None else hidden)
        y = self.act(self.join2(_twice(self.lift2(y)) + x2))
        y = self.act(self.join1(_twice(self.lift1(y)) + x1))
        y = self.act(self.join0(_twice(self.lift0(y)) + x0))
        plain = F.pixel_shuffle(self.out(y) + self.near(image), 2)
        double = None
        if self.config.detail:
            # At full resolution sub-pixels see their neighbours, at half they would not.
            fine = F.pixel_shuffle(self.act(self.fine(y)), 2)
            around = F.pad(plain, (1, 1, 1, 1), mode="replicate")
            double = _clamp(F.pixel_shuffle(self.spread(around) + self.grain(fine), 2))
        return _clamp(plain), double, hidden


def _twice(x: Tensor) -> Tensor:
    # Nearest and a 3 x 3 convolution behind it: no checkerboards, unlike a transposed convolution.
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _passing() -> Tensor:
    """[16, 16, 2, 2]: a 2 x 2 convolution that, with a pixel shuffle, passes `_SKIP` on."""
    weight = torch.zeros(16, INPUTS, 2, 2)
    for i, channel in enumerate(_SKIP):
        for place in range(4):
            weight[4 * i + place, channel, place // 2, place % 2] = 1
    return weight


def _bilinear() -> Tensor:
    """[16, 4, 3, 3]: a 3 x 3 convolution that, with a pixel shuffle, doubles bilinearly."""
    taps = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])
    weight = torch.zeros(16, 4, 3, 3)
    for channel in range(4):
        for place in range(4):
            weight[4 * channel + place, channel] = torch.outer(taps[place // 2], taps[place % 2])
    return weight


class _Clamp(torch.autograd.Function):
    """Clamp to [0, 1] that lets through the gradients that lead back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        out = ((x > 1) & (gradient < 0)) | ((x < 0) & (gradient > 0))
        return gradient.masked_fill(out, 0)


def _clamp(x: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return x.clamp(0, 1)
    clamped: Tensor = _Clamp.apply(x)  # type: ignore[no-untyped-call]
    return clamped
