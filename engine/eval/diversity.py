"""Diversity of generated motion, as VAST reports it, over clips and over seeds.

Definition. The mean Euclidean distance between pairs of generated expression sequences (VAST,
section 4.2, after work on gestures and dance): each sequence [T, C] as one vector, divided by the
root of T so that longer clips do not count for more; "all" over the 52 weights, "strong" over
those that speech drives. Over clips it says how much the motion varies with what is said; over
seeds of one clip, how much it varies with nothing but chance. Times 100.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from engine.frames import F32
from engine.motion.channels import STRONG


def diversity(sequences: Sequence[F32], channels: Sequence[int] | None = None) -> float:
    """Mean distance of all pairs of sequences [T, 52], cut to the shortest; 0 for one."""
    if len(sequences) < 2:
        return 0.0
    ticks = min(map(len, sequences))
    rows = list(range(sequences[0].shape[1])) if channels is None else list(channels)
    flat = [np.asarray(s[:ticks, rows], np.float64).ravel() for s in sequences]
    apart = [float(np.linalg.norm(a - b)) for a, b in combinations(flat, 2)]
    return 100 * float(np.mean(apart)) / float(np.sqrt(ticks))


def both(sequences: Sequence[F32]) -> dict[str, float]:
    """Of all channels and of those that speech drives."""
    return {"all": diversity(sequences), "strong": diversity(sequences, STRONG)}
