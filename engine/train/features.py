"""Eyeballs, lashes, teeth and tongue: MakeHuman's helpers, made to read as such in a toon."""

import numpy as np

from engine.train.bust import Part
from engine.train.glint import glint
from engine.train.lash import lash
from engine.train.mouth import arch, tongue
from engine.train.paint import eye_uv
from engine.train.sitter import Sitter

CENTRE = 0.53  # of the opening, from the outer corner's mark: the corner of the lashes hides some


def eye(sitter: Sitter, side: str) -> list[Part]:
    """An eyeball whose iris lies in the middle of the opening: a gaze that meets the viewer's."""
    bust, name = sitter.bust, "left" if side == "l" else "right"
    part = bust.part("eye", bust.group(f"{side}-eye"), outline=0.0)
    middle = bust.eyes[side].copy()
    inner, outer = (sitter.marks[f"eye_{end}_{name}"][0] for end in ("inner", "outer"))
    lid = float(sitter.marks[f"lid_upper_{name}"][1])
    # Up and down it sits where the eyeball is, unless an unusual face has its opening elsewhere.
    opening = 0.5 * (lid + float(sitter.marks[f"lid_lower_{name}"][1]))
    middle[1] = np.clip(middle[1], opening - 0.03, opening + 0.03)
    middle[0] = outer + CENTRE * (inner - outer)
    middle[0] += sitter.recipe.eyes.shift * (1 if side == "l" else -1)
    part.uvs = eye_uv(part.positions, middle)
    return [part, glint(bust, sitter.recipe, side, middle, lid)]


def features(sitter: Sitter) -> list[Part]:
    """Everything in the openings of the face."""
    bust, eyes = sitter.bust, sitter.recipe.eyes
    return [
        *(part for side in "lr" for part in eye(sitter, side)),
        *(lash(bust, side, eyes.lash) for side in "lr"),
        arch(bust, upper=True),
        arch(bust, upper=False),
        tongue(bust),
    ]
