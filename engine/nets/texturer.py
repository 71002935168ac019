"""A page of colours -> neural texture: what a face's picture says beyond its colours.

After StyleAvatar §5.2, where a pix2pix generator makes the neural texture from the RGB texture and
is trained together with the renderer. Here it adds to what the picture gives already, and starts
at nothing.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from engine.nets.fusion import activation
from engine.nets.texture import CHANNELS

WIDTHS = (24, 24, 32, 48)  # at 1/4, 1/8, 1/16, 1/32 of the page


class Texturer(nn.Module):
    """page [1, 4, R, R] in [0, 1], colours and part -> residual of the texture [1, 8, R, R].

    R is a multiple of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        self.stem = nn.Conv2d(64, a, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(x, y, 3, 2, 1) for x, y in ((a, b), (b, c), (c, d)))
        self.lift = nn.ModuleList(nn.Conv2d(x, y, 1) for x, y in ((d, c), (c, b), (b, a)))
        self.join = nn.ModuleList(nn.Conv2d(x, x, 3, padding=1) for x in (c, b, a))
        self.out = nn.Conv2d(a, CHANNELS, 3, padding=1)
        self.act = activation()
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, page: Tensor) -> Tensor:
        y = self.act(self.stem(F.pixel_unshuffle(page - 0.5, 4)))
        kept = [y]
        for layer in self.down:
            y = self.act(layer(y))
            kept.append(y)
        for lift, join, beside in zip(self.lift, self.join, reversed(kept[:-1]), strict=True):
            wide = F.interpolate(lift(y), scale_factor=2.0, mode="nearest")
            y = self.act(join(wide + beside))
        return F.interpolate(self.out(y), scale_factor=4.0, mode="bilinear")
