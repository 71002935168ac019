"""The head under the hair: how far skin and a smooth hull lie from the skull's centre, and where.

Directions are (azimuth, elevation) in degrees seen from the skull's centre: azimuth 0 in front,
+90 the subject's left; elevation 90 the crown. Ears and face are left out of the hull, so that
hair neither dents at an ear nor follows a nose. Lengths in dm.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.train.bust import F64, Bust, Part

STEP = 4.0  # degrees between the tabulated directions
_NEAR = 10  # triangles tried per ray
_AXES = np.array([0.80, 0.88, 0.86])  # of the egg whose normals calm the shading


def direction(azimuth: F64 | float, elevation: F64 | float) -> F64:
    """Unit vectors [..., 3]."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.stack([np.cos(e) * np.sin(a), np.sin(e) * np.ones_like(a), np.cos(e) * np.cos(a)], -1)


def angles(towards: F64) -> tuple[F64, F64]:
    """Azimuth and elevation [...] of directions [..., 3] of any length."""
    x, y, z = np.moveaxis(towards, -1, 0)
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))


@dataclass(frozen=True)
class Ear:
    """Where the left ear stands, as directions in degrees from the skull's centre."""

    front: float
    back: float
    top: float


class Skull:
    """A head without its ears, as two radii per direction: the skin's and a smooth hull's."""

    def __init__(self, skin: Part, ear: npt.NDArray[np.bool_]) -> None:
        points = skin.positions
        crown, back = float(points[:, 1].max()), float(points[points[:, 1] > 0, 2].min())
        brow = points[(points[:, 1] > 0.4 * crown) & (points[:, 1] < 0.6 * crown)]
        front = float(brow[:, 2].max()) if len(brow) else 0.15
        # Half of a head's depth, so that one direction means one place on any head.
        self.centre = np.array([0.0, 0.12 * crown / 1.01, 0.5 * (front + back)])
        self.size = float((crown - self.centre[1]) / 0.89)
        self.puff = 0.0
        self.axes = _AXES * self.size
        self.ear = _stand(points[ear] - self.centre)
        self._skin = self._tabulate(points, skin.triangles, ear)
        self._hull = self._smoothed()

    def puffed(self, puff: float) -> "Skull":
        """The same skull under a hull that lies `puff` farther out."""
        other = copy(self)
        other.puff, other.axes = puff, _AXES * self.size + puff
        return other

    def _tabulate(
        self,
        points: F64,
        triangles: npt.NDArray[np.int64],
        ear: npt.NDArray[np.bool_],
    ) -> F64:
        """Distance of the skin [rows, columns] in all directions, by casting rays."""
        offset = points - self.centre
        keep = ~ear & (offset[:, 1] > -1.05 * self.size)
        reach = np.linalg.norm(offset, axis=1)
        rays = _rays(STEP)
        out = np.zeros(len(rays))
        if len(triangles):
            faces = offset[triangles[keep[triangles].all(1)]]
            for start in range(0, len(rays), 256):
                out[start : start + 256] = _cast(rays[start : start + 256], faces)
        missed = np.flatnonzero(out == 0)  # below the neck, and where an ear was
        near = np.exp((rays[missed] @ (offset[keep] / reach[keep, None]).T - 1) / 0.10**2) + 1e-30
        out[missed] = (near @ reach[keep]) / near.sum(1)
        return out.reshape(round(180 / STEP) + 1, -1)

    def _smoothed(self) -> F64:
        """The hull: the mean of the skin over some ten degrees."""
        rays, some = _rays(STEP), _rays(2 * STEP)
        # The face's own relief is not a skull's, nor is the neck.
        x, y, z = some.T
        counts = np.hypot(x, z).clip(0.02) * ~((z > 0.35) & (y < 0.05)) * (y > -0.8)
        some, counts = some[counts > 0], counts[counts > 0]
        near = np.exp((rays @ some.T - 1) / 0.16**2) * counts + 1e-30
        return np.asarray((near @ self.skin(some)) / near.sum(1)).reshape(self._skin.shape)

    def _look(self, table: F64, towards: F64) -> F64:
        azimuth, elevation = angles(towards)
        x = (azimuth + 180) / STEP
        y = np.clip((elevation + 90) / STEP, 0, table.shape[0] - 1.001)
        x = np.clip(x, 0, table.shape[1] - 1.001)
        i, j = y.astype(int), x.astype(int)
        fy, fx = y - i, x - j
        low = table[i, j] * (1 - fx) + table[i, j + 1] * fx
        high = table[i + 1, j] * (1 - fx) + table[i + 1, j + 1] * fx
        return np.asarray(low * (1 - fy) + high * fy)

    def skin(self, towards: F64) -> F64:
        """Distance [...] of the skin itself from the centre; ears are filled in."""
        return self._look(self._skin, towards)

    def radius(self, towards: F64) -> F64:
        """Distance [...] of the puffed hull from the centre."""
        hull, skin = self._look(self._hull, towards), self._look(self._skin, towards)
        return np.asarray(np.maximum(hull, skin - 0.02) + self.puff)

    def point(self, towards: F64, margin: F64 | float) -> F64:
        """Points [..., 3] in a direction, `margin` above the hull."""
        radius = self.radius(towards) + margin
        return np.asarray(self.centre + towards * radius[..., None])

    def normal(self, towards: F64) -> F64:
        """Outward unit normals, those of a simple egg: smoother than the skull's own."""
        n = towards / self.axes
        return np.asarray(n / np.linalg.norm(n, axis=-1, keepdims=True))

    def around(self, points: F64) -> F64:
        """Outward unit normals [..., 3] at any points: an egg that ends below as a cylinder."""
        offset = points - self.centre
        offset[..., 1] = np.maximum(offset[..., 1], 0.0)
        n = offset / self.axes**2
        return np.asarray(n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-9))

    def above(self, points: F64) -> F64:
        """Height [...] of points over the skin."""
        offset = points - self.centre
        return np.asarray(np.linalg.norm(offset, axis=-1) - self.skin(offset))


def ears(bust: Bust, skin: Part) -> npt.NDArray[np.bool_]:
    """Which vertices [V] of the skin are the ears: those that MakeHuman's jug ears move."""
    sides = [np.linalg.norm(bust.source.target(f"{s}-ear-wing-incr"), axis=1) for s in "lr"]
    move = np.maximum(*sides)
    return np.asarray(move[skin.source] > 0.12 * move.max())


def _stand(offset: F64) -> Ear:
    if not (offset[:, 0] > 0).any():
        return Ear(85.0, 105.0, -5.0)
    azimuth, elevation = angles(offset[offset[:, 0] > 0])
    return Ear(float(azimuth.min()), float(azimuth.max()), float(elevation.max()))


def _rays(step: float) -> F64:
    """Directions [N, 3] of a table: rows of elevation, columns of azimuth."""
    azimuth, elevation = np.meshgrid(
        np.arange(-180, 180 + step, step), np.arange(-90, 90 + step, step)
    )
    return direction(azimuth, elevation).reshape(-1, 3)


def _cast(rays: F64, corners: F64) -> F64:
    """Farthest hit [N] of rays [N, 3] from the origin with triangles [F, 3, 3], 0 for none."""
    middle = corners.mean(1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    count = min(_NEAR, len(corners))
    near = np.argpartition(-(rays @ middle.T), count - 1, axis=1)[:, :count]
    a, b, c = (corners[near][:, :, k] for k in range(3))
    ray = rays[:, None]
    across = np.cross(ray, c - a)
    area = ((b - a) * across).sum(-1)
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    u = -(a * across).sum(-1) / area
    beside = np.cross(-a, b - a)
    v = (ray * beside).sum(-1) / area
    t = ((c - a) * beside).sum(-1) / area
    inside = (u > -1e-3) & (v > -1e-3) & (u + v < 1.002) & (t > 0)
    return np.asarray(np.where(inside, t, 0).max(1))
