"""A head upright in a square, in OKLab, with its landmarks: what colours are read from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from engine.face.palette import oklab
from engine.frames import F32, U8
from engine.tracker.crop import Region, crop
from engine.train.bust import F64

SIDE = 384  # px of the square
Mask = npt.NDArray[np.bool_]
_WIDE = 2.1  # the square's side over the face's height, room for hair and shoulders


@dataclass(frozen=True, slots=True)
class Portrait:
    """A head upright in a square."""

    lab: F64  # [SIDE, SIDE, 3] OKLab
    points: F32  # [478, 2] landmarks in its pixels
    inside: Mask  # [SIDE, SIDE] where the picture has pixels

    @classmethod
    def of(cls, rgb: U8, points: F32) -> "Portrait":
        """Cut out of a picture [H, W, 3] with landmarks [478, 3]."""
        across, up = points[263, :2] - points[33, :2], points[10, :2] - points[152, :2]
        centre = points[[10, 152], :2].mean(0)
        tall = float(np.linalg.norm(up))
        roll = float(np.arctan2(across[1], across[0]))
        region = Region(float(centre[0]), float(centre[1]), _WIDE * tall, roll)
        picture = crop(rgb, region, SIDE)
        inside = crop(np.full_like(rgb, 255), region, SIDE)[..., 0] > 250
        c, s = np.cos(roll), np.sin(roll)
        offset = (points[:, :2] - centre) / region.size
        placed = np.stack([c * offset[:, 0] + s * offset[:, 1],
                           c * offset[:, 1] - s * offset[:, 0]], 1)  # fmt: skip
        return cls(oklab(picture / 255.0), ((placed + 0.5) * SIDE).astype(np.float32), inside)

    @property
    def tall(self) -> float:
        """Pixels from the top of the landmarks to the chin."""
        return float(np.linalg.norm(self.points[10] - self.points[152]))

    def area(self, rows: tuple[int, ...]) -> Mask:
        """Pixels inside a polygon of landmarks."""
        return self.polygon(self.points[list(rows)])

    def polygon(self, corners: npt.NDArray[np.floating]) -> Mask:
        """Pixels inside a polygon [N, 2]."""
        picture = Image.new("1", (SIDE, SIDE))
        ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in corners], fill=1)
        return np.asarray(picture, bool) & self.inside


def robust(pixels: F64, low: float, high: float) -> F64:
    """Median [3] of the pixels [N, 3] between two shares of lightness."""
    light = pixels[:, 0]
    a, b = np.quantile(light, [low, high])
    return np.asarray(np.median(pixels[(light >= a) & (light <= b)], axis=0))
