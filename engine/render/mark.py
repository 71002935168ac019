"""The visible mark of synthetic pictures of real people: a small badge in a corner.

Drawn once per size with Pillow's own font, then blended into every picture of a likeness, whatever
draws it. It says "AI", and "synthetic" where there is room, light on dark so that it reads on any
background.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from engine.face.likeness import Likeness
from engine.frames import U8

U16 = npt.NDArray[np.uint16]

HEIGHT = 0.046  # of the badge, share of the picture's shorter side
LOWEST = 14  # px, what can still be read
INSET = 0.032  # from the edges, share of the shorter side
BROADEST = 0.5  # of the picture's width; a broader badge says "AI" only
_FINE = 4  # drawn so many times larger, then averaged
_PLATE = (22, 18, 34, 168)
_LIGHT = (255, 255, 255, 235)


@dataclass(frozen=True, slots=True)
class Badge:
    """A finished badge and its place."""

    top: int
    left: int
    ink: U16  # [h, w, 3] colour times alpha, 0..255 * 256
    keep: U16  # [h, w, 1] what is left of the picture below, 0..256

    def stamp(self, picture: U8) -> None:
        """Onto RGB [H, W, 3] in place."""
        height, width = self.ink.shape[:2]
        spot = picture[self.top : self.top + height, self.left : self.left + width]
        spot[...] = (spot * self.keep + self.ink) >> 8

    def stamp_clear(self, picture: U8) -> None:
        """Onto RGBA [H, W, 4] whose alpha is not premultiplied, in place."""
        height, width = self.ink.shape[:2]
        spot = picture[self.top : self.top + height, self.left : self.left + width]
        keep = self.keep / np.float32(256)
        below = spot[..., 3:] * keep
        alpha = below + 255 * (1 - keep)
        mixed = (spot[..., :3] * below + self.ink * np.float32(255 / 256)) / np.maximum(alpha, 1)
        spot[..., :3], spot[..., 3:] = np.rint(mixed), np.rint(alpha)


def marked(likeness: Likeness | None, wanted: bool) -> bool:
    """Whether pictures of an avatar bear the badge: those that look like a person do, unless that
    is turned off; drawn characters (no likeness) never do."""
    return wanted and likeness is not None and likeness.mark


@lru_cache(maxsize=32)
def badge(height: int, width: int) -> Badge:
    """The badge of pictures of this size, at the top right, where no call shows a name."""
    side = min(height, width)
    tall = max(LOWEST, round(side * HEIGHT))
    inset = max(2, round(side * INSET))
    image = _drawn(tall, "synthetic")
    if image.width > BROADEST * width:
        image = _drawn(tall, "")
    rgba = np.asarray(image, np.float32)
    alpha = rgba[..., 3:] / 255
    return Badge(
        top=inset,
        left=max(0, width - inset - image.width),
        ink=np.rint(rgba[..., :3] * alpha * 256).astype(np.uint16),
        keep=np.rint((1 - alpha) * 256).astype(np.uint16),
    )


def _drawn(tall: int, word: str) -> Image.Image:
    """The badge as straight RGBA, `tall` px high."""
    high = tall * _FINE
    font = ImageFont.load_default(round(high * 0.6))
    small = ImageFont.load_default(round(high * 0.52))
    pad, gap = round(high * 0.13), round(high * 0.24)
    sign = round(font.getlength("AI") + high * 0.4)  # width of the pictogram
    broad = 2 * pad + sign + (round(small.getlength(word)) + 2 * gap - pad if word else 0)
    broad = -(-broad // _FINE) * _FINE
    image = Image.new("RGBA", (broad, high), _PLATE[:3] + (0,))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, broad - 1, high - 1), high * 0.3, fill=_PLATE)
    pen.rounded_rectangle((pad, pad, pad + sign, high - 1 - pad), high * 0.2, fill=_LIGHT)
    middle = (high - 1) / 2
    dark = _PLATE[:3] + (255,)
    pen.text((pad + sign / 2, middle), "AI", dark, font, anchor="mm", stroke_width=high / 60)
    if word:
        pen.text((pad + sign + gap, middle), word, _LIGHT, small, anchor="lm")
    # Averaged with colour times alpha, so that the plate's edge has no fringe.
    return image.convert("RGBa").reduce(_FINE).convert("RGBA")
