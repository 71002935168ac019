"""Colours of a person in a picture: skin, hair, irises, brows, lips, clothes; and how hair is cut.

Contract: an upright square around the head and its landmarks go in; robust means of small places
come out, as sRGB in [0, 1]. Everything is a guess that a person may change: highlights and shadows
are left out, the white of the eyes corrects the light by half of what it suggests, and only a
little. Distances of colours are those of OKLab.
"""

from dataclasses import dataclass

import numpy as np

from engine.face.fields import RGB
from engine.face.palette import from_oklch, oklab
from engine.train.bust import F64
from engine.train.portrait import SIDE, Mask, Portrait, robust
from engine.train.tresses import hair

_RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
_LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81,
               80, 191)  # fmt: skip
_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
         152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67,
         109)  # fmt: skip
_CHEEKS = ((117, 118, 101, 36, 205, 187, 123), (346, 347, 330, 266, 425, 411, 352))
_FOREHEAD = (108, 151, 337, 336, 9, 107)
_NOSE = (6, 122, 196, 3, 51, 5, 281, 248, 419, 351)
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282,
                                                       283, 276))  # fmt: skip
_CHIN = (204, 181, 17, 405, 424, 262, 369, 396, 175, 171, 140, 32)
_LIP_BAND = (165, 92, 164, 322, 391, 326, 2, 97)


@dataclass(frozen=True, slots=True)
class Tints:
    """What was seen; colours are None where they could not be."""

    skin: RGB
    hair: RGB | None
    brow: RGB | None
    iris: RGB | None
    lips: RGB | None
    cloth: RGB | None
    cut: str  # "bald", "short", "fringe", "chin", "long", "big"
    brows: float  # thickness over the distance of the eyes
    beard: float  # share of the chin that is as dark as hair
    moustache: float


def read(portrait: Portrait) -> Tints:
    """Everything."""
    shift = _light(portrait)
    skin = _skin(portrait)
    locks, cut = hair(portrait, skin)
    brow, thickness = _brows(portrait, skin)
    known = next((own for own in (locks, brow) if own is not None), skin * [0.5, 1, 1])
    beard, moustache = (_dark(portrait, rows, skin, known) for rows in (_CHIN, _LIP_BAND))

    def color(lab: F64 | None) -> RGB | None:
        return None if lab is None else _rgb(lab - shift)

    def of_hair(lab: F64 | None) -> RGB | None:
        return None if lab is None else _rgb(_warm(lab - shift))

    return Tints(
        _human(_rgb(skin - shift)), of_hair(locks), of_hair(brow), color(_iris(portrait)),
        color(_lips(portrait)), color(_cloth(portrait)), cut, thickness, beard, moustache,
    )  # fmt: skip


def _rgb(lab: F64) -> RGB:
    return from_oklch(float(np.clip(lab[0], 0, 1)), float(np.hypot(lab[1], lab[2])),
                      float(np.degrees(np.arctan2(lab[2], lab[1]))))  # fmt: skip


def _warm(lab: F64) -> F64:
    """Hair that looks a little green or blue does so by what it reflects; dyed hair is left."""
    hue, chroma = np.degrees(np.arctan2(lab[2], lab[1])), float(np.hypot(lab[1], lab[2]))
    if chroma > 0.055 or 15 < hue < 88:
        return lab
    turn = np.radians(60.0)
    return np.array([lab[0], 0.5 * chroma * np.cos(turn), 0.5 * chroma * np.sin(turn)])


def _human(color: RGB) -> RGB:
    """A skin's colour within those that skins have: no light of any colour goes beyond."""
    lab = oklab(np.array(color))
    hue = float(np.degrees(np.arctan2(lab[2], lab[1])))
    chroma = float(np.hypot(lab[1], lab[2]))
    return from_oklch(
        float(np.clip(lab[0], 0.32, 0.92)), float(np.clip(chroma, 0.03, 0.115)),
        float(np.clip(hue, 32, 82)),
    )  # fmt: skip


def _light(portrait: Portrait) -> F64:
    """Half of the cast (0, a, b) that the white of the eyes shows, at most .02; zeros if none."""
    found = []
    for rows, iris in ((_RIGHT_EYE, 468), (_LEFT_EYE, 473)):
        white = portrait.area(rows) & ~_disc(portrait, iris, 1.25)
        pixels = portrait.lab[white]
        if len(pixels) >= 12:
            pixels = pixels[pixels[:, 0] >= np.quantile(pixels[:, 0], 0.5)]
            found.append(pixels[np.hypot(pixels[:, 1], pixels[:, 2]) < 0.09])
    whites = np.concatenate(found) if found else np.zeros((0, 3))
    if len(whites) < 12 or np.median(whites[:, 0]) < 0.5:
        return np.zeros(3)
    cast = 0.5 * np.median(whites, axis=0) * [0, 1, 1]
    return np.asarray(cast * min(1.0, 0.02 / max(float(np.linalg.norm(cast)), 1e-9)))


def _disc(portrait: Portrait, iris: int, share: float) -> Mask:
    centre = portrait.points[iris]
    radius = np.linalg.norm(portrait.points[iris + 1 : iris + 5] - centre, axis=1).mean()
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.asarray(np.hypot(x - centre[0], y - centre[1]) < share * radius)


def _skin(portrait: Portrait) -> F64:
    """Of cheeks, nose and forehead the lit part; a forehead under hair is left out."""
    sides = [portrait.lab[portrait.area(rows)] for rows in _CHEEKS]
    nose, forehead = (portrait.lab[portrait.area(rows)] for rows in (_NOSE, _FOREHEAD))
    # Of a face lit from one side the brighter cheek.
    sides = [side for side in sides if len(side) > 4]
    if not sides:
        return robust(portrait.lab[portrait.area(_OVAL)], 0.4, 0.9)
    lit = max(sides, key=lambda side: float(np.median(side[:, 0])))
    cheek = robust(np.concatenate([lit, nose]), 0.4, 0.85)
    places = [lit, nose]
    if len(forehead) > 4 and np.linalg.norm(np.median(forehead, axis=0) - cheek) < 0.09:
        places.append(np.repeat(forehead, 2, axis=0))
    return robust(np.concatenate(places), 0.4, 0.85)


def _iris(portrait: Portrait) -> F64 | None:
    """Around the pupils what is neither white nor black; of this the more colourful half."""
    found = []
    for rows, iris in ((_RIGHT_EYE, 468), (_LEFT_EYE, 473)):
        corners = portrait.points[list(rows)]
        middle = corners.mean(0)
        opening = portrait.polygon(middle + (corners - middle) * [1.0, 0.9])
        pixels = portrait.lab[_disc(portrait, iris, 1.5) & opening]
        if len(pixels) >= 6:
            white = max(float(np.quantile(pixels[:, 0], 0.92)), 0.3)
            share = pixels[:, 0] / white
            found.append(pixels[(share > 0.36) & (share < 0.82)])
    pixels = np.concatenate(found) if found else np.zeros((0, 3))
    if len(pixels) < 8:
        return None
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    return np.asarray(np.median(pixels[chroma >= np.median(chroma)], axis=0))


def _lips(portrait: Portrait) -> F64 | None:
    pixels = portrait.lab[portrait.area(_LIPS) & ~portrait.area(_INNER_LIPS)]
    return robust(pixels, 0.3, 0.8) if len(pixels) >= 20 else None


def _brows(portrait: Portrait, skin: F64) -> tuple[F64 | None, float]:
    """Their colour, and their mean thickness over the distance of the eyes' outer corners."""
    eyes = float(np.linalg.norm(portrait.points[263] - portrait.points[33]))
    found, thick = [], []
    for rows in _BROWS:
        corners = portrait.points[list(rows)]
        middle = corners.mean(0)
        wide = portrait.polygon(middle + (corners - middle) * [1.05, 1.8])
        pixels = portrait.lab[wide]
        dark = pixels[pixels[:, 0] < skin[0] - 0.10]
        thick.append(len(dark) / max(float(np.ptp(corners[:, 0])), 1.0))
        found.append(dark)
    pixels = np.concatenate(found)
    return (robust(pixels, 0.1, 0.6) if len(pixels) >= 12 else None), float(np.mean(thick)) / eyes


def _dark(portrait: Portrait, rows: tuple[int, ...], skin: F64, hair: F64) -> float:
    """Share of an area that is nearer to the hair than to the skin, lips left out."""
    pixels = portrait.lab[portrait.area(rows) & ~portrait.area(_LIPS)]
    if len(pixels) < 10:
        return 0.0
    to_hair, to_skin = (np.linalg.norm((pixels - c) * [1, 1.5, 1.5], axis=1) for c in (hair, skin))
    return float(((to_hair < to_skin) & (to_skin > 0.09)).mean())


def _cloth(portrait: Portrait) -> F64 | None:
    """Below the neck, if the picture reaches there."""
    chin, tall = portrait.points[152], portrait.tall
    x, y = chin
    below = portrait.polygon(np.array(
        [[x - 0.6 * tall, y + 0.5 * tall], [x + 0.6 * tall, y + 0.5 * tall],
         [x + 0.7 * tall, y + 0.9 * tall], [x - 0.7 * tall, y + 0.9 * tall]]
    ))  # fmt: skip
    pixels = portrait.lab[below]
    return robust(pixels, 0.3, 0.9) if len(pixels) >= 200 else None
