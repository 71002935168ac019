"""Which blendshapes speech drives (strong) and which live beside it (weak), and the lip opening.

Contract: STRONG and WEAK are disjoint index lists that together cover ARKIT; the decoder's branches
write them and a trained graph carries its own copy in its config, checked when it is loaded.
"""

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import F32
from engine.speech.phonemes import PHONES

# Measured by engine.train.split: these are the channels that put more than half of their vertex
# offset around the mouth of our mesh. They happen to have these names; training and a test repeat
# the measurement.
STRONG: tuple[int, ...] = tuple(
    i
    for i, name in enumerate(ARKIT)
    if name.startswith(("jaw", "mouth")) or name in ("cheekPuff", "tongueOut")
)
WEAK: tuple[int, ...] = tuple(i for i in range(len(ARKIT)) if i not in STRONG)

# Openness of each phone, fixed before any training (notes on motion, definition of lip figures).
OPENNESS: dict[str, float] = {
    phone: value
    for value, phones in {
        0.0: "SIL P B M",
        0.1: "F V",
        0.12: "S Z",
        0.15: "W",
        0.2: "CH JH SH ZH UW",
        0.25: "TH DH T D N Y",
        0.3: "NG R UH IY",
        0.35: "L K ER G",
        0.38: "IH",
        0.45: "HH",
        0.5: "EY OW",
        0.55: "AH OY",
        0.6: "EH",
        0.75: "AO",
        0.8: "AE",
        0.85: "AY AW",
        0.95: "AA",
    }.items()
    for phone in phones.split()
}
assert sorted(OPENNESS) == sorted(PHONES)
OPENNESS_ROW: F32 = np.array([OPENNESS[p] for p in PHONES], np.float32)  # [40]


def _opening_weights() -> F32:
    row = np.zeros(len(ARKIT), np.float32)
    row[INDEX["jawOpen"]] = 1.0
    row[INDEX["mouthClose"]] = -1.0
    for part in ("LowerDown", "UpperUp"):
        for side in ("Left", "Right"):
            row[INDEX[f"mouth{part}{side}"]] = 0.35 / 2
    for side in ("Left", "Right"):
        row[INDEX[f"mouthPress{side}"]] = -0.3 / 2
    row[INDEX["mouthRollLower"]] = row[INDEX["mouthRollUpper"]] = -0.3 / 2
    return row


OPENING: F32 = _opening_weights()  # [52]


def opening(weights: F32) -> F32:
    """Lip opening [...] of ARKit weights [..., 52]: jawOpen - mouthClose + .35 x (sum of the four
    LowerDown/UpperUp) / 2 - .3 x mean(Press) - .3 x mean(Roll)."""
    return np.asarray(weights @ OPENING, np.float32)
