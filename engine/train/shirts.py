"""Woven clothes cut on a dress form: the body of any garment, shirts and their collars."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.train.bust import F64, Part, smooth
from engine.train.form import Form
from engine.train.piece import band, dome, sheet, slab
from engine.train.recipe import Clothes

EASE = 0.045  # dm between skin and cloth at the neckline
HEM = -2.45  # dm: cloth ends below the picture
PLANE = (-2.9, -2.5, 5.8, 1.6)  # dm: left, bottom, width and height of the cloth's texture
RIBS = 26  # of a knitted neckband, from the front to the back
# Degrees: close together where the viewer sees them.
ROUND: F64 = np.r_[-180, -150, -126, np.arange(-108, 109, 6), 126, 150, 180].astype(float)


@dataclass(frozen=True)
class Neckline:
    """Edge of a garment: depth of its edge over the azimuth, knots [N] and [N] for one side."""

    azimuth: tuple[float, ...]
    depth: tuple[float, ...]
    bend: float = 0.0  # degrees: round in front, where its sides would meet in a V

    def at(self, azimuth: ArrayLike) -> F64:
        """Depth [...] of the edge."""
        away = np.hypot(azimuth, self.bend) - self.bend
        return np.asarray(np.interp(away, self.azimuth, self.depth))

    def moved(self, by: float) -> "Neckline":
        """The same edge further down."""
        return Neckline(self.azimuth, tuple(d + by for d in self.depth), self.bend)


@dataclass(frozen=True)
class Outfit:
    """Clothes, and the edge below which they hide the skin."""

    parts: list[Part]
    edge: Neckline


def hang(below: ArrayLike, lift: float = EASE, loose: float = 0.06) -> F64:
    """How far cloth hangs off the form `below` dm under its edge: freer further down."""
    return np.asarray(lift + loose * smooth(0.1, 1.0, np.asarray(below, float)))


def planar(points: F64) -> F64:
    """uvs [..., 2] on the cloth's texture, as seen from the front: shoulders never turn."""
    return np.asarray((points[..., :2] - PLANE[:2]) / PLANE[2:])


def body(
    form: Form, edge: Neckline, name: str = "shirt", lift: float = EASE, loose: float = 0.06,
    rows: int = 12, azimuths: F64 = ROUND,
) -> Part:  # fmt: skip
    """Front, back and sleeves of a garment in one sheet, hanging `loose` dm freer lower down."""
    top = edge.at(azimuths)[:, None]
    low = np.maximum(form.reach(azimuths, HEM)[:, None], top + 0.05)
    t = np.linspace(0, 1, rows) ** 1.15
    depth = top + (low - top) * t
    away = hang(depth - top, lift, loose)
    # The edge itself turns in to the skin.
    away[:, 0] -= 0.4 * lift
    points = form.at(np.broadcast_to(azimuths[:, None], depth.shape), depth, away)
    return sheet(name, points[:-1], ring=True, uvs=planar(points[:-1]))


def _nape(azimuth: F64) -> F64:
    """Room behind, where a strong neck bulges when the head looks up, dm."""
    return np.asarray(0.03 * smooth(110, 165, np.abs(azimuth)))


def stand(form: Form, foot: float, height: float, name: str = "collar", lift: float = 0.06,
          count: int = 36) -> Part:  # fmt: skip
    """The upright band of a collar, closed around the neck."""
    azimuth = np.linspace(-180, 180, count + 1)[:-1]
    rows = [(foot, lift + 0.03), (foot - 0.85 * height, lift + 0.03), (foot - height, lift + 0.015),
            (foot - 0.85 * height, lift), (foot + 0.24, -0.02)]  # fmt: skip
    points = np.stack([form.at(azimuth, d, up + _nape(azimuth)) for d, up in rows[::-1]], 1)
    return band(name, points[:, ::-1], ring=True)


def leaf(
    form: Form, foot: float, height: float, tip: tuple[float, float], back: float,
    start: float = 1.5, name: str = "collar", lift: F64 | float = 0.06, under: float = 0.125,
) -> Part:  # fmt: skip
    """The part of a collar that falls over: from the roll around the neck to two points in front.

    tip: azimuth and depth of a point; back: depth of the rim behind; start: azimuth at which the
    roll begins; under: lift of the rim, which lies on the garment.
    """
    way = np.r_[0, 0.03, 0.08, np.linspace(0.15, 0.5, 9)]
    way = np.r_[way, 1 - way[-2::-1]]
    roll = start + (360 - 2 * start) * way
    side = np.minimum(way, 1 - way)
    # The rim runs ahead of the roll at the point and comes back to it at the side.
    ahead = np.interp(side, [0, 0.08, 0.2, 0.5], [tip[0] - start, 14, 6, 0])
    rim = roll + np.where(way > 0.5, -ahead, ahead)
    low = np.interp(side, [0, 0.07, 0.18, 0.35, 0.5], [tip[1], 0.72 * tip[1] + 0.28 * back,
                    back + 0.03, back, back])  # fmt: skip
    top = foot - height
    lift = lift + _nape(np.where(roll > 180, roll - 360, roll))
    crest = form.at(roll, top, lift + 0.045)
    edge = form.at(rim, low, under)
    outer = form.at(0.5 * (roll + rim), 0.5 * (top + low), 0.0)
    # Half way the leaf bulges over both.
    middle = 0.5 * (crest + edge)
    away = form.outward(0.5 * (roll + rim), 0.5 * (top + low))
    least = ((outer - middle) * away).sum(1) + under
    middle = middle + away * np.maximum(least, 0.035)[:, None]
    upper = 0.5 * (crest + middle) + 0.25 * away * np.maximum(least, 0.03)[:, None]
    inside = edge - 0.03 * form.outward(rim, low)
    foot_in = form.at(roll, foot + 0.18, 0.35 * lift)  # no look in behind it
    top_in = form.at(roll, top + 0.02, lift + 0.012)
    return band(name, np.stack([crest, upper, middle, edge, inside, foot_in, top_in], 1))


def placket(form: Form, edge: float, name: str = "shirt", half: float = 0.10, x: float = 0.0,
            lift: float = EASE) -> Part:  # fmt: skip
    """The strip down the middle that carries the buttons, from depth `edge` of the garment."""
    low = float(form.reach(np.array([0.0]), HEM)[0])
    depth = np.linspace(edge + 0.01, low, 7)
    centre = form.at(0.0, depth, hang(depth - edge, lift) + 0.04) + [x, 0, 0]
    side = np.array([half, 0, 0])
    front = np.stack([centre - side, centre + [0, 0, 0.01], centre + side])
    return slab(name, front, front - [0, 0, 0.06], uvs=planar(np.concatenate([front, front])))


def buttons(form: Form, depths: list[float], lift: float, name: str = "button",
            radius: float = 0.034, x: float = 0.0) -> list[Part]:  # fmt: skip
    """A row of them down the front."""
    made = []
    for d in depths:
        at, out = form.at(0.0, d, lift), form.outward(0.0, d)
        made.append(dome(name, at + [x, 0, 0], out, radius, 0.02, outline=0.7))
    return made


def shirt(form: Form, options: Clothes) -> Outfit:
    """A shirt: stand and leaf of the collar, placket, buttons."""
    foot = -form.rise - 0.10 - options.height
    edge = Neckline((0, 180), (foot + 0.02, foot + 0.02))
    parts = [
        body(form, edge),
        stand(form, foot, 0.13),
        leaf(form, foot, 0.13, (20.0, foot + 0.44), foot + 0.20),
        placket(form, foot - 0.02, "collar", half=0.085),
        *buttons(form, [foot + 0.36, foot + 0.82], 0.112, "knob"),
    ]
    return Outfit(parts, edge)


def kurta(form: Form, options: Clothes) -> Outfit:
    """A kurta: a low stand collar, open a little in front."""
    foot = -form.rise - 0.06 - options.height
    edge = Neckline((0, 5, 14, 180), (foot + 0.34, foot + 0.26, foot + 0.02, foot + 0.02))
    azimuth = np.r_[-180, -150, -126, np.arange(-108, -23, 7), -17, -12, -8, -4, 0, 4, 8, 12, 17,
                    np.arange(24, 109, 7), 126, 150, 180].astype(float)  # fmt: skip
    around = np.r_[np.linspace(11, 60, 10), np.linspace(72, 288, 18), np.linspace(300, 349, 10)]
    rows = [(0.02, 0.095), (-0.13, 0.085), (-0.15, 0.065), (-0.13, 0.045), (0.24, -0.02)]
    collar = np.stack([form.at(around, foot + d, up) for d, up in rows[::-1]], 1)[:, ::-1]
    return Outfit(
        [
            body(form, edge, azimuths=azimuth, rows=11),
            band("collar", collar),
            *_facing(form, edge),
            *buttons(form, [foot + 0.50, foot + 0.72], 0.13, radius=0.026),
        ],
        edge,
    )


def _facing(form: Form, edge: Neckline) -> list[Part]:
    """Borders of a slit down the front."""
    made = []
    low = float(edge.at(0.0))
    for side in (-1, 1):
        azimuth = np.array([13.0, 9.5, 5.0, 0.0])
        depth = edge.at(azimuth)
        inner = form.at(side * azimuth, depth, 0.10)
        outer = form.at(side * (azimuth + [8, 8, 8, 7]), depth + [0, 0.03, 0.07, 0.13], 0.115)
        front = np.stack([inner, outer][::side], 1)
        made.append(slab("collar", front, front - [0, 0, 0.05]))
    strip = placket(form, low - 0.01, "collar", half=0.06, lift=0.075)
    return [*made, strip]
