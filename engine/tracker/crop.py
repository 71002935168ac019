"""Turned squares of a picture, sampled bilinearly: what every network of the tracker looks at."""

from typing import NamedTuple

import numpy as np

from engine.frames import F32, U8


class Region(NamedTuple):
    """A square of a picture."""

    x: float  # centre, pixels
    y: float
    size: float  # side, pixels
    roll: float  # radians, clockwise on screen

    def place(self, points: F32) -> F32:
        """Points [N, 2 or 3] in units of the square's side, (0, 0) its corner -> pixels."""
        c, s = np.cos(self.roll), np.sin(self.roll)
        u, v = points[:, 0] - 0.5, points[:, 1] - 0.5
        out = points * np.float32(self.size)
        out[:, 0] = self.x + self.size * (c * u - s * v)
        out[:, 1] = self.y + self.size * (s * u + c * v)
        return np.asarray(out, np.float32)


def crop(rgb: U8, region: Region, side: int, flip: bool = False) -> F32:
    """The square of `rgb` [H, W, 3] as [side, side, 3] float32 in 0..255; black outside.

    `flip`: mirrored left to right.
    """
    rgb, region = _shrink(rgb, region, side)
    height, width = rgb.shape[:2]
    grid = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    u = grid[::-1] if flip else grid
    c, s = region.size * np.cos(region.roll), region.size * np.sin(region.roll)
    # Pixel centres lie at half numbers.
    x = (c * u)[None, :] - (s * grid)[:, None] + np.float32(region.x - 0.5)
    y = (s * u)[None, :] + (c * grid)[:, None] + np.float32(region.y - 0.5)
    # One black pixel all round takes whatever lies outside.
    x = np.clip(x + 1, 0, width + 1).astype(np.float32)
    y = np.clip(y + 1, 0, height + 1).astype(np.float32)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x0, x1 = int(left.min()), int(left.max()) + 2
    y0, y1 = int(top.min()), int(top.max()) + 2
    part = np.zeros((y1 - y0, x1 - x0), np.uint32)
    held = rgb[max(y0 - 1, 0) : y1 - 1, max(x0 - 1, 0) : x1 - 1]
    inner = part[max(1 - y0, 0) :, max(1 - x0, 0) :][: held.shape[0], : held.shape[1]]
    inner[...] = held[..., 0]
    inner |= held[..., 1].astype(np.uint32) << 8
    inner |= held[..., 2].astype(np.uint32) << 16
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    at = (top - y0) * part.shape[1] + (left - x0)
    flat = part.reshape(-1)
    corners = (
        flat.take(at + offset).view(np.uint8).reshape(side, side, 4)[..., :3]
        for offset in (0, 1, part.shape[1], part.shape[1] + 1)
    )
    a, b, d, e = (corner.astype(np.float32) for corner in corners)
    b -= a
    b *= fx
    b += a
    e -= d
    e *= fx
    e += d
    e -= b
    e *= fy
    e += b
    return np.asarray(e, np.float32)


def _shrink(rgb: U8, region: Region, side: int) -> tuple[U8, Region]:
    """Every n-th pixel where the square is more than twice `side`: bilinear reads two anyway."""
    step = int(region.size // (2 * side))
    if step < 2:
        return rgb, region
    half = step // 2
    return rgb[half::step, half::step], Region(
        (region.x - half - 0.5) / step + 0.5,
        (region.y - half - 0.5) / step + 0.5,
        region.size / step,
        region.roll,
    )
