"""Lip curves against the truth: correlation over lags, closures, closure contrast.

Definitions (fixed before training). Truth from aligned phones: their openness
(engine.motion.channels) at 100 Hz under a 90 ms Hann window. r is Pearson's per clip; lag > 0 when
the picture is late. A closure is found when the opening falls to the 25th percentile of the clip's
speech within a P, B or M (20 ms beyond on both sides); the same inside an open vowel, 10 ms cut off
at both ends, is false. Contrast: mean z-scored opening at M, B, P less that at open vowels; its
deepest value and the lag where it lies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.eval.recordings import Phone, Recording, levelled
from engine.frames import F32, SAMPLE_RATE
from engine.motion.channels import OPENNESS

F64 = npt.NDArray[np.float64]
RATE = 100  # Hz of the truth
STEP = SAMPLE_RATE // RATE  # samples
MS = SAMPLE_RATE // 1000  # samples
LAGS_MS = tuple(range(-300, 301, 10))
WINDOW = np.hanning(11)[1:-1] / np.hanning(11).sum()  # 90 ms
_BILABIAL = {"P", "B", "M"}
_OPEN = {"AA", "AE", "AO", "AY", "AW", "EH"}
_CONTRAST = {"AA", "AE", "AH", "AO", "AW", "AY"}
# A value over time: samples [N] at which each is shown, values [N].
Curve = tuple[npt.NDArray[np.int64] | F64, F32 | F64]


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound and what its mouth should do. Phones end where the sound does: labels are often a
    little longer, and what lies beyond is left out."""

    name: str
    group: str
    pcm: F32  # [S]
    phones: tuple[Phone, ...]

    def __post_init__(self) -> None:
        steps = int(np.ceil(len(self.pcm) / STEP))
        heard = ((phone, max(at, 0), min(at + n, steps)) for phone, at, n in self.phones)
        cut = tuple((phone, begin, end - begin) for phone, begin, end in heard if end > begin)
        object.__setattr__(self, "phones", cut)

    @property
    def truth(self) -> Curve:
        """Openness of the aligned phones, value i at sample 160 i + 80."""
        values = openness(self.phones, int(np.ceil(len(self.pcm) / STEP)))
        return np.arange(len(values)) * STEP + STEP // 2, values


def openness(phones: Iterable[Phone], steps: int) -> F32:
    """Truth [steps] at 100 Hz of phones given in 10 ms frames."""
    raw = np.zeros(steps, np.float32)
    for phone, start, duration in phones:
        raw[start : start + duration] = OPENNESS[phone]
    return np.convolve(raw, WINDOW, "same").astype(np.float32)


def prepare(recording: Recording, group: str = "") -> Clip:
    """Read the sound, brought to the level at which everything is measured."""
    name = group or recording.corpus
    return Clip(recording.id, name, levelled(recording.pcm()), recording.phones)


def pearson(a: F32 | F64, b: F32 | F64) -> float:
    """r of two rows; 0 where one does not move, or with fewer than two values."""
    if len(a) < 2:
        return 0.0
    x, y = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 1e-12 else 0.0


def correlations(truth: Curve, shown: Curve, lags_ms: Sequence[int] = LAGS_MS) -> F64:
    """r [len(lags_ms)]; a lag of 40 compares the picture at t with the truth at t - 40 ms."""
    at, values = shown
    rows = []
    for lag in lags_ms:
        place = at - lag * MS
        inside = (place >= truth[0][0]) & (place <= truth[0][-1])
        rows.append(pearson(np.interp(place[inside], *truth), values[inside]))
    return np.array(rows)


def follow(truths: Sequence[Curve], curves: Sequence[Curve]) -> dict[str, float]:
    """Mean over clips of r: at the best common lag, at 0, at each clip's best lag; also the median,
    which a recording with a failed alignment does not move."""
    rows = np.array([correlations(t, c) for t, c in zip(truths, curves, strict=True)])
    best = int(rows.mean(0).argmax())
    lags = np.array(LAGS_MS)[rows.argmax(1)]
    return {
        "r": round(float(rows[:, best].mean()), 4),
        "lag_ms": LAGS_MS[best],
        "r_at_0": round(float(rows[:, LAGS_MS.index(0)].mean()), 4),
        "r_each_best": round(float(rows.max(1).mean()), 4),
        "r_median": round(float(np.median(rows[:, best])), 4),
        "r_worst_clip": round(float(rows[:, best].min()), 4),
        "lag_ms_p10": float(np.percentile(lags, 10)),
        "lag_ms_p90": float(np.percentile(lags, 90)),
    }


def sampled(clip: Clip, curve: Curve, lag_ms: int = 0) -> F64:
    """The curve on the truth's grid, moved back by a lag."""
    return np.interp(clip.truth[0] + lag_ms * MS, *curve)


def closures(clip: Clip, curve: Curve) -> tuple[int, int, int, int]:
    """(found, closures, false, open vowels) of one clip."""
    shown = sampled(clip, curve)
    speech = np.zeros(len(shown), bool)
    for phone, start, duration in clip.phones:
        speech[start : start + duration] = phone != "SIL"
    bound = float(np.percentile(shown[speech], 25)) if speech.any() else 0.0
    found = wanted = false = vowels = 0
    for phone, start, duration in clip.phones:
        if phone in _BILABIAL and duration >= 3:
            wanted += 1
            found += bool(shown[max(0, start - 2) : start + duration + 2].min() <= bound)
        elif phone in _OPEN and duration >= 6:
            vowels += 1
            false += bool(shown[start + 1 : start + duration - 1].min() <= bound)
    return found, wanted, false, vowels


def closing(clips: Sequence[Clip], curves: Sequence[Curve]) -> dict[str, float]:
    """Closure recall and false share over all clips."""
    counts = np.sum([closures(c, k) for c, k in zip(clips, curves, strict=True)], axis=0)
    return {
        "closure_recall": round(float(counts[0] / max(counts[1], 1)), 4),
        "closure_false": round(float(counts[2] / max(counts[3], 1)), 4),
        "closures": int(counts[1]),
    }


def contrast(clips: Sequence[Clip], curves: Sequence[Curve]) -> dict[str, float]:
    """Deepest mean closure contrast in z and its lag; clips without both kinds don't count."""
    rows = []
    for clip, curve in zip(clips, curves, strict=True):
        shut, wide = (_inside(clip, kinds) for kinds in (_BILABIAL, _CONTRAST))
        if shut.any() and wide.any():
            shown = np.stack([sampled(clip, curve, lag) for lag in LAGS_MS])
            z = (shown - shown.mean(1, keepdims=True)) / np.maximum(
                shown.std(1, keepdims=True), 1e-9
            )
            rows.append(z[:, shut].mean(1) - z[:, wide].mean(1))
    if not rows:
        return {"contrast_z": 0.0, "contrast_lag_ms": 0}
    mean = np.mean(rows, axis=0)
    deepest = int(mean.argmin())
    return {"contrast_z": round(float(mean[deepest]), 3), "contrast_lag_ms": LAGS_MS[deepest]}


def _inside(clip: Clip, kinds: set[str]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(clip.truth[0]), bool)
    for phone, start, duration in clip.phones:
        inside[start : start + duration] |= phone in kinds
    return inside


def summarise(clips: Sequence[Clip], curves: Sequence[Curve]) -> dict[str, float]:
    """Everything above, for lip openings against aligned phones."""
    truths = [clip.truth for clip in clips]
    return {**follow(truths, curves), **closing(clips, curves), **contrast(clips, curves)}
