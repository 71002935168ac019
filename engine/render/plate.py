"""The eroded background: what lies behind a person, with the face's surroundings taken out.

Method: VAST supplement §2. A network that sees the picture behind paints only what moves; the face
is widened before it is removed, so that nothing of its expression is left at the edge.
Contract: the hole is the convex hull of some projected vertices, widened; it follows the mesh, so
it is the same in training and live.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from engine.face.learned import Erode
from engine.frames import F32

Bool = npt.NDArray[np.bool_]


def opening(erode: Erode, screen: F32, height: int, width: int) -> Bool:
    """Projected vertices [V, 2 or 3] in pixels of the grid -> [height, width] taken out."""
    corners = hull(np.asarray(screen[list(erode.vertices), :2], np.float64))
    if len(corners) < 3:  # seen from the side, or all in one place
        corners = np.resize(corners, (3, 2))
    line = [(float(x), float(y)) for x, y in corners - 0.5]  # Pillow counts from pixel centres
    canvas = Image.new("1", (width, height))
    pen, reach = ImageDraw.Draw(canvas), erode.widen * min(width, height)
    pen.polygon(line, fill=1)
    pen.line([*line, line[0]], fill=1, width=max(round(2 * reach), 1))
    for x, y in line:
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=1)
    return np.asarray(canvas, bool)


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
