"""Beards and moustaches by name: the face's own skin, thickened inside a painted edge.

A beard takes the skin's triangles and movements, so it opens and smiles with the mouth and can
neither tear nor cover the lips.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.canvas import Canvas
from engine.train.comb import vertex_normals
from engine.train.facemarks import facemarks
from engine.train.sitter import Sitter
from engine.train.skull import ears


@dataclass(frozen=True)
class Growth:
    """Where a beard grows and how thick it is; lengths in dm."""

    chin: float = 0.0  # thickness there
    jaw: float = 0.0  # and from the chin to the ears
    lip: float = 0.0  # of the moustache
    cheek: float = 0.0  # how far the edge on the cheek is raised
    wide: float = 0.22  # half width of a beard without jaw
    point: float = 0.0  # how far it hangs below the chin


GROWTHS: dict[str, Growth] = {
    "full": Growth(chin=0.17, jaw=0.10, lip=0.075, cheek=0.05, point=0.11),
    "short": Growth(chin=0.075, jaw=0.055, lip=0.05),
    "goatee": Growth(chin=0.11, lip=0.055, point=0.03),
    "moustache": Growth(lip=0.09),
}


def _inside(at: F64, sitter: Sitter, growth: Growth) -> tuple[F64, F64]:
    """How far rest positions [..., 3] lie inside beard and moustache, dm; negative outside.

    About a distance, so that its zero is a smooth line even between the skin's vertices.
    """
    m = sitter.marks | facemarks(sitter.bust)
    x, y, z = np.abs(at[..., 0]), at[..., 1], at[..., 2]
    corner, chin = m["mouth_corner_left"], m["chin"][1]
    upper, lower = m["upper_lip_peak"][1], m["lower_lip_edge"][1]
    middle, reach = 0.5 * (upper + lower), 0.5 * (upper - lower)
    wide = corner[0] + 0.02
    # Distance to the lips' edge, that of an ellipse.
    lips = (np.hypot(x / wide, (y - middle) / (reach + 0.035)) - 1.06) * np.where(
        np.abs(y - middle) > reach, reach + 0.035, 0.6 * wide
    )
    meet = corner[1] + 0.01 if growth.lip else corner[1] - 0.04
    edge = np.interp(
        x, [0, corner[0], corner[0] + 0.10, 0.34, 0.5, 0.62, 0.75],
        [upper, meet, meet + 0.01, corner[1] + 0.01 + 0.5 * growth.cheek,
         corner[1] + 0.08 + growth.cheek, corner[1] + 0.20 + growth.cheek, -0.20],
    )  # fmt: skip
    ear = ears(sitter.bust, sitter.skin)
    end = float(sitter.skin.positions[ear, 2].max()) if ear.any() else -0.6
    low = chin - 0.17 - 0.6 * growth.point + 0.09 * smooth(0.2, 0.62, x)
    if growth.jaw:
        if sitter.recipe.hair.cut != "none":  # up before the ears into the hair
            edge = edge + 0.42 * smooth(end + 0.36, end + 0.06, z)
        # Sideburns: beside the ears the edge rises steeply, and the beard ends with the jaw.
        sides = np.minimum(0.75 * (edge - y), 0.8 * (z - end - 0.015))
    else:
        sides = np.minimum(edge - y, growth.wide - x)
        sides = np.minimum(sides, 0.8 * (z - m["chin"][2] + 0.20))  # not along under the jaw
    spot = 0.045 - np.hypot((x - 0.10) / 1.4, y - lower + 0.045)
    beard = _least(_least(sides, 1.8 * (y - low)), _least(lips, -spot))
    # The moustache: a bow from under the nose past the corners of the mouth into the beard.
    foot = m["wing_foot"][1]
    centre = np.interp(
        x, [0, 0.6 * corner[0], corner[0], corner[0] + 0.09],
        [0.5 * foot + 0.5 * upper, 0.5 * foot + 0.5 * upper - 0.005, corner[1] + 0.055,
         corner[1] - 0.03],
    )  # fmt: skip
    half = np.interp(x, [0, 0.5 * corner[0], corner[0] + 0.03, corner[0] + 0.12],
                     [0.040, 0.052, 0.045, 0.02])  # fmt: skip
    lip = np.minimum(half - np.abs(y - centre), 0.8 * (corner[0] + 0.12 - x))
    lip = np.where(z > -0.4, _least(lip, lips + 0.012), -0.1)
    return (beard if growth.chin else np.full_like(x, -0.1)), lip


def _least(a: F64, b: F64, round_: float = 0.03) -> F64:
    """The smaller of two distances, rounded where they meet."""
    near = np.clip(0.5 + 0.5 * (b - a) / round_, 0, 1)
    return np.asarray(b + (a - b) * near - round_ * near * (1 - near))


def _thickness(at: F64, sitter: Sitter, growth: Growth) -> F64:
    """Height [...] of the beard over the skin at rest positions [..., 3]; below 0 outside it.

    It rises from the skin without a step: thin at its border, thick only well inside.
    """
    beard, lip = _inside(at, sitter, growth)
    if not growth.lip:
        lip = np.full_like(lip, -0.1)
    x, y = np.abs(at[..., 0]), at[..., 1]
    chin = sitter.marks["chin"][1]
    jaw = growth.jaw or growth.chin
    ahead = smooth(0.50, 0.12, x) * smooth(chin + 0.30, chin + 0.05, y)
    deep = jaw + (growth.chin - jaw) * ahead
    within = np.clip(beard / (0.05 + 1.3 * deep), 0, 1)
    grown = 0.16 * beard + deep * within**2 * (3 - 2 * within)
    over = 0.16 * lip + growth.lip * smooth(0.0, 0.055, lip) * (
        1 - 0.45 * np.exp(-((x / 0.022) ** 2))
    )
    return np.asarray(np.maximum(np.maximum(grown, over), -0.03))


def _surface(sitter: Sitter, growth: Growth) -> Part:
    """The thickened skin."""
    skin = sitter.skin
    thick = _thickness(skin.positions, sitter, growth)
    thick *= np.where(thick > 0, sitter.recipe.beard.length, 1.0)
    thick[ears(sitter.bust, skin)] = -0.03
    faces = skin.triangles[(thick[skin.triangles] > 0.0).any(1)]
    used, triangles = np.unique(faces, return_inverse=True)
    normals = vertex_normals(sitter.bust.positions, sitter.bust.body()[0])[skin.source[used]]
    at, height = skin.positions[used], thick[used]
    # Longer hair hangs: it moves down as well as out, most under the chin.
    chin = sitter.marks["chin"]
    below = smooth(chin[1] + 0.16, chin[1] - 0.10, at[:, 1]) * smooth(0.6, 0.1, np.abs(at[:, 0]))
    below *= growth.point * sitter.recipe.beard.length * smooth(0.02, 0.08, height)
    hang = np.array([0.0, -1.0, 0.0]) * (0.5 * np.maximum(height - 0.05, 0) + below)[:, None]
    points = at + normals * height[:, None] + hang
    round_jaw = np.arctan2(at[:, 0], at[:, 2] + 0.75)
    u = np.clip(0.5 + round_jaw / 4.2, 0, 1)
    v = np.clip((at[:, 1] - chin[1] + 0.35) / (0.35 - chin[1]), 0, 1)
    count = len(points)
    # One round form under one light: the skin's folds below do not show through hair.
    egg = at - [0.0, chin[1] + 0.45, -0.55]
    egg /= np.linalg.norm(egg, axis=1, keepdims=True)
    calm = 0.65 * normals + egg
    calm /= np.linalg.norm(calm, axis=1, keepdims=True)
    proxy = np.concatenate([calm, np.full((count, 1), 0.8)], 1)
    return Part(
        "beard", points, triangles.reshape(-1, 3), np.stack([u, v], 1), skin.source[used],
        skin.neck[used], skin.weld[used], 0.8 * smooth(0.03, 0.08, height), proxy,
    )  # fmt: skip


def paint(c: Canvas, sitter: Sitter) -> None:
    """Lay the beard's colour on the skin under it and, thinning out, around it."""
    growth = GROWTHS.get(sitter.recipe.beard.cut)
    if growth is None:
        return
    at = c.position.astype(float)
    beard, lip = _inside(at, sitter, growth)
    inside = np.maximum(beard, lip) if growth.lip else beard
    # Single hairs reach farther than others.
    turn = np.degrees(np.arctan2(at[..., 0], at[..., 2] + 0.75))
    ragged = 0.006 * np.sin(1.9 * turn) + 0.004 * np.sin(3.1 * turn + 30 * at[..., 1])
    c.lay("beard", 0.95 * smooth(-0.028, 0.022, inside + ragged))


def _grow(sitter: Sitter, name: str) -> list[Part]:
    return [_surface(sitter, GROWTHS[name])]


def none(sitter: Sitter) -> list[Part]:
    """Shaved."""
    return []


def full(sitter: Sitter) -> list[Part]:
    """A thick beard with a moustache."""
    return _grow(sitter, "full")


def short(sitter: Sitter) -> list[Part]:
    """Trimmed close along jaw and lip."""
    return _grow(sitter, "short")


def goatee(sitter: Sitter) -> list[Part]:
    """Chin and moustache only."""
    return _grow(sitter, "goatee")


def moustache(sitter: Sitter) -> list[Part]:
    """Over the lip only."""
    return _grow(sitter, "moustache")


BEARDS: dict[str, Callable[[Sitter], list[Part]]] = {
    "none": none, "full": full, "short": short, "goatee": goatee, "moustache": moustache,
}  # fmt: skip
