"""`python -m engine.train data`: synthesise, augment and store the speech corpus as shards.

Groups: native, accented, children (real), espeak, voices (flite + festival), noise (all silence).
Shards that exist are kept, so a stopped run goes on where it was.
"""

import argparse
import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.eval.recordings import DATA, bundled, read_data, training_set
from engine.frames import SAMPLE_RATE
from engine.train.augment import Noises, Recipe
from engine.train.corpus import (
    Clip,
    Rows,
    features,
    real_clip,
    silent_rows,
    spoken_clip,
    write_shard,
)
from engine.train.voices import Espeak, Spoken, festival, flite

OUT = Path("../build/speech")

# Augmented copies of each group at --copies 8: what is scarce and most like the aim is varied most.
COPIES = {"native": 3.0, "accented": 1.5, "children": 0.5, "espeak": 0.25, "voices": 0.75,
          "noise": 0.13}  # fmt: skip
REAL = {"native": ("librispeech", True), "accented": ("speechocean762", True),
        "children": ("speechocean762", False)}  # fmt: skip
SYNTHETIC = ("espeak", "voices")
_NOISE_MINUTES = 10


def _prompts(data: Path, rng: np.random.Generator) -> list[str]:
    path = data / "speech" / "prompts.txt"
    lines = [line.strip().strip('"') for line in path.read_text().splitlines()]
    return [lines[i] for i in rng.permutation(len(lines)) if len(lines[i]) > 8]


def _minutes(spoken: list[Spoken]) -> float:
    return sum(len(s.pcm) for s in spoken) / SAMPLE_RATE / 60


def synthesise(source: str, texts: list[str], minutes: float, seed: int) -> list[Clip]:
    """Up to `minutes` of speech; fewer, and said so, where a program is absent."""
    rng = np.random.default_rng(seed)
    spoken: list[Spoken] = []
    if source == "espeak":
        engine = Espeak.find()
        makers = [engine.speak] if engine else []
    else:
        makers = [flite, festival]
    share = minutes / max(len(makers), 1)
    for n, maker in enumerate(makers):
        texts_left, made = texts[n :: len(makers)], 0.0
        while texts_left and made < share:
            batch, texts_left = texts_left[:100], texts_left[100:]
            clips = list(maker(batch, rng))
            if not clips:
                break
            spoken += clips
            made += _minutes(clips)
    print(f"{source}: {_minutes(spoken):.1f} min synthesised", flush=True)
    return [spoken_clip(s) for s in spoken]


def real(group: str, data: Path) -> list[Clip]:
    """The training speakers of one group."""
    corpus, adult = REAL[group]
    chosen = [r for r in read_data(data) if r.corpus == corpus and r.adult == adult]
    return [real_clip(r) for r in training_set(chosen)]


def noise_rows(rng: np.random.Generator, noises: Noises) -> list[Rows]:
    """Rooms without a voice: noise from -75 to -25 dBFS and digital silence."""
    parts = []
    for _ in range(_NOISE_MINUTES * 10):
        samples = 6 * SAMPLE_RATE
        gain = np.float32(10 ** (rng.uniform(-75, -25) / 20) if rng.random() < 0.8 else 0.0)
        parts.append(silent_rows(gain * noises.draw(rng, samples)))
    return parts


def _noises(rng: np.random.Generator, clips: list[Clip]) -> Noises:
    # Babble is made of synthetic or training voices only, whichever the group itself holds.
    return Noises(rng, [c.pcm for c in clips[:200]])


def make_group(
    group: str, copies: range, data: Path, out: Path, minutes: float, seed: int
) -> tuple[str, float]:
    """Some copies of one group; returns its name and minutes of sound in one copy."""
    missing = [n for n in copies if not (out / f"{group}-{n:02d}.y.npy").exists()]
    if not missing:
        return group, 0.0
    rng = np.random.default_rng([seed, *group.encode()])
    if group in SYNTHETIC:
        share = 0.75 if group == "espeak" else 0.25
        clips = synthesise(group, _prompts(data, rng), minutes * share, seed)
    else:
        clips = [] if group == "noise" else real(group, data)
    noises = _noises(rng, clips)
    # speechocean762 went through Opus before it came here, and the codec is the dearest step.
    recipe = Recipe() if group == "native" else replace(Recipe(), codec_chance=0.04)
    for n in missing:
        copy_rng = np.random.default_rng([seed, n, *group.encode()])
        if group == "noise":
            parts = noise_rows(copy_rng, noises)
        else:
            parts = [features(clip, copy_rng, noises, recipe) for clip in clips]
        if parts:
            write_shard(out, f"{group}-{n:02d}", parts)
    return group, sum(len(c.pcm) for c in clips) / SAMPLE_RATE / 60


def _tiny(out: Path) -> None:
    """One copy of the bundled clips, and espeak where it is installed."""
    rng = np.random.default_rng(0)
    clips = [real_clip(r) for r in bundled()]
    noises = _noises(rng, clips)
    recipe = Recipe()
    write_shard(out, "native-00", [features(c, rng, noises, recipe) for c in clips])
    write_shard(out, "noise-00", noise_rows(rng, noises)[:10])
    engine = Espeak.find()
    if engine is None:
        print("espeak-ng is not installed: no synthetic speech in this tiny corpus")
        return
    texts = [r.text for r in bundled()]
    spoken = [spoken_clip(s) for s in islice(engine.speak(texts * 2, rng), 10)]
    write_shard(out, "espeak-00", [features(c, rng, noises, recipe) for c in spoken])


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train data`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train data", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="training data folder")
    parser.add_argument("--out", type=Path, default=OUT, help="where the shards go")
    parser.add_argument("--copies", type=int, default=8, help="augmented copies of accented speech")
    parser.add_argument("--minutes", type=float, default=240, help="synthetic speech to make")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="bundled clips only, seconds of work")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.tiny:
        _tiny(options.out)
        return 0
    # A quarter of the real speech first, so that training can start while the rest is made.
    jobs: list[Callable[[], tuple[str, float]]] = []
    for low, high in ((0.0, 0.25), (0.25, 1.0)):
        for group, share in COPIES.items():
            total = max(1, round(share * options.copies))
            copies = range(math.ceil(total * low), math.ceil(total * high))
            if group in SYNTHETIC:  # all copies at once: the sentences are spoken only once
                copies = range(0) if low else range(total)
            arguments = (copies, options.data, options.out, options.minutes, options.seed)
            jobs.append(partial(make_group, group, *arguments))
    with ProcessPoolExecutor(options.jobs) as pool, tqdm(total=len(jobs), unit="group") as bar:
        for done in as_completed([pool.submit(job) for job in jobs]):
            group, minutes = done.result()
            bar.set_postfix_str(f"{group} {minutes:.0f} min")
            bar.update()
    return 0
