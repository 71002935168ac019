"""Eyeballs, lashes, teeth and tongue: MakeHuman's helpers, made to read as such in a toon."""

import numpy as np

from engine.train.bust import Bust, Part
from engine.train.paint import eye_uv
from engine.train.sitter import Sitter


def eye(bust: Bust, side: str, shift: float) -> Part:
    part = bust.part("eye", bust.group(f"{side}-eye"), outline=0.0)
    part.uvs = eye_uv(part.positions, bust.eyes[side] + [shift if side == "l" else -shift, 0, 0])
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


def teeth(bust: Bust, group: str, lower: float, bared: bool = False) -> Part:
    """One arch of teeth, lowered and set back from the lips, in one tone.

    `bared`: it comes down as the mouth opens or smiles, to where a toon shows it; at rest nothing
    white may lie behind the line of the lips.
    """
    part = bust.part("teeth", bust.group(group), outline=0.0)
    part.positions = part.positions * [0.93, 1.0, 1.0] - [0.0, lower, 0.05]
    if bared:
        # The arch follows the upturned line of the lips.
        part.positions[:, 1] += 0.012 + 1.3 * part.positions[:, 0] ** 2
        down = np.array([0.0, -1.0, 0.0]) * np.ones((len(part.positions), 1))
        smiles = {f"mouthSmile{side}": 0.024 * down for side in ("Left", "Right")}
        part.extra = {"jawOpen": 0.09 * down, **smiles}
    # The arch's facets would show in its shading.
    part.proxy = np.tile([0.0, 0.25, 0.97, 0.92], (len(part.positions), 1))
    return part


def tongue(bust: Bust) -> Part:
    """A flat tongue that leaves the mouth's dark visible above it, until it comes out."""
    part = bust.part("tongue", bust.group("tongue"), outline=0.0)
    rest = part.positions.copy()
    floor = rest[:, 1].min()
    part.positions[:, 1] = floor - 0.08 + 0.52 * (rest[:, 1] - floor)
    part.positions[:, 2] -= 0.06
    # Seen from the front an open jaw bares it to the lip: it drops and draws back instead.
    drawn = np.array([0.0, -0.055, -0.09]) * np.ones((len(rest), 1))
    part.extra = {"tongueOut": 1.25 * (rest - part.positions), "jawOpen": drawn}
    return part


def features(sitter: Sitter) -> list[Part]:
    """Everything in the openings of the face."""
    bust, eyes = sitter.bust, sitter.recipe.eyes
    return [
        *(eye(bust, side, eyes.shift) for side in "lr"),
        *(lash(bust, side, eyes.lash) for side in "lr"),
        teeth(bust, "upper-teeth", 0.0, bared=True),
        teeth(bust, "lower-teeth", 0.07),
        tongue(bust),
    ]
