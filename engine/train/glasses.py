"""Glasses fitted to a face: lenses around the eyes, a bridge on the nose, temples on the ears.

They ride with the head as a rigid whole; clear lenses have a streak of light. Nothing of a frame is
thinner than 1.5 px at 256 px.
"""

from dataclasses import dataclass

import numpy as np

from engine.train.anatomy import ear, face_depth, vertices
from engine.train.bust import F64, Part
from engine.train.piece import piece, tube
from engine.train.sitter import Sitter

RIM = 34  # points of a rim
WRAP = 0.16  # 1/dm: how much the front follows the face around
CLEAR = 0.022  # dm between skin and rim
GLEAM = (-0.56, 0.59)  # in half widths and heights of a lens
MOVED = ("mouthSmileLeft+mouthSmileRight+cheekSquintLeft+cheekSquintRight",)


@dataclass(frozen=True)
class Style:
    """The make of a pair; lengths in dm."""

    corner: float  # exponent of its superellipse: 2 round
    tall: float  # height over width of a lens
    wire: float  # half thickness of the rim
    lens: float = 1.0  # width of a lens, in widths of the eye's opening
    drop: float = 0.0  # how much narrower a lens is below
    low: float = 0.015  # how far its middle is below the eye's
    dark: bool = False


ROUND = Style(2.2, 0.95, 0.017, 1.34)
SQUARE = Style(3.4, 0.86, 0.019, 1.76, 0.08, 0.045)
SUN = Style(3.0, 0.80, 0.020, 1.34, 0.10, dark=True)


@dataclass(frozen=True)
class Front:
    """The front of a pair, for the subject's left; the right one is its mirror image."""

    centre: F64  # [2]
    half: F64  # [2] half width and half height
    z: float  # of the front at x = 0

    def bent(self, xy: F64) -> F64:
        """Points [N, 2] on the front -> [N, 3]."""
        return np.asarray(np.c_[xy, self.z - WRAP * xy[:, 0] ** 2])


def _outline(style: Style, centre: F64, half: F64) -> F64:
    turn = np.linspace(0, 2 * np.pi, RIM + 1)[:-1]
    c, s = np.cos(turn), np.sin(turn)
    power = 2 / style.corner
    x, y = np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power
    return centre + np.stack([x * (1 + style.drop * (y - 1) / 2), y], 1) * half


def fit(sitter: Sitter, style: Style) -> Front:
    """Where the front of a pair sits on a face."""
    marks, bust = sitter.marks, sitter.bust
    inner, outer = (
        0.5 * (marks[f"eye_{n}_left"] + marks[f"eye_{n}_right"] * [-1, 1, 1])
        for n in ("inner", "outer")
    )
    middle, opening = 0.5 * (inner + outer), float(outer[0] - inner[0])
    width = 0.5 * opening * style.lens
    # The bridge keeps room for the nose.
    centre = np.array([max(middle[0] + 0.01, width + 0.075), middle[1] - style.low])
    half = np.array([width, width * style.tall])
    edge = _outline(style, centre, half)
    both = np.concatenate([edge, edge * [-1, 1]])
    skin = face_depth(sitter, both, 0.05, MOVED) + CLEAR + style.wire
    # Eyeballs and lashes stay behind the lenses.
    eyes = bust.positions[vertices(bust, tuple(f"{s}-{g}" for s in "lr" for g in (
        "eye", "eyelashes-1", "eyelashes-2")))]  # fmt: skip
    need = np.r_[skin + WRAP * both[:, 0] ** 2, eyes[:, 2] + 0.01 + WRAP * eyes[:, 0] ** 2]
    return Front(centre, half, float(need.max()))


def _temple(sitter: Sitter, front: Front, side: int, wire: float) -> Part:
    bust = sitter.bust
    root, behind = (bust.positions[ear(bust, n, side)] for n in ("root", "behind"))
    hinge = front.bent(np.array([front.centre + front.half * [0.99, 0.42]]))[0] * [side, 1, 1]
    turn = hinge + [side * 0.05, 0.0, -0.04]
    rest = root + [0.0, 0.045, 0.0]
    tip = behind + [side * 0.02, -0.16, -0.02]
    share = np.linspace(0, 1, 7)[:, None]
    path = np.concatenate([[hinge], turn + (rest - turn) * share, [0.4 * rest + 0.6 * tip, tip]])
    # Beside the head all the way to the ear.
    for _ in range(4):
        into = wire - sitter.skull.above(path[1:8])
        path[1:8, 0] += side * np.maximum(into, 0)
    return tube("frame", path, wire, 6, neck=1.0, outline=0.5)


def _bridge(sitter: Sitter, style: Style, front: Front) -> Part:
    """The bridge, which rests on the nose: pads would look like moles."""
    reach, y = float(front.centre[0] - front.half[0]), float(front.centre[1] + 0.3 * front.half[1])
    x = np.linspace(-reach, reach, 9)
    arch = y + 0.035 * (1 - (x / reach) ** 2)
    path = front.bent(np.stack([x, arch], 1))
    skin = face_depth(sitter, path[:, :2], 0.02) + style.wire
    rest = (1 - (x / reach) ** 2) ** 2
    path[:, 2] = np.maximum(path[:, 2] + rest * (skin - path[:, 2]), skin)
    return tube("frame", path, style.wire, 6, neck=1.0, outline=0.5)


def _gleam(front: Front, side: int) -> Part:
    """Two streaks of light in the corner of a lens that is upper left in the picture."""
    along, across = np.array([0.6, 0.8]), np.array([0.8, -0.6])
    size = float(front.half.min())
    made = []
    for place, length, width in ((-0.05, 0.155, 0.050), (0.08, 0.10, 0.022)):
        middle = GLEAM * front.half + across * place * size
        corners = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
        made += [middle + size * (length * v * along + width * u * across) for v, u in corners]
    xy = np.array(made) + front.centre * [side, 1]
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    return piece("gleam", front.bent(xy), faces, neck=1.0, outline=0.0)


def _pair(sitter: Sitter, style: Style) -> list[Part]:
    front = fit(sitter, style)
    parts = [_bridge(sitter, style, front)]
    for side in (-1, 1):
        rim = front.bent(_outline(style, front.centre, front.half)) * [side, 1, 1]
        parts.append(tube("frame", rim, style.wire, 6, ring=True, neck=1.0, outline=0.5))
        parts.append(_temple(sitter, front, side, style.wire))
        if not style.dark:
            parts.append(_gleam(front, side))
        else:
            middle = front.bent(front.centre[None])[0] * [side, 1, 1] + [0, 0, 0.02]
            fan = np.array([[RIM, k, (k + 1) % RIM] for k in range(RIM)])[
                :, :: 1 if side > 0 else -1
            ]
            lens = np.concatenate([rim, middle[None]])
            parts.append(piece("lens", lens, fan, neck=1.0, outline=0.0))
    return parts


def round_glasses(sitter: Sitter) -> list[Part]:
    """Round glasses in a fine frame."""
    return _pair(sitter, ROUND)


def square_glasses(sitter: Sitter) -> list[Part]:
    """Square glasses in a strong frame."""
    return _pair(sitter, SQUARE)


def sunglasses(sitter: Sitter) -> list[Part]:
    """Dark sunglasses."""
    return _pair(sitter, SUN)
