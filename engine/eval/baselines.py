"""What simpler ears hear in the same rows: loudness, linear discriminants on mel, pocketsphinx.

Contract: every baseline answers with rows as the model does (engine.speech.ppg.Heard), so one
scorer judges all. Discriminants and the loudness threshold are fitted on recordings of other
speakers than those measured; they look 20 ms ahead as the model does. pocketsphinx `allphone`
hears the whole clip first and made the labels' alignments itself: an upper neighbour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.audio.mel import BANDS, LABEL_AT
from engine.eval.accuracy import PROJECTIONS
from engine.eval.rows import mel_of
from engine.frames import F32, HOP, MEL_HOP
from engine.speech.phonemes import CLOSED, INDEX, PHONES
from engine.speech.ppg import Heard

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
STACK = 5  # rows a discriminant sees, the newest 20 ms after the row it names
_SHRINK = 0.05  # share of the diagonal in the within-class scatter


def as_heard(posteriors: F32) -> Heard:
    """Rows of a baseline that has posteriors only."""
    unknown = np.full(len(posteriors), np.nan, np.float32)
    return Heard(posteriors, posteriors[:, CLOSED].sum(1), unknown, unknown, unknown)


def stacked(pcm: F32) -> F32:
    """Features [T, 5 * 80] of a clip [S]: log-mel of rows k - 3 .. k + 1, two frames averaged."""
    mel = mel_of(pcm)[0].reshape(-1, 2, BANDS).mean(1)
    rows = len(pcm) // HOP
    before = np.repeat(mel[:1], STACK, axis=0)
    padded = np.concatenate([before, mel])
    # Clip row k is mel row k + 1; its newest companion k + 2 lies STACK later here.
    return np.concatenate([padded[3 + i : 3 + i + rows] for i in range(STACK)], axis=1)


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of features by class: what discriminants need, additive over clips."""

    count: F64  # [40]
    first: F64  # [40, D]
    second: F64  # [D, D]

    @classmethod
    def of(cls, x: F32, labels: I64) -> "Moments":
        """One clip: features [T, D], labels [T]."""
        member = np.eye(len(PHONES), dtype=np.float32)[labels]
        first, second = (np.asarray(m.T @ x, np.float64) for m in (member, x))
        return cls(np.asarray(member.sum(0), np.float64), first, second)

    def plus(self, other: "Moments") -> "Moments":
        """The sum."""
        return Moments(
            self.count + other.count, self.first + other.first, self.second + other.second
        )


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Fisher's linear discriminants with class priors: one shared covariance."""

    weights: F64  # [D, 40]
    bias: F64  # [40]

    @classmethod
    def fit(cls, moments: Moments) -> "Discriminant":
        """Closed form; classes without rows are never answered."""
        total = moments.count.sum()
        mean = moments.first / np.maximum(moments.count, 1)[:, None]
        within = (moments.second - (mean * moments.count[:, None]).T @ mean) / total
        within = (1 - _SHRINK) * within + _SHRINK * np.diag(np.diag(within) + 1e-6)
        weights = np.linalg.solve(within, mean.T)
        prior = np.log(np.maximum(moments.count, 1e-30) / total)
        return cls(weights, prior - 0.5 * np.einsum("cd,dc->c", mean, weights))

    def hear(self, x: F32) -> Heard:
        """Features [T, D] -> rows."""
        scores = x @ self.weights + self.bias
        chance = np.exp(scores - scores.max(1, keepdims=True))
        return as_heard((chance / chance.sum(1, keepdims=True)).astype(np.float32))


def loudness(pcm: F32) -> F32:
    """dBFS [T] of the 40 ms whose newest sample the model at 20 ms look-ahead has too."""
    power = np.square(pcm, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    end = np.minimum(np.arange(len(pcm) // HOP) * HOP + LABEL_AT + HOP, len(pcm))
    start = np.maximum(end - 2 * HOP, 0)
    mean = (sums[end] - sums[start]) / (end - start)
    return np.asarray(10 * np.log10(mean + 1e-10), np.float32)


def amplitude(pcm: F32) -> F32:
    """The same as root mean square [T]: a jaw that opens with it."""
    return np.asarray(10 ** (loudness(pcm) / 20), np.float32)


def quiet_below(levels: F32, silent: npt.NDArray[np.bool_]) -> float:
    """The threshold in dBFS that tells silence from speech with the fewest errors."""
    order = np.argsort(levels)
    # Errors when everything up to the i-th level is called silent.
    errors = np.cumsum(np.where(silent[order], -1, 1))
    return float(levels[order[int(errors.argmin())]])


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one clip teaches."""

    moments: Moments
    levels: F32  # [T] dBFS
    silent: npt.NDArray[np.bool_]  # [T]

    @classmethod
    def of(cls, pcm: F32, labels: I64) -> "Lesson":
        """A clip [S] and the label of each row."""
        return cls(Moments.of(stacked(pcm), labels), loudness(pcm), labels == INDEX["SIL"])


@dataclass(frozen=True, slots=True)
class Learned:
    """Both fitted baselines."""

    discriminant: Discriminant
    quiet_dbfs: float

    @classmethod
    def of(cls, lessons: Sequence[Lesson]) -> "Learned":
        """Fit on these clips."""
        moments = lessons[0].moments
        for lesson in lessons[1:]:
            moments = moments.plus(lesson.moments)
        levels = np.concatenate([lesson.levels for lesson in lessons])
        silent = np.concatenate([lesson.silent for lesson in lessons])
        return cls(Discriminant.fit(moments), quiet_below(levels, silent))


def chance(labels: Iterable[I64]) -> dict[str, float]:
    """Always the commonest class: of all rows for "_all", of speech for "_sp"."""
    every = np.concatenate(list(labels))
    talk = every[every != INDEX["SIL"]]
    found = {}
    for name, projection in zip(("phone", "vis14", "mouth6"), PROJECTIONS, strict=True):
        to = projection.argmax(1)
        found[f"{name}_all"] = float(np.bincount(to[every]).max() / len(every))
        found[f"{name}_sp"] = float(np.bincount(to[talk]).max() / len(talk))
    found["sil_speech"] = max(len(talk), len(every) - len(talk)) / len(every)
    return found


class Allphone:
    """pocketsphinx's free phone recogniser with its phone bigrams, batch normalised."""

    def __init__(self) -> None:
        from pocketsphinx import Config, Decoder, get_model_path

        model = str(Path(get_model_path()) / "en-us" / "en-us-phone.lm.bin")
        self._decoder: Any = Decoder(
            Config(allphone=model, lm=None, lw=2.0, beam=1e-20, pbeam=1e-20, cmn="batch",
                   loglevel="FATAL")
        )  # fmt: skip

    @staticmethod
    def installed() -> bool:
        """Whether the package is there."""
        return find_spec("pocketsphinx") is not None

    def hear(self, pcm: F32) -> Heard:
        """A clip [S] -> rows of certain answers."""
        sound = (np.clip(pcm, -1, 1) * 32767).astype(np.int16).tobytes()
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        rows = len(pcm) // HOP
        frame = (np.arange(rows) * HOP + LABEL_AT) // MEL_HOP
        classes = np.zeros(max(int(frame[-1]) + 1, 1) if rows else 1, np.int64)
        for segment in self._decoder.seg() or ():
            phone = INDEX.get(segment.word, INDEX["SIL"])
            classes[segment.start_frame : segment.end_frame + 1] = phone
        return as_heard(np.eye(len(PHONES), dtype=np.float32)[classes[frame]])
