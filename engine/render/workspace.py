"""Scratch buffers of a picture, one set per size, lent for the time of one picture.

Renderers of one size share a pool: a second avatar costs its mesh and its colours, not another set
of buffers. A set is taken out of the pool while a picture is drawn, so pictures drawn at the same
time never meet in one. Sizes that no Renderer uses any more are forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

import numpy as np

from engine.frames import U8
from kernels.fragment import casters, room
from kernels.raster import empty, tiles_of

KEPT = 2  # sets that a size keeps while none is in use


class Buffers:
    """What drawing one picture overwrites."""

    def __init__(self, height: int, width: int) -> None:
        self.keys = empty(height, width)
        self.tiles = tiles_of(height, width)
        self.room = room(height, width)
        self.casters = casters(height, width)
        self.rgb: U8 = np.empty((height, width, 3), np.uint8)


class Workspace:
    """The sets of buffers of one size [height, width]."""

    def __init__(self, height: int, width: int) -> None:
        self._shape = height, width
        self._free: list[Buffers] = []

    @contextmanager
    def lend(self) -> Iterator[Buffers]:
        """A set of buffers, until the block ends."""
        try:
            taken = self._free.pop()  # one step for the interpreter: no lock is needed
        except IndexError:
            taken = Buffers(*self._shape)
        try:
            yield taken
        finally:
            if len(self._free) < KEPT:
                self._free.append(taken)


_SPACES: WeakValueDictionary[tuple[int, int], Workspace] = WeakValueDictionary()


def workspace(height: int, width: int) -> Workspace:
    """The workspace that all renderers of this size share."""
    return _SPACES.setdefault((height, width), Workspace(height, width))
