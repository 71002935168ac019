"""Eyeballs, lashes, teeth and tongue: MakeHuman's helpers, made to read as such in a toon."""

import numpy as np

from engine.train.bust import F64, I64, Bust, Part, foremost
from engine.train.glint import glint
from engine.train.lash import lash
from engine.train.mouth import arch, tongue
from engine.train.paint import eye_uv
from engine.train.sitter import Sitter

NEAR = 0.42  # dm around an eyeball within which its lids lie
ROWS, COLUMNS = 7, 90  # samples of an eye's opening
INWARDS = 0.006  # dm: the eyes of somebody who looks at a person before them meet a little


def _faces(quads: I64) -> I64:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _opening(bust: Bust, ball: I64, middle: F64, high: float) -> float | None:
    """x of the middle of what the lids leave open of an eyeball, `high` dm about its middle.

    None when they are shut: there is nothing to see.
    """
    body = bust.source.groups["body"].vertices
    lids = body[(np.linalg.norm(bust.positions - middle, axis=1) < NEAR)[body].all(1)]
    x = np.linspace(middle[0] - 0.3, middle[0] + 0.3, COLUMNS)
    at = np.stack(np.meshgrid(x, middle[1] + np.linspace(-high, high, ROWS)), -1).reshape(-1, 2)
    seen = foremost(bust.positions, _faces(ball), at)
    shown = np.isfinite(seen) & (seen > foremost(bust.positions, _faces(lids), at))
    return float(at[shown, 0].mean()) if shown.any() else None


def eye(sitter: Sitter, side: str) -> list[Part]:
    """An eyeball whose iris lies in the middle of the opening: a gaze that meets the viewer's."""
    bust, eyes, name = sitter.bust, sitter.recipe.eyes, "left" if side == "l" else "right"
    ball, out = bust.group(f"{side}-eye"), 1 if side == "l" else -1
    part = bust.part("eye", ball, outline=0.0)
    middle = bust.positions[np.unique(ball)].mean(0)
    lid = float(sitter.marks[f"lid_upper_{name}"][1])
    # Up and down it sits where the eyeball is, unless an unusual face has its opening elsewhere.
    opening = 0.5 * (lid + float(sitter.marks[f"lid_lower_{name}"][1]))
    middle[1] = np.clip(bust.eyes[side][1], opening - 0.03, opening + 0.03)
    across = _opening(bust, ball, middle, 0.5 * eyes.iris)
    middle[0] = (middle[0] if across is None else across) + (eyes.shift - INWARDS) * out
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
