"""Shapes: what the lips do in each phone, and how much each phone insists on it.

Contract: `TARGETS` is a hand-made table blended with targets fitted to recorded people
(engine.train.fitting wrote `shapes.json`, trained clips only); what lets P B M close and F V tuck
is the hand table's alone, and so is the opening (engine.motion.channels.OPENNESS).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import WeightsError
from engine.frames import F32
from engine.speech.phonemes import INDEX as PHONE
from engine.speech.phonemes import PHONES

FITTED = Path(__file__).with_name("shapes.json")

# Lip shapes per phone; what is not said is 0. Columns:
PARTS = ("upper", "lower", "funnel", "pucker", "stretch", "smile", "press", "roll_lower",
          "roll_upper", "close", "shrug", "tongue")  # fmt: skip
HAND: dict[str, dict[str, float]] = {
    "AA": {"upper": 0.08, "lower": 0.12, "funnel": 0.05},
    "AE": {"upper": 0.12, "lower": 0.15, "stretch": 0.16},
    "AH": {"upper": 0.06, "lower": 0.08},
    "AO": {"upper": 0.04, "lower": 0.1, "funnel": 0.32, "pucker": 0.08},
    "AW": {"upper": 0.08, "lower": 0.12, "funnel": 0.1},
    "AY": {"upper": 0.1, "lower": 0.14, "stretch": 0.08},
    "B": {"press": 0.2, "roll_lower": 0.08, "roll_upper": 0.05, "close": 0.05},
    "CH": {"upper": 0.08, "lower": 0.14, "funnel": 0.36, "pucker": 0.22},
    "D": {"upper": 0.05, "lower": 0.1, "stretch": 0.08},
    "DH": {"upper": 0.06, "lower": 0.1, "tongue": 0.22},
    "EH": {"upper": 0.1, "lower": 0.12, "stretch": 0.14},
    "ER": {"upper": 0.05, "lower": 0.1, "funnel": 0.18, "pucker": 0.14},
    "EY": {"upper": 0.1, "lower": 0.1, "stretch": 0.22, "smile": 0.08},
    "F": {"upper": 0.12, "roll_lower": 0.36, "shrug": 0.1},
    "G": {"upper": 0.05, "lower": 0.08},
    "HH": {"upper": 0.05, "lower": 0.08},
    "IH": {"upper": 0.08, "lower": 0.1, "stretch": 0.14},
    "IY": {"upper": 0.1, "lower": 0.12, "stretch": 0.3, "smile": 0.16},
    "K": {"upper": 0.05, "lower": 0.08},
    "L": {"upper": 0.05, "lower": 0.1, "tongue": 0.05},
    "N": {"upper": 0.04, "lower": 0.09, "stretch": 0.06},
    "NG": {"upper": 0.05, "lower": 0.08},
    "OW": {"upper": 0.03, "lower": 0.06, "funnel": 0.3, "pucker": 0.3},
    "OY": {"upper": 0.03, "lower": 0.06, "funnel": 0.34, "pucker": 0.24},
    "R": {"upper": 0.06, "lower": 0.08, "funnel": 0.22, "pucker": 0.26},
    "S": {"upper": 0.06, "lower": 0.12, "stretch": 0.18, "smile": 0.05},
    "T": {"upper": 0.05, "lower": 0.1, "stretch": 0.08},
    "TH": {"upper": 0.06, "lower": 0.1, "tongue": 0.28},
    "UH": {"upper": 0.03, "lower": 0.06, "funnel": 0.22, "pucker": 0.26},
    "UW": {"funnel": 0.24, "pucker": 0.56},
    "W": {"funnel": 0.2, "pucker": 0.66},
    "Y": {"upper": 0.06, "lower": 0.08, "stretch": 0.2, "smile": 0.1},
}
for _phone, _like in {
    "P": "B",
    "M": "B",
    "V": "F",
    "Z": "S",
    "SH": "CH",
    "ZH": "CH",
    "JH": "CH",
}.items():
    HAND[_phone] = HAND[_like]
# Where a diphthong's lips end; its second half moves there.
GLIDE = {"AW": "UW", "OW": "UW", "AY": "IY", "EY": "IY", "OY": "IY"}

# Dominance: which phones insist on their target (default 1), by group of channels.
BILABIAL, LABIODENTAL = ("P", "B", "M"), ("F", "V")
_ROUND = ("UW", "W", "OW", "OY", "AO", "UH", "SH", "ZH", "CH", "JH", "R", "ER")
_SPREAD = ("IY", "EY", "IH", "Y", "AE", "EH")


def _column(default: float, **groups: tuple[Sequence[str], float]) -> F32:
    row = np.full(len(PHONES), default, np.float32)
    for names, value in groups.values():
        row[[PHONE[p] for p in names]] = value
    return row


DOMINANCE: dict[str, F32] = {
    "open": _column(1.0, closed=(BILABIAL, 2.2), tucked=(LABIODENTAL, 1.4)),
    "lips": _column(0.8, closed=(BILABIAL, 2.6), tucked=(LABIODENTAL, 2.0)),
    "round": _column(0.2, round=(_ROUND, 1.4), spread=(_SPREAD, 1.0), silence=(("SIL",), 0.5)),
    "spread": _column(0.4, spread=(_SPREAD, 1.2), round=(_ROUND, 1.0)),
}
GROUP = {
    "upper": "open", "lower": "open", "funnel": "round", "pucker": "round", "stretch": "spread",
    "smile": "spread", "press": "lips", "roll_lower": "lips", "roll_upper": "lips", "close": "lips",
    "shrug": "lips", "tongue": "lips",
}  # fmt: skip


# Parts that recorded people may teach; the others close, tuck or have no source.
LEARNT = ("upper", "lower", "funnel", "pucker", "stretch", "smile", "roll_lower", "roll_upper",
          "shrug")  # fmt: skip
# Phones whose shape stays the hand table's: they close, tuck or rest.
FIXED = ("SIL", *BILABIAL, *LABIODENTAL)


def hand(part: str) -> F32:
    """Target of each phone [40] in the hand table."""
    return np.array([HAND.get(p, {}).get(part, 0.0) for p in PHONES], np.float32)


def read_fitted(path: Path = FITTED) -> dict[str, F32]:
    """Part -> target of each phone [40], as engine.train.fitting wrote them. Raises WeightsError
    for a file that is not whole."""
    try:
        table = json.loads(path.read_text())["targets"]
        rows = {
            part: np.array([table[part][phone] for phone in PHONES], np.float32) for part in LEARNT
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path.name} is not a table of {len(LEARNT)} parts by {len(PHONES)} phones "
            f"({type(error).__name__} {error}); restore it with git"
        ) from error
    for part, row in rows.items():
        if not (np.isfinite(row).all() and row.min() >= 0 and row.max() <= 1):
            raise WeightsError(f"{path.name} has targets of {part} outside [0, 1]; restore it")
    return rows


def targets(learnt: dict[str, F32] | None = None) -> tuple[dict[str, F32], dict[str, F32]]:
    """Per part: target of each phone [40] and of its end [40] (diphthongs glide). `learnt` takes
    the place of the hand table where it has the part."""
    first = {part: (learnt or {}).get(part, hand(part)) for part in PARTS}
    last = {part: row.copy() for part, row in first.items()}
    for phone, end in GLIDE.items():
        for part in PARTS:
            if GROUP[part] in ("round", "spread"):
                last[part][PHONE[phone]] = 0.7 * first[part][PHONE[end]]
    return first, last
