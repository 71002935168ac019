"""The split into speech-strong and speech-weak channels, measured on a mesh (as VAST does).

Contract: a channel is strong when more than half of the vertex offset it causes lies around the
mouth; training refuses to start when the decoder's channels say otherwise.
"""

import numpy as np

from engine.errors import WeightsError
from engine.face import package
from engine.face.blendshapes import ARKIT
from engine.face.mesh import Figure
from engine.frames import BLENDSHAPES, F32, POSE, Motion
from engine.motion.channels import STRONG

REACH = 0.75  # radius of the mouth region, in widths of the closed mouth
SHARE = 0.55  # noseSneer has .49, jawForward .61


def shares(avatar: str) -> dict[str, float]:
    """For each blendshape: the part of its summed vertex offset within the mouth region."""
    figure = Figure(package.load(avatar))

    def vertices(weights: F32) -> F32:
        return figure.vertices(Motion(0, weights, np.zeros(len(POSE), np.float32)))

    rest = vertices(np.zeros(BLENDSHAPES, np.float32))
    at = figure.named(rest)
    left, right = at["mouth_corner_left"], at["mouth_corner_right"]
    mouth = np.linalg.norm(rest - (left + right) / 2, axis=1) < REACH * np.linalg.norm(left - right)
    result = {}
    for i, name in enumerate(ARKIT):
        weights = np.zeros(BLENDSHAPES, np.float32)
        weights[i] = 1.0
        offset = np.linalg.norm(vertices(weights) - rest, axis=1)
        result[name] = float(offset[mouth].sum() / max(float(offset.sum()), 1e-9))
    return result


def check(avatar: str) -> dict[str, float]:
    """The shares, if they agree with engine.motion.channels; WeightsError otherwise."""
    found = shares(avatar)
    strong = {name for name, share in found.items() if share > SHARE}
    expected = {ARKIT[i] for i in STRONG}
    if strong != expected:
        raise WeightsError(
            f"on avatar {avatar!r} the mouth is moved by other channels than the decoder's strong "
            f"ones: {sorted(strong ^ expected)}; change engine.motion.channels and train again"
        )
    return found
