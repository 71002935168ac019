"""What stands beside the truth: the lip opening of weights, of a drawn mesh, and of simple rivals.

Contract: every function returns a Curve (engine.eval.synchrony): samples and values over them.
"""

from collections.abc import Callable

import numpy as np

from engine.eval.acting import Heard
from engine.eval.landmarks import reduced
from engine.eval.synchrony import Curve
from engine.face import package
from engine.face.blendshapes import INDEX
from engine.face.mesh import Figure
from engine.frames import F32, POSE, SAMPLES_PER_FRAME, Motion
from engine.motion.channels import OPENNESS_ROW, opening
from engine.offline import MotionClip

_GAP = ("lip_upper_inner", "lip_lower_inner", "eye_outer_left", "eye_outer_right")


def of_weights(clip: MotionClip) -> Curve:
    """The opening as the weights define it (engine.motion.channels)."""
    return clip.start, opening(clip.weights)


def of_jaw(clip: MotionClip) -> Curve:
    """jawOpen alone."""
    return clip.start, clip.weights[:, INDEX["jawOpen"]]


def on_mesh(avatar: str) -> Callable[[MotionClip], Curve]:
    """The opening as it is drawn: inner lip gap over eye distance on the avatar's mesh, signed, so
    that lips pressed together count as more closed than lips that touch."""
    source = package.load(avatar)
    named = [source.manifest.landmarks[name] for name in _GAP]
    figure = Figure(reduced(source, np.unique(np.array(named, np.int64))))
    straight = np.zeros(len(POSE), np.float32)

    def gap(weights: F32) -> float:
        at = figure.named(figure.vertices(Motion(0, weights, straight)))
        upper, lower, left, right = (at[name] for name in _GAP)
        return float((upper - lower)[1] / np.linalg.norm(left - right))

    def curve(clip: MotionClip) -> Curve:
        return clip.start, np.array([gap(row) for row in clip.weights], np.float32)

    return curve


def of_posteriors(heard: Heard) -> Curve:
    """The viseme table weighted by the PPG, without a decoder: expected openness of the two rows of
    each picture."""
    rows = heard.rows[: len(heard.rows) // 2 * 2]
    at = np.array([row.start for row in rows]).reshape(-1, 2).mean(1)
    said = np.array([row.heard.posteriors[0, 0] for row in rows]) @ OPENNESS_ROW
    return at, said.reshape(-1, 2).mean(1)


def of_loudness(pcm: F32) -> Curve:
    """A jaw that opens with the root mean square of the 40 ms just heard."""
    count = len(pcm) // SAMPLES_PER_FRAME
    frames = pcm[: count * SAMPLES_PER_FRAME].reshape(count, SAMPLES_PER_FRAME)
    at = (np.arange(count) + 1) * SAMPLES_PER_FRAME
    return at, np.sqrt(np.mean(frames**2, axis=1))
