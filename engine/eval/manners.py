"""How styles steer: intensity and blends move amplitudes steadily, heads come from elsewhere.

Definitions. Amplitude is the deviation over a sound of the lip opening, of the brows (mean of
five) and of the head (root of the summed variance of its angles). Intensity: the way from neutral
to a style in quarters, and LOUDER times the way; a measure that the whole way changes by less than
CHANGE is not asked. Steadiness is Spearman's rank correlation of weight and amplitude up to the
whole way, in its direction. Blends of two styles: weight against how much nearer the motion's
manner is to the second style's own motion than to the first's, another sound at the ends. Means
over sounds; sessions that are compared have the same seed.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from engine.errors import PackageError
from engine.eval.acting import Heard, act_all
from engine.eval.idle import BROWS
from engine.eval.likeness import manner
from engine.eval.synchrony import F64, pearson
from engine.frames import F32, FPS
from engine.motion.channels import opening
from engine.offline import MotionClip
from engine.style.code import Style, with_head
from engine.style.library import DEFAULT, StyleLibrary, blend

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
LOUDER = 1.3
CHANGE = 0.1
PAIRS = 6
SEEDS = 4
MEASURES = ("opening", "brows", "head")


def amplitudes(motion: MotionClip) -> F64:
    """Deviations [3] in the order of MEASURES."""
    brows = motion.weights[:, BROWS].std(0).mean()
    head = np.sqrt(motion.pose[:, :3].var(0).sum())
    return np.array([opening(motion.weights).std(), brows, head])


def spearman(a: Sequence[float] | F64, b: Sequence[float] | F64) -> float:
    """Rank correlation of two rows."""
    return pearson(rankdata(a), rankdata(b))


def louder(a: Style, b: Style, weight: float) -> Style | None:
    """Beyond `b` on the way from `a`; None where the code would leave its bounds."""
    try:
        code = np.asarray(a.code + weight * (b.code - a.code), np.float32)
        return Style(f"{b.name[:40]} {weight:.1f}", code, b.encoder, f"{weight:.1f} x {b.name}")
    except PackageError:
        return None


def intensity(
    library: StyleLibrary, names: Sequence[str], heard: Sequence[Heard]
) -> dict[str, Any]:
    """Neutral to each style in steps."""
    neutral, result = library.get(DEFAULT), {}
    print(f"\nIntensity: amplitude at {STEPS} of the way from {DEFAULT}, and at {LOUDER}")
    every = []
    for name in names:
        style = library.get(name)
        way: list[Style] = [blend(neutral, style, weight) for weight in STEPS]
        beyond = louder(neutral, style, LOUDER)
        way += [beyond] if beyond else []
        sizes = _over(heard, way)
        row: dict[str, Any] = {}
        for k, measure in enumerate(MEASURES):
            column = sizes[:, k]
            change = column[len(STEPS) - 1] / max(column[0], 1e-6) - 1
            row[measure] = [round(float(v), 4) for v in column]
            if abs(change) >= CHANGE:
                rank = float(np.sign(change)) * spearman(STEPS, column[: len(STEPS)])
                row[f"{measure}_spearman"] = round(rank, 3)
                every.append(rank)
        result[name] = row
        cells = "  ".join(
            f"{m} {row[m][0]:.3f} -> {row[m][len(STEPS) - 1]:.3f} "
            f"(rho {row[m + '_spearman']:.2f})" if f"{m}_spearman" in row
            else f"{m} {row[m][0]:.3f} -> {row[m][len(STEPS) - 1]:.3f} (no change)"
            for m in MEASURES
        )  # fmt: skip
        print(f"  {name:20s}{cells}")
    return {"styles": result, **_steadiness(every)}


def _steadiness(ranks: Sequence[float]) -> dict[str, float]:
    if not ranks:
        return {}
    mean, whole = float(np.mean(ranks)), float(np.mean(np.array(ranks) > 0.999))
    print(f"  mean rho {mean:.3f}, strictly monotone {whole:.2f} of {len(ranks)}")
    return {"spearman": round(mean, 4), "monotone": round(whole, 4)}


def _over(heard: Sequence[Heard], styles: Sequence[Style]) -> F64:
    """Amplitudes [styles, 3], mean over the sounds."""
    made = [
        [amplitudes(m) for m in act_all(sound, [(s, n) for s in styles])]
        for n, sound in enumerate(heard)
    ]
    return np.asarray(np.mean(made, axis=0))


def blends(library: StyleLibrary, names: Sequence[str], heard: Sequence[Heard]) -> dict[str, Any]:
    """Pairs of styles in steps."""
    if len(heard) < 2:
        return {}
    ranks, result = [], {}
    print("\nBlends of two styles: steps towards the second")
    for first, second in _spread(list(combinations(names, 2))):
        a, b = library.get(first), library.get(second)
        ends = [manner(m.weights) for m in act_all(heard[1], [(a, 50), (b, 50)])]
        way = act_all(heard[0], [(blend(a, b, weight), 3) for weight in STEPS])
        scale = np.maximum(np.std(ends, axis=0), 0.01)
        nearer = []
        for motion in way:
            row = manner(motion.weights)
            away = [float(np.linalg.norm((row - end) / scale)) for end in ends]
            nearer.append(away[0] - away[1])
        rank = spearman(STEPS, nearer)
        ranks.append(rank)
        result[f"{first}+{second}"] = round(rank, 3)
        print(f"  {first} -> {second}: rho {rank:.2f}")
    return {"pairs": result, **_steadiness(ranks)}


def _spread(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Some of the pairs, evenly."""
    step = max(1, len(pairs) // PAIRS)
    return pairs[::step][:PAIRS]


def head_manner(motions: Sequence[MotionClip]) -> F64:
    """[6] logarithms of the deviations of the angles and of their speeds (degrees, degrees a
    second), mean over motions."""
    rows = [
        np.concatenate([m.pose[:, :3].std(0), np.diff(m.pose[:, :3], axis=0).std(0) * FPS])
        for m in motions
    ]
    return np.asarray(np.mean(np.log(np.array(rows) + 1e-3), axis=0))


def heads(library: StyleLibrary, names: Sequence[str], heard: Sequence[Heard]) -> dict[str, Any]:
    """The face of one style with the head of another: whose head, whose face is it nearer to.

    Pairs are taken whose own heads differ most. The styles' own motions, to which the mixture is
    compared, have another sound and other seeds; every one is the mean of SEEDS sessions, because
    a head's sway in one sentence is mostly chance.
    """
    if len(heard) < 2:
        return {}
    own = _sessions(heard[1], [library.get(name) for name in names], 60)
    faces = dict(zip(names, map(_face, own), strict=True))
    turns = dict(zip(names, map(head_manner, own), strict=True))
    pairs = sorted(
        ((a, b) for a in names for b in names if a != b),
        key=lambda p: -float(np.linalg.norm(turns[p[0]] - turns[p[1]])),
    )[: 2 * PAIRS]
    mixtures = [with_head(library.get(a), library.get(b)) for a, b in pairs]
    scale = np.maximum(np.std(list(faces.values()), axis=0), 0.01)
    right_head, right_face = [], []
    for (a, b), motions in zip(pairs, _sessions(heard[0], mixtures, 3), strict=True):
        turn, face = head_manner(motions), _face(motions)
        away = [float(np.linalg.norm(turn - turns[name])) for name in (a, b)]
        right_head.append(away[1] < away[0])
        away = [float(np.linalg.norm((face - faces[name]) / scale)) for name in (a, b)]
        right_face.append(away[0] < away[1])
    found = {"pairs": len(pairs), "head_of_other": round(float(np.mean(right_head)), 3),
             "face_of_own": round(float(np.mean(right_face)), 3)}  # fmt: skip
    print(
        f"\nHead of another style, {len(pairs)} pairs (chance .5): head nearer to the other's "
        f"{found['head_of_other']:.2f}, face nearer to its own {found['face_of_own']:.2f}"
    )
    return found


def _sessions(sound: Heard, styles: Sequence[Style], seed: int) -> list[list[MotionClip]]:
    """SEEDS sessions of every style over one sound."""
    made = act_all(sound, [(style, seed + n) for style in styles for n in range(SEEDS)])
    return [made[i : i + SEEDS] for i in range(0, len(made), SEEDS)]


def _face(motions: Sequence[MotionClip]) -> F32:
    return np.asarray(np.mean([manner(m.weights) for m in motions], axis=0), np.float32)
