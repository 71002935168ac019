"""What lies behind a person in a whole video: one still picture, the face's place filled in.

Contract: pixels that some frame shows free of the face's surroundings come from such frames; the
others are filled smoothly from their rim and are never drawn unless the head moves far.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

from engine.frames import U8

Bool = npt.NDArray[np.bool_]
_MOST = 48  # pictures that a median is taken of
_RIM = 3.0  # px over which what is filled in is blurred


def backdrop(main: tuple[U8, Bool], others: Iterable[tuple[U8, Bool]]) -> U8:
    """`main`: the picture [H, W, 3] to keep and its hole [H, W]; `others`: more of them, from which
    the hole is filled where they are free."""
    picture, hole = main
    out, left = picture.copy(), hole.copy()
    pile = [pair for pair, _ in zip(others, range(_MOST), strict=False)]
    if pile:
        pictures = np.array([p for p, _ in pile], np.float32)
        covered = np.array([h for _, h in pile])
        pictures[covered] = np.nan
        free = left & ~covered.all(0)
        out[free] = np.rint(np.nanmedian(pictures[:, free], axis=0)).astype(np.uint8)
        left &= ~free
    return filled(out, left)


def filled(picture: U8, hole: Bool) -> U8:
    """The hole [H, W] of a picture takes the colours of its rim, blurred the deeper it is."""
    if not hole.any() or hole.all():
        return picture.copy()
    deep, nearest = distance_transform_edt(hole, return_indices=True)
    spread = picture[tuple(nearest)].astype(np.float32)
    for blur in (_RIM, 3 * _RIM, 9 * _RIM):
        soft = gaussian_filter(spread, (blur, blur, 0))
        spread[deep > blur / 2] = soft[deep > blur / 2]
    out = picture.copy()
    out[hole] = np.rint(spread[hole]).astype(np.uint8)
    return out
