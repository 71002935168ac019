"""Motion -> Video: the stateless renderer that the whole line calls.

The same motion gives the same bytes, whatever was drawn before. Any motion gives a sane picture:
weights and angles that are no numbers count as at rest, others are held within what a face and a
neck can do (engine.face.muscle.correct, engine.face.camera.limit_pose). Vertices belong to the
instance: share one among the sessions of one thread, not among threads. Picture buffers come from
engine.render.workspace and are shared by all renderers of a size, whichever thread they serve.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.face.background import Transparent
from engine.face.package import Package, load
from engine.frames import F32, U8, Motion, Video
from engine.render.gbuffer import GBuffer, Visibility
from engine.render.mark import badge, marked
from engine.render.setting import Setting
from engine.render.toon import Toon
from engine.render.workspace import Buffers, workspace
from kernels.cache import release
from kernels.i420 import rgb_to_i420

SIZES = (64, 1920)  # px, smallest and largest side
Size = int | tuple[int, int]


def sides(size: Size) -> tuple[int, int]:
    """(width, height) of a size: a number for a square, or both. Raises FrameError."""
    pair = (size, size) if isinstance(size, int) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise FrameError(f"size is {size!r:.60}, expected a number or (width, height)")
    for side in pair:
        if isinstance(side, bool) or not isinstance(side, int | np.integer):
            raise FrameError(f"size is {size!r:.60}, expected whole numbers of pixels")
        if not SIZES[0] <= side <= SIZES[1] or side % 2:
            raise FrameError(
                f"size is {size!r:.60}, expected an even number from {SIZES[0]} to {SIZES[1]}, or "
                "two of them: (width, height)"
            )
    return int(pair[0]), int(pair[1])


class Renderer:
    """Draws one avatar at one size in one setting."""

    def __init__(
        self, package: Package | str | Path, size: Size = 512, setting: Setting | None = None
    ) -> None:
        """`package`: an avatar's name, folder or zip, or a loaded one; `size`: px of a square, or
        (width, height). The vertical angle of view is the avatar's: a wide picture shows more
        background on both sides. Raises FrameError, PackageError."""
        self.width, self.height = sides(size)
        self.package = package if isinstance(package, Package) else load(package)
        self.setting = setting or Setting()
        self._space = workspace(self.height, self.width)
        self._seen = Visibility(self.package, self.height, self.width)
        self._toon = Toon(self.package, self.height, self.width, self.setting)

    @property
    def size(self) -> Size:
        """As given: a number for a square, else (width, height)."""
        return self.width if self.width == self.height else (self.width, self.height)

    def staged(self, setting: Setting) -> "Renderer":
        """The same avatar and size in another setting; mesh and buffers are shared, so use both
        from one thread. Costs the textures if colours change, the backdrop if it does."""
        other = object.__new__(Renderer)
        other.width, other.height, other.package = self.width, self.height, self.package
        other.setting, other._space, other._seen = setting, self._space, self._seen
        other._toon = self._toon.staged(setting)
        return other

    def render(self, motion: Motion) -> Video:
        """One I420 picture; its array is fresh and never touched again."""
        i420 = np.empty((self.height * 3 // 2, self.width), np.uint8)
        with self._space.lend() as buffers:
            self._draw(motion, buffers, buffers.rgb)
            rgb_to_i420(buffers.rgb, i420)
        return Video(motion.start, i420)

    def render_rgb(self, motion: Motion) -> U8:
        """The same picture as RGB [H, W, 3] uint8, before chroma is halved."""
        out = np.empty((self.height, self.width, 3), np.uint8)
        with self._space.lend() as buffers:
            self._draw(motion, buffers, out)
        return out

    def render_rgba(self, motion: Motion) -> U8:
        """RGBA [H, W, 4] uint8, alpha not premultiplied: smooth around the figure of a
        Transparent background, 255 everywhere on any other."""
        out = np.empty((self.height, self.width, 4), np.uint8)
        with self._space.lend() as buffers:
            self._draw(motion, buffers, buffers.rgb, clear=True)
            out[..., :3] = buffers.rgb
            out[..., 3] = 255
            if isinstance(self._toon.background, Transparent):
                self._seen.cut_out(buffers, out)
        if self._marked:
            badge(self.height, self.width).stamp_clear(out)
        return out

    def _draw(self, motion: Motion, buffers: Buffers, out: U8, clear: bool = False) -> None:
        self._seen.draw(motion, buffers, self._toon.light, self.setting.outline)
        self._toon.shade(self._seen, buffers, out, clear)
        release()
        if self._marked and not clear:
            badge(self.height, self.width).stamp(out)

    @property
    def _marked(self) -> bool:
        return marked(self.package.manifest.likeness, self.setting.mark)

    def gbuffer(self, motion: Motion) -> GBuffer:
        """uv, normal, depth and mask for a neural renderer."""
        with self._space.lend() as buffers:
            return self._seen.gbuffer(motion, buffers)

    def vertices(self, motion: Motion) -> F32:
        """World positions [V, 3] in decimetres."""
        return self._seen.figure.vertices(motion)

    def landmarks(self, motion: Motion) -> dict[str, npt.NDArray[np.float32]]:
        """Landmark name -> xyz in decimetres: lips, mouth and eye corners, lids, nose, chin."""
        return self._seen.figure.named(self.vertices(motion))

    def warm(self) -> None:
        """Compile and touch everything, so that the first picture of a session is not late."""
        self.render(Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32)))
