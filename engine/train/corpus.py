"""Clips with phone times from any source, and the shards of features that training reads.

A shard is arrays side by side, many clips in one line; training crops anywhere:
`NAME.x.npy` log-mel rows [N, 160] float16 of the augmented sound; `NAME.a.npy` [N, 2] float16
voicing and energy of the clean clip (NaN: unknown); `NAME.q.npy` [N, 40] float16 posteriors of a
teacher, only where there are some (rows of zeros: none); `NAME.y.npy` [N] int8 phone classes
(-1: unknown), written last, so that a shard with labels is whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.audio.mel import LABEL_OFFSET, PAST, ROW, log_mel
from engine.errors import AudioError
from engine.eval.recordings import Recording
from engine.frames import F32, HOP, MEL_HOP, SAMPLE_RATE
from engine.speech.phonemes import INDEX, PHONES
from engine.train.augment import Recipe, augment
from engine.train.noises import Noises
from engine.train.voices import UNKNOWN, Edge, Spoken
from engine.train.voicing import SILENCE, Clean, clean_targets

SIL = INDEX["SIL"]
AUX = 2  # voicing, energy

F16 = npt.NDArray[np.float16]
I8 = npt.NDArray[np.int8]

_LABEL = PAST + LABEL_OFFSET  # samples of the clip before the label of its first row
# The aligner names a window of 25 ms by its beginning: against voicing, the recordings' phones
# start this much early. Synthetic and real speech must teach the same moment.
ALIGNED_EARLY_S = 0.012


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound with phone starts; the last class holds to the end."""

    pcm: F32  # [S] at 16 kHz
    edges: tuple[Edge, ...]
    clean: Clean
    soft: F16 | None = None  # [rows of the clip, 40] a teacher's posteriors


@dataclass(frozen=True, slots=True)
class Rows:
    """Features and targets of one augmented clip."""

    x: F16  # [T, 160]
    y: I8  # [T]
    aux: F16  # [T, 2]
    soft: F16 | None = None  # [T, 40]


def real_clip(recording: Recording, soft: Path | None = None) -> Clip:
    """A recording with its phones and, if the folder `soft` has ID.npy, a teacher's posteriors."""
    step, pcm = MEL_HOP / SAMPLE_RATE, recording.pcm()
    edges = [(INDEX[name], start * step) for name, start, _ in recording.phones]
    if recording.phones:
        last = recording.phones[-1]
        edges.append((SIL, (last[1] + last[2]) * step))
    else:
        edges = [(UNKNOWN, 0.0), (SIL, len(pcm) / SAMPLE_RATE)]
    return Clip(pcm, tuple(edges), clean_targets(pcm), read_soft(recording, len(pcm), soft))


def read_soft(recording: Recording, samples: int, folder: Path | None) -> F16 | None:
    """The teacher's posteriors [rows, 40] of a recording, or None where the folder has none."""
    path = folder / f"{recording.id}.npy" if folder else None
    if path is None or not path.is_file():
        return None
    rows = np.load(path)
    if rows.ndim != 2 or rows.shape[1] != len(PHONES) or abs(len(rows) - rows_of(samples)) > 2:
        raise AudioError(
            f"{path.name} is {rows.shape}, expected [{rows_of(samples)}, {len(PHONES)}]: one row a "
            "20 ms step of the clean recording; make the soft labels again"
        )
    return np.asarray(rows, np.float16)


def spoken_clip(spoken: Spoken) -> Clip:
    """A synthetic sentence, its phones moved to where forced alignment would put them."""
    edges = tuple((name, max(start - ALIGNED_EARLY_S, 0.0)) for name, start in spoken.edges)
    return Clip(spoken.pcm, edges, clean_targets(spoken.pcm))


def rows_of(samples: int) -> int:
    """Rows of a clip of so many samples."""
    return max(samples - PAST, 0) // HOP


def label_samples(rows: int) -> npt.NDArray[np.float64]:
    """The samples at which rows 0 .. rows are labelled."""
    return np.arange(rows, dtype=np.float64) * HOP + _LABEL


def labels(edges: tuple[Edge, ...], rows: int) -> I8:
    """Class at the label time of rows 0 .. rows; SIL before the first edge."""
    starts = np.array([start for _, start in edges])
    classes = np.array([SIL] + [name for name, _ in edges], np.int8)
    at = label_samples(rows) / SAMPLE_RATE
    return np.asarray(classes[np.searchsorted(starts, at, side="right")], np.int8)


def moved(soft: F16, samples: npt.NDArray[np.float64]) -> F16:
    """Posteriors at these samples of the clean clip, between its rows; SIL outside of them."""
    at = (samples - _LABEL) / HOP
    last = len(soft) - 1
    below = np.clip(np.floor(at), 0, last).astype(int)
    share = np.clip(at - below, 0.0, 1.0)[:, None].astype(np.float32)
    rows = soft.astype(np.float32)
    between = rows[below] * (1 - share) + rows[np.minimum(below + 1, last)] * share
    between[(at < -0.5) | (at > last + 0.5)] = np.eye(len(PHONES), dtype=np.float32)[SIL]
    return np.asarray(between, np.float16)


def features(clip: Clip, rng: np.random.Generator, noises: Noises, recipe: Recipe) -> Rows:
    """One augmented copy: what is heard, and what the clean clip says at the same moments."""
    pcm, stretch, lead = augment(clip.pcm, rng, noises, recipe)
    x = log_mel(pcm[None])[0].astype(np.float16)
    edges = tuple((name, start * stretch + lead / SAMPLE_RATE) for name, start in clip.edges)
    source = (label_samples(len(x)) - lead) / stretch
    soft = None if clip.soft is None else moved(clip.soft, source)
    return Rows(x, labels(edges, len(x)), clip.clean.at(source).astype(np.float16), soft)


def silent_rows(pcm: F32) -> Rows:
    """Sound without a voice."""
    x = log_mel(pcm[None])[0].astype(np.float16)
    aux = np.tile(np.array([0.0, SILENCE], np.float16), (len(x), 1))
    return Rows(x, np.full(len(x), SIL, np.int8), aux)


def write_shard(folder: Path, name: str, parts: Iterable[Rows]) -> None:
    """Join the parts; the labels are written last."""
    rows = list(parts)
    np.save(folder / f"{name}.x.npy", np.concatenate([r.x for r in rows]))
    np.save(folder / f"{name}.a.npy", np.concatenate([r.aux for r in rows]))
    if any(r.soft is not None for r in rows):
        blank = (np.zeros((len(r.y), len(PHONES)), np.float16) for r in rows)
        taught = [b if r.soft is None else r.soft for r, b in zip(rows, blank, strict=True)]
        np.save(folder / f"{name}.q.npy", np.concatenate(taught))
    np.save(folder / f"{name}.y.npy", np.concatenate([r.y for r in rows]))


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard in memory."""

    group: str  # the name up to its last "-"
    x: F16  # [N, 160]
    y: I8  # [N]
    aux: F16  # [N, 2]
    soft: F16 | None = None  # [N, 40]


def read_shard(folder: Path, name: str) -> Shard:
    """One whole shard."""
    x, y = np.load(folder / f"{name}.x.npy"), np.load(folder / f"{name}.y.npy")
    aux, soft_path = np.load(folder / f"{name}.a.npy"), folder / f"{name}.q.npy"
    soft = np.load(soft_path) if soft_path.is_file() else None
    shapes = x.shape == (len(y), ROW) and aux.shape == (len(y), AUX)
    if not shapes or (soft is not None and soft.shape != (len(y), len(PHONES))):
        raise AudioError(f"shard {name} is torn: delete its files and make it again")
    return Shard(name.rpartition("-")[0], x, y, aux, soft)


def read_shards(folder: Path) -> list[Shard]:
    """All whole shards of a folder, in order of name."""
    names = sorted(path.name.removesuffix(".y.npy") for path in folder.glob("*.y.npy"))
    return [read_shard(folder, name) for name in names]
