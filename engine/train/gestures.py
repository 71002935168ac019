"""Gesture teacher: brows, lids, gaze and head from prosody, a manner and the runtime's own noise.

Contract: the same noise rows (engine.motion.noise) that the decoder will be given decide when a
blink, glance, raise or shift happens and where it leads, so that the decoder can learn the map from
noise to motion and sample like the teacher. Causal: row t depends on rows up to t.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import F32, FPS
from engine.motion import noise as noises
from engine.motion.prosody import FEATURES, NAMES
from engine.train.manner import Manner

BLINK, GLANCE, RAISE, SHIFT = range(noises.UNIFORM)
BLINK_CURVE = np.array([0.6, 1.0, 0.72, 0.26, 0.06], np.float32)  # 200 ms at 25 Hz
SLOW_BLINK_CURVE = np.array([0.4, 0.92, 1.0, 0.82, 0.46, 0.16], np.float32)
_REFRACTORY = 10  # ticks between blinks, except for the second half of a double blink
_EYE_DEGREES = 30.0  # an eyeLook weight of 1


class Gestures(NamedTuple):
    """What the weak and the head branch learn."""

    weights: F32  # [T, 52], strong channels 0
    pose: F32  # [T, 6]
    events: F32  # [T, UNIFORM] 0/1: what happened at each tick


def _smooth(x: np.ndarray, ms: float) -> np.ndarray:
    """Two equal first-order lags of `ms` each."""
    a = np.exp(-1000.0 / FPS / ms)
    for _ in range(2):
        x = lfilter([1 - a], [1, -a], x, axis=0)
    return x


def _events(noise: F32, rates: np.ndarray, apart: tuple[int, ...]) -> F32:
    """Bits [T, UNIFORM]: uniform < rate per tick, never closer than `apart` ticks."""
    events = np.zeros((len(noise), noises.UNIFORM), np.float32)
    for kind in range(noises.UNIFORM):
        last = -1000
        for t in np.flatnonzero(noise[:, kind] < rates[:, kind]):
            if t - last >= apart[kind]:
                events[t, kind] = 1.0
                last = int(t)
    return events


def _held(events: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The value of the last event, 0 before the first."""
    last = np.maximum.accumulate(np.where(events > 0, np.arange(len(events)), -1))
    return np.where(last[:, None] >= 0, values[np.maximum(last, 0)], 0.0)


def gestures(prosody: F32, noise: F32, manner: Manner) -> Gestures:
    """prosody [T, 2 * FEATURES] (two 20 ms rows a tick), noise [T, WIDTH] -> 25 Hz motion."""
    row = {name: prosody[:, FEATURES + i] for i, name in enumerate(NAMES)}
    normal = noise[:, noises.UNIFORM : noises.UNIFORM + noises.NORMAL]
    slow = noise[:, noises.UNIFORM + noises.NORMAL :]
    talking = np.clip(row["activity"] / 0.5, 0.0, 1.0)
    ending = np.clip(talking - row["loudness"] / 0.3, 0.0, 1.0)
    rates = np.stack(
        [
            manner.blink_per_minute / 60 / FPS * 0.92 * (1.0 + 1.2 * ending),
            np.full_like(talking, manner.gaze_rate / FPS),
            manner.brow_rate / FPS * talking,
            manner.shift_rate / FPS * (0.5 + talking),
        ],
        axis=1,
    )
    events = _events(noise, rates, (_REFRACTORY, 5, 12, 20))
    stress = _smooth(row["stress"], 70.0)
    pose = _pose(events, normal, slow, talking, stress, manner)
    weights = _face(events, normal, slow, stress, pose, manner)
    return Gestures(weights, pose.astype(np.float32), events)


def _pose(
    events: F32, normal: F32, slow: F32, talking: np.ndarray, stress: np.ndarray, manner: Manner
) -> np.ndarray:
    posture = _smooth(_held(events[:, SHIFT], normal[:, 4:7]), 160.0) * manner.shift
    lively = _smooth(0.45 + 0.55 * talking, 300.0)[:, None]
    drift = 0.75 * slow[:, 0:3] + 0.55 * manner.restless * slow[:, 3:6] * lively
    beat = slow[:, 5:8] * lively * 0.18 * manner.restless
    amount = np.array([1.0, 0.6, 0.5])
    angles = manner.sway * (drift + beat) * amount + posture * np.array([1.0, 0.5, 0.7])
    angles += np.array([manner.yaw, manner.pitch, manner.roll])
    angles[:, 1] -= manner.nod * (stress - 0.25)
    yaw, pitch, roll = angles.T
    shift = 0.01 * manner.sway * slow[:, [6, 2, 1]] * 0.5
    place = np.stack([0.004 * yaw - 0.003 * roll, 0.003 * pitch, -0.004 * pitch], axis=1)
    place[:, 2] += manner.lean
    return np.concatenate([angles, place + shift], axis=1)


def _face(
    events: F32, normal: F32, slow: F32, stress: np.ndarray, pose: np.ndarray, manner: Manner
) -> F32:
    out = np.zeros((len(events), len(ARKIT)), np.float32)

    def both(name: str, value: np.ndarray | float, tilt: float = 0.0) -> None:
        out[:, INDEX[name + "Left"]] = value * (1.0 + tilt)
        out[:, INDEX[name + "Right"]] = value * (1.0 - tilt)

    raised = np.convolve(
        events[:, RAISE] * (0.18 + 0.12 * np.abs(normal[:, 2])),
        np.array([0.3, 0.75, 1.0, 1.0, 0.9, 0.75, 0.55, 0.38, 0.25, 0.16, 0.1, 0.05]),
    )[: len(events)]
    lift = manner.brow_stress * stress + raised + 0.02 * slow[:, 4]
    out[:, INDEX["browInnerUp"]] = manner.brow_rest + 0.8 * lift
    both("browOuterUp", manner.brow_outer + 0.7 * lift, manner.lopsided)
    both("browDown", manner.brow_down * np.clip(1.0 + 0.5 * stress - lift, 0.0, 1.0))
    both("cheekSquint", 0.6 * manner.smile + 0.5 * manner.squint)
    both("eyeSquint", 0.25 * manner.smile + manner.squint)
    both("eyeWide", np.clip(manner.wide + 0.25 * lift, 0.0, 1.0) * (lift > -1.0))
    sneer = 0.06 * manner.frown + 0.04 * manner.smile + manner.sneer * (0.7 + 0.5 * stress)
    both("noseSneer", sneer, 2.0 * manner.lopsided)

    # Two glances in five come home to the listener.
    away = (normal[:, 7] > -0.25)[:, None] * manner.gaze * normal[:, 0:2] * np.array([1.0, 0.6])
    target = _held(events[:, GLANCE], away) + np.array([manner.gaze_x, manner.gaze_y])
    eyes = lfilter([0.7], [1, -0.3], target, axis=0) + 0.012 * slow[:, [6, 7]]
    # The eyes stay with the listener while the head turns (vestibulo-ocular reflex).
    eyes = eyes - 0.7 * (pose[:, 0:2] - np.array([0.0, manner.pitch * 0.3])) / _EYE_DEGREES
    x, y = eyes.T
    out[:, INDEX["eyeLookOutLeft"]] = out[:, INDEX["eyeLookInRight"]] = np.maximum(x, 0)
    out[:, INDEX["eyeLookInLeft"]] = out[:, INDEX["eyeLookOutRight"]] = np.maximum(-x, 0)
    both("eyeLookUp", np.maximum(y, 0))
    both("eyeLookDown", np.maximum(-y, 0))
    closing = np.convolve(_doubled(events, normal), _blink_curve(manner))[: len(events)]
    lid = manner.lid_rest + 0.3 * np.maximum(-y, 0) - 0.1 * np.maximum(y, 0)
    both("eyeBlink", np.maximum(np.clip(lid, 0, 1), np.minimum(closing, 1.0)))
    return np.clip(out, 0.0, 1.0)


def _doubled(events: F32, normal: F32) -> np.ndarray:
    """Blink onsets; about one in ten comes twice."""
    once = events[:, BLINK]
    again = np.zeros_like(once)
    again[7:] = (once * (normal[:, 3] > 1.3))[:-7]
    return np.maximum(once, again)


def _blink_curve(manner: Manner) -> F32:
    return SLOW_BLINK_CURVE if manner.lid_rest > 0.12 else BLINK_CURVE
