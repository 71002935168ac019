"""Motion -> what a neural renderer reads of the mesh, on its grid.

A network knows hair and lashes at the scale it was trained at, so it sees every picture at that
one: the grid's shorter side is 256 px whatever the picture's is, and its longer one as much more,
rounded up to what a network can halve four times. Grid and picture see through one camera and share
their middle; what a network paints, on the grid or at twice its size, is resized to the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.face.package import Package
from engine.frames import F32, Motion
from engine.render.gbuffer import Visibility
from engine.render.workspace import Buffers, workspace
from kernels.raster import EMPTY, triangle_of
from kernels.texture import PLANES, sample, spread, surfaces

STEP = 16  # px: a network halves its input four times
SIDE = 256  # px of the grid's shorter side; pictures no larger are drawn without enlarging
WIDEST = 512  # px: no figure reaches farther; beyond there is background only
_VIEWER = (0.0, 0.0, 1.0)  # the light matters to outlines only, which are not drawn


def shrink(width: int, height: int) -> int:
    """How much larger than its grid a picture is asked of the network: 1 or 2."""
    return 1 if min(width, height) <= SIDE else 2


def grid(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the grid on which a network draws a picture of this size."""
    scale = SIDE / min(width, height)
    across, down = (min(rounded(math.ceil(side * scale)), WIDEST) for side in (width, height))
    return across, down


def rounded(side: int) -> int:
    """A grid's side for `side` pixels of it that show."""
    return -(-side // STEP) * STEP


@dataclass(frozen=True, slots=True)
class Trace:
    """One motion on the grid [h, w]: what training keeps, before any texture is read. Means are
    over the samples that something covers; all 0 outside, if not said otherwise."""

    uv: F32  # [h, w, 4, 2] place in the atlas of each sample, NaN outside; equal where read once
    normal: F32  # [h, w, 3] view space; shorter than 1 on edges
    depth: F32  # [h, w] between the camera's nearest (0) and farthest (1)
    coverage: F32  # [h, w] share of the samples that something covers
    triangle: npt.NDArray[np.int32]  # [h, w] the package's, nearest to the viewer; -1 outside


class Surfaces:
    """Draws a package's mesh on a grid; owns vertices and image: one thread at a time."""

    def __init__(self, package: Package, corner_uv: F32, size: int | tuple[int, int]) -> None:
        """`corner_uv` [F, 3, 2]: of engine.render.atlas; `size`: pixels of the grid that show, a
        number for a square or (width, height)."""
        width, height = (size, size) if isinstance(size, int) else size
        self.shape = rounded(height), rounded(width)
        self._seen = Visibility(package, height, width)
        self.figure = self._seen.figure
        self._corners = np.ascontiguousarray(corner_uv[self._seen.source], np.float32)
        self._space = workspace(*self.shape)
        self._uv = np.empty((*self.shape, 4, 2), np.float32)
        self._level = np.empty(self.shape, np.uint8)
        self._queue = np.empty(self._level.size, np.int32)
        self._pixels: F32 = np.zeros((*self.shape, PLANES), np.float32)
        # In the order of a network's dimensions, in memory as its convolutions read it.
        self.image: F32 = np.moveaxis(self._pixels, 2, 0)

    @property
    def screen(self) -> F32:
        """The vertices [V, 3] of the motion drawn last, in pixels of the grid."""
        return self._seen.screen[: len(self._seen.normals)]

    def _resolve(self, motion: Motion, buffers: Buffers) -> None:
        seen = self._seen
        seen.draw(motion, buffers, _VIEWER, outline=0)
        surfaces(
            buffers.keys, seen.screen, seen.triangles, seen.normals, self._corners, self._uv,
            self._pixels,
        )  # fmt: skip

    def draw(self, motion: Motion, texture: F32) -> F32:
        """Fill planes 0:13 of `image` [16, h, w] from a neural texture [R, R, 8] and return it; it
        is overwritten by the next motion. Planes 13:16 are the caller's. Its channels lie side by
        side in memory."""
        with self._space.lend() as buffers:
            self._resolve(motion, buffers)
        sample(self._uv, texture, self._pixels)
        spread(self._pixels, self._level, self._queue)
        return self.image

    def trace(self, motion: Motion) -> Trace:
        """The same without a texture, in fresh arrays."""
        with self._space.lend() as buffers:
            self._resolve(motion, buffers)
            nearest = buffers.keys.min(2)
        found = self._seen.source[np.where(nearest == EMPTY, 0, triangle_of(nearest))]
        return Trace(
            self._uv.copy(),
            self._pixels[..., 8:11].copy(),
            self.image[11].copy(),
            self.image[12].copy(),
            np.where(nearest == EMPTY, -1, found).astype(np.int32),
        )
