"""What a person's renderer has to beat: the nearest training frame, and one picture warped by the
mesh.

Contract: rivals see what the renderer sees: the Motion, and training pictures.
"""

import numpy as np
from scipy.ndimage import map_coordinates

from engine.face.package import Package
from engine.frames import F32, U8, Motion
from engine.render.grid import Surfaces
from engine.train.neural.backdrop import Bool

_TURN, _SHIFT = 10.0, 0.1  # degrees and head widths that count as much as a weight of 1


class Nearest:
    """The training picture whose motion is nearest."""

    def __init__(self, weights: F32, pose: F32, pictures: U8) -> None:
        """weights [N, 52], pose [N, 6], pictures [N, H, W, 3] of all frames trained on."""
        self._known, self._pictures = rows(weights, pose), pictures

    def picture(self, motion: Motion) -> U8:
        """[H, W, 3] as it is."""
        wanted = rows(motion.weights[None], motion.pose[None])
        return np.asarray(self._pictures[np.square(self._known - wanted).sum(1).argmin()])


class Warped:
    """One picture moved along with the mesh; what the mesh never covers stays."""

    def __init__(self, package: Package, motion: Motion, picture: U8) -> None:
        """`picture` [H, H, 3] shows `motion`."""
        size = len(picture)
        plain = Surfaces(package, np.zeros((len(package.mesh.triangle), 3, 2), np.float32), size)
        plain.trace(motion)
        corners = plain.screen[package.mesh.triangle, :2] / np.float32(size)
        self._surfaces = Surfaces(package, np.clip(corners, 0, 1).astype(np.float32), size)
        self._picture = picture

    def picture(self, motion: Motion, behind: U8, hole: Bool) -> U8:
        """[H, W, 3] of another motion; outside `hole` [H, W] lies `behind`."""
        trace = self._surfaces.trace(motion)
        covered = (trace.coverage > 0.5) & hole
        uv = np.nanmean(np.where(covered[..., None, None], trace.uv, 0.0), axis=2)
        at = [uv[..., 1] * len(uv) - 0.5, uv[..., 0] * len(uv) - 0.5]
        out = np.where(hole[..., None], self._picture, behind)
        for channel in range(3):
            layer = self._picture[..., channel].astype(np.float32)
            moved = map_coordinates(layer, at, order=1, mode="nearest")
            out[..., channel][covered] = np.rint(moved[covered])
        return np.asarray(out, np.uint8)


def rows(weights: F32, pose: F32) -> F32:
    """Motions as points [N, 58] whose distances mean something."""
    scale = np.array([_TURN] * 3 + [_SHIFT] * 3, np.float32)
    return np.concatenate([weights, pose / scale], axis=1).astype(np.float32)
