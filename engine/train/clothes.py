"""A shirt cut from the body mesh, and a folded collar around the neck.

The neckline is a tilted plane: lower in front, higher at the nape. Skin far below it is dropped,
so nothing can poke through the cloth.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.train.bust import AXIS_Z, F64, I64, Bust, Part
from engine.train.recipe import Recipe

EASE = 0.045  # dm between skin and cloth


@dataclass(frozen=True)
class Neckline:
    """Plane y = height - slope * (z - AXIS_Z)."""

    height: float = -1.40
    slope: float = 0.42

    def above(self, points: F64) -> F64:
        """Signed height of points [..., 3] over the plane."""
        return np.asarray(points[..., 1] - self.height + self.slope * (points[..., 2] - AXIS_Z))


def _normals(points: F64, quads: I64) -> F64:
    """Vertex normals [V, 3] of a quad mesh."""
    a, b, c, d = (points[quads[:, k]] for k in range(4))
    face = np.cross(c - a, d - b)
    out = np.zeros_like(points)
    for k in range(4):
        np.add.at(out, quads[:, k], face)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))


def split(bust: Bust, quads: I64, line: Neckline) -> tuple[I64, I64]:
    """Skin quads -> (skin that stays, quads to copy into a shirt)."""
    height = line.above(bust.positions)[quads]
    return quads[height.max(1) > -0.16], quads[height.min(1) < 0]


def shirt(bust: Bust, quads: I64, line: Neckline) -> Part:
    """The shirt: body quads moved out by EASE, trimmed to the neckline."""
    part = bust.part("shirt", quads)
    normal = _normals(bust.positions, quads)[part.source]
    points = part.positions + EASE * normal
    # Trim: corners above the plane slide down to it, which leaves a clean edge.
    over = np.maximum(line.above(points), 0)
    points[:, 1] -= over
    # Cloth spans the hollows above the collar bones.
    part.positions = _relax(points, part.triangles, over > 0, 6)
    part.neck = np.zeros(len(points))
    part.source = np.full(len(points), -1)
    return part


def _relax(points: F64, triangles: I64, fixed: npt.NDArray[np.bool_], rounds: int) -> F64:
    """Laplacian smoothing of all but the fixed and border vertices."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    degree = np.bincount(edges.ravel(), minlength=len(points))[:, None]
    points = points.copy()
    for _ in range(rounds):
        total = np.zeros_like(points)
        np.add.at(total, edges[:, 0], points[edges[:, 1]])
        np.add.at(total, edges[:, 1], points[edges[:, 0]])
        mean = total / np.maximum(degree, 1)
        move = ~fixed[:, None] & (degree > 4)
        points = np.where(move, points + 0.5 * (mean - points), points)
    return points


def _ring(bust: Bust, shirt_part: Part, line: Neckline, azimuth: F64) -> F64:
    """Radius of the neck at the neckline, per azimuth, around the neck's axis."""
    near = np.abs(line.above(bust.positions)) < 0.10
    points = bust.positions[near]
    points = points[np.hypot(points[:, 0], points[:, 2] - AXIS_Z) < 0.75]
    at = np.arctan2(points[:, 0], points[:, 2] - AXIS_Z)
    radius = np.hypot(points[:, 0], points[:, 2] - AXIS_Z)
    # Widest neck near each azimuth, smoothed around the circle.
    apart = np.abs((at[None] - azimuth[:, None] + np.pi) % (2 * np.pi) - np.pi)
    raw = np.array(
        [np.quantile(radius[row < 0.5], 0.35) if (row < 0.5).any() else 0.5 for row in apart]
    )
    weight = np.exp(-(((azimuth[:, None] - azimuth[None]) / 0.3) ** 2))
    return np.asarray((weight @ raw) / weight.sum(1))


def collar(bust: Bust, shirt_part: Part, line: Neckline) -> Part:
    """A shirt collar: a closed band that rises, folds and falls to two points in front."""
    half = 41
    open_angle = 0.16
    azimuth = np.linspace(open_angle, 2 * np.pi - open_angle, half)
    signed = np.where(azimuth > np.pi, azimuth - 2 * np.pi, azimuth)
    radius = _ring(bust, shirt_part, line, signed) + 0.035
    front = np.exp(-((np.abs(signed) / 0.75) ** 2))  # 1 at the opening
    # Section: inside foot, inside top, fold, outer rim, underside of the rim.
    out = np.stack([0 * front, 0.03 + 0 * front, 0.085 + 0 * front, 0.20 + 0.10 * front,
                    0.17 + 0.10 * front, 0.05 + 0 * front], 1)  # fmt: skip
    up = np.stack([-0.06 + 0 * front, 0.15 - 0.03 * front, 0.155 - 0.03 * front,
                   -0.06 - 0.20 * front, -0.085 - 0.20 * front, -0.03 + 0 * front], 1)  # fmt: skip
    r = radius[:, None] + out
    x, z = r * np.sin(azimuth)[:, None], r * np.cos(azimuth)[:, None]
    # The fold opens towards the front: its lower corners stand apart.
    y = line.height - line.slope * (radius * np.cos(azimuth))[:, None] + up
    points = np.stack([x, y, z + AXIS_Z], -1)
    corners = points.shape[1]
    i, j = np.meshgrid(np.arange(half - 1), np.arange(corners), indexing="ij")
    a, b = i * corners + j, i * corners + (j + 1) % corners
    c, d = a + corners, b + corners
    faces = np.stack([a, d, c, a, b, d], -1).reshape(-1, 3)
    last = (half - 1) * corners
    ends = [[0, k + 1, k] for k in range(1, corners - 1)]
    ends += [[last, last + k, last + k + 1] for k in range(1, corners - 1)]
    faces = np.concatenate([faces, np.array(ends)])
    flat = points.reshape(-1, 3)
    count = len(flat)
    return Part(
        "collar", flat, faces, np.zeros((count, 2)), np.full(count, -1), np.zeros(count),
        np.arange(count), np.full(count, 1.0),
    )  # fmt: skip


def formal(bust: Bust, skin: I64, who: Recipe) -> tuple[I64, list[Part]]:
    """A shirt with a folded collar."""
    line = Neckline(Neckline.height + who.clothes.height)
    visible, covered = split(bust, skin, line)
    cloth = shirt(bust, covered, line)
    return visible, [cloth, collar(bust, cloth, line)]


GARMENTS = {"shirt": formal}


def dress(bust: Bust, skin: I64, who: Recipe) -> tuple[I64, list[Part]]:
    """Skin quads -> (those still visible, the clothes); PackageError for unknown ones."""
    if who.clothes.cut not in GARMENTS:
        raise PackageError(
            f"there are no clothes {who.clothes.cut!r}, choose from: {', '.join(GARMENTS)}"
        )
    return GARMENTS[who.clothes.cut](bust, skin, who)
