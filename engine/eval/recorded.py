"""Generated motion beside recorded motion of the same sound: rigs and tracked people.

Definitions. r is Pearson's per recording over lags within 300 ms (engine.eval.synchrony); "mean of
active" averages the channels of a recording whose deviation is above ACTIVE, at the lag where that
mean is best. Rivals in the same run: ridge from mel (engine.eval.ridge), the posteriors' openness
(PPG table), a jaw that follows loudness. A person's own style is made from other recordings of
that person: trained ones where there are some, else the other measured ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from engine.errors import PackageError, VivifyError
from engine.eval import openings
from engine.eval.acting import Heard, act, hear
from engine.eval.performances import Performance, kept_back
from engine.eval.recordings import levelled
from engine.eval.ridge import fitted
from engine.eval.synchrony import F64, LAGS_MS, Clip, Curve, closing, contrast, correlations, follow
from engine.face.blendshapes import INDEX
from engine.frames import F32, SAMPLES_PER_FRAME
from engine.motion.channels import opening
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.library import DEFAULT, StyleLibrary
from engine.style.reference import style_of

ACTIVE = 0.01
STUDIO = "studio"
_JAW = INDEX["jawOpen"]
Table = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Played:
    """A recording and what everybody made of its sound."""

    truth: Performance
    pcm: F32  # levelled
    heard: Heard
    motions: dict[str, MotionClip]  # "engine" and, for tracked people, "own style"


def studio(library: StyleLibrary) -> tuple[Style, str | None]:
    """The style for rig recordings, and a warning where the library lacks it."""
    try:
        return library.get(STUDIO), None
    except PackageError:
        return library.get(DEFAULT), f"the library has no style {STUDIO!r}: {DEFAULT!r} is measured"


def own_style(clip: Performance, every: Sequence[Performance]) -> Style | None:
    """A style from other recordings of the same person; None where there is none to make it of."""
    same = [o for o in every if o.person == clip.person and o.name != clip.name]
    chosen = [o for o in same if not kept_back(o)] or same
    if not chosen:
        return None
    starts, begin = [], 0
    for other in chosen:
        starts.append(begin + np.arange(len(other.weights), dtype=np.int64) * SAMPLES_PER_FRAME)
        begin = int(starts[-1][-1]) + 2 * SAMPLES_PER_FRAME if len(starts[-1]) else begin
    weights = np.concatenate([o.weights for o in chosen])
    pose = np.concatenate([o.pose for o in chosen])
    made = f"{len(chosen)} other clips of the same person"
    joined = MotionClip(np.concatenate(starts), weights, pose)
    try:
        return style_of("own style", joined, made, chosen[0].mask, chosen[0].has_head)
    except VivifyError:
        return None  # too short to say anything about a style


def play(
    clips: Sequence[Performance], others: Sequence[Performance], lookahead_ms: int
) -> tuple[list[Played], list[str]]:
    """Run the line over all recordings; also what a reader should know."""
    library, warnings = StyleLibrary(), []
    rig_style, warning = studio(library)
    if warning and any(clip.rig for clip in clips):
        warnings.append(warning)
    played = []
    every = [*clips, *others]
    for clip in tqdm(clips, desc="recorded", leave=False):
        pcm = levelled(clip.pcm)
        heard = hear(pcm, lookahead_ms)
        motions = {"engine": act(heard, rig_style if clip.rig else library.get(DEFAULT))}
        own = None if clip.rig else own_style(clip, every)
        if own is not None:
            motions["own style"] = act(heard, own)
        played.append(Played(clip, pcm, heard, motions))
    return played, warnings


def truth_of(values: F32) -> Curve:
    """A recorded curve [T] on its grid."""
    return np.arange(len(values)) * SAMPLES_PER_FRAME, values


def channels_r(truth: F32, shown: Curve, channels: Sequence[int]) -> F64:
    """r [lags, channels] of shown weights [T, 52] against recorded ones."""
    at, weights = shown
    rows = [correlations(truth_of(truth[:, i]), (at, weights[:, i])) for i in channels]
    return np.stack(rows, axis=1)


def active(clip: Performance) -> list[int]:
    """Channels of a recording that move."""
    return [int(i) for i in np.flatnonzero((clip.weights.std(0) > ACTIVE) & (clip.mask > 0))]


def rig_table(played: Sequence[Played]) -> Table:
    """Method -> figures, means over rig recordings of one kind."""
    jaws = [truth_of(p.truth.weights[:, _JAW]) for p in played]
    weights: dict[str, list[Curve]] = {
        "engine": [(p.motions["engine"].start, p.motions["engine"].weights) for p in played],
        "ridge_mel": [fitted()["rig"].curve(p.pcm) for p in played],
    }
    table: Table = {}
    for name, curves in weights.items():
        moved = [
            channels_r(p.truth.weights, c, active(p.truth)).mean(1)
            for p, c in zip(played, curves, strict=True)
        ]
        mean = np.mean(moved, axis=0)
        best = int(mean.argmax())
        table[name] = follow(jaws, [(at, w[:, _JAW]) for at, w in curves]) | {
            "active_r": round(float(mean[best]), 4),
            "active_lag_ms": LAGS_MS[best],
            "active_channels": round(float(np.mean([len(active(p.truth)) for p in played])), 1),
        }
    return table | _simple(played, jaws)


def _simple(played: Sequence[Played], truths: Sequence[Curve]) -> Table:
    return {
        "ppg_table": follow(truths, [openings.of_posteriors(p.heard) for p in played]),
        "rms_jaw": follow(truths, [openings.of_loudness(p.pcm) for p in played]),
    }


def tracked_table(played: Sequence[Played], drawn: Callable[[MotionClip], Curve]) -> Table:
    """Method -> figures over tracked clips: r of the jaw, of the opening (both from weights) and of
    the tracked aperture with the drawn lips; where phones are aligned, contrast and closures too.

    "own style" is measured on the clips whose person has other clips, "neutral there" is the
    neutral style on the same clips.
    """
    jaws = [truth_of(p.truth.weights[:, _JAW]) for p in played]
    table: Table = {}
    methods = {"engine": list(range(len(played)))}
    owned = [n for n, p in enumerate(played) if "own style" in p.motions]
    if owned:
        methods |= {"own style": owned, "neutral there": owned}
    for name, which in methods.items():
        key = "own style" if name == "own style" else "engine"
        motions = [played[n].motions[key] for n in which]
        table[name] = _tracked_row([played[n] for n in which], motions, drawn)
    ridge = [fitted()["tracked"].curve(p.pcm) for p in played]
    table["ridge_mel"] = follow(jaws, [(at, w[:, _JAW]) for at, w in ridge])
    table |= _simple(played, jaws)
    return table


def _tracked_row(
    played: Sequence[Played], motions: Sequence[MotionClip], drawn: Callable[[MotionClip], Curve]
) -> dict[str, float]:
    row: dict[str, float] = {"clips": len(played)}
    row |= follow(
        [truth_of(p.truth.weights[:, _JAW]) for p in played], [openings.of_jaw(m) for m in motions]
    )
    opened = follow(
        [truth_of(opening(p.truth.weights)) for p in played],
        [openings.of_weights(m) for m in motions],
    )
    row |= {"opening_r": opened["r"], "opening_r_each_best": opened["r_each_best"]}
    gaps = [(p.truth.aperture, m) for p, m in zip(played, motions, strict=True)]
    measured = [(truth_of(gap), drawn(m)) for gap, m in gaps if gap is not None]
    if measured:
        gap_rows = follow([t for t, _ in measured], [c for _, c in measured])
        row |= {"aperture_r": gap_rows["r"], "aperture_lag_ms": gap_rows["lag_ms"]}
    return row


def spoken(played: Sequence[Played]) -> Table:
    """Closures and contrast on recorded clips with phones: the recorded lips beside ours."""
    chosen = [p for p in played if p.truth.phones]
    if not chosen:
        return {}
    clips = [Clip(p.truth.name, p.truth.person, p.pcm, p.truth.phones) for p in chosen]
    rows: dict[str, list[Curve]] = {
        "recorded": [truth_of(opening(p.truth.weights)) for p in chosen],
        "engine": [openings.of_weights(p.motions["engine"]) for p in chosen],
        "ppg_table": [openings.of_posteriors(p.heard) for p in chosen],
        "rms_jaw": [openings.of_loudness(p.pcm) for p in chosen],
    }
    if all("own style" in p.motions for p in chosen):
        rows["own style"] = [openings.of_weights(p.motions["own style"]) for p in chosen]
    if all(p.truth.aperture is not None for p in chosen):
        rows["aperture"] = [
            truth_of(p.truth.aperture) for p in chosen if p.truth.aperture is not None
        ]
    truths = [clip.truth for clip in clips]
    return {
        name: {"clips": len(clips), **follow(truths, c), **closing(clips, c), **contrast(clips, c)}
        for name, c in rows.items()
    }
