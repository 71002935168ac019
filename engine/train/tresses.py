"""Hair in a picture: its colour, and roughly how it is cut.

Contract: cuts are KINDS; a head before a wall of its hair's colour, hats and veils are beyond it.
"""

import numpy as np

from engine.train.bust import F64
from engine.train.portrait import SIDE, Mask, Portrait, robust

KINDS = ("bald", "short", "fringe", "chin", "long", "big")
_TOP = (109, 10, 338, 337, 151, 108)  # the forehead's upper half
_PLAIN = 5  # colours a plain wall shows at most
_SMOOTH = 0.045  # deviation of a wall's lightness; hair has strands


def hair(portrait: Portrait, skin: F64) -> tuple[F64 | None, str]:
    """Colour and rough cut, from what lies above and beside the face."""
    behind = _background(portrait)
    low, high = _above(portrait, 0.03, 0.13, 0.22), _above(portrait, 0.13, 0.27, 0.22)
    bare = float((~_unlike(portrait.lab[low], skin)).mean()) if low.any() else 1.0
    plain = 0 < len(behind) <= _PLAIN
    for area in (high, low):
        pixels = portrait.lab[area]
        own = pixels[_unlike(pixels, skin)]
        # Among many colours behind there may be that of the hair.
        own = own[_away(own, behind)] if plain else own
        if len(own) > (0.3 if plain else 0.5) * max(len(pixels), 40):
            break
    else:
        return None, "bald"
    hair = _main(own)
    # Before a plain wall a head without hair ends in a shade of that wall.
    smooth = float(own[:, 0].std()) < _SMOOTH
    if bare > 0.6 and plain and smooth and np.linalg.norm(behind - hair, axis=1).min() < 0.11:
        return None, "bald"

    def share(area: Mask) -> float:
        found = portrait.lab[area]
        if len(found) < 20:
            return 0.0
        like = np.linalg.norm((found - hair) * [0.7, 1.6, 1.6], axis=1) < 0.10
        return float((like & _away(found, behind, hair)).mean())

    beside = share(_sides(portrait, -0.42, -0.18, (-0.02, 0.14)))
    below = share(_sides(portrait, -0.05, 0.12, (-0.10, 0.14)))
    if min(beside, below) > 0.25:
        return hair, "long"
    wide = share(_sides(portrait, -0.75, -0.55, (0.14, 0.30)))
    if wide > 0.55 or min(share(_above(portrait, 0.55, 0.68, 0.25)), wide) > 0.30:
        return hair, "big"
    if beside > 0.35:
        return hair, "chin"
    return hair, "fringe" if share(portrait.area(_TOP)) > 0.35 else "short"


def _unlike(pixels: F64, skin: F64) -> Mask:
    return np.asarray(np.linalg.norm((pixels - skin) * [0.6, 1.6, 1.6], axis=1) > 0.075)


def _main(pixels: F64) -> F64:
    """The middle of the larger of two clusters (k-means), its highlights left out."""
    order = pixels[:, 0].argsort()
    centres = np.array([np.median(half, axis=0) for half in np.array_split(pixels[order], 2)])
    nearest = np.zeros(len(pixels), np.int64)
    for _ in range(8):
        nearest = np.linalg.norm(pixels[:, None] - centres, axis=-1).argmin(1)
        centres = np.array(
            [pixels[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in (0, 1)]
        )
    apart = float(np.linalg.norm(centres[0] - centres[1]))
    if apart < 0.12:  # one colour, lighter and darker
        return robust(pixels, 0.05, 0.6)
    return robust(pixels[nearest == np.bincount(nearest, minlength=2).argmax()], 0.05, 0.65)


def _above(portrait: Portrait, low: float, high: float, half: float) -> Mask:
    """A box above the landmarks' upper edge; all in shares of the face's height."""
    (x, y), tall = portrait.points[10], portrait.tall
    left, right = x - half * tall, x + half * tall
    low, high = y - low * tall, y - high * tall
    return portrait.polygon(np.array([[left, low], [right, low], [right, high], [left, high]]))


def _sides(portrait: Portrait, top: float, bottom: float, reach: tuple[float, float]) -> Mask:
    """Two boxes beside the face: from the chin downwards and from its edge outwards, likewise."""
    chin, tall = portrait.points[152], portrait.tall
    y0, y1 = chin[1] + top * tall, chin[1] + bottom * tall
    out = np.zeros((SIDE, SIDE), bool)
    for edge, sign in ((234, -1), (454, 1)):
        near, far = (portrait.points[edge, 0] + sign * x * tall for x in reach)
        out |= portrait.polygon(np.array([[near, y0], [far, y0], [far, y1], [near, y1]]))
    return out


def _background(portrait: Portrait) -> F64:
    """Colours [K, 3] at the picture's edges beside and above the head; none in a tight picture."""
    y, x = np.mgrid[:SIDE, :SIDE]
    centre = portrait.points[[33, 263]].mean(0)
    off = np.hypot((x - centre[0]) / 1.0, (y - centre[1]) / 1.15) / portrait.tall
    far = (off > 0.93) & (y < portrait.points[152, 1] - 0.1 * portrait.tall) & portrait.inside
    pixels = portrait.lab[far]
    if len(pixels) < 200:
        return np.zeros((0, 3))
    # A coarse histogram keeps what covers more than a fiftieth of it.
    cells = np.floor(pixels / [0.08, 0.04, 0.04]).astype(int)
    unique, which, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    kept = np.flatnonzero(count > len(pixels) / 50)
    return np.array([pixels[which == k].mean(0) for k in kept]).reshape(-1, 3)


def _away(pixels: F64, behind: F64, hair: F64 | None = None) -> Mask:
    """Which pixels [N, 3] are no background: nearer to the hair where it is known."""
    if not len(behind) or not len(pixels):
        return np.ones(len(pixels), bool)
    to_behind = np.linalg.norm(pixels[:, None] - behind, axis=-1).min(1)
    if hair is None:
        return np.asarray(to_behind > 0.06)
    return np.asarray(np.linalg.norm(pixels - hair, axis=1) < 1.5 * to_behind)
