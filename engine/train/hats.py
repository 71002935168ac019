"""What is worn over the hair: headphones, a headset, a beanie, a cap.

Hair under a hat is laid flat by `cover`: its vertices move inside the hat.
"""

import numpy as np

from engine.train.anatomy import ear
from engine.train.bust import F64, Part, smooth
from engine.train.piece import band, dome, sheet, tube
from engine.train.sitter import Sitter
from engine.train.skull import angles, direction

HAIR = 0.13  # dm: room for the hair under a hat


def _ear_cup(sitter: Sitter, side: int) -> tuple[F64, F64]:
    """Middle of the ear [3], and the way a cup on it looks [3]."""
    points = sitter.bust.positions[[ear(sitter.bust, n, side) for n in ("root", "behind", "lobe")]]
    middle = points.mean(0)
    middle[0] = side * max(side * middle[0], 0.0)
    out = np.array([side * 0.97, 0.02, 0.10])
    return middle + [side * 0.05, 0.0, 0.0], out / np.linalg.norm(out)


def _cups(sitter: Sitter) -> list[Part]:
    parts = []
    for side in (-1, 1):
        middle, out = _ear_cup(sitter, side)
        turn = np.linspace(0, 2 * np.pi, 15)[:-1]
        across = np.cross([0.0, 1.0, 0.0], out)
        oval = np.cos(turn)[:, None] * across * 0.20 + np.sin(turn)[:, None] * [0, 0.26, 0]
        for name, near, far, size in (("pad", -0.03, 0.09, 1.0), ("frame", 0.06, 0.17, 0.92)):
            rows = [(0.90, near), (1.0, near + 0.02), (1.0, far - 0.03), (0.80, far), (0.02, far)]
            points = np.stack([middle + oval * size * r + out * h for r, h in rows], 1)
            parts.append(band(name, points, ring=True, neck=1.0))
        parts.append(dome("accent", middle + 0.165 * out, out, 0.085, 0.02, 10, neck=1.0,
                          outline=0.4))  # fmt: skip
    return parts


def headphones(sitter: Sitter) -> list[Part]:
    """Large headphones."""
    skull, parts = sitter.skull, _cups(sitter)
    (right, _), (left, _) = _ear_cup(sitter, -1), _ear_cup(sitter, 1)
    across = np.linspace(-1, 1, 25)
    angle = across * np.pi / 2
    top = float(skull.point(np.array([0.0, 1.0, 0.0]), HAIR + 0.07)[1])
    wide = float(left[0] - right[0]) / 2 + 0.10
    low = float(0.5 * (left[1] + right[1])) + 0.10
    z = float(0.5 * (left[2] + right[2])) + 0.02
    # Squarer than a circle: the band rises beside the head and bends over it.
    x = np.sign(angle) * np.abs(np.sin(angle)) ** 0.75 * wide
    y = low + (top - low) * np.cos(angle) ** 0.70
    path = np.stack([x, y, np.full(25, z)], 1)
    guide = np.tile([0.0, 0.0, 1.0], (25, 1))
    arch = tube("frame", path, 0.085, 8, up=guide, neck=1.0)
    # Wide from front to back, thin from head to sky.
    section = arch.positions.reshape(25, 8, 3)
    section[..., :2] = path[:, None, :2] + 0.34 * (section[..., :2] - path[:, None, :2])
    arch.positions = section.reshape(-1, 3)
    return [*parts, arch]


def headset(sitter: Sitter) -> list[Part]:
    """Headphones with a microphone before the mouth."""
    parts = headphones(sitter)
    middle, out = _ear_cup(sitter, -1)
    mouth = sitter.marks["mouth_corner_right"]
    start = middle + 0.10 * out + [0, -0.12, 0.05]
    end = mouth + [-0.14, -0.10, 0.16]
    t = np.linspace(0, 1, 10)[:, None]
    knee = np.array([start[0] - 0.02, end[1] - 0.02, 0.35 * start[2] + 0.65 * end[2]])
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * knee + t**2 * end
    parts.append(tube("frame", path, 0.018, 6, neck=1.0, outline=0.5))
    tip = np.linspace(0, 1, 6)[:, None] * [0.13, 0.02, 0.03] + end - [0.02, 0, 0]
    size = 0.045 * np.array([0.5, 0.95, 1.0, 1.0, 0.9, 0.4])
    parts.append(tube("pad", tip, size, 8, neck=1.0, outline=0.6))
    return parts


def _brim_line(azimuth: F64, front: float, back: float) -> F64:
    """Elevation [A] of a hat's edge in degrees: above the ears, from forehead to nape."""
    return np.asarray(back + (front - back) * (0.5 + 0.5 * np.cos(np.radians(azimuth))))


def _crown(sitter: Sitter, name: str, edge: F64, azimuth: F64, puff: float, rows: int) -> Part:
    """The shell of a hat from its edge [A] to the top."""
    t = np.concatenate([[0.0], np.linspace(0, 1, rows)])
    elevation = edge[:, None] + (89.9 - edge[:, None]) * (1 - (1 - t) ** 1.3)
    towards = direction(azimuth[:, None], elevation)
    room = HAIR + puff * np.sin(np.pi * t * 0.5 + 0.3)
    room[0] = 0.0  # the edge turns in to the head
    radius = sitter.skull.radius(towards) + room
    points = sitter.skull.centre + towards * radius[..., None]
    u = np.broadcast_to((np.abs(azimuth) / 180)[:, None], elevation.shape)
    v = np.broadcast_to(t, elevation.shape)
    uvs = np.stack([u, v], -1)
    return sheet(name, points[:, ::-1], ring=True, neck=1.0, uvs=uvs[:, ::-1])


def beanie(sitter: Sitter) -> list[Part]:
    """A knitted hat with a turned-up edge."""
    azimuth = np.linspace(-180, 180, 45)[:-1]
    edge = _brim_line(azimuth, 26.0, -8.0)
    rim = []
    for up, room in ((-1.0, 0.0), (-1.5, 0.07), (1.5, 0.095), (9.0, 0.09), (12.0, 0.07),
                     (11.0, 0.02)):  # fmt: skip
        towards = direction(azimuth, edge + up)
        radius = sitter.skull.radius(towards) + HAIR - 0.05 + room
        rim.append(sitter.skull.centre + towards * radius[:, None])
    turned = band("knit", np.stack(rim[::-1], 1), ring=True, neck=1.0)
    around, across = np.meshgrid(np.abs(azimuth) / 180, np.linspace(0, 1, 6), indexing="ij")
    turned.uvs = np.stack([around, across], -1).reshape(-1, 2)
    return [_crown(sitter, "knit", edge + 3, azimuth, 0.06, 9), turned]


def cap(sitter: Sitter) -> list[Part]:
    """A baseball cap."""
    azimuth = np.linspace(-180, 180, 45)[:-1]
    edge = _brim_line(azimuth, 27.0, -2.0)
    parts = [_crown(sitter, "hat", edge, azimuth, 0.03, 9)]
    skull, across = sitter.skull, np.linspace(-58, 58, 17)
    low = _brim_line(across, 27.0, -2.0)
    root = (
        skull.centre
        + direction(across, low) * (skull.radius(direction(across, low)) + HAIR - 0.02)[:, None]
    )
    reach = 0.62 * np.cos(np.radians(across / 58 * 90)) ** 0.6
    t = np.linspace(0, 1, 5)
    out = np.array([0.0, -0.16, 1.0])
    sheet = root[:, None] + (reach[:, None] * t)[..., None] * out
    sheet[..., 1] -= 0.9 * (sheet[..., 0] ** 2) * t * 0.35
    under = sheet[:, ::-1] - [0, 0.03, 0]
    parts.append(band("hat", np.concatenate([sheet, under], 1), neck=1.0))
    top = skull.point(np.array([0.0, 1.0, 0.0]), HAIR + 0.02)
    parts.append(dome("accent", top, np.array([0.0, 1.0, 0.01]), 0.05, 0.04, 8, neck=1.0))
    return parts


HATS = {"beanie": (26.0, -8.0), "cap": (27.0, -2.0)}  # their edges, in front and behind


def cover(sitter: Sitter, parts: list[Part]) -> list[Part]:
    """The parts with the hair laid under what is worn on the head: no lock comes through."""
    hair = [part for part in parts if part.name in ("hair", "underhair")]
    if "hijab" in sitter.recipe.wears:
        return [part for part in parts if not any(part is h for h in hair)]
    for part in hair:
        for front, back in (HATS[name] for name in sitter.recipe.wears if name in HATS):
            offset = part.positions - sitter.skull.centre
            azimuth, elevation = angles(offset)
            above = elevation - _brim_line(azimuth, front, back)
            length = np.linalg.norm(offset, axis=1)
            most = sitter.skull.radius(offset / length[:, None]) + HAIR - 0.06
            share = smooth(-8.0, 4.0, above) * np.clip(length - most, 0, None)
            part.positions = part.positions - offset / length[:, None] * share[:, None]
    return parts
