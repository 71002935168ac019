"""Lip teacher: phone times -> the strong ARKit channels, by dominance functions.

Method: Cohen & Massaro 1993 (targets blended by overlapping dominances) with the jaw and lip gains
of JALI (Edwards et al. 2016). Contract: in every manner the derived opening follows the openness
table of engine.motion.channels up to a gain; P B M close, F V tuck the lower lip.
"""

from collections.abc import Sequence

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import F32, SAMPLE_RATE
from engine.motion.channels import OPENNESS
from engine.speech.phonemes import INDEX as PHONE
from engine.speech.phonemes import PHONES
from engine.train.manner import Manner

Phones = Sequence[tuple[str, float, float]]  # phone, start s, duration s
RATE = 100  # Hz of the teacher's own grid
SCALE = 0.72  # opening that an openness of 1 takes on our rig; under doubt AA comes out at about .5

# Lip shapes per phone; what is not said is 0. Columns:
_PARTS = ("upper", "lower", "funnel", "pucker", "stretch", "smile", "press", "roll_lower",
          "roll_upper", "close", "shrug", "tongue")  # fmt: skip
_SHAPES: dict[str, dict[str, float]] = {
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
    _SHAPES[_phone] = _SHAPES[_like]
# Where a diphthong's lips end; its second half moves there.
_GLIDE = {"AW": "UW", "OW": "UW", "AY": "IY", "EY": "IY", "OY": "IY"}

# Dominance: which phones insist on their target (default 1), by group of channels.
_BILABIAL, _LABIODENTAL = ("P", "B", "M"), ("F", "V")
_ROUND = ("UW", "W", "OW", "OY", "AO", "UH", "SH", "ZH", "CH", "JH", "R", "ER")
_SPREAD = ("IY", "EY", "IH", "Y", "AE", "EH")


def _column(default: float, **groups: tuple[Sequence[str], float]) -> F32:
    row = np.full(len(PHONES), default, np.float32)
    for names, value in groups.values():
        row[[PHONE[p] for p in names]] = value
    return row


_DOMINANCE: dict[str, F32] = {
    "open": _column(1.0, closed=(_BILABIAL, 2.2), tucked=(_LABIODENTAL, 1.4)),
    "lips": _column(0.8, closed=(_BILABIAL, 2.6), tucked=(_LABIODENTAL, 2.0)),
    "round": _column(0.2, round=(_ROUND, 1.4), spread=(_SPREAD, 1.0), silence=(("SIL",), 0.5)),
    "spread": _column(0.4, spread=(_SPREAD, 1.2), round=(_ROUND, 1.0)),
}
_GROUP = {
    "upper": "open", "lower": "open", "funnel": "round", "pucker": "round", "stretch": "spread",
    "smile": "spread", "press": "lips", "roll_lower": "lips", "roll_upper": "lips", "close": "lips",
    "shrug": "lips", "tongue": "lips",
}  # fmt: skip


def _kernel(before_ms: float, after_ms: float) -> F32:
    """Half-Hann flanks: how far ahead of a phone its dominance starts and how long it lasts."""
    ahead, behind = before_ms / 1000 * RATE, after_ms / 1000 * RATE
    reach = int(np.ceil(max(ahead, behind)))
    at = np.arange(-reach, reach + 1)
    flank = np.where(at < 0, ahead, behind)
    kernel = np.where(np.abs(at) <= flank, 0.5 + 0.5 * np.cos(np.pi * at / flank), 0.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _kernels(tempo: float) -> dict[str, F32]:
    # The convolution is written over time, so a long left flank of the kernel is anticipation.
    return {
        "open": _kernel(47 * tempo, 45 * tempo),
        "lips": _kernel(40 * tempo, 36 * tempo),
        "round": _kernel(90 * tempo, 80 * tempo),
        "spread": _kernel(70 * tempo, 70 * tempo),
    }


def grid(phones: Phones, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Phone index and place within the phone (0..1) at 100 Hz: two arrays [seconds * 100]."""
    count = int(np.ceil(round(seconds * RATE, 6)))
    index = np.zeros(count, np.int64)
    place = np.zeros(count, np.float32)
    for phone, start, duration in phones:
        a, b = round(start * RATE), round((start + duration) * RATE)
        a, b = max(a, 0), min(b, count)
        if b > a:
            index[a:b] = PHONE[phone]
            place[a:b] = (np.arange(b - a) + 0.5) / (b - a)
    return index, place


def _targets() -> tuple[dict[str, F32], dict[str, F32]]:
    """Per part: target of each phone [40] and of its end [40] (diphthongs glide)."""
    first = {
        part: np.array([_SHAPES.get(p, {}).get(part, 0.0) for p in PHONES], np.float32)
        for part in _PARTS
    }
    last = {part: row.copy() for part, row in first.items()}
    for phone, end in _GLIDE.items():
        for part in _PARTS:
            if _GROUP[part] in ("round", "spread"):
                last[part][PHONE[phone]] = 0.7 * first[part][PHONE[end]]
    return first, last


_FIRST, _LAST = _targets()
_OPEN_TARGET = np.array([OPENNESS[p] for p in PHONES], np.float32)


def lips(phones: Phones, seconds: float, manner: Manner, stress: F32 | None = None) -> F32:
    """Strong channels of ARKit-52 at 100 Hz: [ceil(seconds * 100), 52]; weak ones stay 0.

    `stress` [T] in [0, 1] on the same grid opens stressed syllables wider by manner.emphasis.
    """
    index, place = grid(phones, seconds)
    kernels = _kernels(manner.tempo)

    def blend(values: F32, group: str) -> F32:
        weight = _DOMINANCE[group][index]
        pad = len(kernels[group]) // 2
        top = np.convolve(np.pad(values * weight, pad, mode="edge"), kernels[group], "valid")
        below = np.convolve(np.pad(weight, pad, mode="edge"), kernels[group], "valid")
        return np.asarray(top / below, np.float32)

    part = {
        name: blend(
            _FIRST[name][index]
            + (_LAST[name] - _FIRST[name])[index] * np.clip(2 * place - 0.7, 0, 1),
            _GROUP[name],
        )
        for name in _PARTS
    }
    loud = 1.0 if stress is None else 1.0 + manner.emphasis * (stress - 0.3)
    wanted = SCALE * manner.jaw * loud * blend(_OPEN_TARGET[index], "open")
    return _assemble(part, wanted, manner)


def _assemble(part: dict[str, F32], wanted: F32, manner: Manner) -> F32:
    out = np.zeros((len(wanted), len(ARKIT)), np.float32)

    def put(name: str, value: F32, sides: bool = True) -> None:
        if not sides:
            out[:, INDEX[name]] = value
            return
        out[:, INDEX[name + "Left"]] = value * (1.0 + manner.lopsided)
        out[:, INDEX[name + "Right"]] = value * (1.0 - manner.lopsided)

    rounding = np.clip(manner.rounding * (part["funnel"] + part["pucker"]), 0.0, 1.0)
    # Gains fade towards 1 where lips close: a style never costs a closure.
    closing = np.clip(part["press"] / 0.15, 0.0, 1.0)
    lip = manner.lip + (1.0 - manner.lip) * closing
    upper, lower = part["upper"] * lip, part["lower"] * lip
    smile = manner.smile * (1.0 - 0.7 * rounding) + manner.spread * part["smile"]
    rest = manner.purse * np.clip(1.0 - wanted / 0.15, 0.0, 1.0)
    press = part["press"] + rest * (1.0 - closing)
    put("mouthUpperUp", upper)
    put("mouthLowerDown", lower)
    put("mouthStretch", manner.spread * part["stretch"])
    put("mouthSmile", smile)
    put("mouthDimple", 0.35 * smile)
    put("mouthFrown", np.full_like(wanted, manner.frown))
    put("mouthPress", press)
    put("mouthFunnel", manner.rounding * part["funnel"] * lip, False)
    put("mouthPucker", manner.rounding * part["pucker"] * lip, False)
    put("mouthRollLower", part["roll_lower"], False)
    put("mouthRollUpper", part["roll_upper"], False)
    put("mouthShrugUpper", part["shrug"], False)
    put("mouthShrugLower", 0.2 * press, False)
    put("tongueOut", part["tongue"], False)
    # The jaw supplies what is missing to the wanted opening. The press of a resting style is left
    # out, it must not open the jaw; a press that closes lips does keep a slightly lowered jaw shut.
    rolls = part["roll_lower"] + part["roll_upper"]
    lips_part = 0.35 * (upper + lower) - 0.15 * rolls * (1.0 - closing)
    jaw = np.clip(wanted - lips_part + part["close"], 0.0, 1.0)
    put("jawOpen", jaw, False)
    put("mouthClose", np.minimum(part["close"] + 0.3 * closing * jaw, jaw), False)
    put("jawForward", 0.15 * rounding, False)
    return np.clip(out, 0.0, 1.0)


def steady() -> F32:
    """[40, 52]: the neutral face of each phone held long."""
    faces = [lips([(p, 0.0, 1.0)], 1.0, Manner())[RATE // 2] for p in PHONES]
    return np.stack(faces)


def at_samples(curve: F32, samples: np.ndarray) -> F32:
    """Rows of a 100 Hz curve at sample times (16 kHz), linear between, edges held: [N, K]."""
    position = np.clip(samples / SAMPLE_RATE * RATE - 0.5, 0, len(curve) - 1)
    below = np.minimum(position.astype(np.int64), max(len(curve) - 2, 0))
    share = (position - below).astype(np.float32)[:, None]
    return np.asarray(
        curve[below] * (1 - share) + curve[np.minimum(below + 1, len(curve) - 1)] * share
    )
