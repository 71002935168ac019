"""The model and the baselines side by side on the same rows of the same clips.

Besides accuracy, "opening" is the mean over clips of Pearson's r between the openness heard
(posteriors @ OPENNESS_ROW, or loudness itself) and that of the labels under a Hann window of five
rows (100 ms).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from engine.eval.accuracy import SIL, Score, figures, score
from engine.eval.baselines import Allphone, Learned, Lesson, amplitude, chance, loudness, stacked
from engine.eval.recordings import Recording
from engine.eval.rows import Clip, hear
from engine.frames import F32
from engine.motion.channels import OPENNESS_ROW
from engine.speech.ppg import PPG, Heard

LESSON_S = 900.0  # seconds of training speakers that the baselines are fitted on
ALLPHONE_S = 120.0  # seconds of a set that the slow baseline hears
_WINDOW = np.hanning(7)[1:-1] / np.hanning(7).sum()
Curve = F32 | npt.NDArray[np.float64]


def spaced(seconds: Sequence[float], limit: float) -> slice:
    """Every n-th of clips of such lengths, about `limit` seconds in all."""
    return slice(None, None, max(1, round(sum(seconds) / limit)))


def learn(recordings: Sequence[Recording]) -> Learned:
    """Fit on recordings of training speakers."""
    chosen = recordings[spaced([r.seconds for r in recordings], LESSON_S)]
    clips = (Clip.of(r) for r in tqdm(chosen, desc="baselines learn", leave=False))
    return Learned.of([Lesson.of(clip.pcm, clip.labels) for clip in clips])


def leave_one_out(clips: Sequence[Clip]) -> list[Learned]:
    """For each clip what the others teach."""
    lessons = [Lesson.of(clip.pcm, clip.labels) for clip in clips]
    return [Learned.of(lessons[:i] + lessons[i + 1 :]) for i in range(len(lessons))]


def pearson(a: Curve, b: Curve) -> float:
    """Correlation of two curves [T]; 0 where either is constant."""
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def opening_r(curve: F32, clip: Clip) -> float:
    """r of a curve [T] with the openness of the labels."""
    truth = OPENNESS_ROW[clip.labels]
    return pearson(curve, np.convolve(truth, _WINDOW, "same")) if np.ptp(truth) else 0.0


def _ear(clips: Sequence[Clip], ear: Callable[[int, Clip], Heard], name: str) -> dict[str, float]:
    scores: list[Score] = []
    follows = []
    for i, clip in enumerate(tqdm(clips, desc=name, leave=False)):
        heard = ear(i, clip)
        scores.append(score(heard, clip.labels, clip.recording.speaker))
        follows.append(opening_r(heard.posteriors @ OPENNESS_ROW, clip))
    return {**figures(scores), "opening": float(np.mean(follows))}


def measure(
    clips: Sequence[Clip], model: Path, taught: Sequence[Learned], allphone: bool
) -> dict[str, dict[str, float]]:
    """Figures by ear. `taught`: for each clip, what was learned without its speaker."""
    ppg = PPG(20, model)
    table = {"this model": _ear(clips, lambda _, c: hear(c.pcm, ppg), "model")}
    table["LDA on mel"] = _ear(
        clips, lambda i, c: taught[i].discriminant.hear(stacked(c.pcm)), "LDA"
    )
    table["RMS jaw"] = _loudness(clips, taught)
    table["commonest class"] = chance(clip.labels for clip in clips)
    if allphone and Allphone.installed():
        some = clips[spaced([c.recording.seconds for c in clips], ALLPHONE_S)]
        sphinx = Allphone()
        heard = _ear(some, lambda _, c: sphinx.hear(c.pcm), "allphone")
        table[f"allphone, {len(some)} clips"] = heard
        table[f"this model, {len(some)} clips"] = _ear(
            some, lambda _, c: hear(c.pcm, ppg), "the same clips"
        )
    return table


def _loudness(clips: Sequence[Clip], taught: Sequence[Learned]) -> dict[str, float]:
    right, follows = [], []
    for clip, learned in zip(clips, taught, strict=True):
        levels = loudness(clip.pcm)
        right.append((levels <= learned.quiet_dbfs) == (clip.labels == SIL))
        follows.append(opening_r(amplitude(clip.pcm), clip))
    return {
        "sil_speech": float(np.concatenate(right).mean()),
        "opening": float(np.mean(follows)),
    }
