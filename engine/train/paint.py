"""Paints the skin as inks: grey masks of palette colours, which may change at run time.

Order matters: forms first, then what lies on them (blush, freckles, stubble, a pattern), then
lips, folds, lines and brows. The eyeball is painted by engine.train.iris.
"""

import numpy as np

from engine.errors import PackageError
from engine.train import beard, complexion, lips, relief, scalp
from engine.train.brows import brows
from engine.train.bust import AXIS_Z, F64, Part, smooth
from engine.train.canvas import QUICK, SIZE, Canvas, Ink, blur, canvas, coverage
from engine.train.facemarks import facemarks
from engine.train.iris import eye_inks, eye_uv
from engine.train.pattern import PATTERNS
from engine.train.sitter import Sitter

__all__ = ["PATTERNS", "QUICK", "SIZE", "Ink", "eye_inks", "eye_uv", "skin_inks"]


def jaw_edge(skin: Part, chin: F64) -> tuple[F64, F64]:
    """Where the face turns under: azimuths from the middle to the ear, and heights there."""
    a, b, c = (skin.positions[skin.triangles[:, k]] for k in range(3))
    face, centre = np.cross(b - a, c - a), (a + b + c) / 3
    down = face[:, 1] / np.maximum(np.linalg.norm(face, axis=1), 1e-12)
    at = np.abs(np.arctan2(centre[:, 0], centre[:, 2] - AXIS_Z))
    # Not the underlip, and nothing behind the jaw's corner.
    low = centre[:, 1] < np.interp(at, [0.0, 0.5, 1.2], [chin[1] + 0.06, chin[1] + 0.12, -0.42])
    under = low & (down < -0.45) & (centre[:, 1] > chin[1] - 0.25)
    azimuth = np.linspace(0, 1.25, 14)
    rows = [centre[under & (np.abs(at - t) < 0.09), 1] for t in azimuth]
    found = np.array([len(row) > 0 for row in rows])
    height = np.array([row.max() for row in rows if len(row)])
    # A plain curve under all of it: a jaw has one bend, not the bumps of its muscles.
    fit = np.polyfit(azimuth[found], height, 2)
    curve = np.polyval(fit, azimuth)
    curve -= (curve[found] - height).max()
    return np.r_[azimuth, 1.6], np.r_[curve, -0.40]


def _shadows(c: Canvas, cast: F64, edge: tuple[F64, F64]) -> None:
    x, y, z = np.moveaxis(c.position.astype(float), 2, 0)
    # The jaw line falls from below the ear to the chin; the neck under it lies in its shadow.
    jaw = np.interp(np.arctan2(x, z - AXIS_Z), *edge)
    low_end = smooth(-1.50, -1.42, y - 0.10 * np.cos(np.arctan2(x, z - AXIS_Z)))
    neck = smooth(-0.03, 0.01, jaw - y) * low_end * (np.hypot(x, z - AXIS_Z) < 0.85)
    c.lay("skin_shadow", np.asarray(np.maximum(neck * 0.9, cast), np.float32))


def cast_shadow(c: Canvas, hair: list[Part], shift: tuple[float, float]) -> F64:
    """Where hair, seen from the front and moved by `shift` dm, lies over the skin."""
    if not hair:
        return np.zeros(c.lips.shape)
    points = np.concatenate([p.positions for p in hair])
    counts = np.cumsum([0] + [len(p.positions) for p in hair])
    faces = np.concatenate([p.triangles + n for p, n in zip(hair, counts, strict=False)])
    scale, size = 160.0, 512
    screen = np.stack(
        [points[:, 0] * scale + size / 2, size / 2 - points[:, 1] * scale,
         0.5 - 0.1 * points[:, 2]], axis=1,
    )  # fmt: skip
    front = points[faces][:, :, 2].min(1) > -0.75
    covered, _ = coverage(screen, faces[front], size, points)
    mask = blur(covered.astype(np.float32), 2)
    sign = np.where(np.arange(len(c.position)) < len(c.position) // 2, -1, 1)
    x = (c.position[..., 0] * sign - shift[0]) * scale + size / 2
    y = size / 2 - (c.position[..., 1] - shift[1]) * scale
    column = np.clip(x.astype(int), 0, size - 1)
    row = np.clip(y.astype(int), 0, size - 1)
    return np.asarray(mask[row, column] * smooth(-0.7, -0.45, c.position[..., 2].astype(float)))


def skin_inks(sitter: Sitter, hair: list[Part], size: int = SIZE) -> list[Ink]:
    """What is painted on the unrolled skin, in order; masks [size, size]."""
    who, marks = sitter.recipe, sitter.marks | facemarks(sitter.bust)
    if who.skin.pattern not in PATTERNS:
        known = ", ".join(sorted(PATTERNS))
        raise PackageError(f"there is no pattern {who.skin.pattern!r}, choose from: {known}")
    c = canvas(sitter.bust, sitter.skin, size)
    _shadows(c, cast_shadow(c, hair, (0.05, -0.075)) * 0.85, jaw_edge(sitter.skin, marks["chin"]))
    relief.shades(c, who, marks)
    relief.lights(c, who, marks)
    complexion.warmth(c, who, marks)
    complexion.stubble(c, who, marks)
    complexion.freckles(c, who, marks)
    c.lay("hair_under", scalp.cover(c, sitter))
    c.lay("beard", beard.cover(c, sitter))
    PATTERNS[who.skin.pattern](c, who, marks)
    lips.tint(c, who, marks)
    relief.lids(c, who, marks)
    complexion.age(c, who, marks)
    relief.nose(c, who, marks)
    closed = lips.seam(sitter.bust, sitter.skin, marks["mouth_corner_left"])
    lips.line(c, closed, marks)
    complexion.mole(c, who, marks)
    brows(c, who)
    return c.inks
