"""The eroded background: what lies behind a person, with the face's surroundings taken out.

Method: VAST supplement §2. A network that sees the picture behind paints only what moves; the face
is widened before it is removed, so that nothing of its expression is left at the edge. The hole is
filled smoothly from its rim: a network that starts there has no black edge to cancel, which it
would do a little differently in every picture.
Contract: the hole is the convex hull of some projected vertices, widened; it follows the mesh, so
it is the same in training and live. Its edge is soft inwards: outside nothing is drawn.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from engine.face.learned import Erode
from engine.frames import F32

Bool = npt.NDArray[np.bool_]
_STEPS = 4  # of the edge's softness
_STEP = 1 / 256  # of the shorter side: how much narrower the hole is at each
_FIRM = 0.25  # places of which less is known take the colour of a coarser level


def veil(erode: Erode, screen: F32, height: int, width: int) -> F32:
    """[height, width] share of what is drawn, in quarters: 0 outside the hole, 1 inside but for a
    soft edge of three pixels of a grid of 256."""
    narrower = (replace(erode, widen=max(erode.widen - k * _STEP, 0)) for k in range(_STEPS))
    total = sum(opening(one, screen, height, width).astype(np.float32) for one in narrower)
    return np.asarray(total / np.float32(_STEPS), np.float32)


def softened(met: Bool) -> F32:
    """Means of 3 x 3 places of where the mesh is [H, W]: an edge that moves by a tenth of a pixel
    shall not flip a whole one. Beyond the picture its border goes on."""
    x = np.pad(met, 1, "edge").astype(np.float32)
    rows = x[:-2] + x[1:-1] + x[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9), np.float32)


def filled(picture: F32, hole: Bool) -> F32:
    """Fill the hole [H, W] of a picture [3, H, W] from its rim, smoother the deeper it is.

    Sums of 2 x 2 places, level by level, until all is known; then back, bilinearly. A hole that is
    the whole picture has no rim: it takes the picture's mean colour.
    """
    if hole.all():
        mean = picture.mean((1, 2), keepdims=True)
        return np.asarray(np.broadcast_to(mean, picture.shape), np.float32).copy()
    known = (~hole).astype(np.float32)
    around = _fill(picture * known, known)
    return np.asarray(np.where(hole, around, picture), np.float32)


def _fill(sums: F32, known: F32) -> F32:
    """sums [3, h, w] of the known places' values, their share `known` [h, w] -> values."""
    if min(known.shape) == 1 or known.min() >= _FIRM:
        return np.asarray(sums / np.maximum(known, np.float32(1e-6)), np.float32)
    coarse = _twice(_fill(_halved(sums), _halved(known[None])[0]))
    coarse = coarse[:, : known.shape[0], : known.shape[1]]
    share = np.minimum(known / np.float32(_FIRM), 1)
    own = sums / np.maximum(known, np.float32(1e-6))
    return np.asarray(coarse + share * (own - coarse), np.float32)


def _halved(x: F32) -> F32:
    """Means of 2 x 2 places [C, h, w]; beyond an odd edge there is nothing."""
    odd = [(0, side % 2) for side in x.shape[1:]]
    if any(more for _, more in odd):
        x = np.pad(x, [(0, 0), *odd])
    rows = x[:, ::2] + x[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25), np.float32)


def _twice(x: F32) -> F32:
    """Bilinear [C, h, w] -> [C, 2 h, 2 w]."""
    for axis in (1, 2):
        size = x.shape[axis]
        before = x.take(np.maximum(np.arange(size) - 1, 0), axis)
        after = x.take(np.minimum(np.arange(size) + 1, size - 1), axis)
        both = np.stack([x * 0.75 + before * 0.25, x * 0.75 + after * 0.25], axis + 1)
        x = both.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
    return np.asarray(x, np.float32)


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
