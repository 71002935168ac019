"""Lip-closure events: runs of P, B, M in the labels against runs found in the posteriors.

Contract: a reference event is a maximal run of rows labelled P, B or M (neighbours such as P-B are
one event); a found event is a maximal run of rows in which the detector says closed. Events are
paired one to one in time so that as many as possible match; then precision = pairs / found,
recall = pairs / reference, F1 = 2 pairs / (found + reference).

Detectors: "viseme" (PP is the likeliest of the 14 visemes), "sum" (P + B + M > .5), "head" (the
graph's own closure output > .5). Two events match, within 40 ms, when their
"centre" or "onset" lie at most that far apart, or when their "span"s do (0 where they overlap).
The headline is HEADLINE, the strictest pair of the nine: the lips must be known to meet (more
likely than not) and known in time.
"""

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.speech.phonemes import CLOSED, VISEMES, viseme_projection

WITHIN = 2  # rows: 40 ms
DETECTORS = ("viseme", "sum", "head")
RULES = ("centre", "onset", "span")
HEADLINE = ("sum", "onset")
_PP = list(VISEMES).index("PP")

Bools = npt.NDArray[np.bool_]
Runs = npt.NDArray[np.int64]  # [N, 2] first row, row after the last; ascending, disjoint


def runs(on: Bools) -> Runs:
    """Maximal runs of true rows: [T] -> [N, 2]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def detect(posteriors: F32, closure: F32) -> dict[str, Bools]:
    """Rows [T] each detector calls closed, from posteriors [T, 40] and closure [T]."""
    return {
        "viseme": (posteriors @ viseme_projection()).argmax(1) == _PP,
        "sum": posteriors[:, CLOSED].sum(1) > 0.5,
        "head": closure > 0.5,
    }


def distance(a: Runs, b: Runs, rule: str) -> float:
    """Rows between two runs [2] by a rule of RULES."""
    if rule == "centre":
        return abs(float(a.sum() - b.sum())) / 2
    if rule == "onset":
        return abs(float(a[0] - b[0]))
    return float(max(a[0] - (b[1] - 1), b[0] - (a[1] - 1), 0))


def pairs(reference: Runs, found: Runs, rule: str, within: float = WITHIN) -> list[tuple[int, int]]:
    """Largest set of (reference, found) indices that match one to one.

    Both lists ascend without overlap, so walking them together is optimal: of two events that
    do not match, the one that ends first can match nothing later.
    """
    matched = []
    i = j = 0
    while i < len(reference) and j < len(found):
        a, b = reference[i], found[j]
        if distance(a, b, rule) <= within:
            matched.append((i, j))
            i, j = i + 1, j + 1
        elif _place(a, rule) < _place(b, rule):
            i += 1
        else:
            j += 1
    return matched


def _place(run: Runs, rule: str) -> float:
    return float({"centre": run.sum() / 2, "onset": run[0], "span": run[1]}[rule])
