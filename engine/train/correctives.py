"""Shapes for combinations that collide when their parts merely add up: lids, lips, corners.

Each is weighted by the product of the weights of the shapes it names, so at full weights of both
the sum is what is written here. Rules that need no shape of their own are engine.face.muscle's.
"""

import numpy as np

from engine.train.bust import F64, Bust

# A closed lid lies where it lies, whatever the eye under it does: share of the other movement of
# the lids that a blink undoes.
LIDS = {"eyeLookDown": 1.0, "eyeLookUp": 1.0, "eyeLookIn": 1.0, "eyeLookOut": 1.0,
        "eyeWide": 1.0, "eyeSquint": 0.75}  # fmt: skip
# Of the second movement, how much the first takes away at full weights (x, y, z).
LIPS = {
    ("mouthPucker", "jawOpen"): (-0.35, 0.0, 0.0),  # round lips stay narrow as they open
    ("mouthFunnel", "jawOpen"): (-0.30, 0.0, 0.0),
}
# Movements of parts (tongue, lashes, teeth) along a path that bends: their weight squared.
BENT = ("tongueOut", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")
# Those of the teeth alone, which show again as the jaw opens.
SHYNESS = (("mouthSmileLeft", "jawOpen"), ("mouthSmileRight", "jawOpen"))
CORRECTIVES: tuple[tuple[str, ...], ...] = (
    *((f"eyeBlink{side}", f"{name}{side}") for name in LIDS for side in ("Left", "Right")),
    *LIPS,
    *((name, name) for name in BENT),
    *SHYNESS,
    *((f"eyeBlink{side}",) * 3 for side in ("Left", "Right")),
)


def corrective(bust: Bust, shapes: tuple[str, ...]) -> F64:
    """Movement [V, 3] that a combination lacks, over the MakeHuman vertices."""
    first, second, *_ = shapes
    if first == second or shapes in SHYNESS:
        return np.zeros_like(bust.positions)
    if first.startswith("eyeBlink"):
        move = -LIDS[second.removesuffix("Left").removesuffix("Right")] * bust.shape(second)
        for side in "lr":
            move[np.unique(bust.group(f"{side}-eye"))] = 0
        return np.asarray(move)
    x, y, z = LIPS[first, second]
    return np.asarray(bust.shape(first) * [-x, -y, -z])
