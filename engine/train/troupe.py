"""`python -m engine.train tracks`: who performs what: bundled and random manners on tapes of real
and synthetic speech, singing ones on songs, and recorded people; in a folder that training reads.

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
from engine.frames import SAMPLE_RATE
from engine.runtime import ASSETS, Graph, load
from engine.train import fitting
from engine.train.corpus import Clip
from engine.train.data import prompts, synthesise
from engine.train.manner import SINGING, SPEAKING, Manner, random_manner
from engine.train.noises import Noises
from engine.train.reals import people
from engine.train.singing import SONGS, Song, sing
from engine.train.takes import Source, Tape, phones_of, tapes
from engine.train.tracks import Track, save, taught

OUT = Path("../build/tracks")
TINY_OUT = Path("../build/tiny/tracks")
RANDOM = "random"  # name of the tracks of random manners
SPEECH = "speech"  # the tapes that are not sung


@dataclass(frozen=True, slots=True)
class Role:
    """One manner and the tapes it performs."""

    name: str
    person: str
    manner: Manner
    count: int
    tapes: str = SPEECH


@dataclass(frozen=True, slots=True)
class Cast:
    """How much of everything."""

    native: tuple[int, int] = (1, 2)  # clean and rough hearings of each recording
    accented: tuple[int, int] = (1, 1)
    children: tuple[float, float] = (0.0, 0.35)
    synthetic: tuple[float, float] = (0.5, 0.5)
    synthetic_minutes: float = 35.0  # of espeak and of the other voices each
    tape_minutes: float = 3.0
    bundled_tracks: int = 14  # tapes that each bundled manner performs
    neutral_tracks: int = 22
    randoms: int = 140  # random manners
    random_tracks: int = 4  # tapes that each of them performs
    sung_minutes: float = 12.0  # of each singing style
    sung_tracks: int = 6  # tapes of songs that its manner performs
    few_people: bool = False


SMALL = Cast((0, 1), (0, 0), (0.0, 0.0), (0.0, 0.5), 8.0, 2.5, 2, 4, 15, 2, 2.0, 1, True)
TINY = Cast((0, 1), tape_minutes=0.4, bundled_tracks=1, neutral_tracks=1, randoms=3,
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


def speech(data: Path, cast: Cast, seed: int) -> tuple[list[tuple[Source, bool]], list[Clip]]:
    """All hearings of real training speakers and of synthetic voices; those voices' clips."""
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
    heard = [
        *hearings(native, cast.native, rng),
        *hearings(accented, cast.accented, rng),
        *hearings(children, cast.children, rng),
        *hearings(synthetic, cast.synthetic, rng),
    ]
    return heard, synthetic


def songs(
    spoken: Sequence[Clip], song: Song, minutes: float, rng: np.random.Generator
) -> list[tuple[Source, bool]]:
    """Random sentences sung, until they last so long; half of them through rooms and calls."""
    lot: list[tuple[Source, bool]] = []
    spent = 0.0
    for i in rng.permutation(len(spoken)):
        if spent >= minutes:
            break
        clip = sing(spoken[i], song, rng)
        lot.append((clip, rng.random() < 0.5))
        spent += len(clip.pcm) / SAMPLE_RATE / 60
    return lot


def roles(cast: Cast, seed: int) -> list[Role]:
    """Everyone who performs on tapes."""
    rng = np.random.default_rng(seed)
    many = cast.bundled_tracks
    listed = [
        Role(name, name, manner, cast.neutral_tracks if name == "neutral" else many)
        for name, manner in SPEAKING.items()
    ]
    listed += [Role(n, n, manner, max(many // 2, 1)) for n, manner in SINGING.items()]
    listed += [Role(n, n, manner, cast.sung_tracks, n) for n, manner in SINGING.items()]
    for n in range(cast.randoms):
        manner = random_manner(rng)
        listed.append(Role(RANDOM, f"random {n:03d}", manner, cast.random_tracks))
    return listed


def perform(listed: Sequence[Role], heard: dict[str, list[Tape]], seed: int) -> list[Track]:
    """Everyone performs as many different tapes of the kind as the role says."""
    rng = np.random.default_rng(seed)
    tracks: list[Track] = []
    for role in tqdm(listed, desc="teacher", unit="manner"):
        pool = heard.get(role.tapes, [])
        for i in rng.permutation(len(pool))[: role.count]:
            key = seed * 100_003 + len(tracks)
            tracks.append(taught(role.name, role.person, role.manner, pool[i], key))
    return tracks


def bank(sources: Sequence[tuple[Source, bool]], seed: int) -> Noises:
    """Noises with babble of some of the voices."""
    some = sources[:: max(1, len(sources) // 60)]
    return Noises(np.random.default_rng(seed), [phones_of(source)[0] for source, _ in some])


def make(data: Path | None, cast: Cast, graph: Graph, seed: int) -> list[Track]:
    """All tracks; of the bundled clips alone where there is no data."""
    rng = np.random.default_rng(seed)
    spoken: list[Clip] = []
    if data is None:
        sources = hearings(bundled(), cast.native, rng)
    else:
        sources, spoken = speech(data, cast, seed)
    noises = bank(sources, seed)
    heard = {SPEECH: list(tapes(sources, cast.tape_minutes, graph, noises, seed))}
    for name, song in SONGS.items() if spoken else ():
        sung = songs(spoken, song, cast.sung_minutes, rng)
        heard[name] = list(tapes(sung, cast.tape_minutes, graph, noises, seed))
    tracks = perform(roles(cast, seed), heard, seed)
    if data is not None:
        clips = read_performances(data)
        tracks += people(clips, graph, noises, 77_000 + seed, cast.few_people)
    return tracks


def _fit(data: Path, graph: Graph) -> int:
    """Write engine/train/shapes.json; print what it is worth."""
    taught = fitting.lessons(read_performances(data), graph)
    print(f"{'person':10s} {'part':10s} {'r by hand':>10s} {'r fitted':>10s}  (two folds of clips)")
    for person, part, by_hand, fitted in fitting.report(taught):
        print(f"{person:10s} {part:10s} {by_hand:10.3f} {fitted:10.3f}")
    fitting.write(fitting.fit(taught), taught)
    return 0


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train tracks`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train tracks", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--out", type=Path, help=f"folder ({OUT}, tiny: {TINY_OUT})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="some sixty tracks, to try a recipe")
    parser.add_argument("--tiny", action="store_true", help="bundled clips only, seconds of work")
    parser.add_argument("--fit", action="store_true", help="fit the lip shapes to people instead")
    options = parser.parse_args(argv)
    if options.fit:
        return _fit(options.data, load(ASSETS / "ppg.onnx"))
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
