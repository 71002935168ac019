"""Lip teacher: phone times -> the strong ARKit channels, by dominance functions.

Method: Cohen & Massaro 1993 (targets blended by overlapping dominances) with the jaw and lip gains
of JALI (Edwards et al. 2016) and the scale from hypo- to hyper-articulation of Lindblom 1990.
Contract: in every manner the derived opening follows the openness table of engine.motion.channels
up to a gain; P B M close, F V tuck the lower lip. What the lips do beside it: engine.train.shapes.
"""

from collections.abc import Sequence

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import F32, SAMPLE_RATE
from engine.motion.channels import OPENNESS_ROW
from engine.speech.phonemes import INDEX as PHONE
from engine.speech.phonemes import PHONES
from engine.train.manner import Manner
from engine.train.shapes import (
    BILABIAL,
    DOMINANCE,
    FIXED,
    GROUP,
    LABIODENTAL,
    PARTS,
    read_fitted,
    targets,
)

Phones = Sequence[tuple[str, float, float]]  # phone, start s, duration s
RATE = 100  # Hz of the teacher's own grid
SCALE = 0.72  # opening that an openness of 1 takes on our rig; under doubt AA comes out at about .5
MIDDLE = 0.35  # openness where hypo-articulation stays
_WIDE = 0.65  # opening from where wider takes effort
_TUCK = "roll_lower"  # the part that F and V move

_FIRST, _LAST = targets(read_fitted())
_CLOSED = np.isin(PHONES, BILABIAL).astype(np.float32)
_REST = np.isin(PHONES, ("SIL", *BILABIAL))
_HELD = np.isin(PHONES, FIXED)
_TUCKED = np.isin(PHONES, LABIODENTAL)


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


def kernels(manner: Manner) -> dict[str, F32]:
    """Flanks of each group of channels: hypo-articulation blends more of the neighbours in."""
    return _kernels(manner.tempo * (1.0 + 0.25 * (1.0 - manner.articulation)))


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


def open_targets(manner: Manner) -> F32:
    """[40] openness that each phone aims at: away from the middle in hyper-articulation, towards
    it in hypo-articulation; P B M and silence stay shut."""
    aim = OPENNESS_ROW + 0.7 * (manner.articulation - 1.0) * (OPENNESS_ROW - MIDDLE)
    return np.where(_REST, OPENNESS_ROW, np.maximum(aim, 0.0)).astype(np.float32)


def _reach(part: str, manner: Manner) -> F32:
    """[40] factor of articulation on the targets of a part."""
    over = np.float32(1.0 + 0.6 * (manner.articulation - 1.0))
    return np.where(_TUCKED if part == _TUCK else ~_HELD, over, 1.0).astype(np.float32)


def lips(phones: Phones, seconds: float, manner: Manner, stress: F32 | None = None) -> F32:
    """Strong channels of ARKit-52 at 100 Hz: [ceil(seconds * 100), 52]; weak ones stay 0.

    `stress` [T] in [0, 1] on the same grid opens stressed syllables wider by manner.emphasis.
    """
    index, place = grid(phones, seconds)
    flanks = kernels(manner)
    glide = np.clip(2 * place - 0.7, 0, 1)
    below = {group: _spread(row[index], flanks[group]) for group, row in DOMINANCE.items()}

    def blend(values: F32, group: str) -> F32:
        top = _spread(values * DOMINANCE[group][index], flanks[group])
        return np.asarray(top / below[group], np.float32)

    part = {}
    for name in PARTS:
        reach = _reach(name, manner)
        first, last = _FIRST[name] * reach, _LAST[name] * reach
        part[name] = blend(first[index] + (last - first)[index] * glide, GROUP[name])
    closing = np.clip(blend(_CLOSED[index], "lips") / 0.75, 0.0, 1.0)
    loud = 1.0 if stress is None else 1.0 + manner.emphasis * (stress - 0.3)
    wanted = SCALE * manner.jaw * loud * blend(open_targets(manner)[index], "open")
    return assemble(part, closing, _limited(wanted), manner)


def _limited(wanted: F32) -> F32:
    """The opening with a soft end: a jaw never goes further than about 1."""
    over = np.maximum(wanted - _WIDE, 0.0)
    return np.asarray(np.minimum(wanted, _WIDE) + 0.4 * np.tanh(over / 0.4), np.float32)


def _spread(x: F32, kernel: F32) -> F32:
    pad = len(kernel) // 2
    return np.asarray(np.convolve(np.pad(x, pad, mode="edge"), kernel, "valid"), np.float32)


def assemble(part: dict[str, F32], closing: F32, wanted: F32, manner: Manner) -> F32:
    """Parts [T] each, how far P B M close [T] and the wanted opening [T] -> ARKit-52 [T, 52]."""
    out = np.zeros((len(wanted), len(ARKIT)), np.float32)

    def put(name: str, value: F32, sides: bool = True) -> None:
        if not sides:
            out[:, INDEX[name]] = value
            return
        out[:, INDEX[name + "Left"]] = value * (1.0 + manner.lopsided)
        out[:, INDEX[name + "Right"]] = value * (1.0 - manner.lopsided)

    rounding = np.clip(manner.rounding * (part["funnel"] + part["pucker"]), 0.0, 1.0)
    # Gains fade towards 1 where lips close: a style never costs a closure.
    lip = np.asarray(manner.lip + (1.0 - manner.lip) * closing, np.float32)
    upper, lower = part["upper"] * lip, part["lower"] * lip
    smile = manner.smile * (1.0 - 0.7 * rounding) + manner.spread * part["smile"]
    rest = manner.purse * np.clip(1.0 - wanted / 0.15, 0.0, 1.0)
    press = part["press"] + rest * (1.0 - closing)
    put("mouthUpperUp", upper)
    put("mouthLowerDown", lower)
    put("mouthStretch", manner.spread * part["stretch"])
    put("mouthSmile", smile)
    put("mouthDimple", 0.35 * smile)
    put("mouthFrown", np.full(len(wanted), manner.frown, np.float32))
    put("mouthPress", press)
    put("mouthFunnel", manner.rounding * part["funnel"] * lip, False)
    put("mouthPucker", manner.rounding * part["pucker"] * lip, False)
    put("mouthRollLower", part["roll_lower"], False)
    put("mouthRollUpper", part["roll_upper"], False)
    put("mouthShrugUpper", part["shrug"], False)
    put("mouthShrugLower", 0.2 * press + manner.pout * (1.0 - 0.6 * closing), False)
    put("tongueOut", part["tongue"], False)
    # The jaw supplies what is missing to the wanted opening. The press of a resting style is left
    # out, it must not open the jaw; a press that closes lips does keep a slightly lowered jaw shut.
    rolls = part["roll_lower"] + part["roll_upper"]
    lips_part = 0.35 * (upper + lower) - 0.15 * rolls * (1.0 - closing)
    jaw = np.asarray(np.clip(wanted - lips_part + part["close"], 0.0, 1.0), np.float32)
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
