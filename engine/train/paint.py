"""Paints the skin as inks: grey masks of palette colours, which may change at run time.

Order matters: forms first, then what lies on them (blush, freckles, stubble, a pattern), then
lips, folds, lines and brows. The eyeball is painted by engine.train.iris.
"""

from engine.errors import PackageError
from engine.train import beard, complexion, lips, relief, scalp
from engine.train.brows import brows
from engine.train.canvas import QUICK, SIZE, Ink, canvas
from engine.train.facemarks import facemarks
from engine.train.iris import eye_inks, eye_uv
from engine.train.pattern import PATTERNS
from engine.train.sitter import Sitter

__all__ = ["PATTERNS", "QUICK", "SIZE", "Ink", "eye_inks", "eye_uv", "skin_inks"]


def skin_inks(sitter: Sitter, size: int = SIZE) -> list[Ink]:
    """What is painted on the unrolled skin, in order; masks [size, size]."""
    who, marks = sitter.recipe, sitter.marks | facemarks(sitter.bust)
    if who.skin.pattern not in PATTERNS:
        known = ", ".join(sorted(PATTERNS))
        raise PackageError(f"there is no pattern {who.skin.pattern!r}, choose from: {known}")
    c = canvas(sitter.bust, sitter.skin, size)
    relief.shades(c, who, marks)
    relief.lights(c, who, marks)
    complexion.warmth(c, who, marks)
    complexion.stubble(c, who, marks)
    complexion.freckles(c, who, marks)
    scalp.paint(c, sitter)
    beard.paint(c, sitter)
    PATTERNS[who.skin.pattern](c, who, marks)
    closed = lips.seam(sitter.bust, sitter.skin, marks["mouth_corner_left"])
    lips.tint(c, who, marks, closed)
    relief.lids(c, who, marks)
    complexion.age(c, who, marks)
    relief.nose(c, who, marks)
    lips.line(c, who, closed, marks)
    complexion.mole(c, who, marks)
    brows(c, who, marks)
    return c.inks
