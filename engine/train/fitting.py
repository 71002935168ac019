"""`python -m engine.train tracks --fit`: the lip shapes of phones out of recorded people.

Method: the teacher's dominance model is linear in its targets once the phone times are known, so
they are found by regularised least squares (a phone that is seldom heard keeps the hand table's
target), person by person up to a gain and a rest. Phone times are the aligned ones where there are
some, else the posteriors of our own causal model (60 ms look-ahead) as soft phones.
Contract: trained clips only; never touches the phones that close, tuck or rest, nor the opening.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from engine.eval.performances import Performance, kept_back
from engine.face.blendshapes import INDEX
from engine.frames import F32, SAMPLES_PER_FRAME
from engine.runtime import Graph
from engine.speech.phonemes import INDEX as PHONE
from engine.speech.phonemes import PHONES
from engine.train.lessons import hear
from engine.train.manner import Manner
from engine.train.reals import person_of
from engine.train.shapes import DOMINANCE, FITTED, FIXED, GROUP, LEARNT, hand
from engine.train.teacher import RATE, at_samples, grid, kernels

# Channels whose mean is a part.
_CHANNELS = {
    "upper": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "lower": ("mouthLowerDownLeft", "mouthLowerDownRight"),
    "funnel": ("mouthFunnel",), "pucker": ("mouthPucker",),
    "stretch": ("mouthStretchLeft", "mouthStretchRight"),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "roll_lower": ("mouthRollLower",), "roll_upper": ("mouthRollUpper",),
    "shrug": ("mouthShrugUpper",),
}  # fmt: skip
PRIOR_TICKS = 20.0  # a phone heard for so many ticks lies half way from the hand table
_ROUNDS = 5
_GAINS = (0.25, 4.0)
_MOVES = 0.015  # standard deviation below which a person does not use a channel
_MOST = 0.75  # of a target

Targets = dict[str, F32]  # part -> [40]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One person's ticks: what was said and what the lips did."""

    person: str
    influence: dict[str, F32]  # group -> [N, 40], rows sum to 1
    moved: dict[str, F32]  # part -> [N]; parts that the person does not use are left out
    fold: F32  # [N] number of the clip modulo 2


def lessons(clips: Sequence[Performance], graph: Graph) -> list[Lesson]:
    """All trained clips, person by person."""
    groups: dict[str, list[Performance]] = {}
    for clip in clips:
        if not kept_back(clip):
            groups.setdefault(_group(clip), []).append(clip)
    found = []
    for person, group in groups.items():
        shares = [_shares(clip, graph) for clip in group]
        every = np.concatenate([clip.weights for clip in group])
        moved = {}
        for part, names in _CHANNELS.items():
            columns = [INDEX[name] for name in names]
            row = every[:, columns].mean(1)
            if group[0].mask[columns].all() and row.std() > _MOVES:
                moved[part] = row
        influence = {
            name: np.concatenate(
                [_influence(s, name, len(c.weights)) for s, c in zip(shares, group, strict=True)]
            )
            for name in DOMINANCE
        }
        fold = [np.full(len(clip.weights), n % 2) for n, clip in enumerate(group)]
        found.append(Lesson(person, influence, moved, np.concatenate(fold)))
    return found


def _group(clip: Performance) -> str:
    """Few seconds of several people of one corpus are learnt from as one."""
    return person_of(clip) if clip.corpus in ("facegood", "grid_s1") else clip.corpus[:4]


def _shares(clip: Performance, graph: Graph) -> F32:
    """[T, 40] how much of each phone is said, at 100 Hz."""
    count = len(clip.weights) * SAMPLES_PER_FRAME * RATE // 16_000
    if clip.phones:
        times = [(name, start / 100, duration / 100) for name, start, duration in clip.phones]
        index, _ = grid(times, count / RATE)
        return np.asarray(np.eye(len(PHONES))[index], np.float32)
    rows = hear(clip.pcm, graph).ppg[-1].reshape(-1, len(PHONES))
    # Row j is labelled 320 j - 360.
    nearest = np.round((np.arange(count) * 160 + 80 + 360) / 320).astype(int)
    return np.asarray(rows[np.minimum(nearest, len(rows) - 1)], np.float32)


def _influence(shares: F32, group: str, ticks: int) -> F32:
    """[ticks, 40]: the weight of each phone's target in the blend of the teacher."""
    kernel = kernels(Manner())[group]
    pad = len(kernel) // 2
    weight = np.pad(shares * DOMINANCE[group], ((pad, pad), (0, 0)), mode="edge")
    spread = np.stack([np.convolve(column, kernel, "valid") for column in weight.T], axis=1)
    blend = (spread / np.maximum(spread.sum(1, keepdims=True), 1e-6)).astype(np.float32)
    return at_samples(blend, np.arange(ticks) * SAMPLES_PER_FRAME)


def fit(taught: Sequence[Lesson], fold: int | None = None) -> Targets:
    """Targets of the learnt parts; `fold` leaves the clips of that fold out."""
    return {part: _fit_part(part, taught, fold) for part in LEARNT}


def _fit_part(part: str, taught: Sequence[Lesson], fold: int | None) -> F32:
    prior = hand(part)
    free = ~np.isin(PHONES, FIXED)
    target = prior.copy()
    people = [lesson for lesson in taught if part in lesson.moved]
    for _ in range(_ROUNDS if people else 0):
        design, aim, trusts = [], [], []
        for lesson in people:
            keep = np.ones(len(lesson.fold), bool) if fold is None else lesson.fold != fold
            blend, moved = lesson.influence[GROUP[part]][keep], lesson.moved[part][keep]
            gain, rest = _line(blend @ target, moved)
            seen = (moved - rest) / gain - blend[:, ~free] @ prior[~free]
            noise = max(float((seen - blend[:, free] @ target[free]).std()), 1e-3)
            # Neighbouring ticks say the same: the longest talker must not outvote the others.
            trusts.append(1.0 / noise / np.sqrt(max(len(moved) / 1500.0, 1.0)))
            design.append(blend[:, free] * trusts[-1])
            aim.append(seen * trusts[-1])
        hold = np.sqrt(PRIOR_TICKS) * np.median(trusts)
        matrix = np.concatenate([*design, hold * np.eye(int(free.sum()))])
        target = prior.copy()
        goal = np.concatenate([*aim, hold * prior[free]])
        target[free] = lsq_linear(matrix.T @ matrix, matrix.T @ goal, bounds=(0.0, _MOST)).x
    return target.astype(np.float32)


def _line(made: F32, moved: F32) -> tuple[float, float]:
    """Gain and rest of a person: moved = gain * made + rest."""
    spread = float(made.var())
    slope = float(np.mean((made - made.mean()) * (moved - moved.mean()))) / max(spread, 1e-9)
    gain = float(np.clip(slope, *_GAINS))
    return gain, float(moved.mean() - gain * made.mean())


def agreement(
    targets: Targets, taught: Sequence[Lesson], fold: int | None = None
) -> dict[str, dict[str, float]]:
    """Person -> part -> r of the teacher's blend against what was moved; in that fold only."""
    table: dict[str, dict[str, float]] = {}
    for lesson in taught:
        keep = np.ones(len(lesson.fold), bool) if fold is None else lesson.fold == fold
        for part, moved in lesson.moved.items():
            made = lesson.influence[GROUP[part]][keep] @ targets[part]
            still = min(made.std(), moved[keep].std()) < 1e-6
            r = 0.0 if still else float(np.corrcoef(made, moved[keep])[0, 1])
            table.setdefault(lesson.person, {})[part] = r
    return table


def write(targets: Targets, taught: Sequence[Lesson], path: Path = FITTED) -> None:
    """The JSON file that engine.train.shapes reads, with the ticks each phone was heard for."""
    heard = sum(lesson.influence["open"].sum(0) for lesson in taught)
    about = {
        "made": "python -m engine.train tracks --fit (engine.train.fitting)",
        "prior_ticks": PRIOR_TICKS,
        "people": sorted(lesson.person for lesson in taught),
        "ticks": {phone: round(float(np.asarray(heard)[PHONE[phone]])) for phone in PHONES},
        "targets": {
            part: {phone: round(float(row[PHONE[phone]]), 4) for phone in PHONES}
            for part, row in targets.items()
        },
    }
    path.write_text(json.dumps(about, indent=1) + "\n")


def report(taught: Sequence[Lesson]) -> list[tuple[str, str, float, float]]:
    """Rows of (person, part, r with the hand table, r with targets fitted without the clips that
    are measured: two folds), and for each person the mean of the parts."""
    by_hand: Targets = {part: hand(part) for part in LEARNT}
    found = []
    for fold in (0, 1):
        some = [lesson for lesson in taught if (lesson.fold == fold).any()]
        fitted = agreement(fit(taught, fold), some, fold)
        found.append((agreement(by_hand, some, fold), fitted))
    rows = []
    for lesson in taught:
        pairs = {
            part: np.mean(
                [[table[lesson.person][part] for table in pair] for pair in found
                 if lesson.person in pair[0]], axis=0,
            )
            for part in lesson.moved
        }  # fmt: skip
        pairs["mean"] = np.mean(list(pairs.values()), axis=0)
        rows += [(lesson.person, part, float(a), float(b)) for part, (a, b) in pairs.items()]
    return rows
