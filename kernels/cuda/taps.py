"""How resize.cu reads an axis: the taps of kernels.resize by tap, and what a tile needs of them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.resize import taps

WIDE, TALL = 32, 16  # pixels of a tile
MULTIPLE = 8  # places of a row that are read together, at least in the narrowest type


class Axis(NamedTuple):
    """One axis of a picture that is resized."""

    first: npt.NDArray[np.int32]  # [pixels] first of the places that a pixel is a mean of
    weight: npt.NDArray[np.float32]  # [K, pixels]
    most: int  # places that a tile needs at most, from a multiple of MULTIPLE to one


def axis(source: int, pixels: int, step: float, tile: int) -> Axis:
    """`pixels` of `source` places that are `step` apart, `tile` of them to a block."""
    first, weight = taps(source, pixels, step)
    begin = first[::tile] // MULTIPLE * MULTIPLE
    end = first[np.minimum(np.arange(tile - 1, pixels + tile - 1, tile), pixels - 1)]
    places = (end + weight.shape[1] - begin).max()
    return Axis(
        first.astype(np.int32),
        np.ascontiguousarray(weight.T),
        int(-(-places // MULTIPLE) * MULTIPLE),
    )
