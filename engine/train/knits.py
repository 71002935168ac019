"""Knitted clothes: crew neck, t-shirt, turtleneck, v-neck, hoodie, cut on a dress form."""

import numpy as np

from engine.train.bust import F64, Part, neck_weight
from engine.train.form import Form
from engine.train.piece import band, sheet, tube
from engine.train.recipe import Clothes
from engine.train.shirts import (
    EASE,
    RIBS,
    Neckline,
    Outfit,
    body,
    buttons,
    hang,
    leaf,
    placket,
    planar,
    stand,
)

COUNT = 48  # columns of a neckband
ROUNDED = 14.0  # degrees: bend of a round neck


def _around(count: int = COUNT) -> F64:
    return np.linspace(-180, 180, count + 1)[:-1]


def _unrolled(azimuth: F64, rows: int) -> F64:
    """uvs [A, rows, 2] of a neckband: both sides alike, so that it has no seam."""
    around, across = np.meshgrid(np.abs(azimuth) / 180, np.linspace(0, 1, rows), indexing="ij")
    return np.stack([around, across], -1)


def ribbing(form: Form, edge: Neckline, width: float, thick: float, name: str = "rib",
            lift: float = EASE, count: int = COUNT) -> Part:  # fmt: skip
    """A knitted band along an edge: `width` up the neck from it, rounded."""
    azimuth = _around(count)
    low = edge.at(azimuth) + 0.03
    section = [(0.0, thick), (0.35, thick + 0.022), (0.75, thick + 0.012), (1.0, 0.01),
               (0.85, -0.02), (-1.2, -0.03)]  # fmt: skip
    rows = [form.at(azimuth, low - (width + 0.03) * t, lift + up) for t, up in section]
    points = np.stack(rows[::-1], 1)
    return band(name, points, ring=True, uvs=_unrolled(azimuth, len(section)))


def crew(form: Form, options: Clothes) -> Outfit:
    """A sweater with a round ribbed neck."""
    foot = -form.rise - 0.02 - options.height
    edge = Neckline((0, 60, 180), (foot + 0.06, foot + 0.02, foot - 0.02), ROUNDED)
    return Outfit([body(form, edge), ribbing(form, edge, 0.15, 0.045)], edge)


def tee(form: Form, options: Clothes) -> Outfit:
    """A t-shirt with a narrow round neck."""
    foot = -0.7 * form.rise + 0.06 - options.height
    below = (foot + 0.09, foot + 0.05, foot, foot - 0.04)
    edge = Neckline((0, 50, 110, 180), below, ROUNDED)
    return Outfit(
        [body(form, edge, lift=0.035), ribbing(form, edge, 0.085, 0.035, "collar", lift=0.035)],
        edge,
    )


def turtleneck(form: Form, options: Clothes) -> Outfit:
    """A fine sweater whose collar is turned down around the neck."""
    foot = -0.5 * form.rise - options.height
    height = 0.30 + 0.5 * form.rise
    edge = Neckline((0, 180), (foot - 0.08, foot - 0.10))
    azimuth = _around()
    # It reaches higher behind, below the jaw in front.
    top = foot - height * (1 - 0.14 * np.cos(np.radians(azimuth)))
    low = foot + 0.03
    section = [(0.0, 0.075), (0.2, 0.12), (0.55, 0.108), (0.88, 0.092), (1.0, 0.062),
               (0.93, 0.035), (0.2, 0.03)]  # fmt: skip
    rows = [form.at(azimuth, low + (top - low) * t, up) for t, up in section]
    points = np.stack(rows, 1)[:, ::-1]
    weight = neck_weight((points - 0.08 * form.outward(azimuth, low)[:, None]).reshape(-1, 3))
    roll = band("rib", points, ring=True, neck=weight, uvs=_unrolled(azimuth, len(section)))
    return Outfit([body(form, edge), roll], edge)


def vneck(form: Form, options: Clothes) -> Outfit:
    """A v-neck sweater over a shirt."""
    foot = -form.rise - 0.10 - options.height
    edge = Neckline((0, 14, 62, 100, 180), tuple(foot + d for d in (0.40, 0.34, 0.15, 0.08, 0.06)))
    return Outfit([*collared(form, foot), *_pullover(form, edge)], Neckline((0,), (foot + 0.02,)))


def cardigan(form: Form, options: Clothes) -> Outfit:
    """A buttoned cardigan over a shirt."""
    made = vneck(form, options)
    foot = -form.rise - 0.10 - options.height
    low = [foot + d for d in (0.54, 0.80)]
    strip = placket(form, foot + 0.42, "rib", half=0.11, lift=0.115)
    strip.uvs = np.full_like(strip.uvs, 0.5 / RIBS)
    return Outfit([*made.parts, strip, *buttons(form, low, 0.18)], made.edge)


def collared(form: Form, foot: float, rim: float = 0.18) -> list[Part]:
    """Collar and front of the shirt under a sweater or jacket."""
    return [
        under(form, Neckline((0,), (foot + 0.02,))),
        stand(form, foot, 0.13, count=28),
        leaf(form, foot, 0.13, (19.0, foot + 0.33), foot + 0.20, under=rim),
    ]


def _pullover(form: Form, edge: Neckline) -> list[Part]:
    """A sweater with a deep edge, bordered by ribs."""
    azimuth = np.r_[-180, -150, -126, np.arange(-108, -29, 6), np.arange(-24, 25, 4),
                    np.arange(30, 109, 6), 126, 150, 180].astype(float)  # fmt: skip
    return [body(form, edge, lift=0.10, azimuths=azimuth, rows=8), _edging(form, edge, azimuth)]


def _edging(form: Form, edge: Neckline, azimuth: F64) -> Part:
    """A ribbed border along an edge, `azimuth` [A] from -180 to 180."""
    a = azimuth[:-1]
    low = edge.at(a)
    # Across the edge in the chart: up the neck behind, to the middle in front.
    rows = [(0.06, 0.13), (0.0, 0.15), (-0.06, 0.135), (-0.07, 0.08), (0.03, 0.06)]
    points = np.stack([form.at(a, low + d, up) for d, up in rows[::-1]], 1)[:, ::-1]
    return band("rib", points, ring=True, uvs=_unrolled(a, len(rows)))


def under(form: Form, edge: Neckline, lift: float = 0.03) -> Part:
    """What is seen of a garment under another: its front, a hand wide."""
    azimuth = np.arange(-96, 97, 12.0)
    depth = edge.at(azimuth)[:, None] + np.linspace(0, 0.8, 4)
    points = form.at(azimuth[:, None], depth, hang(depth - edge.at(0.0), lift, 0.03))
    return sheet("under", points, uvs=planar(points))


def hoodie(form: Form, options: Clothes) -> Outfit:
    """A hoodie: the hood lies behind the neck, two strings hang in front."""
    foot = -0.8 * form.rise + 0.02 - options.height
    below = (foot + 0.14, foot + 0.08, foot + 0.02, foot)
    edge = Neckline((0, 40, 90, 180), below, ROUNDED)
    inner = edge.moved(-0.10)
    tee = [under(form, inner), ribbing(form, inner, 0.06, 0.03, "collar", 0.03, 32)]
    # Close together along the shoulder, which is seen against the background.
    half = np.array([12, 24, 36, 48, 60, 70, 78, 84, 90, 96, 106, 126, 150, 180], float)
    around = np.r_[-half[::-1], 0, half]
    shell = body(form, edge, lift=0.06, rows=9, azimuths=around)
    return Outfit([shell, *_hood(form, edge), *tee], inner)


def _hood(form: Form, edge: Neckline) -> list[Part]:
    """A fat roll around the neck, higher behind, and two strings."""
    # Close together where it is seen against the background.
    flank = np.arange(48.0, 157.0, 6.0)
    a = np.r_[-180, -168, -flank[::-1], -38, -26, -13, 0, 13, 26, 38, flank, 168]
    back = 0.5 - 0.5 * np.cos(np.radians(a))  # 0 in front, 1 behind
    low, fat = edge.at(a), 0.055 + 0.10 * back**0.7
    turn = np.linspace(0, 2 * np.pi, 10)[:-1]
    # Its section leans outwards: a lip that rises from the edge and falls over the shoulders.
    d = low[:, None] - 0.02 - (0.10 + 0.14 * back)[:, None] * np.sin(turn)
    d = d + (0.10 * back + 0.02)[:, None] * (1 - np.cos(turn))
    up = 0.085 + (fat[:, None]) * (1 - np.cos(turn)) * (0.8 + 0.9 * back[:, None])
    d[:, 0], up[:, 0] = low + 0.12, 0.0  # no look through behind the neck
    points = form.at(np.broadcast_to(a[:, None], d.shape), d, up)
    hood = band("shirt", points, ring=True, uvs=planar(points))
    made = [hood]
    for side in (-1, 1):
        start = side * 15.0
        top = float(edge.at(start)) - 0.04
        way = np.linspace(0, 1, 7)
        path = form.at(start + side * 2 * way, top + 0.62 * way, 0.20 - 0.02 * way)
        path[:2] = form.at(start, top - 0.03 + 0.03 * np.arange(2), [0.13, 0.19])
        made.append(tube("string", path, 0.022, sides=5, outline=0.6))
        made.append(tube("string", path[-2:] + [[0, 0, 0], [0, -0.10, 0]], 0.03, 5, outline=0.6))
    return made
