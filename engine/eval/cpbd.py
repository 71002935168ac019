"""CPBD: how sharp a picture is to an eye, without the true one.

Definition. Narvekar and Karam, IEEE TIP 20(9), 2011: where a block of 64 x 64 px has edges (more
than .2 % of its pixels), every edge's width w is set against the width that is just noticed as
blur, w_JNB = 5 px at a contrast up to 50 and 3 px above; the blur of the edge is seen with the
probability 1 - exp(-(w / w_JNB)^3.6), and CPBD is the share of edges where that is at most 63 %.
Edges are Sobel's, upright ones, thinned; a width is Marziliano's: from the nearest extremum on the
left to that on the right, along the row. Where the paper leaves a choice (edges above
sqrt(2 sqrt(mean)) of Sobel's response / 8, widths only where the gradient lies within 22.5 degrees
of the row, probabilities rounded to percent), it is taken as the authors' program takes it, for
the papers' figures come from that.
"""

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.frames import F32, U8
from kernels.jit import jit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
BLOCK = 64  # px
_EDGES = 0.002  # share of a block's pixels above which it counts
_BETA = 3.6
_LOW = 50  # contrast, grey levels, up to which edges may be _WIDE
_WIDE, _NARROW = 5.0, 3.0  # px just noticed as blur
_SHARP = 63  # percent
_FARTHEST = 100  # px that an edge's width is followed to either side
_SLANT = float(np.tan(np.radians(22.5)))


def cpbd(gray: U8 | F32) -> float:
    """Sharpness 0..1 of a grey picture [H, W] in 0..255 (engine.eval.ssim.luma); 0 without edges.

    Raises FrameError for a side below BLOCK or a picture with channels.
    """
    if gray.ndim != 2 or min(gray.shape) < BLOCK:
        raise FrameError(f"the picture is {gray.shape}, expected [H, W] of {BLOCK} px or more")
    picture = np.ascontiguousarray(gray, np.float64)
    edges = _edges(picture)
    blurs = _blurs(picture, edges, _widths(picture, edges))
    return float(np.mean(blurs <= _SHARP)) if len(blurs) else 0.0


def _edges(picture: F64) -> npt.NDArray[np.bool_]:
    """Thinned upright edges [H, W] by Sobel's operator; the border repeats the outermost row."""
    padded = np.pad(picture, 1, mode="symmetric")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    strength = ((down[:, 2:] - down[:, :-2]) / 8) ** 2
    strength[strength <= 2 * np.sqrt(strength.mean())] = 0
    held = np.pad(strength, 1)
    across = (strength > held[1:-1, :-2]) & (strength > held[1:-1, 2:])
    along = (strength > held[:-2, 1:-1]) & (strength > held[2:, 1:-1])
    return np.asarray(across | along)


@jit
def _widths(picture: F64, edges: npt.NDArray[np.bool_]) -> I64:
    """Widths [H, W] px of the edges that run across their row, 0 elsewhere."""
    height, width = picture.shape
    out = np.zeros((height, width), np.int64)
    for y in range(1, height - 1):
        row = picture[y]
        for x in range(1, width - 1):
            if not edges[y, x]:
                continue
            across = 0.5 * (row[x + 1] - row[x - 1])
            down = 0.5 * (picture[y + 1, x] - picture[y - 1, x])
            if across != 0 and abs(down) > _SLANT * abs(across):
                continue
            rise = -1.0 if across < 0 else 1.0
            left = right = 1
            while left <= _FARTHEST and x - left - 1 >= 0:
                if rise * (row[x - left] - row[x - left - 1]) <= 0:
                    break
                left += 1
            while right <= _FARTHEST and x + right + 1 < width:
                if rise * (row[x + right + 1] - row[x + right]) <= 0:
                    break
                right += 1
            out[y, x] = left + right
    return out


def _blurs(picture: F64, edges: npt.NDArray[np.bool_], widths: I64) -> F64:
    """Probabilities, in whole percent, that the blur of each counted edge is seen."""
    found = [np.empty(0)]
    for y in range(0, picture.shape[0] - BLOCK + 1, BLOCK):
        for x in range(0, picture.shape[1] - BLOCK + 1, BLOCK):
            block = np.s_[y : y + BLOCK, x : x + BLOCK]
            if np.count_nonzero(edges[block]) > _EDGES * BLOCK**2:
                here = widths[block][widths[block] > 0]
                just = _WIDE if int(np.ptp(picture[block])) <= _LOW else _NARROW
                found.append(np.rint(100 * (1 - np.exp(-((here / just) ** _BETA)))))
    return np.concatenate(found)
