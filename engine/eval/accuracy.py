"""How often the posteriors are right: counts per clip, shares of their sums, spread over speakers.

Contract: a `Score` is sums only, so a set's figures are those of the sum of its Scores. "_all"
counts every 20 ms row, "_sp" the rows whose label is not SIL, "_off" of these the rows whose
two neighbours carry the same label (away from phone boundaries, where labels are least sure).

Lip closures are judged twice. By rows: "closure_recall" is the share of runs of P, B, M in which,
or one row beside which, PP is the likeliest viseme; "closure_false" the share of rows with PP as
the likeliest viseme that have no P, B or M within one row. By events paired one to one in time
(engine.eval.closures): "closure_f1", "closure_event_precision", "closure_event_recall".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.eval import closures
from engine.frames import F32
from engine.speech.phonemes import CLOSED, INDEX, PHONES, VISEMES, viseme_projection
from engine.speech.ppg import Heard

SIL = INDEX["SIL"]
# What the lips show: rounded holds the lip-rounding vowels with W.
MOUTHS: dict[str, tuple[str, ...]] = {
    "sil": ("sil",),
    "PP": ("PP",),
    "FF": ("FF",),
    "rounded": ("O", "U"),
    "vowel": ("aa", "E", "I"),
    "consonant": ("TH", "DD", "SS", "CH", "kk", "RR"),
}
assert sorted(v for vs in MOUTHS.values() for v in vs) == sorted(VISEMES)

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_EVENTS = tuple((d, r) for d in closures.DETECTORS for r in closures.RULES)
_RIGHT = ("phone", "vis14", "mouth6")
NAMES: tuple[str, ...] = (
    "rows", "speech", "off", "sil_right",
    *(f"{name}_{part}" for name in _RIGHT for part in ("all", "sp", "off")),
    "closures", *(f"found_{d}" for d in closures.DETECTORS),
    *(f"pairs_{d}_{r}" for d, r in _EVENTS),
    "closures_touched", "closed_rows", "closed_falsely",
)  # fmt: skip
_AT = {name: i for i, name in enumerate(NAMES)}


def mouth_projection() -> F32:
    """[40, 6] 0/1 matrix onto MOUTHS."""
    projection = np.zeros((len(VISEMES), len(MOUTHS)), np.float32)
    for column, visemes in enumerate(MOUTHS.values()):
        projection[[list(VISEMES).index(v) for v in visemes], column] = 1.0
    return np.asarray(viseme_projection() @ projection, np.float32)


PROJECTIONS: tuple[F32, ...] = (
    np.eye(len(PHONES), dtype=np.float32),
    viseme_projection(),
    mouth_projection(),
)


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one clip or of many; a confusion's rows are labels, its columns what was heard."""

    speaker: str
    counts: F64  # [len(NAMES)]
    confusions: tuple[I64, I64, I64]  # phones [40, 40], visemes [14, 14], mouths [6, 6]


def score(heard: Heard, labels: I64, speaker: str = "") -> Score:
    """Count one clip: heard rows [T] (no batch) against the label of each row."""
    talk = labels != SIL
    same = labels[1:] == labels[:-1]
    inner = talk & np.concatenate([[False], same]) & np.concatenate([same, [False]])
    counts = dict.fromkeys(NAMES, 0.0)
    counts |= {"rows": len(labels), "speech": talk.sum(), "off": inner.sum()}
    counts["sil_right"] = ((heard.posteriors[:, SIL] > 0.5) == ~talk).sum()
    confusions = []
    for name, projection in zip(_RIGHT, PROJECTIONS, strict=True):
        said = (heard.posteriors @ projection).argmax(1)
        truth = projection.argmax(1)[labels]
        hit = said == truth
        counts |= {f"{name}_all": hit.sum(), f"{name}_sp": hit[talk].sum()}
        counts[f"{name}_off"] = hit[inner].sum()
        table = np.zeros((projection.shape[1],) * 2, np.int64)
        np.add.at(table, (truth, said), 1)
        confusions.append(table)
    counts |= _closures(heard, labels)
    row = np.array([counts[name] for name in NAMES], np.float64)
    return Score(speaker, row, (confusions[0], confusions[1], confusions[2]))


def _closures(heard: Heard, labels: I64) -> dict[str, Any]:
    wanted = np.isin(labels, CLOSED)
    reference = closures.runs(wanted)
    counts: dict[str, Any] = {"closures": len(reference)}
    closed = closures.detect(heard.posteriors, heard.closure)
    for detector, on in closed.items():
        found = closures.runs(on)
        counts[f"found_{detector}"] = len(found)
        for rule in closures.RULES:
            paired = closures.pairs(reference, found, rule)
            counts[f"pairs_{detector}_{rule}"] = len(paired)
    said = closed["viseme"]
    near = np.convolve(wanted, np.ones(3))[1:-1] > 0
    counts["closures_touched"] = sum(said[max(0, a - 1) : b + 1].any() for a, b in reference)
    counts["closed_rows"] = said.sum()
    counts["closed_falsely"] = (said & ~near).sum()
    return counts


def total(scores: Iterable[Score]) -> Score:
    """The sum."""
    every = list(scores)
    tables = [np.sum([s.confusions[i] for s in every], axis=0) for i in range(3)]
    counts = np.sum([s.counts for s in every], axis=0)
    return Score("", counts, (tables[0], tables[1], tables[2]))


def _figures(counts: F64) -> dict[str, F64]:
    """Shares of counts [..., len(NAMES)]."""

    def ratio(over: str | F64, under: str | F64) -> F64:
        top = counts[..., _AT[over]] if isinstance(over, str) else over
        bottom = counts[..., _AT[under]] if isinstance(under, str) else under
        return np.asarray(top / np.maximum(bottom, 1), np.float64)

    detector, rule = closures.HEADLINE
    paired = f"pairs_{detector}_{rule}"
    return {
        "phone_all": ratio("phone_all", "rows"),
        "phone_sp": ratio("phone_sp", "speech"),
        "vis14_all": ratio("vis14_all", "rows"),
        "vis14_sp": ratio("vis14_sp", "speech"),
        "vis14_off": ratio("vis14_off", "off"),
        "mouth6_all": ratio("mouth6_all", "rows"),
        "mouth6_sp": ratio("mouth6_sp", "speech"),
        "sil_speech": ratio("sil_right", "rows"),
        "closure_recall": ratio("closures_touched", "closures"),
        "closure_false": ratio("closed_falsely", "closed_rows"),
        "closure_f1": event_f1(counts, detector, rule),
        "closure_event_precision": ratio(paired, f"found_{detector}"),
        "closure_event_recall": ratio(paired, "closures"),
    }


def event_f1(counts: F64, detector: str, rule: str) -> F64:
    """F1 of one way of counting closures: counts [..., len(NAMES)] -> [...]."""
    matched = counts[..., _AT[f"pairs_{detector}_{rule}"]]
    events = counts[..., _AT["closures"]] + counts[..., _AT[f"found_{detector}"]]
    return np.asarray(2 * matched / np.maximum(events, 1), np.float64)


def figures(scores: Sequence[Score]) -> dict[str, float]:
    """Shares in [0, 1] over clips."""
    return {name: float(value) for name, value in _figures(total(scores).counts).items()}


def _sampled(scores: Sequence[Score], draws: int) -> dict[str, F64]:
    """Figures [draws] with speakers drawn with replacement, always the same draws."""
    speakers = sorted({s.speaker for s in scores})
    by = np.array([total(s for s in scores if s.speaker == name).counts for name in speakers])
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(speakers), np.full(len(speakers), 1 / len(speakers)), draws)
    return _figures(drawn.astype(np.float64) @ by)


def _half_width(values: F64) -> float:
    return float(np.subtract(*np.percentile(values, [97.5, 2.5]))) / 2


def spread(scores: Sequence[Score], draws: int = 1000) -> dict[str, float]:
    """Half the width of the 95 % interval of each figure, speakers drawn with replacement: how far
    another handful of speakers could move it."""
    return {name: _half_width(values) for name, values in _sampled(scores, draws).items()}


def difference(
    before: Sequence[Score], after: Sequence[Score], name: str, draws: int = 1000
) -> tuple[float, float]:
    """(change, half width of its 95 % interval) of a figure over the same clips."""
    change = figures(after)[name] - figures(before)[name]
    return change, _half_width(_sampled(after, draws)[name] - _sampled(before, draws)[name])


def closure_table(scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    """F1 of every detector by every rule."""
    counts = total(scores).counts
    return {
        d: {r: float(event_f1(counts, d, r)) for r in closures.RULES} for d in closures.DETECTORS
    }
