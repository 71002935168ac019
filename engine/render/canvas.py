"""A network's answer -> the picture: resized about the middle, laid over a background or cut out.

Contract: where grid and picture have one scale, the answer's pixels are taken as they are.
"""

import numpy as np

from engine.frames import F32, U8
from kernels.resize import across, lay, lift, taps
from kernels.texture import composite, cut_out


class Canvas:
    """From one grid to one size; owns a buffer: one thread at a time."""

    def __init__(self, rows: int, columns: int, scale: int, height: int, width: int) -> None:
        """Grid [rows, columns], `scale`: the answer's pixels per pixel of it, picture [height,
        width]."""
        rows, columns = scale * rows, scale * columns
        step = min(rows, columns) / min(height, width)
        self._place = None
        if step == 1 and rows >= height and columns >= width:
            top, left = (rows - height) // 2, (columns - width) // 2
            self._place = np.s_[top : top + height, left : left + width]
            return
        self._across, self._down = taps(columns, width, step), taps(rows, height, step)
        self._rows = np.empty((rows, 4, width), np.float32)
        self._span = np.empty((rows, 2), np.int64)

    def lay(self, rgba: F32, background: U8, out: U8) -> None:
        """rgba [h, w, 4], not premultiplied, over a background [H, W, 3] -> out [H, W, 3]."""
        if self._place is not None:
            composite(rgba[self._place], background, out)
            return
        across(rgba, *self._across, self._rows, self._span)
        lay(self._rows, self._span, *self._down, background, out)

    def lift(self, rgba: F32, out: U8) -> None:
        """rgba [h, w, 4] -> out [H, W, 4], not premultiplied."""
        if self._place is not None:
            cut_out(rgba[self._place], out)
            return
        across(rgba, *self._across, self._rows, self._span)
        lift(self._rows, self._span, *self._down, out)
