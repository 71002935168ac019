"""The eroded background: what lies behind a person, with the face's surroundings taken out.

Method: VAST supplement §2. A network that sees the picture behind paints only what moves; the face
is widened before it is removed, so that nothing of its expression is left at the edge.
Contract: the hole is the convex hull of some projected vertices, widened; it follows the mesh, so
it is the same in training and live.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from engine.errors import PackageError
from engine.frames import F32, U8

WIDEST = 0.5  # of the picture's side
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Erosion:
    """Which part of the picture behind is taken out."""

    vertices: tuple[int, ...]  # of the mesh, whose hull is the face
    widen: float  # share of the picture's shorter side by which the hull grows

    def __post_init__(self) -> None:
        if len(self.vertices) < 3 or not 0 <= self.widen <= WIDEST:
            raise PackageError(
                f"erode has {len(self.vertices)} vertices and widen {self.widen!r:.20}, expected 3 "
                f"or more and 0 to {WIDEST}"
            )

    def hole(self, screen: F32, height: int, width: int) -> Bool:
        """Projected vertices [V, 2 or 3] in pixels of the grid -> [height, width] removed."""
        corners = hull(np.asarray(screen[list(self.vertices), :2], np.float64))
        if len(corners) < 3:  # seen from the side, or all in one place
            corners = np.resize(corners, (3, 2))
        line = [(float(x), float(y)) for x, y in corners - 0.5]  # Pillow counts from pixel centres
        canvas = Image.new("1", (width, height))
        pen, reach = ImageDraw.Draw(canvas), self.widen * min(width, height)
        pen.polygon(line, fill=1)
        pen.line([*line, line[0]], fill=1, width=max(round(2 * reach), 1))
        for x, y in line:
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=1)
        return np.asarray(canvas, bool)

    def erode(self, background: U8 | F32, screen: F32) -> U8 | F32:
        """A picture behind [H, W, 3] of the grid -> the same with 0 where the face may be."""
        out = background.copy()
        out[self.hole(screen, *background.shape[:2])] = 0
        return out


def hull(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The corners [K, 2] of the convex hull of points [N, 2], in order (monotone chain)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered)
    return np.array(_half(ordered) + _half(ordered[::-1]))


def _half(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """One side of the hull without its last point."""
    chain: list[tuple[float, float]] = []
    for x, y in ordered:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain[:-1]
