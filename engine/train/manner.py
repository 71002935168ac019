"""Manner: how a synthetic speaker moves; the teacher's knobs, the bundled styles, random ones.

Contract: every field is a plain number, 0 or 1 means "as in neutral"; a Manner never reaches the
runtime, which only knows style codes measured on the motion that a manner makes.
"""

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Manner:
    """Neutral unless said otherwise. Angles in degrees, rates per second unless noted."""

    jaw: float = 1.0  # gain of the opening
    lip: float = 1.0  # gain of lip shapes
    rounding: float = 1.0  # gain of funnel and pucker
    spread: float = 1.0  # gain of stretch and smile in vowels
    tempo: float = 1.0  # > 1: slower, more blended articulation
    emphasis: float = 0.1  # how much stressed syllables open wider
    smile: float = 0.05  # resting smile
    frown: float = 0.0
    purse: float = 0.0  # resting lip press
    lopsided: float = 0.0  # > 0: the left half moves more
    brow_rest: float = 0.05  # resting inner brow raise
    brow_outer: float = 0.03
    brow_down: float = 0.0
    brow_stress: float = 0.25  # raise per unit of stress
    brow_rate: float = 0.08  # raises per second of speech
    blink_per_minute: float = 15.0
    lid_rest: float = 0.04  # resting lid, 1 = closed
    squint: float = 0.04
    wide: float = 0.0
    gaze_x: float = 0.0  # eyeLook weight, > 0: the subject's left
    gaze_y: float = 0.0  # > 0: up
    gaze: float = 0.14  # spread of glances
    gaze_rate: float = 0.55
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    sway: float = 1.9  # standard deviation of the slow drift
    nod: float = 2.6  # degrees per unit of stress
    shift: float = 1.8  # spread of postures
    shift_rate: float = 0.12


BUNDLED: dict[str, Manner] = {
    "neutral": Manner(),
    "cheerful": Manner(
        jaw=1.08, lip=1.1, spread=1.3, emphasis=0.2, smile=0.42, brow_rest=0.2, brow_outer=0.2,
        brow_stress=0.4, brow_rate=0.2, blink_per_minute=18, lid_rest=0.02, squint=0.16, gaze=0.14,
        gaze_rate=0.7, pitch=1.5, roll=1.5, sway=2.8, nod=4.0, shift=2.8, shift_rate=0.2,
    ),
    "calm": Manner(
        jaw=0.78, lip=0.85, rounding=0.9, spread=0.8, tempo=1.2, emphasis=0.0, smile=0.14,
        brow_rest=0.0, brow_outer=0.0, brow_stress=0.08, brow_rate=0.03, blink_per_minute=9,
        lid_rest=0.2, squint=0.0, gaze=0.07, gaze_rate=0.25, pitch=-0.5, sway=1.1, nod=1.0,
        shift=1.0, shift_rate=0.06,
    ),
    "emphatic": Manner(
        jaw=1.22, lip=1.25, rounding=1.2, spread=1.1, tempo=0.9, emphasis=0.4, smile=0.0, frown=0.1,
        brow_rest=0.0, brow_down=0.3, brow_stress=0.55, brow_rate=0.12, blink_per_minute=12,
        lid_rest=0.0, squint=0.14, wide=0.05, gaze=0.06, gaze_rate=0.3, pitch=-2.0, sway=2.2,
        nod=6.5, shift=2.4, shift_rate=0.22,
    ),
    "shy": Manner(
        jaw=0.68, lip=0.8, rounding=0.9, spread=0.7, tempo=1.1, emphasis=0.0, smile=0.1,
        purse=0.14, lopsided=0.15, brow_rest=0.38, brow_outer=0.0, brow_stress=0.15,
        brow_rate=0.06, blink_per_minute=24, lid_rest=0.14, squint=0.0, gaze_x=0.12, gaze_y=-0.28,
        gaze=0.22, gaze_rate=0.9, yaw=-5.0, pitch=-6.0, roll=4.0, sway=1.6, nod=1.2, shift=2.6,
        shift_rate=0.18,
    ),
    "theatrical": Manner(
        jaw=1.3, lip=1.35, rounding=1.6, spread=1.6, tempo=0.95, emphasis=0.35, smile=0.16,
        lopsided=0.2, brow_rest=0.16, brow_outer=0.34, brow_stress=0.7, brow_rate=0.4,
        blink_per_minute=13, lid_rest=0.0, squint=0.0, wide=0.22, gaze=0.26, gaze_rate=0.9,
        pitch=1.0, roll=-2.0, sway=5.0, nod=5.5, shift=5.0, shift_rate=0.3,
    ),
}  # fmt: skip

# Range of each knob over random speakers.
_RANGES: dict[str, tuple[float, float]] = {
    "jaw": (0.6, 1.35), "lip": (0.7, 1.4), "rounding": (0.7, 1.7), "spread": (0.6, 1.7),
    "tempo": (0.85, 1.3), "emphasis": (0.0, 0.45), "smile": (0.0, 0.5), "frown": (0.0, 0.3),
    "purse": (0.0, 0.2), "lopsided": (-0.25, 0.25), "brow_rest": (0.0, 0.45),
    "brow_outer": (0.0, 0.4), "brow_down": (0.0, 0.4), "brow_stress": (0.0, 0.75),
    "brow_rate": (0.0, 0.45), "blink_per_minute": (6.0, 28.0), "lid_rest": (0.0, 0.25),
    "squint": (0.0, 0.25), "wide": (0.0, 0.3), "gaze_x": (-0.2, 0.2), "gaze_y": (-0.32, 0.15),
    "gaze": (0.05, 0.3), "gaze_rate": (0.2, 1.1), "yaw": (-7.0, 7.0), "pitch": (-7.0, 5.0),
    "roll": (-5.0, 5.0), "sway": (0.8, 5.5), "nod": (0.5, 7.0), "shift": (0.5, 5.5),
    "shift_rate": (0.05, 0.35),
}  # fmt: skip
assert set(_RANGES) == {f.name for f in fields(Manner)}


def random_manner(rng: np.random.Generator) -> Manner:
    """A speaker somewhere between a bundled manner and anything the ranges allow.

    Each knob is taken from a bundled manner or drawn from its range, with a chance that itself
    varies: near neighbours of the bundled styles and wild mixtures both occur.
    """
    base = BUNDLED[str(rng.choice(list(BUNDLED)))]
    change = rng.uniform(0.0, 1.0)
    values = {
        name: float(rng.uniform(low, high))
        for name, (low, high) in _RANGES.items()
        if rng.uniform() < change
    }
    return replace(base, **values)
