"""`python -m engine.train tracks`: who performs what: bundled and random manners on tapes of real
and synthetic speech, and recorded people; written to a folder that training reads.

Contract: kept-out speakers and kept-back clips are never read, except that `--tiny` lets a few
manners perform the bundled clips, whose speakers are kept out, to try the programs.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.eval.performances import read_performances
from engine.eval.recordings import DATA, bundled, read_data, training_set
from engine.runtime import ASSETS, Graph, load
from engine.train.data import prompts, synthesise
from engine.train.manner import BUNDLED, Manner, random_manner
from engine.train.noises import Noises
from engine.train.reals import people
from engine.train.takes import Source, Tape, phones_of, tapes
from engine.train.tracks import Track, save, taught

OUT = Path("../build/tracks")
TINY_OUT = Path("../build/tiny/tracks")
RANDOM = "random"  # name of the tracks of random manners


@dataclass(frozen=True, slots=True)
class Cast:
    """How much of everything."""

    native: tuple[int, int] = (1, 2)  # clean and rough hearings of each recording
    accented: tuple[int, int] = (0, 1)
    children: tuple[float, float] = (0.0, 0.35)
    synthetic: tuple[float, float] = (0.5, 0.5)
    synthetic_minutes: float = 35.0  # of espeak and of the other voices each
    tape_minutes: float = 3.0
    bundled_tracks: int = 14  # tapes that each bundled manner performs
    neutral_tracks: int = 22
    randoms: int = 130  # random manners
    random_tracks: int = 4  # tapes that each of them performs
    few_people: bool = False


SMALL = Cast((0, 1), (0, 0), (0.0, 0.0), (0.0, 0.5), 8.0, 2.5, 2, 4, 15, 2, True)
TINY = Cast((1, 1), tape_minutes=0.4, bundled_tracks=1, neutral_tracks=1, randoms=3,
            random_tracks=2)  # fmt: skip


def hearings(
    sources: Sequence[Source], share: tuple[float, float], rng: np.random.Generator
) -> list[tuple[Source, bool]]:
    """Every source `share` times (clean, rough) on average, with whether it is rough."""
    lot: list[tuple[Source, bool]] = []
    for rough, times in zip((False, True), share, strict=True):
        for source in sources:
            lot += [(source, rough)] * (int(times) + (rng.random() < times % 1))
    return lot


def speech(data: Path, cast: Cast, seed: int) -> list[tuple[Source, bool]]:
    """All hearings of real training speakers and of synthetic voices."""
    rng = np.random.default_rng(seed)
    every = training_set(read_data(data))
    native = [r for r in every if r.corpus == "librispeech"]
    accented = [r for r in every if r.corpus != "librispeech" and r.adult]
    children = [r for r in every if r.corpus != "librispeech" and not r.adult]
    lines = prompts(data, rng)
    synthetic = [
        clip
        for n, kind in enumerate(("espeak", "voices"))
        for clip in synthesise(kind, lines[n::2], cast.synthetic_minutes, seed)
    ]
    return [
        *hearings(native, cast.native, rng),
        *hearings(accented, cast.accented, rng),
        *hearings(children, cast.children, rng),
        *hearings(synthetic, cast.synthetic, rng),
    ]


def roles(cast: Cast, seed: int) -> list[tuple[str, str, Manner, int]]:
    """(name, person, manner, tapes to perform) of everyone."""
    rng = np.random.default_rng(seed)
    listed = [
        (name, name, manner, cast.neutral_tracks if name == "neutral" else cast.bundled_tracks)
        for name, manner in BUNDLED.items()
    ]
    for n in range(cast.randoms):
        listed.append((RANDOM, f"random {n:03d}", random_manner(rng), cast.random_tracks))
    return listed


def perform(
    listed: Sequence[tuple[str, str, Manner, int]], heard: Sequence[Tape], seed: int
) -> list[Track]:
    """Everyone performs as many different tapes as the role says."""
    rng = np.random.default_rng(seed)
    tracks: list[Track] = []
    for name, person, manner, count in tqdm(listed, desc="teacher", unit="manner"):
        for i in rng.permutation(len(heard))[:count]:
            tracks.append(taught(name, person, manner, heard[i], seed * 100_003 + len(tracks)))
    return tracks


def bank(sources: Sequence[tuple[Source, bool]], seed: int) -> Noises:
    """Noises with babble of some of the voices."""
    some = sources[:: max(1, len(sources) // 60)]
    return Noises(np.random.default_rng(seed), [phones_of(source)[0] for source, _ in some])


def make(data: Path | None, cast: Cast, graph: Graph, seed: int) -> list[Track]:
    """All tracks; of the bundled clips alone where there is no data."""
    rng = np.random.default_rng(seed)
    if data is None:
        sources = hearings(bundled(), cast.native, rng)
    else:
        sources = speech(data, cast, seed)
    noises = bank(sources, seed)
    heard = list(tapes(sources, cast.tape_minutes, graph, noises, seed))
    tracks = perform(roles(cast, seed), heard, seed)
    if data is not None:
        clips = read_performances(data)
        tracks += people(clips, graph, noises, 77_000 + seed, cast.few_people)
    return tracks


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train tracks`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train tracks", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--out", type=Path, help=f"folder ({OUT}, tiny: {TINY_OUT})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="some sixty tracks, to try a recipe")
    parser.add_argument("--tiny", action="store_true", help="bundled clips only, seconds of work")
    options = parser.parse_args(argv)
    began = time.process_time()
    cast = TINY if options.tiny else SMALL if options.small else Cast()
    data = None if options.tiny else options.data
    tracks = make(data, cast, load(ASSETS / "ppg.onnx"), options.seed)
    out = options.out or (TINY_OUT if options.tiny else OUT)
    save(tracks, out)
    minutes = sum(len(t) for t in tracks) / 25 / 60
    print(
        f"{len(tracks)} tracks, {minutes:.0f} min, {len({t.person for t in tracks})} persons, "
        f"{time.process_time() - began:.0f} s of CPU, in {out.name}"
    )
    return 0
