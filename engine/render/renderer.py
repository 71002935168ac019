"""Motion -> Video: the stateless renderer that the whole line calls.

The same motion gives the same bytes, whatever was drawn before. Scratch buffers belong to the
instance: share one among the sessions of one thread, not among threads.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.face.package import Package, load
from engine.frames import F32, U8, Motion, Video
from engine.render.gbuffer import GBuffer, Visibility
from engine.render.setting import Setting
from engine.render.toon import Toon
from kernels.i420 import rgb_to_i420

SIZES = (64, 1024)  # px, smallest and largest


class Renderer:
    """Draws one avatar at one size."""

    def __init__(
        self, package: Package | str | Path, size: int = 512, setting: Setting | None = None
    ) -> None:
        if not isinstance(size, int) or not SIZES[0] <= size <= SIZES[1] or size % 2:
            raise FrameError(
                f"size is {size!r}, expected an even number from {SIZES[0]} to {SIZES[1]}"
            )
        self.package = package if isinstance(package, Package) else load(package)
        self.size = size
        self._seen = Visibility(self.package, size, size)
        self.setting = setting or Setting()
        self._toon = Toon(self.package, size, size, self.setting)
        self._rgb = np.empty((size, size, 3), np.uint8)

    def render(self, motion: Motion) -> Video:
        """One I420 picture; its array is fresh and never touched again."""
        self._draw(motion, self._rgb)
        i420 = np.empty((self.size * 3 // 2, self.size), np.uint8)
        rgb_to_i420(self._rgb, i420)
        return Video(motion.start, i420)

    def render_rgb(self, motion: Motion) -> U8:
        """The same picture as RGB [H, W, 3] uint8, before chroma is halved."""
        out = np.empty_like(self._rgb)
        self._draw(motion, out)
        return out

    def _draw(self, motion: Motion, out: U8) -> None:
        self._seen.draw(motion)
        self._toon.shade(self._seen, out)

    def gbuffer(self, motion: Motion) -> GBuffer:
        """uv, normal, depth and mask for a neural renderer."""
        return self._seen.gbuffer(motion)

    def vertices(self, motion: Motion) -> F32:
        """World positions [V, 3] in decimetres."""
        return self._seen.figure.vertices(motion)

    def landmarks(self, motion: Motion) -> dict[str, npt.NDArray[np.float32]]:
        """Landmark name -> xyz in decimetres: lips, mouth and eye corners, lids, nose, chin."""
        return self._seen.figure.named(self.vertices(motion))

    def warm(self) -> None:
        """Compile and touch everything, so that the first picture of a session is not late."""
        self.render(Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32)))
