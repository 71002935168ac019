"""Manner: how a synthetic speaker moves; the teacher's knobs, the bundled styles, random ones.

Contract: every field is a plain number, 0 or 1 means "as in neutral"; a Manner never reaches the
runtime, which only knows style codes measured on the motion that a manner makes. The rate of the
speech is the voice's own; `tempo` says how it is articulated.
"""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Manner:
    """Neutral unless said otherwise. Angles in degrees, rates per second unless noted."""

    jaw: float = 1.0  # gain of the opening
    lip: float = 1.0  # gain of lip shapes
    rounding: float = 1.0  # gain of funnel and pucker
    spread: float = 1.0  # gain of stretch and smile in vowels
    tempo: float = 1.0  # > 1: slower, more blended articulation
    # > 1: hyper, targets overshoot and F V S T nearly close; < 1: hypo, everything stays half way
    # (Lindblom 1990). P B M close whatever it is.
    articulation: float = 1.0
    emphasis: float = 0.1  # how much stressed syllables open wider
    smile: float = 0.05  # resting smile
    frown: float = 0.0
    purse: float = 0.0  # resting lip press
    pout: float = 0.0  # resting lower lip pushed up
    sneer: float = 0.0
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
    lean: float = 0.0  # towards the camera, head widths
    sway: float = 1.9  # standard deviation of the slow drift
    restless: float = 1.0  # how much of the drift is quick
    nod: float = 2.6  # degrees per unit of stress
    shift: float = 1.8  # spread of postures
    shift_rate: float = 0.12


SPEAKING: dict[str, Manner] = {
    "neutral": Manner(),
    "cheerful": Manner(
        jaw=1.08, lip=1.1, spread=1.3, emphasis=0.2, smile=0.42, brow_rest=0.2, brow_outer=0.2,
        brow_stress=0.4, brow_rate=0.2, blink_per_minute=18, lid_rest=0.02, squint=0.16, gaze=0.14,
        gaze_rate=0.7, pitch=1.5, roll=1.5, sway=2.8, nod=4.0, shift=2.8, shift_rate=0.2,
    ),
    "calm": Manner(
        jaw=0.78, lip=0.85, rounding=0.9, spread=0.8, tempo=1.12, articulation=0.92, emphasis=0.0,
        smile=0.14, brow_rest=0.0, brow_outer=0.0, brow_stress=0.08, brow_rate=0.03,
        blink_per_minute=10, lid_rest=0.2, squint=0.0, gaze=0.07, gaze_rate=0.25, pitch=-0.5,
        sway=1.1, restless=0.6, nod=1.0, shift=1.2, shift_rate=0.06,
    ),
    "emphatic": Manner(
        jaw=1.22, lip=1.25, rounding=1.2, spread=1.1, tempo=0.9, articulation=1.15, emphasis=0.4,
        smile=0.0, frown=0.1, brow_rest=0.0, brow_down=0.3, brow_stress=0.55, brow_rate=0.12,
        blink_per_minute=12, lid_rest=0.0, squint=0.14, wide=0.05, gaze=0.06, gaze_rate=0.3,
        pitch=-2.0, sway=2.2, nod=6.5, shift=2.4, shift_rate=0.22,
    ),
    "shy": Manner(
        jaw=0.68, lip=0.8, rounding=0.9, spread=0.7, tempo=1.05, articulation=0.85, emphasis=0.0,
        smile=0.1, purse=0.14, lopsided=0.15, brow_rest=0.38, brow_outer=0.0, brow_stress=0.15,
        brow_rate=0.06, blink_per_minute=21, lid_rest=0.14, squint=0.0, gaze_x=0.12, gaze_y=-0.28,
        gaze=0.22, gaze_rate=0.9, yaw=-5.0, pitch=-6.0, roll=4.0, sway=1.6, nod=1.2, shift=2.6,
        shift_rate=0.18,
    ),
    "theatrical": Manner(
        jaw=1.25, lip=1.35, rounding=1.5, spread=1.6, tempo=0.95, articulation=1.15, emphasis=0.3,
        smile=0.16, lopsided=0.2, brow_rest=0.16, brow_outer=0.34, brow_stress=0.7, brow_rate=0.4,
        blink_per_minute=13, lid_rest=0.0, squint=0.0, wide=0.22, gaze=0.26, gaze_rate=0.9,
        pitch=1.0, roll=-2.0, sway=4.4, nod=5.5, shift=4.0, shift_rate=0.3,
    ),
    "serious": Manner(
        jaw=0.92, lip=0.95, spread=0.75, emphasis=0.1, smile=0.0, frown=0.22, purse=0.1, pout=0.14,
        brow_rest=0.0, brow_outer=0.0, brow_down=0.5, brow_stress=0.1, brow_rate=0.02,
        blink_per_minute=9, lid_rest=0.08, squint=0.2, gaze=0.04, gaze_rate=0.2, pitch=-3.5,
        lean=0.06, sway=1.2, restless=0.7, nod=2.2, shift=1.1, shift_rate=0.06,
    ),
    "tired": Manner(
        jaw=0.75, lip=0.7, rounding=0.75, spread=0.6, tempo=1.15, articulation=0.68, emphasis=0.0,
        smile=0.0, frown=0.14, brow_rest=0.16, brow_outer=0.0, brow_stress=0.04, brow_rate=0.02,
        blink_per_minute=20, lid_rest=0.34, squint=0.0, gaze_y=-0.16, gaze=0.1, gaze_rate=0.2,
        pitch=-7.5, roll=-4.0, lean=-0.05, sway=2.4, restless=0.4, nod=0.8, shift=2.2,
        shift_rate=0.08,
    ),
    "excited": Manner(
        jaw=1.25, lip=1.2, spread=1.4, tempo=0.88, articulation=1.1, emphasis=0.3, smile=0.26,
        brow_rest=0.36, brow_outer=0.36, brow_stress=0.6, brow_rate=0.45, blink_per_minute=22,
        lid_rest=0.0, squint=0.05, wide=0.3, gaze=0.2, gaze_rate=1.1, pitch=3.0, lean=0.08,
        sway=3.6, restless=2.0, nod=7.0, shift=3.4, shift_rate=0.36,
    ),
    "whispering": Manner(
        jaw=0.55, lip=1.15, rounding=1.35, spread=1.0, tempo=1.05, articulation=1.3, emphasis=0.05,
        smile=0.04, pout=0.16, brow_rest=0.26, brow_outer=0.14, brow_stress=0.2, brow_rate=0.12,
        blink_per_minute=11, lid_rest=0.06, squint=0.24, gaze_x=-0.1, gaze=0.3, gaze_rate=0.7,
        yaw=7.0, pitch=-4.0, roll=-3.0, lean=0.16, sway=1.3, nod=1.4, shift=2.2, shift_rate=0.2,
    ),
    "warm": Manner(
        jaw=0.95, lip=1.0, rounding=1.1, spread=1.1, tempo=1.12, emphasis=0.15, smile=0.26,
        brow_rest=0.3, brow_outer=0.05, brow_stress=0.2, brow_rate=0.1, blink_per_minute=16,
        lid_rest=0.12, squint=0.12, gaze=0.08, gaze_rate=0.35, pitch=-1.0, roll=6.0, lean=0.04,
        sway=2.2, restless=0.6, nod=3.4, shift=2.0, shift_rate=0.12,
    ),
    "news": Manner(
        jaw=1.0, lip=1.1, rounding=1.1, spread=1.15, tempo=0.92, articulation=1.3, emphasis=0.15,
        smile=0.1, purse=0.06, brow_rest=0.0, brow_outer=0.16, brow_down=0.12, brow_stress=0.3,
        brow_rate=0.05, blink_per_minute=14, lid_rest=0.0, squint=0.06, gaze=0.02, gaze_rate=0.3,
        pitch=1.5, lean=-0.04, sway=0.9, restless=1.4, nod=5.2, shift=1.4, shift_rate=0.1,
    ),
}  # fmt: skip

# For the tapes of engine.train.singing; they speak in their manner too.
SINGING: dict[str, Manner] = {
    "singing ballad": Manner(
        jaw=1.1, lip=1.05, rounding=1.3, spread=0.9, tempo=1.25, articulation=1.1, emphasis=0.1,
        smile=0.1, brow_rest=0.46, brow_outer=0.0, brow_stress=0.2, brow_rate=0.1,
        blink_per_minute=10, lid_rest=0.24, squint=0.05, gaze_y=-0.08, gaze=0.08, gaze_rate=0.2,
        pitch=1.0, roll=3.0, sway=4.2, restless=0.5, nod=1.8, shift=3.0, shift_rate=0.12,
    ),
    "singing opera": Manner(
        jaw=1.35, lip=1.3, rounding=1.5, spread=0.8, tempo=1.25, articulation=1.2, emphasis=0.25,
        smile=0.0, brow_rest=0.3, brow_outer=0.42, brow_stress=0.5, brow_rate=0.2,
        blink_per_minute=9, lid_rest=0.04, squint=0.0, wide=0.16, gaze_y=0.12, gaze=0.16,
        gaze_rate=0.3, pitch=6.0, lean=-0.08, sway=3.4, restless=0.6, nod=2.4, shift=3.2,
        shift_rate=0.14,
    ),
    "singing rap": Manner(
        jaw=1.05, lip=1.2, rounding=1.2, spread=1.2, tempo=0.85, articulation=1.25, emphasis=0.4,
        smile=0.0, frown=0.08, sneer=0.3, lopsided=0.24, brow_rest=0.0, brow_outer=0.06,
        brow_down=0.34, brow_stress=0.3, brow_rate=0.1, blink_per_minute=17, lid_rest=0.18,
        squint=0.16, gaze=0.24, gaze_rate=0.6, pitch=2.0, roll=-5.0, lean=0.06, sway=4.0,
        restless=2.2, nod=9.0, shift=3.4, shift_rate=0.4,
    ),
}  # fmt: skip
BUNDLED: dict[str, Manner] = {**SPEAKING, **SINGING}

# Range of each knob over random speakers, and how it goes with liveliness, warmth and effort in a
# family of speakers.
_RANGES: dict[str, tuple[float, float]] = {
    "jaw": (0.55, 1.45), "lip": (0.65, 1.4), "rounding": (0.7, 1.7), "spread": (0.6, 1.7),
    "tempo": (0.85, 1.4), "articulation": (0.55, 1.35), "emphasis": (0.0, 0.45),
    "smile": (0.0, 0.5), "frown": (0.0, 0.3), "purse": (0.0, 0.2), "pout": (0.0, 0.25),
    "sneer": (0.0, 0.35), "lopsided": (-0.25, 0.25), "brow_rest": (0.0, 0.48),
    "brow_outer": (0.0, 0.44), "brow_down": (0.0, 0.55), "brow_stress": (0.0, 0.75),
    "brow_rate": (0.0, 0.45), "blink_per_minute": (8.0, 24.0), "lid_rest": (0.0, 0.36),
    "squint": (0.0, 0.28), "wide": (0.0, 0.32), "gaze_x": (-0.2, 0.2), "gaze_y": (-0.32, 0.15),
    "gaze": (0.02, 0.3), "gaze_rate": (0.2, 1.1), "yaw": (-8.0, 8.0), "pitch": (-8.0, 6.5),
    "roll": (-6.5, 6.5), "lean": (-0.1, 0.18), "sway": (0.8, 5.5), "restless": (0.4, 2.2),
    "nod": (0.5, 9.0), "shift": (0.8, 5.5), "shift_rate": (0.05, 0.4),
}  # fmt: skip
assert set(_RANGES) == {f.name for f in fields(Manner)}
_FAMILY: dict[str, tuple[float, float, float]] = {
    "jaw": (0.5, 0.1, 0.5), "lip": (0.4, 0.2, 0.5), "rounding": (0.3, 0.2, 0.4),
    "spread": (0.3, 0.6, 0.2), "tempo": (-0.7, 0.2, -0.2), "articulation": (0.2, 0.0, 0.8),
    "emphasis": (0.5, 0.0, 0.5), "smile": (0.2, 0.9, -0.1), "frown": (0.0, -0.8, 0.2),
    "purse": (-0.3, -0.3, 0.2), "pout": (-0.3, -0.4, 0.2), "sneer": (0.2, -0.6, 0.2),
    "brow_rest": (0.2, 0.4, -0.4), "brow_outer": (0.6, 0.4, 0.0), "brow_down": (0.0, -0.8, 0.4),
    "brow_stress": (0.7, 0.1, 0.3), "brow_rate": (0.7, 0.3, 0.0),
    "blink_per_minute": (0.5, 0.1, -0.3), "lid_rest": (-0.7, 0.1, -0.3),
    "squint": (-0.1, 0.3, 0.4), "wide": (0.7, 0.1, 0.2), "gaze": (0.4, 0.0, -0.3),
    "gaze_rate": (0.6, 0.0, -0.2), "pitch": (0.4, 0.4, 0.1), "lean": (0.2, 0.1, 0.5),
    "sway": (0.7, 0.2, -0.1), "restless": (0.7, 0.0, 0.1), "nod": (0.6, 0.1, 0.4),
    "shift": (0.6, 0.2, 0.0), "shift_rate": (0.7, 0.1, 0.1),
}  # fmt: skip


def random_manner(rng: np.random.Generator) -> Manner:
    """A speaker somewhere between the bundled manners and anything the ranges allow: a mixture of
    one and chance, a blend of two, or a member of a family whose knobs go together."""
    kind = rng.random()
    if kind < 0.45:
        return _mixture(rng)
    return _blend(rng) if kind < 0.65 else _relative(rng)


def _one(rng: np.random.Generator) -> Manner:
    return BUNDLED[str(rng.choice(list(BUNDLED)))]


def _mixture(rng: np.random.Generator) -> Manner:
    """Each knob from a bundled manner or drawn from its range, with a chance that itself varies:
    near neighbours of the bundled styles and wild mixtures both occur."""
    change = rng.uniform(0.0, 1.0)
    values = {
        name: float(rng.uniform(low, high))
        for name, (low, high) in _RANGES.items()
        if rng.uniform() < change
    }
    return replace(_one(rng), **values)


def _blend(rng: np.random.Generator) -> Manner:
    one, other, share = asdict(_one(rng)), asdict(_one(rng)), rng.uniform(0.0, 1.2)
    values = {name: (1 - share) * one[name] + share * other[name] for name in one}
    return Manner(**{n: float(np.clip(v, *_RANGES[n])) for n, v in values.items()})


def _relative(rng: np.random.Generator) -> Manner:
    """Liveliness, warmth and effort move many knobs together; the rest is the person's own."""
    traits = rng.normal(0.0, 0.8, 3)
    values = {}
    for name, (low, high) in _RANGES.items():
        pull = float(np.dot(_FAMILY.get(name, (0.0, 0.0, 0.0)), traits)) + rng.normal(0.0, 0.35)
        values[name] = float(np.clip((low + high + (high - low) * pull) / 2, low, high))
    return Manner(**values)
