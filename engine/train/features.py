"""Eyeballs, lashes, teeth and tongue: MakeHuman's helpers, made to read as such in a toon."""

import numpy as np

from engine.train.bust import Bust, Part
from engine.train.mouth import arch, tongue
from engine.train.paint import eye_uv
from engine.train.sitter import Sitter


def eye(sitter: Sitter, side: str) -> Part:
    """An eyeball whose iris lies in the middle of the opening: a gaze that meets the viewer's."""
    bust, name = sitter.bust, "left" if side == "l" else "right"
    part = bust.part("eye", bust.group(f"{side}-eye"), outline=0.0)
    middle = bust.eyes[side].copy()
    middle[0] = 0.5 * (sitter.marks[f"eye_inner_{name}"] + sitter.marks[f"eye_outer_{name}"])[0]
    middle[0] += sitter.recipe.eyes.shift * (1 if side == "l" else -1)
    part.uvs = eye_uv(part.positions, middle)
    return part


def lash(bust: Bust, side: str, length: float) -> Part:
    """Upper lashes, drawn as one line; `length` 0 would shrink them onto the lid."""
    part = bust.part("lash", bust.group(f"{side}-eyelashes-2"), outline=0.0)
    lid = bust.positions[np.unique(bust.body()[0])]
    apart = np.linalg.norm(part.positions[:, None] - lid[None], axis=2)
    part.positions += (1 - length) * (lid[apart.argmin(1)] - part.positions)
    # Shut, lashes point down: their tips fall past the lid instead of being seen edge on.
    tip = apart.min(1, keepdims=True) / apart.min(1).max() * length
    blink = "eyeBlinkLeft" if side == "l" else "eyeBlinkRight"
    part.extra = {blink: tip * np.array([0.0, -0.034, 0.01])}
    return part


def features(sitter: Sitter) -> list[Part]:
    """Everything in the openings of the face."""
    bust, eyes = sitter.bust, sitter.recipe.eyes
    return [
        *(eye(sitter, side) for side in "lr"),
        *(lash(bust, side, eyes.lash) for side in "lr"),
        arch(bust, upper=True),
        arch(bust, upper=False),
        tongue(bust),
    ]
