"""`python -m engine.train data`: synthesise, augment and store the speech corpus as shards.

Groups: native, accented, children (real), espeak, voices (flite, festival, piper), languages
(espeak beyond English), noise (all silence). Shards that exist are kept, so a stopped run goes on
where it was. Programs that are absent are named and gone without. `--tiny` teaches the bundled
clips, whose speakers are kept out: its folder is marked, and never that of a real corpus.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.eval.recordings import DATA, Recording, bundled, kept_out, read_data
from engine.frames import F32, SAMPLE_RATE
from engine.speech.phonemes import INDEX
from engine.train import languages
from engine.train.augment import Recipe
from engine.train.corpus import (
    ALIGNED_EARLY_S,
    SIL,
    Clip,
    Rows,
    features,
    label_samples,
    labels,
    real_clip,
    rows_of,
    silent_rows,
    spoken_clip,
    write_shard,
)
from engine.train.espeak import Espeak
from engine.train.noises import Noises, events
from engine.train.opus import library
from engine.train.piper import piper
from engine.train.voices import UNKNOWN, Spoken, festival, flite

OUT = Path("../build/speech")
TINY = Path("../build/tiny/speech")
_MARK = "tiny.txt"  # beside the shards of kept-out clips

# Augmented copies of each group: what is scarce and most like the aim is varied most.
COPIES = {"native": 16, "accented": 7, "children": 3, "espeak": 2, "voices": 3, "languages": 2,
          "noise": 2}  # fmt: skip
REAL = {"native": ("librispeech", True), "accented": ("speechocean762", True),
        "children": ("speechocean762", False)}  # fmt: skip
# Minutes of speech to make, before augmentation.
MINUTES = {"espeak": 100.0, "voices": 60.0, "languages": 90.0}
_NOISE_MINUTES = 10
_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()
_VOICELESS = "S F T K".split()

Maker = Callable[[list[str], np.random.Generator], Iterator[Spoken]]


def prompts(data: Path, rng: np.random.Generator) -> list[str]:
    """The English sentences in random order."""
    path = data / "speech" / "prompts.txt"
    lines = [line.strip().strip('"') for line in path.read_text().splitlines()]
    return [lines[i] for i in rng.permutation(len(lines)) if len(lines[i]) > 8]


def spoken_minutes(spoken: list[Spoken]) -> float:
    """How long all of them last."""
    return sum(len(s.pcm) for s in spoken) / SAMPLE_RATE / 60


def speak(
    maker: Maker, texts: Iterator[str], minutes: float, rng: np.random.Generator
) -> list[Spoken]:
    """Sentences until they last `minutes`; none where the program is absent."""
    spoken: list[Spoken] = []
    while spoken_minutes(spoken) < minutes:
        clips = list(maker(list(islice(texts, 20)), rng))
        if not clips:
            break
        spoken += clips
    return spoken


def voiced(clips: list[Clip]) -> str:
    """How often vowels and voiceless consonants are found voiced: targets against exact phones."""
    rows = [rows_of(len(c.pcm)) for c in clips]
    late = ALIGNED_EARLY_S * SAMPLE_RATE  # back to the exact times
    y = np.concatenate([labels(c.edges, n) for c, n in zip(clips, rows, strict=True)])
    found = np.concatenate([c.clean.at(label_samples(n) + late)[:, 0] > 0.5
                            for c, n in zip(clips, rows, strict=True)])  # fmt: skip
    vowels, voiceless = (float(found[np.isin(y, [INDEX[p] for p in names])].mean())
                         for names in (_VOWELS, _VOICELESS))  # fmt: skip
    return f"vowels {vowels:.0%} voiced, S F T K {voiceless:.0%}"


def synthesise(source: str, texts: list[str], minutes: float, seed: int) -> list[Clip]:
    """Up to `minutes` of English by `espeak` or by the other `voices`."""
    rng = np.random.default_rng(seed)
    makers: dict[str, tuple[Maker, float]] = {
        "flite": (flite, 0.45), "festival": (festival, 0.35), "piper": (piper, 0.2),
    }  # fmt: skip
    if source == "espeak":
        engine = Espeak.find()
        makers = {"espeak-ng": (engine.speak, 1.0)} if engine else {}
    clips: list[Clip] = []
    for n, (name, (maker, share)) in enumerate(makers.items()):
        made = speak(maker, iter(texts[n :: len(makers)]), minutes * share, rng)
        spoken = [spoken_clip(s) for s in made]
        judged = f", {voiced(spoken)}" if spoken else ": none, is it installed?"
        print(f"{name}: {spoken_minutes(made):.1f} min{judged}", flush=True)
        clips += spoken
    if not makers:
        print(f"{source}: espeak-ng is not installed (apt-get install espeak-ng)", flush=True)
    return clips


def foreign(minutes: float, seed: int) -> list[Clip]:
    """The other languages in equal parts; prints what share of their speech has a class."""
    engine = Espeak.find()
    if engine is None:
        print("languages: espeak-ng is not installed (apt-get install espeak-ng)", flush=True)
        return []
    clips = []
    for language in languages.LANGUAGES:
        rng = np.random.default_rng([seed, *language.encode()])
        maker = partial(engine.speak_language, language=language)
        spoken = speak(
            maker, languages.texts(language, rng), minutes / len(languages.LANGUAGES), rng
        )
        if not spoken:
            print(f"{language}: none, does this espeak-ng speak it?", flush=True)
            continue
        made = [spoken_clip(s) for s in spoken]
        y = np.concatenate([labels(c.edges, rows_of(len(c.pcm))) for c in made])
        mapped = float(np.mean(y[y != SIL] != UNKNOWN))
        print(f"{language}: {spoken_minutes(spoken):.1f} min, {mapped:.1%} mapped", flush=True)
        clips += made
    return clips


def taught(group: str, data: Path, soft: Path | None) -> list[Recording]:
    """The training speakers of one group; without phones only where a teacher has heard them."""
    corpus, adult = REAL[group]
    found = []
    for r in read_data(data):
        if r.corpus == corpus and r.adult == adult and not kept_out(corpus, r.speaker):
            heard = soft is not None and (soft / f"{r.id}.npy").is_file()
            if r.phones or heard:
                found.append(r)
    return found


def real(group: str, data: Path, soft: Path | None) -> list[Clip]:
    """The clean clips of one group."""
    clips = [real_clip(r, soft) for r in taught(group, data, soft)]
    heard = sum(c.soft is not None for c in clips)
    print(f"{group}: {len(clips)} recordings, {heard} with soft labels", flush=True)
    return clips


def noise_rows(rng: np.random.Generator, noises: Noises) -> list[Rows]:
    """No voice: rooms from -75 to -25 dBFS, hands and breath over them, digital silence."""
    parts = []
    for _ in range(_NOISE_MINUTES * 10):
        samples = 6 * SAMPLE_RATE
        pcm: F32 = np.zeros(samples, np.float32)
        if rng.random() < 0.8:
            pcm = noises.draw(rng, samples) * np.float32(10 ** (rng.uniform(-75, -25) / 20))
        if rng.random() < 0.6:
            pcm = pcm + events(rng, samples) * np.float32(10 ** (rng.uniform(-50, 0) / 20))
        parts.append(silent_rows(np.clip(pcm, -1, 1)))
    return parts


def clips_of(group: str, options: argparse.Namespace, rng: np.random.Generator) -> list[Clip]:
    """The group's clean clips."""
    if group == "languages":
        return foreign(MINUTES[group] * options.minutes, options.seed)
    if group in MINUTES:
        texts = prompts(options.data, rng)
        return synthesise(group, texts, MINUTES[group] * options.minutes, options.seed)
    return [] if group == "noise" else real(group, options.data, options.soft)


def make_group(group: str, copies: range, options: argparse.Namespace) -> tuple[str, float]:
    """Some copies of one group; returns its name and minutes of sound in one copy."""
    out, seed = options.out, options.seed
    missing = [n for n in copies if not (out / f"{group}-{n:02d}.y.npy").exists()]
    if not missing:
        return group, 0.0
    rng = np.random.default_rng([seed, *group.encode()])
    clips = clips_of(group, options, rng)
    # Babble is made of synthetic or training voices only, whichever the group itself holds.
    noises = Noises(rng, [c.pcm for c in clips[:: max(1, len(clips) // 200)]])
    # speechocean762 went through Opus before it came here.
    recipe = Recipe()
    if group in REAL and group != "native":
        recipe = replace(recipe, codec_chance=recipe.codec_chance / 2)
    for n in missing:
        copy_rng = np.random.default_rng([seed, n, *group.encode()])
        if group == "noise":
            write_shard(out, f"{group}-{n:02d}", noise_rows(copy_rng, noises))
        elif clips:
            parts = [features(clip, copy_rng, noises, recipe) for clip in clips]
            write_shard(out, f"{group}-{n:02d}", parts)
    return group, sum(len(c.pcm) for c in clips) / SAMPLE_RATE / 60


def shards_folder(parser: argparse.ArgumentParser, given: Path | None, tiny: bool) -> Path:
    """The folder `given` or the usual one; the parser ends where it is the other kind of corpus."""
    folder = given or (TINY if tiny else OUT)
    marked = (folder / _MARK).is_file()
    real = folder.resolve() == OUT.resolve() or (not marked and any(folder.glob("*.npy")))
    if tiny and real:
        parser.error(f"{folder} is for the real corpus, --tiny has kept-out clips: another folder")
    if marked and not tiny:
        parser.error(f"{folder} has the kept-out clips of --tiny: delete it or give another folder")
    return folder


def _tiny(out: Path) -> None:
    """One copy of the bundled clips, and of a few sentences where espeak is installed."""
    (out / _MARK).write_text("kept-out clips, for trying the programs only\n")
    rng = np.random.default_rng(0)
    clips = [real_clip(r) for r in bundled()]
    noises = Noises(rng, [c.pcm for c in clips])
    recipe = Recipe()
    write_shard(out, "native-00", [features(c, rng, noises, recipe) for c in clips])
    write_shard(out, "noise-00", noise_rows(rng, noises)[:10])
    engine = Espeak.find()
    if engine is None:
        print("espeak-ng is not installed: no synthetic speech in this tiny corpus")
        return
    texts = [r.text for r in bundled()]
    english = [spoken_clip(s) for s in islice(engine.speak(texts * 2, rng), 10)]
    write_shard(out, "espeak-00", [features(c, rng, noises, recipe) for c in english])
    german = list(islice(languages.texts("de", rng), 10))
    others = [spoken_clip(s) for s in engine.speak_language(german, rng, "de")]
    write_shard(out, "languages-00", [features(c, rng, noises, recipe) for c in others])


def jobs_of(options: argparse.Namespace) -> list[tuple[str, range]]:
    """A quarter of the real speech first, so that training can start while the rest is made."""
    jobs: list[tuple[str, range]] = []
    for low, high in ((0.0, 0.25), (0.25, 1.0)):
        for group in options.groups:
            total = max(1, round(COPIES[group] * options.copies))
            copies = range(math.ceil(total * low), math.ceil(total * high))
            if group in MINUTES:  # all copies at once: the sentences are spoken only once
                copies = range(0) if low else range(total)
            if copies:
                jobs.append((group, copies))
    return jobs


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.train data", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="training data folder")
    parser.add_argument("--out", type=Path, help=f"where the shards go ({OUT}, tiny: {TINY})")
    parser.add_argument("--soft", type=Path, help="a teacher's posteriors, ID.npy a recording")
    parser.add_argument("--groups", nargs="+", choices=list(COPIES), default=list(COPIES))
    parser.add_argument("--copies", type=float, default=1.0, help="times the usual copies")
    parser.add_argument("--minutes", type=float, default=1.0, help="times the usual synthesis")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="bundled clips only, seconds of work")
    options = parser.parse_args(argv)
    options.out = shards_folder(parser, options.out, options.tiny)
    return options


def main(argv: list[str]) -> int:
    """Make the corpus: `python -m engine.train data`."""
    options = parse(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    if library() is None:
        print("libopus is not installed (apt-get install libopus0): no codec in this corpus")
    if options.tiny:
        _tiny(options.out)
        return 0
    jobs = jobs_of(options)
    # Fresh processes: espeak and onnxruntime must not be forked after their start.
    pool = ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn"))
    with pool, tqdm(total=len(jobs), unit="group") as bar:
        for done in as_completed([pool.submit(make_group, *job, options) for job in jobs]):
            group, minutes = done.result()
            bar.set_postfix_str(f"{group} {minutes:.0f} min")
            bar.update()
    return 0
