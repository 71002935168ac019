"""Parts of creatures: animal ears, horns, antennae, whiskers, tufts of fur, on any head.

Ears and tufts swing a little (`Part.loose`); all else rides with the skull.
"""

import numpy as np

from engine.train.bust import F64, Part, smooth
from engine.train.facemarks import VERTICES, facemarks
from engine.train.piece import grid, piece, tube
from engine.train.sitter import Sitter
from engine.train.skull import direction, ears

ACROSS, UP = 11, 12  # points of an ear's sheet


def _unit(v: F64) -> F64:
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def flatten_ears(sitter: Sitter) -> None:
    """Lay the human ears flat against the head: the skin's own vertices move."""
    skin = sitter.skin
    flap = ears(sitter.bust, skin)
    offset = skin.positions[flap] - sitter.skull.centre
    near = _unit(offset) * (sitter.skull.skin(_unit(offset)) - 0.015)[:, None]
    skin.positions[flap] = sitter.skull.centre + near
    skin.outline[flap] = 0.0


def _ear(
    sitter: Sitter, side: int, root: tuple[float, float], size: tuple[float, float],
    lean: tuple[float, float, float], point: float, cup: float,
) -> Part:  # fmt: skip
    """A pointed, cupped ear: one closed shell whose front half shows u 0 to .5, its back .5 to 1.

    root: azimuth and elevation of its foot; size: half width and height, dm; lean: the way it
    points; point: exponent of its outline, larger is more pointed; cup: depth of the bowl.
    """
    skull = sitter.skull
    foot = skull.point(direction(side * root[0], root[1]), -0.10)
    up = _unit(np.array(lean) * [side, 1, 1])
    out = np.array([side * 0.34, 0.0, 0.94])
    face = _unit(out - (out @ up) * up)
    across = np.cross(up, face)
    u, v = np.meshgrid(np.linspace(-1, 1, ACROSS), np.linspace(0, 1, UP), indexing="ij")
    wide = size[0] * (1 - v**point) ** 0.85 * (0.88 + 0.5 * v * (1 - v))
    bow = side * 0.10 * size[1] * np.sin(np.pi * v) * v  # the outer edge is the rounder one
    bowl = (1 - u**2) * (1 - v) ** 0.6 * smooth(-0.05, 0.25, v)
    spine = foot + up * (v * (size[1] + 0.10))[..., None]
    edge = spine + across * (u * wide + 0.4 * bow)[..., None]
    front = edge + face * (0.02 - cup * bowl - 0.10 * v**2)[..., None]
    thick = 0.05 * (1 - 0.6 * v) + 1.2 * cup * (1 - u**2) * (1 - v) ** 0.5
    back = edge - face * (thick + 0.10 * v**2 + cup * bowl * 0.5)[..., None]
    both = np.concatenate([front, back[::-1]])  # once around, edge to edge
    count = len(both)
    i, j = np.meshgrid(np.arange(count), np.arange(UP - 1), indexing="ij")
    n = (i + 1) % count
    a, b, c, d = i * UP + j, n * UP + j, i * UP + j + 1, n * UP + j + 1
    faces = np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)
    p, q, r = (both.reshape(-1, 3)[faces[:, k]] for k in range(3))
    middle = both.reshape(-1, 3).mean(0)
    if (np.cross(p - middle, q - middle) * (r - middle)).sum() < 0:
        faces = faces[:, ::-1]
    turn = np.linspace(0.02, 0.98, count)[:, None] + 0 * np.linspace(0, 1, UP)
    name = "ear" if sitter.recipe.species == "creature" else "hair_ear"
    made = piece(name, both, faces, uvs=np.stack([turn, 0 * turn + np.linspace(0, 1, UP)], -1),
                 neck=1.0)  # fmt: skip
    made.loose = np.tile(0.30 * np.linspace(0, 1, UP) ** 2, count)
    return made


def lock(
    start: F64, way: F64, length: float, half: float, bend: F64, name: str = "fluff",
    loose: float = 0.2, flat: float = 0.55, face: F64 | None = None, rows: int = 7,
) -> Part:  # fmt: skip
    """A tapering tuft from `start` along `way`, bent by `bend` at its tip, flat towards `face`."""
    t = np.linspace(0, 1, rows)
    path = start + t[:, None] * length * _unit(way) + (t**2)[:, None] * bend
    width = half * np.interp(t, [0, 0.25, 0.6, 1], [0.75, 1.0, 0.72, 0.03])
    guide = np.tile([0.0, 0.0, 1.0] if face is None else face, (rows, 1))
    made = tube(name, path, width, 6, up=guide, flat=flat, neck=1.0)
    made.loose = np.repeat(loose * t**2, 6)
    return made


def _inner_fur(sitter: Sitter, side: int, root: tuple[float, float], size: float) -> list[Part]:
    """Pale tufts that grow out of the inner edge of an ear."""
    foot = sitter.skull.point(direction(side * root[0], root[1]), 0.0)
    made = []
    for x, y, lean, long in ((-0.20, 0.0, 0.16, 0.30), (-0.12, -0.02, 0.06, 0.40),
                             (-0.02, -0.03, -0.04, 0.34)):  # fmt: skip
        start = foot + np.array([side * x, y, 0.07]) * size
        way = np.array([side * (0.30 + lean), 1.0, 0.06])
        made.append(lock(start, way, long * size, 0.085 * size, np.array([side * 0.08, 0, -0.03]),
                         loose=0.12, flat=0.35))  # fmt: skip
    return made


def fox_ears(sitter: Sitter) -> list[Part]:
    """Large pointed ears with dark tips and pale fur inside."""
    flatten_ears(sitter)
    k, parts = sitter.skull.size, []
    for side in (-1, 1):
        root = (52.0, 50.0)
        parts.append(_ear(sitter, side, root, (0.36 * k, 0.78 * k), (0.36, 0.92, -0.10), 1.7, 0.13))
        parts += _inner_fur(sitter, side, root, k)
    return parts


def cat_ears(sitter: Sitter) -> list[Part]:
    """Short pointed ears of a cat, worn over the hair."""
    parts = []
    for side in (-1, 1):
        size = sitter.skull.size
        parts.append(_ear(sitter, side, (50.0, 54.0), (0.30 * size, 0.58 * size),
                          (0.34, 0.93, -0.05), 1.9, 0.10))  # fmt: skip
    return parts


def fluff(sitter: Sitter) -> list[Part]:
    """Pointed tufts of fur on the cheeks."""
    skull, parts = sitter.skull, []
    for side in (-1, 1):
        for azimuth, elevation, rise, long, half in (
            (80, -10, -0.05, 0.26, 0.13), (76, -21, -0.30, 0.34, 0.15),
            (70, -32, -0.55, 0.36, 0.15), (60, -43, -0.95, 0.28, 0.12),
        ):  # fmt: skip
            at = direction(side * float(azimuth), float(elevation))
            start = skull.centre + at * (skull.skin(at) - 0.13)
            way = np.array([side * 1.0, rise, -0.22])
            bend = np.array([0.0, 0.09, -0.05])
            face = np.array([side * 0.35, 0.1, 0.93])
            length = (long + 0.08) * skull.size
            parts.append(lock(start, way, length, half, bend, loose=0.15, flat=0.42, face=face))
    return parts


def tuft(sitter: Sitter) -> list[Part]:
    """A tuft of fur on the forehead."""
    skull, parts = sitter.skull, []
    for x, lean, long in ((-13, -0.30, 0.26), (12, 0.34, 0.25), (0, 0.02, 0.36)):
        at = direction(float(x), 62.0)
        start = skull.centre + at * (skull.skin(at) - 0.04)
        way = np.array([lean, 0.75, 0.66])
        bend = np.array([0.04, -0.05, -0.06])
        made = lock(
            start, way, long * skull.size, 0.085, bend, "fur", face=np.array([0, -0.6, 0.8])
        )
        parts.append(made)
    return parts


def nose(sitter: Sitter) -> list[Part]:
    """A dark, shining animal's nose."""
    bust = sitter.bust
    tip, base = (facemarks(bust)[n] for n in ("nose_tip", "nose_base"))
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 15)[:-1], np.linspace(0, np.pi, 8), indexing="ij")
    x, y, z = np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)
    # Wide above, narrowing to the cleft.
    wide = 0.115 * (1 + 0.45 * y) * sitter.skull.size
    points = np.stack([x * wide, y * 0.075 * (1 - 0.25 * x * x), z * 0.075], -1)
    middle = tip + [0, 0.15 * (base[1] - tip[1]), -0.012]
    made = piece("nose", points + middle, grid(14, 8, True, False)[:, ::-1], neck=1.0, outline=0.5)
    made.source = np.full(len(made.positions), VERTICES["nose_tip"])
    return [made]


def whiskers(sitter: Sitter) -> list[Part]:
    """Whiskers beside the nose."""
    marks, parts = facemarks(sitter.bust), []
    base = 0.5 * (marks["nose_wing"] + marks["upper_lip_peak"])
    for side in (-1, 1):
        for rise, y in ((0.12, 0.02), (-0.06, -0.02), (-0.22, -0.06)):
            start = (base + [0.09, y, -0.06]) * [side, 1, 1]
            path = start + np.linspace(0, 1, 8)[:, None] * np.array([side * 0.62, rise, 0.02])
            path[:, 1] -= 0.08 * np.linspace(0, 1, 8) ** 2
            width = np.interp(np.linspace(0, 1, 8), [0, 1], [0.011, 0.004])
            parts.append(tube("whisker", path, width, 4, neck=1.0, outline=0.0))
    return parts


def horns(sitter: Sitter) -> list[Part]:
    """Two small horns that curve up."""
    skull, parts = sitter.skull, []
    t = np.linspace(0, 1, 12)
    for side in (-1, 1):
        at = direction(side * 30.0, 56.0)
        start = skull.centre + at * (skull.radius(at) - 0.06)
        way = np.array([side * 0.28, 0.55, 0.10])
        path = start + t[:, None] * way + np.sin(t * 1.5)[:, None] * [side * 0.16, 0.0, 0.06]
        width = 0.115 * (1 - t) ** 0.8 * (1 + 0.10 * np.cos(16 * t)) + 0.004
        parts.append(tube("accent", path, width, 8, neck=1.0))
    return parts


def antennae(sitter: Sitter) -> list[Part]:
    """Two feelers with round tips."""
    skull, parts = sitter.skull, []
    t = np.concatenate([np.linspace(0, 0.74, 6), 0.9 - 0.1 * np.cos(np.linspace(0, np.pi, 9))])
    for side in (-1, 1):
        at = direction(side * 26.0, 64.0)
        start = skull.centre + at * (skull.radius(at) - 0.05)
        path = start + t[:, None] * [side * 0.20, 0.52, 0.10]
        path += (np.sin(np.pi * t) * 0.06)[:, None] * [-side * 1.0, 0, 0.4]
        ball = np.sqrt(np.clip(1 - ((t - 0.9) / 0.1) ** 2, 0, 1)) * 0.075
        made = tube("accent", path, np.maximum(0.024 * (t < 0.9), ball) + 0.003, 8, neck=1.0)
        made.loose = np.repeat(0.5 * t**2, 8)
        parts.append(made)
    return parts


def elf_ears(sitter: Sitter) -> list[Part]:
    """The ears' own tips drawn out to points."""
    skin = sitter.skin
    flap = ears(sitter.bust, skin)
    points = skin.positions[flap]
    low, high = points[:, 1].min(), points[:, 1].max()
    rise = smooth(0.55, 1.0, (points[:, 1] - low) / (high - low))
    side = np.sign(points[:, 0])
    skin.positions[flap] = points + rise[:, None] * np.stack(
        [0.18 * side, 0.09 + 0 * side, -0.26 + 0 * side], 1
    )
    return []
