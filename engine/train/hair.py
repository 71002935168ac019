"""Procedural hair: tapered locks swept over an ellipsoid around the skull, above a dark under-cap.

Directions are (azimuth, elevation) in degrees seen from the skull's centre: azimuth 0 in front,
+90 the subject's left; elevation 90 the crown. A lock follows a great circle from its root to its
end and may then fall as a curtain. Its closed lens-shaped section gives each lock its own
highlight and outline, which is what makes cel-shaded hair read as hair.
"""

from dataclasses import dataclass

import numpy as np

from engine.train.bust import F64, I64, Part, smooth

SIDES = 6  # corners of a lock's section


@dataclass(frozen=True)
class Lock:
    """One lock; lengths in dm."""

    root: tuple[float, float]
    end: tuple[float, float]
    drop: float = 0.0  # length of the free fall after `end`
    width: float = 0.17  # half width
    thick: float = 0.055  # half thickness
    lift: float = 0.05  # height of its arch above the hull
    margin: float = 0.05
    tuck: float = 0.12  # how far the tip curls in
    sway: float = 0.0  # sideways bow of the middle
    rings: int = 12
    root_width: float = 0.45
    blunt: float = 2.2  # larger: stays wide longer


def direction(azimuth: F64 | float, elevation: F64 | float) -> F64:
    """Unit vectors [..., 3]."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.stack([np.cos(e) * np.sin(a), np.sin(e) * np.ones_like(a), np.cos(e) * np.cos(a)], -1)


class Skull:
    """The surface that hair lies on: the head without its ears, as a radius per direction."""

    def __init__(self, skin: Part, puff: float) -> None:
        self.centre = np.array([0.0, 0.12, -0.70])
        points = skin.positions - self.centre
        x, y, z = points.T
        ear = (np.abs(x) > 0.66) & (np.abs(z) < 0.30) & (y < 0.25)
        face = (z > 0.3) & (y < 0.1)
        points = points[~ear & ~face & (y > -1.0)]
        self._radius = np.linalg.norm(points, axis=1)
        self._towards = points / self._radius[:, None]
        self._puff = puff
        self.axes = np.array([0.80, 0.88, 0.86]) + puff

    def radius(self, towards: F64) -> F64:
        """Distance [...] of the hull from the centre, smoothed over some ten degrees."""
        flat = towards.reshape(-1, 3)
        near = np.exp((flat @ self._towards.T - 1) / 0.17**2)
        mean = (near @ self._radius) / near.sum(1)
        return np.asarray(mean.reshape(towards.shape[:-1]) + self._puff)

    def point(self, towards: F64, margin: F64 | float) -> F64:
        """Points [..., 3] in a direction, `margin` above the hull."""
        offset = self.normal(towards) * np.asarray(margin)[..., None]
        return np.asarray(self.centre + towards * self.radius(towards)[..., None] + offset)

    def normal(self, towards: F64) -> F64:
        """Outward unit normals, those of a simple egg: smoother than the skull's own."""
        n = towards / self.axes
        return np.asarray(n / np.linalg.norm(n, axis=-1, keepdims=True))


def _path(skull: Skull, lock: Lock) -> tuple[F64, F64]:
    """Points and outward normals along a lock [rings, 3]."""
    d0, d1 = direction(*lock.root), direction(*lock.end)
    angle = float(np.arccos(np.clip(d0 @ d1, -1, 1)))
    arc = max(angle * float(skull.axes.mean()), 1e-6)
    total = arc + lock.drop
    along = np.linspace(0, 1, lock.rings) * total
    t = np.clip(along / arc, 0, 1)
    spread = np.sin((1 - t) * angle)[:, None] * d0 + np.sin(t * angle)[:, None] * d1
    towards = spread / np.linalg.norm(spread, axis=1, keepdims=True)
    side = np.cross(d0, d1)
    side /= max(float(np.linalg.norm(side)), 1e-6)
    whole = along / total
    towards = towards + side * (lock.sway * np.sin(np.pi * whole))[:, None]
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    arch = lock.margin + lock.lift * np.sin(np.pi * np.clip(whole, 0, 1) ** 0.7)
    points, normals = skull.point(towards, arch), skull.normal(towards)
    fall = np.maximum(along - arc, 0)
    if lock.drop > 0:
        flat = normals[-1] * [1, 0, 1]
        flat /= max(float(np.linalg.norm(flat)), 1e-6)
        share = (fall / lock.drop)[:, None]
        points = points - np.array([0, 1, 0]) * fall[:, None]
        points = points + flat * (0.05 * np.sin(np.pi * share) - lock.tuck * share**2.5)
        normals = normals + (flat - normals) * smooth(0, 0.3, share)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def sweep(skull: Skull, lock: Lock, name: str = "hair") -> Part:
    """One closed lock as a part."""
    points, normals = _path(skull, lock)
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, normals)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, tangent)
    t = np.linspace(0, 1, lock.rings)
    swell = lock.root_width + (1 - lock.root_width) * smooth(0, 0.4, t)
    shape = swell * np.clip(1 - t**lock.blunt, 0, 1) ** 0.75
    turn = np.arange(SIDES) / SIDES * 2 * np.pi
    around = side[:, None] * (lock.width * shape)[:, None, None] * np.cos(turn)[None, :, None]
    above = up[:, None] * (lock.thick * shape**0.6)[:, None, None] * np.sin(turn)[None, :, None]
    vertices = (points[:, None] + around + above).reshape(-1, 3)
    uv = np.stack(
        [np.broadcast_to(0.5 + 0.45 * np.cos(turn), (lock.rings, SIDES)),
         np.broadcast_to(1 - t[:, None], (lock.rings, SIDES))], axis=-1,
    ).reshape(-1, 2)  # fmt: skip
    return _part(name, vertices, _tube(lock.rings), uv, 1.0)


def _tube(rings: int) -> I64:
    """Triangles of a tube of SIDES corners with a closed root, outward facing."""
    r, s = np.meshgrid(np.arange(rings - 1), np.arange(SIDES), indexing="ij")
    a, b = r * SIDES + s, r * SIDES + (s + 1) % SIDES
    c, d = a + SIDES, b + SIDES
    quads = np.stack([a, c, d, a, d, b], -1).reshape(-1, 3)
    fan = [[0, k, k + 1] for k in range(1, SIDES - 1)]
    return np.concatenate([quads, np.array(fan)])


def _part(name: str, vertices: F64, faces: I64, uv: F64, outline: float) -> Part:
    count = len(vertices)
    return Part(
        name, vertices, faces, uv, np.full(count, -1), np.ones(count), np.arange(count),
        np.full(count, outline),
    )  # fmt: skip


def cap(skull: Skull, line: F64, margin: float, taper: float, name: str = "underhair") -> Part:
    """A sheet from the crown down to a hairline.

    `line` [N, 3]: azimuth, elevation and free fall (dm) of the hairline, azimuth ascending over
    -180..180; between its points it is interpolated.
    """
    columns, rows = 72, 14
    azimuth = np.linspace(-180, 180, columns + 1)
    low = np.interp(azimuth, line[:, 0], line[:, 1])
    fall = np.interp(azimuth, line[:, 0], line[:, 2])
    t = np.linspace(0, 1, rows)[:, None]
    arc = (90 - low) * np.pi / 180 * float(skull.axes.mean())
    along = t * (arc + fall)
    elevation = 90 - (90 - low) * np.minimum(along / arc, 1)
    towards = direction(np.broadcast_to(azimuth, elevation.shape), elevation)
    points = skull.point(towards, margin)
    drop = np.maximum(along - arc, 0)
    flat = skull.normal(towards) * [1, 0, 1]
    points = points - np.array([0, 1, 0]) * drop[..., None]
    points = points - flat * (taper * (drop / np.maximum(fall, 1e-6)) ** 2)[..., None]
    r, s = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a = r * (columns + 1) + s
    b, c = a + 1, a + columns + 1
    faces = np.stack([a, c, c + 1, a, c + 1, b], -1).reshape(-1, 3)
    uv = np.stack([np.broadcast_to((azimuth + 180) / 360, elevation.shape),
                   np.broadcast_to(1 - t, elevation.shape)], -1)  # fmt: skip
    return _part(name, points.reshape(-1, 3), faces, uv.reshape(-1, 2), 0.0)
