"""Clips with phone times from any source, and the shards of features that training reads.

A shard is two arrays side by side: `NAME.x.npy` log-mel rows [N, 160] float16 and `NAME.y.npy`
phone classes [N] int8 (-1: not trained on), many clips in one line; training crops anywhere.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.audio.mel import LATENCY, PAST, ROW, log_mel
from engine.eval.recordings import Recording
from engine.frames import F32, HOP, MEL_HOP, SAMPLE_RATE
from engine.speech.phonemes import INDEX
from engine.train.augment import Noises, Recipe, augment
from engine.train.voices import Edge, Spoken

SIL = INDEX["SIL"]

I8 = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound with phone starts; the last class holds to the end."""

    pcm: F32  # [S] at 16 kHz
    edges: tuple[Edge, ...]


def real_clip(recording: Recording) -> Clip:
    """A labelled recording."""
    step = MEL_HOP / SAMPLE_RATE
    edges = [(INDEX[name], start * step) for name, start, _ in recording.phones]
    last = recording.phones[-1]
    edges.append((SIL, (last[1] + last[2]) * step))
    return Clip(recording.pcm(), tuple(edges))


def spoken_clip(spoken: Spoken) -> Clip:
    """A synthetic sentence."""
    return Clip(spoken.pcm, spoken.edges)


def labels(edges: tuple[Edge, ...], rows: int) -> I8:
    """Class at the label time of rows 0 .. rows; SIL before the first edge."""
    starts = np.array([start for _, start in edges])
    classes = np.array([SIL] + [name for name, _ in edges], np.int8)
    at = (np.arange(rows) * HOP + (PAST + HOP - LATENCY)) / SAMPLE_RATE
    return np.asarray(classes[np.searchsorted(starts, at, side="right")], np.int8)


def features(
    clip: Clip, rng: np.random.Generator, noises: Noises, recipe: Recipe
) -> tuple[npt.NDArray[np.float16], I8]:
    """One augmented copy: rows [T, 160] and labels [T]."""
    pcm, stretch, lead = augment(clip.pcm, rng, noises, recipe)
    x = log_mel(pcm[None])[0]
    edges = tuple((name, start * stretch + lead / SAMPLE_RATE) for name, start in clip.edges)
    return x.astype(np.float16), labels(edges, len(x))


def write_shard(folder: Path, name: str, parts: list[tuple[npt.NDArray[np.float16], I8]]) -> None:
    """Join the parts; the labels are written last, so a shard with labels is whole."""
    np.save(folder / f"{name}.x.npy", np.concatenate([x for x, _ in parts]))
    np.save(folder / f"{name}.y.npy", np.concatenate([y for _, y in parts]))


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard in memory."""

    group: str  # the name up to its last "-"
    x: npt.NDArray[np.float16]
    y: I8


def read_shards(folder: Path) -> list[Shard]:
    """All whole shards of a folder, in order of name."""
    shards = []
    for path in sorted(folder.glob("*.y.npy")):
        name = path.name.removesuffix(".y.npy")
        x = np.load(folder / f"{name}.x.npy")
        y = np.load(path)
        assert x.shape == (len(y), ROW), f"shard {name} is torn: delete it and make it again"
        shards.append(Shard(name.rpartition("-")[0], x, y))
    return shards
