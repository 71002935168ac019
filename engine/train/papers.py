"""`python -m engine.train papers`: the four papers' systems, their ablations and three encoders.

Contract: every run hears the same tracks, batches and steps with the same seed; a finished run's
file is left alone, so a broken session goes on where it stopped. Writes NAME.safetensors per run,
the critics, reference clips of the bundled manners, and the 2D paper's adapted generators.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from engine.eval.recordings import DATA
from engine.nets.papers.system import PaperConfig
from engine.runtime import ASSETS, load
from engine.train import troupe
from engine.train.paper_adapt import adapt_all
from engine.train.paper_critics import teach_critics
from engine.train.paper_lessons import PaperLessons
from engine.train.paper_references import write_references
from engine.train.paper_runs import PaperRecipe, teach
from engine.train.tracks import Track
from engine.train.tracks import load as read_tracks

_VAST = PaperConfig("vast", "vast")
_FUSION = PaperConfig("fusion", "statistics")
_FACE = PaperConfig("face", "styletalk")
_HEAD = PaperConfig("head", "styletalk")
# The systems first, then what is taken away from them.
RUNS: dict[str, PaperConfig] = {
    "vast": _VAST,
    "fusion": _FUSION,
    "face": _FACE,
    "head": _HEAD,
    "transfer": PaperConfig("transfer", "templates"),
    "fusion_means": replace(_FUSION, code="statistics with means"),
    "fusion_vast": replace(_FUSION, code="vast"),
    "fusion_styletalk": replace(_FUSION, code="styletalk"),
    "vast_flows_0": replace(_VAST, flows=0),
    "vast_flows_8": replace(_VAST, flows=8),
    "vast_no_enhancer": replace(_VAST, enhanced=False),
    "vast_no_style": replace(_VAST, styled=False),
    "vast_no_autoregression": replace(_VAST, autoregressive=False),
    "fusion_no_dropout": replace(_FUSION, dropout=0.0),
    "fusion_no_style": replace(_FUSION, styled=False),
    "face_no_adaptive": replace(_FACE, experts=1),
    "face_no_split": replace(_FACE, split=False),
    "face_no_sync": replace(_FACE, without=("sync",)),
    "face_no_style_critic": replace(_FACE, without=("style",)),
    "face_no_temporal": replace(_FACE, without=("temporal",)),
    "head_no_style_critic": replace(_HEAD, without=("style",)),
    "head_no_temporal": replace(_HEAD, without=("temporal",)),
    "head_no_initial": replace(_HEAD, initial=False),
}
OUT = ASSETS / "papers"
TINY = PaperRecipe(steps=3, batch=4, crop=48, warmup=2, critic_steps=3)


def main(argv: Sequence[str]) -> int:
    """Command line of `python -m engine.train papers`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train papers", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--tracks", type=Path, default=None, help="folder of finished tracks")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: the assets)")
    parser.add_argument("--only", nargs="+", choices=[*RUNS, "adapted"], default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=None, help="begin no run after these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a minute on the bundled clips")
    options = parser.parse_args(argv)
    if options.out is None and options.tiny:
        parser.error("--tiny makes toys: give --out FOLDER so that they can't replace the assets")
    torch.set_num_threads(1)
    recipe = TINY if options.tiny else PaperRecipe(seed=options.seed)
    if options.steps:
        recipe = replace(recipe, steps=options.steps)
    return run(options, options.out or OUT, recipe, made(options))


def made(options: argparse.Namespace) -> list[Track]:
    """Finished tracks from a folder, or what engine.train.motion would learn from."""
    if options.tracks:
        return read_tracks(options.tracks)
    cast = troupe.TINY if options.tiny else troupe.Cast()
    data = None if options.tiny else options.data
    return troupe.make(data, cast, load(ASSETS / "ppg.onnx"), options.seed)


def run(
    options: argparse.Namespace, out: Path, recipe: PaperRecipe, tracks: Sequence[Track]
) -> int:
    """Every run that has no file yet, in the order of RUNS."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    lessons = PaperLessons(tracks, recipe.batch, recipe.crop)
    minutes = sum(len(t) for t in tracks) / 25 / 60
    print(f"{len(tracks)} tracks, {minutes:.0f} min, {len(lessons.people)} speakers")
    if not (out / "references.safetensors").is_file():
        write_references(tracks, out / "references.safetensors")
    due = [
        name
        for name in options.only or RUNS
        if name in RUNS and not (out / f"{name}.safetensors").is_file()
    ]
    critics = None
    for name, config in ((name, RUNS[name]) for name in RUNS if name in due):
        path = out / f"{name}.safetensors"
        if options.minutes and time.monotonic() - began > options.minutes * 60:
            print(f"out of time before {name}: run the same command again to go on")
            return 0
        if config.family == "face" and critics is None:
            told = out / "critics.safetensors"
            critics = teach_critics(lessons, recipe.critic_steps, recipe.seed, told)
        system, about = teach(name, config, lessons, critics, recipe)
        system.save(path, {**about, "minutes_of_motion": round(minutes)})
        print(f"{name}: {about['cpu_s']} s CPU, {json.dumps(about['loss'])}", flush=True)
    if not options.only or "adapted" in options.only:
        adapt_all(tracks, out, recipe)
    print(f"{time.monotonic() - began:.0f} s")
    return 0
