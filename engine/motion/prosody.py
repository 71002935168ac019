"""Prosody: loudness, pitch and stress of each 20 ms row, for brows, head and gesture.

Contract: a Stage over log-mel rows; row in, row out, same label time, level and voice normalised by
running statistics only (nothing clip-wide).
"""

from typing import NamedTuple

import numpy as np

from engine.audio.mel import BANDS, HIGH_HZ, LOW_HZ, ROW
from engine.errors import AudioError
from engine.frames import F32

NAMES = ("loudness", "onset", "voicing", "pitch", "activity", "stress")
FEATURES = len(NAMES)

# Natural-log power. The level follows the loudest speech: at once upwards, slowly downwards, and
# never below FLOOR, so that room noise is not taken for quiet speech.
LEVEL_FLOOR = 2.5
LEVEL_RELEASE = 0.006  # per row: 0.3 / s
RANGE = 5.0  # loudness 0 lies this far below the level
ACTIVITY_RISE, ACTIVITY_FALL = 0.2, 0.04
STRESS_FALL = 0.08
PITCH_MEAN_RATE = 0.01
PITCH_SMOOTH = 0.35

_CENTRES = 700.0 * (
    10.0
    ** (
        np.linspace(np.log10(1.0 + LOW_HZ / 700.0), np.log10(1.0 + HIGH_HZ / 700.0), BANDS + 2)[
            1:-1
        ]
    )
    - 1.0
)
_LOW = slice(0, int(np.searchsorted(_CENTRES, 1000.0)))
_HIGH = slice(int(np.searchsorted(_CENTRES, 3000.0)), BANDS)
_PITCHES = 80.0 * 2.0 ** np.arange(0.0, 2.2, 1.0 / 12.0)  # Hz, semitones
_OCTAVES = np.log2(_PITCHES / 150.0).astype(np.float32)
_COMB_HZ = 1100.0  # above it neighbouring harmonics share a band


def _comb() -> F32:
    """[BANDS, pitches]: log-energy on the harmonics of a pitch minus that between them."""
    comb = np.zeros((BANDS, len(_PITCHES)), np.float32)
    for column, pitch in enumerate(_PITCHES):
        harmonics = np.arange(1, int(_COMB_HZ / pitch) + 1)
        for sign, shift in ((1.0, 0.0), (-0.5, -0.5), (-0.5, 0.5)):
            for hz in (harmonics + shift) * pitch:
                place = float(np.interp(hz, _CENTRES, np.arange(BANDS)))
                band = min(int(place), BANDS - 2)
                comb[band, column] += sign * (1.0 - place + band) / len(harmonics)
                comb[band + 1, column] += sign * (place - band) / len(harmonics)
    return comb


_COMB = _comb()


class ProsodyState(NamedTuple):
    """Running statistics of one voice."""

    level: F32  # [B] loudest recent energy, natural log
    energy: F32  # [B] loudness of the row before
    pitch: F32  # [B] smoothed pitch, octaves from 150 Hz
    mean: F32  # [B] the voice's own mean pitch
    activity: F32  # [B]
    stress: F32  # [B]


class Prosody:
    """Stage: log-mel rows [B, T, 160] -> [B, T, FEATURES] float32, each about in [-1, 1].

    Pitch is the best harmonic comb over the low bands, in octaves from the voice's running mean:
    good enough to tell rise from fall, no pitch tracker (below some 130 Hz neighbouring
    harmonics merge and it says little). Stress is loudness and pitch above their own recent course,
    held for some 200 ms.
    """

    latency = 0
    features = FEATURES

    def init_state(self, batch: int) -> ProsodyState:
        """Silence before the session, an average voice."""
        zero = np.zeros(batch, np.float32)
        return ProsodyState(zero + LEVEL_FLOOR, zero, zero, zero, zero, zero)

    def step(self, x: F32, state: ProsodyState) -> tuple[F32, ProsodyState]:
        """Advance by T rows."""
        if x.ndim != 3 or x.shape[2] != ROW:
            raise AudioError(f"prosody input is {x.shape}, expected log-mel rows [B, T, {ROW}]")
        frames = x.reshape(*x.shape[:2], 2, BANDS)
        power = np.exp(np.minimum(frames, 20.0)).mean(axis=2)
        energy = np.log(power.sum(axis=-1) + 1e-5)
        balance = np.log((power[..., _LOW].mean(-1) + 1e-5) / (power[..., _HIGH].mean(-1) + 1e-5))
        score = np.log(power + 1e-5) @ _COMB
        sharp = np.exp(6.0 * (score - score.max(axis=-1, keepdims=True)))
        octave = (sharp @ _OCTAVES) / sharp.sum(-1)
        rows = []
        for t in range(x.shape[1]):
            row, state = _advance(energy[:, t], balance[:, t], octave[:, t], state)
            rows.append(row)
        if not rows:
            return np.zeros((len(x), 0, FEATURES), np.float32), state
        return np.stack(rows, axis=1).astype(np.float32), state

    def forward(self, x: F32) -> F32:
        """The whole clip, from silence."""
        return self.step(x, self.init_state(len(x)))[0]


def _advance(
    energy: F32, balance: F32, octave: F32, state: ProsodyState
) -> tuple[F32, ProsodyState]:
    level = np.maximum(np.maximum(energy, state.level - LEVEL_RELEASE), LEVEL_FLOOR)
    loud = np.clip(1.0 + (energy - level) / RANGE, 0.0, 1.0)
    voicing = loud * np.clip(balance / 4.0, 0.0, 1.0)
    voiced = (voicing > 0.2).astype(np.float32)
    pitch = state.pitch + PITCH_SMOOTH * voiced * (octave - state.pitch)
    mean = state.mean + PITCH_MEAN_RATE * voiced * (octave - state.mean)
    rising = loud > state.activity
    rate = np.where(rising, ACTIVITY_RISE, ACTIVITY_FALL)
    activity = state.activity + rate * (loud - state.activity)
    relative = np.clip(pitch - mean, -1.0, 1.0)
    peak = np.clip(4.0 * (loud - 0.75), 0.0, 1.0) * (0.5 + np.clip(relative, -0.5, 0.5))
    stress = np.maximum(peak, state.stress * (1.0 - STRESS_FALL))
    onset = np.clip(4.0 * (loud - state.energy), -1.0, 1.0)
    row = np.stack([loud, onset, voicing, relative * voicing, activity, stress], axis=1)
    f32 = np.float32
    after = ProsodyState(
        level.astype(f32),
        loud.astype(f32),
        pitch.astype(f32),
        mean.astype(f32),
        activity.astype(f32),
        stress.astype(f32),
    )
    return row, after
