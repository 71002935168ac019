"""What surrounds a face in a picture, as a sheet of the mesh that head, jaw and shoulders pull at.

Rings around the face's oval, from a little inside it to beyond the picture's border. Hair and ears
turn with the head; from there on the sheet holds on less and less until, at the border, it stays.
So one picture moves without a cut-out whose edge would show: what lies behind the head bends a
little instead, as in the one-shot warping networks (PIRenderer), but by geometry.
Contract: at the picture's own motion every point lies where the picture has it. Lengths are dm,
places in the picture pixels, x right and y down.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.face.camera import Camera
from engine.train.bust import F64, I64, smooth
from engine.train.neural.alignment import OVAL

Bool = npt.NDArray[np.bool_]
ANGLES = 120
_RINGS = np.array(
    [0.6, 0.68, 0.76, 0.82, 0.88, 0.94, 1.0, 1.05, 1.11, 1.18, 1.26, 1.36, 1.48]
)  # of the oval
_OUTER = 16  # more rings, from there to the border
BEYOND = 0.06  # of the picture's side by which the sheet reaches over its border
_UNDER = 0.03  # behind the skin where both are
_HEAD = 0.40  # face heights beyond the oval that turn with the head: hair
_THROAT = 0.14  # and below the chin
_HOLD, _HOLD_BELOW = 1.25, 1.05  # face heights beyond which nothing does
_SKIN = 0.42  # face heights over which the skin's own movements are felt
_ROUND = 0.30  # face heights over which the head's side curves away
_BACK = 0.25  # dm behind the oval's deepest point where head and hair end, seen from the front
_NEAR = 10  # vertices that a point takes its movement from
_LEVEL = 0.1  # how much that plane is held level


@dataclass(frozen=True, slots=True)
class Oval:
    """The face's outline around its middle."""

    centre: F64  # [2] px
    turn: F64  # [36 + 2] radians, ascending, one more at either end
    radius: F64  # px
    height: float  # px, forehead to chin

    @classmethod
    def of(cls, seen: F64, vertex: I64) -> "Oval":
        """From projected vertices [V, 3] and the landmarks' vertices [468]."""
        rim = seen[vertex[list(OVAL)], :2]
        centre = (rim.min(0) + rim.max(0)) / 2
        turn, radius = _polar(rim - centre)
        order = np.argsort(turn)
        turn, radius = turn[order], radius[order]
        turn = np.concatenate([turn[-1:] - 2 * np.pi, turn, turn[:1] + 2 * np.pi])
        radius = np.concatenate([radius[-1:], radius, radius[:1]])
        tall = float(np.linalg.norm(seen[vertex[10], :2] - seen[vertex[152], :2]))
        return cls(centre, turn, radius, tall)

    def reach(self, turn: F64) -> F64:
        """Radius towards some directions, radians from the top clockwise."""
        return np.interp(np.mod(turn + np.pi, 2 * np.pi) - np.pi, self.turn, self.radius)

    def share(self, points: F64) -> F64:
        """How far out points [N, 2] lie: 1 on the outline."""
        turn, radius = _polar(points - self.centre)
        return radius / self.reach(turn)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part of a mesh."""

    place: F64  # [N, 2] in the picture
    position: F64  # [N, 3] of the face at rest
    triangle: I64  # [F, 3]
    neck: F64  # [N]
    breath: F64  # [N]
    source: I64  # [N, 10] vertices of the skin whose movements it feels
    share: F64  # [N, 10] and how much of each


def _polar(apart: F64) -> tuple[F64, F64]:
    """Directions, radians from the top clockwise in (-pi, pi], and lengths of [N, 2]."""
    return np.arctan2(apart[:, 0], -apart[:, 1]), np.linalg.norm(apart, axis=1)


def lay(
    oval: Oval, seen: F64, rest: F64, shown: F64, skin: I64, camera: Camera, size: int
) -> Sheet:
    """seen [V, 3]: px and z of all vertices as the picture shows them; rest, shown [V, 3]: of the
    face at rest and in the picture; skin: the vertices of the face inside the oval; size: px."""
    turn = np.arange(ANGLES) * 2 * np.pi / ANGLES
    way = np.stack([np.sin(turn), -np.cos(turn)], 1)
    rim = oval.reach(turn)
    border = _border(oval.centre, way, size)
    last = np.minimum(_RINGS[-1] * rim, 0.75 * border)
    inner = np.minimum(_RINGS[:, None] * rim, last * (_RINGS[:, None] / _RINGS[-1]) ** 0.5)
    grow = np.linspace(0, 1, _OUTER + 1)[1:, None] ** 1.15
    radius = np.concatenate([inner, last + grow * (border - last)])  # [rings, angles]
    place = oval.centre + radius[..., None] * way
    flat = place.reshape(-1, 2)
    off = ((radius - rim) / oval.height).ravel()  # face heights beyond the oval
    below = np.broadcast_to(smooth(0.3, 0.95, way[:, 1]), radius.shape).ravel()
    end = np.broadcast_to((border - rim) / oval.height, radius.shape).ravel()
    felt = 1 - smooth(0.0, _SKIN, off)
    held = oval.centre + np.minimum(radius, rim)[..., None] * way
    source, share = _nearest(held.reshape(-1, 2), seen[skin, :2])
    source = skin[source]
    depth = (seen[source, 2] * share).sum(1)
    middle = float(seen[skin, 2].min())
    back = np.minimum(middle, depth) - _BACK
    bend = np.sin(np.clip(off / _ROUND, 0, 1) * np.pi / 2)
    depth = depth - _UNDER + (back - depth) * bend
    posed = lifted(flat, depth, camera, size)
    moved = ((shown - rest)[source] * share[..., None]).sum(1) * felt[:, None]
    return Sheet(
        flat, posed - moved, _woven(len(radius)), _neck(off, below, end),
        _breath(off, below, end), source, share * felt[:, None],
    )  # fmt: skip


def _border(centre: F64, way: F64, size: int) -> F64:
    """How far it is from the middle to the sheet's border, by direction."""
    low, high = -BEYOND * size, (1 + BEYOND) * size
    with np.errstate(divide="ignore"):
        each = np.where(way > 0, (high - centre) / way, (low - centre) / way)
    return np.asarray(np.where(np.abs(way) < 1e-9, np.inf, each).min(1))


def _nearest(points: F64, known: F64) -> tuple[I64, F64]:
    """The known places [M, 2] nearest to points [N, 2], and weights that add up to 1.

    Those of a plane laid through what is known there, the nearest counting most: a chin's edge goes
    on moving as the chin does, where a mean would lag behind and tear.
    """
    apart = points[:, None] - known
    far = np.linalg.norm(apart, axis=-1)
    found = np.argsort(far, axis=1)[:, :_NEAR]
    near = np.take_along_axis(far, found, 1)
    weight = 1 / (near + 2.0) ** 2
    slope = np.take_along_axis(apart, found[..., None], 1)
    basis = np.concatenate([np.ones((*found.shape, 1)), -slope], axis=2)  # [N, near, 3]
    heavy = basis * weight[..., None]
    normal = heavy.transpose(0, 2, 1) @ basis
    ridge = _LEVEL * (weight * near**2).sum(1)
    normal[:, 1, 1] += ridge
    normal[:, 2, 2] += ridge
    first = np.broadcast_to(np.array([[1.0], [0.0], [0.0]]), (len(points), 3, 1))
    return found, np.asarray((heavy @ np.linalg.solve(normal, first))[..., 0])


def lifted(flat: F64, depth: F64, camera: Camera, size: int) -> F64:
    """Pixels [N, 2] of a picture of `size` and their z [N] -> world [N, 3]."""
    focal = 0.5 * size / math.tan(math.radians(camera.fov_deg) / 2)
    scale = (camera.distance - depth) / focal
    x = (flat[:, 0] - size / 2) * scale
    y = camera.height - (flat[:, 1] - size / 2) * scale
    return np.stack([x, y, depth], 1)


def _woven(rings: int) -> I64:
    """Triangles [F, 3] between neighbouring rings, seen from the front counter-clockwise."""
    ring, spoke = (v.ravel() for v in np.mgrid[: rings - 1, :ANGLES])
    a, b = ring * ANGLES + spoke, ring * ANGLES + (spoke + 1) % ANGLES
    c, d = a + ANGLES, b + ANGLES
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


def _neck(off: F64, below: F64, end: F64) -> F64:
    """How much of the head's pose: all of it on hair, nothing at the border."""
    first = _HEAD + below * (_THROAT - _HEAD)
    first = np.minimum(first, 0.6 * end)
    last = np.minimum(_HOLD + below * (_HOLD_BELOW - _HOLD), end)
    return np.asarray(1 - smooth(0.0, 1.0, (off - first) / np.maximum(last - first, 1e-6)))


def _breath(off: F64, below: F64, end: F64) -> F64:
    """How much the chest's breath lifts it: below the throat, not at the border."""
    return np.asarray(below * smooth(0.35, 0.8, off) * (1 - smooth(0.8, 1.0, off / end)))
