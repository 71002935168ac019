"""Where hair grows: hairlines as directions from the skull's centre, and the scalp's paint.

Short hair has no edge of its own: its colour fades into the skin. So the paint of the skin carries
hair's colour under and around the locks, and nothing floats over the forehead.
"""

from dataclasses import dataclass

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import Canvas
from engine.train.sitter import Sitter
from engine.train.skull import Skull, angles


@dataclass(frozen=True)
class Scalp:
    """A hairline and how dense the hair's colour lies inside it."""

    front: float = 41.0  # elevation of the hairline above the nose, degrees
    temple: float = 27.0  # at azimuth 50
    burn: float = -16.0  # how low the hair before the ear reaches
    nape: float = -37.0
    recede: float = 0.0  # degrees by which the corners of the forehead are higher
    top: float = 0.9  # density above
    side: float = 0.9  # just over the ear
    soft: float = 3.0  # degrees over which the edge fades
    under: float = 10.0  # elevation where `side` begins to turn into `top`
    over: float = 34.0  # where it has
    ink: str = "hair_under"
    fade: float = 0.0  # degrees above the hairline over which clipped sides come in


def hairline(skull: Skull, scalp: Scalp) -> tuple[F64, F64]:
    """Azimuths from 0 to 180, and the elevation of the hairline there; both sides are alike."""
    front, back, top = skull.ear.front, skull.ear.back, skull.ear.top
    knots = [
        (0, scalp.front), (18, scalp.front + 1 + 0.4 * scalp.recede),
        (34, scalp.front - 2 + scalp.recede), (46, scalp.temple + 4 + 0.9 * scalp.recede),
        (57, 18 + 1.5 * scalp.recede), (64, 8 + 0.6 * scalp.recede),
        (front - 17, min(scalp.burn + 8, 6)), (front - 11, scalp.burn),
        (front - 3, scalp.burn), (front + 1, top - 2),
        (front + 6, top + 5), (back - 6, top + 6), (back + 4, top - 4), (back + 10, -22),
        (back + 22, scalp.nape + 4), (180, scalp.nape),
    ]  # fmt: skip
    table = np.array(sorted(knots))
    return table[:, 0], table[:, 1]


SCALPS: dict[str, Scalp] = {
    "buzz": Scalp(top=0.95, side=0.62, under=8, over=30, soft=3.5, ink="hair"),
    "crop": Scalp(front=38, temple=27, top=1.0, side=0.95, fade=17, ink="hair"),
    "quiff": Scalp(front=39, temple=27, top=1.0, side=0.95, fade=17, ink="hair"),
    "fringe": Scalp(front=40, temple=28, burn=-14),
    "pixie": Scalp(front=42, temple=30, burn=-14),
    "undercut": Scalp(front=39, temple=27, top=1.0, side=0.95, fade=18, ink="hair"),
    "receding": Scalp(53, 35, -20, recede=11, top=0.92, side=0.92, soft=8, ink="hair", fade=9),
    "afro": Scalp(front=44, temple=31, burn=-12),
    "coils": Scalp(front=42, temple=30, top=1.0, side=0.75),
    "bun": Scalp(front=45, temple=32, burn=-8, nape=-36),
    "ponytail": Scalp(front=44, temple=31, burn=-8, nape=-36),
    "manbun": Scalp(front=40, temple=28, top=1.0, side=0.95, fade=18, ink="hair"),
}  # fmt: skip


def paint(c: Canvas, sitter: Sitter) -> None:
    """Lay the colour of the sitter's hair on the scalp under it."""
    scalp = SCALPS.get(sitter.recipe.hair.cut)
    if scalp is None:
        return
    skull = sitter.skull
    azimuth, elevation = angles(c.position - skull.centre)
    line = np.interp(np.abs(azimuth), *hairline(skull, scalp))
    wave = 1.1 * np.sin(np.radians(azimuth) * 31) + 0.7 * np.sin(np.radians(azimuth) * 53 + 1)
    above = elevation - line + 0.22 * scalp.soft * wave
    inside = smooth(-scalp.soft, scalp.soft, above)
    dense = scalp.side + (scalp.top - scalp.side) * smooth(scalp.under, scalp.over, elevation)
    if scalp.fade:
        # Clipped hair comes in strand by strand, at the temples sooner than behind.
        aside = 1.0 if scalp.recede else smooth(40, 62, np.abs(azimuth))
        strand = np.sin(np.radians(azimuth) * 67 + 2 * np.sin(np.radians(elevation) * 9))
        come = smooth(-0.15, 1, (above + 1.5 * strand) / scalp.fade)
        dense = dense * (1 - aside * (1 - come))
    c.lay(scalp.ink, inside * dense)
