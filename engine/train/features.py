"""Eyeballs, lashes, teeth and tongue: MakeHuman's helpers, made to read as such in a toon."""

import numpy as np

from engine.train.bust import F64, I64, Bust, Part
from engine.train.canvas import coverage
from engine.train.glint import glint
from engine.train.lash import lash
from engine.train.mouth import arch, tongue
from engine.train.paint import eye_uv
from engine.train.sitter import Sitter

NEAR = 0.42  # dm around an eyeball within which its lids lie
PIXELS = 168  # of the picture, 2 NEAR wide, in which the opening is measured
INWARDS = 0.006  # dm: the eyes of somebody who looks at a person before them meet a little
LOW, HIGH = 0.02, 0.02  # dm by which an iris may lie below and above the middle of the opening


def _faces(quads: I64) -> I64:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _shown(bust: Bust, ball: I64) -> F64:
    """Points (x, y) [N, 2] all over what the lids leave open of an eyeball, seen from the front."""
    middle = bust.positions[np.unique(ball)].mean(0)
    body = bust.source.groups["body"].vertices
    lids = body[(np.linalg.norm(bust.positions - middle, axis=1) < NEAR)[body].all(1)]
    at = (bust.positions - middle) / (2 * NEAR)
    screen = np.stack([(at[:, 0] + 0.5) * PIXELS, (0.5 - at[:, 1]) * PIXELS, 0.5 - 0.2 * at[:, 2]])
    own = np.zeros((len(at), 1))
    own[ball] = 1.0
    faces = np.concatenate([_faces(lids), _faces(ball)])
    rows, columns = np.nonzero(coverage(screen.T, faces, PIXELS, own)[1][..., 0] > 0.5)
    found = np.stack([columns + 0.5 - PIXELS / 2, PIXELS / 2 - rows - 0.5], axis=1)
    return np.asarray(middle[:2] + found * (2 * NEAR / PIXELS))


def eye(sitter: Sitter, side: str) -> list[Part]:
    """An eyeball whose iris lies in the middle of the opening: a gaze that meets the viewer's."""
    bust, eyes, name = sitter.bust, sitter.recipe.eyes, "left" if side == "l" else "right"
    ball, out = bust.group(f"{side}-eye"), 1 if side == "l" else -1
    part = bust.part("eye", ball, outline=0.0)
    middle, shown = bust.eyes[side].copy(), _shown(bust, ball)
    lid = float(sitter.marks[f"lid_upper_{name}"][1])
    if len(shown):
        # Its height is the eyeball's, unless an unusual face has its opening elsewhere.
        opening = float(np.median(shown[:, 1]))
        middle[1] = np.clip(middle[1], opening - LOW, opening + HIGH)
        beside = np.abs(shown[:, 1] - middle[1]) < 0.5 * eyes.iris
        middle[0] = shown[beside if beside.any() else slice(None), 0].mean()
    middle[0] += (eyes.shift - INWARDS) * out
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
