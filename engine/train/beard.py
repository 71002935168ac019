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

_OUT = -0.03  # dm: where there is no beard its surface lies under the skin


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


def _thickness(at: F64, sitter: Sitter, growth: Growth) -> F64:
    """Height [...] of the beard over the skin at rest positions [..., 3]; below 0 outside it."""
    m = sitter.marks | facemarks(sitter.bust)
    x, y, z = np.abs(at[..., 0]), at[..., 1], at[..., 2]
    corner, chin = m["mouth_corner_left"], m["chin"][1]
    upper, lower = m["upper_lip_peak"][1], m["lower_lip_edge"][1]
    foot = m["wing_foot"][1]
    edge = np.interp(
        x, [0, corner[0] + 0.05, 0.5, 0.75],
        [upper, corner[1] - 0.02, corner[1] + 0.04 + growth.cheek, -0.24],
    )  # fmt: skip
    low = smooth(chin - 0.34, chin - 0.16, y)
    ear = ears(sitter.bust, sitter.skin)
    end = float(sitter.skin.positions[ear, 2].max()) if ear.any() else -0.6
    back = smooth(end - 0.04, end + 0.10, z)
    # Clear of the lips, with the bare spot below the lower one.
    middle, reach = 0.5 * (upper + lower), 0.5 * (upper - lower)
    lips = smooth(0.98, 1.28, np.hypot(x / (corner[0] + 0.02), (y - middle) / (reach + 0.035)))
    spot = 1 - 0.8 * np.exp(-(((np.abs(x) - 0.10) / 0.05) ** 2) - ((y - lower + 0.07) / 0.04) ** 2)
    front = smooth(growth.wide + 0.06, growth.wide - 0.06, x) if not growth.jaw else 1.0
    grown = smooth(-0.05, 0.09, edge - y) * low * back * lips * spot * front
    ahead = smooth(0.50, 0.12, x) * smooth(chin + 0.30, chin + 0.05, y)
    deep = (growth.jaw or growth.chin) + (growth.chin - (growth.jaw or growth.chin)) * ahead
    beard = grown * deep if growth.chin else 0.0 * x
    # The moustache: a bow from under the nose to past the corners of the mouth.
    bow = np.interp(x, [0, corner[0] * 0.6, corner[0] + 0.05], [0.0, -0.01, -0.09])
    centre = 0.48 * foot + 0.52 * upper + bow
    half = np.interp(x, [0, corner[0], corner[0] + 0.06], [0.055, 0.06, 0.03])
    lip = smooth(1.15, 0.55, np.abs(y - centre) / half) * smooth(corner[0] + 0.085, corner[0], x)
    lip = lip * (z > -0.4) * (1 - 0.45 * np.exp(-((x / 0.022) ** 2)))
    return np.asarray(np.maximum(beard, growth.lip * lip))


def _surface(sitter: Sitter, growth: Growth) -> Part:
    """The thickened skin."""
    skin = sitter.skin
    thick = _thickness(skin.positions, sitter, growth) * sitter.recipe.beard.length
    thick[ears(sitter.bust, skin)] = 0.0
    faces = skin.triangles[(thick[skin.triangles] > 0.012).any(1)]
    used, triangles = np.unique(faces, return_inverse=True)
    normals = vertex_normals(sitter.bust.positions, sitter.bust.body()[0])[skin.source[used]]
    at, height = skin.positions[used], thick[used]
    swirl = np.sin(13 * at[:, 0] + 3 * np.sin(9 * at[:, 1])) * np.sin(11 * at[:, 1] + 2)
    # It rises inside the painted edge, which is finer than the triangles.
    raised = height * (1 + 0.15 * swirl) + _OUT * smooth(0.06, 0.02, height)
    # Longer hair hangs: it moves down as well as out, most under the chin.
    chin = sitter.marks["chin"]
    below = smooth(chin[1] + 0.16, chin[1] - 0.10, at[:, 1]) * smooth(0.6, 0.1, np.abs(at[:, 0]))
    below *= growth.point * sitter.recipe.beard.length * smooth(0.02, 0.08, height)
    hang = np.array([0.0, -1.0, 0.0]) * (0.5 * np.maximum(height - 0.05, 0) + below)[:, None]
    points = at + normals * raised[:, None] + hang
    turn = 2.6 * np.arctan2(at[:, 0], at[:, 2] + 0.7) + 0.25
    u = 2 * np.abs(turn - np.round(turn))
    v = 1 - np.clip(height / 0.06, 0.1, 1)
    line = 0.8 * smooth(0.04, 0.09, height)
    count = len(points)
    proxy = np.concatenate([normals, np.full((count, 1), 0.35)], 1)
    return Part(
        "beard", points, triangles.reshape(-1, 3), np.stack([u, v], 1), skin.source[used],
        skin.neck[used], skin.weld[used], line, proxy,
    )  # fmt: skip


def paint(c: Canvas, sitter: Sitter) -> None:
    """Lay the beard's colour on the skin under it."""
    growth = GROWTHS.get(sitter.recipe.beard.cut)
    if growth is None:
        return
    thick = _thickness(c.position.astype(float), sitter, growth)
    c.lay("beard", 0.95 * smooth(0.006, 0.034, thick))


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
