"""`python -m engine.eval style`: is the style in the motion, and does the face live.

Measured (definitions in engine.eval.likeness, manners, idle, diversity): whether generated motion
is nearest to its own style among all (named styles by the reference statistics of their library,
real persons of a folder by their own other clips, those kept back from training where there are
some); whether intensity and blends move amplitudes steadily; whether the head can come from another
style; blinks, gaze, head and freezing in silence and in speech; diversity over clips and seeds.
Everything is made by the live line (engine.eval.acting).
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.errors import AudioError
from engine.eval import idle, manners, portraits
from engine.eval.acting import Heard, act_all, hear
from engine.eval.diversity import both
from engine.eval.likeness import Recognition, manner, recognise
from engine.eval.material import gather
from engine.eval.people import read_people
from engine.eval.recordings import DATA, levelled
from engine.eval.screen import show
from engine.frames import F32, SAMPLE_RATE
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.encoder import FACE_STATISTICS
from engine.style.library import DEFAULT, StyleLibrary

WAYS = 10  # persons compared with each other
SEEDS = 4
SILENCE_S = 60
_LIFE = {"blinks_per_min": 1, "yaw_sd_deg": 2, "pitch_sd_deg": 2, "roll_sd_deg": 2, "frozen_s": 0,
         "brow_sd": 3, "gaze_sd": 3, "glances_per_min": 1, "speed_p99": 2, "speed_max": 1,
         "turn_max_deg": 1, "jerk_p99": 0}  # fmt: skip
Acted = dict[str, list[MotionClip]]  # by style, one for each sound


def perform(heard: Sequence[Heard], styles: Mapping[str, Style]) -> Acted:
    """Every style over every sound; each session has its own seed."""
    acted: Acted = {name: [] for name in styles}
    for n, sound in enumerate(tqdm(heard, desc="styles", leave=False)):
        sessions = [(style, 100 * n + k) for k, style in enumerate(styles.values())]
        for name, motion in zip(styles, act_all(sound, sessions), strict=True):
            acted[name].append(motion)
    return acted


def recognised(acted: Acted, references: Mapping[str, F32]) -> dict[str, Any]:
    """Clip by clip, and with all clips of a style joined."""
    single = [(name, manner(m.weights)) for name in references for m in acted[name]]
    joined = [
        (name, manner(np.concatenate([m.weights for m in acted[name]]))) for name in references
    ]
    found, whole = recognise(references, single), recognise(references, joined)
    print(
        f"  one clip at a time: {found.rate:.2f} of {len(single)} nearest to their own among "
        f"{len(references)} (permuted: {found.chance():.2f}); all clips joined: {whole.rate:.2f}"
    )
    _confusion(found)
    return {
        "ways": len(references), "rate": round(found.rate, 4), "chance": round(found.chance(), 4),
        "rate_joined": round(whole.rate, 4), "motions": len(single),
        "names": list(found.names), "confusion": found.confusion().tolist(),
    }  # fmt: skip


def _confusion(found: Recognition) -> None:
    table = found.confusion()
    for name, row in zip(found.names, table, strict=True):
        best = int(row.argmax())
        other = "" if found.names[best] == name else f", most often {found.names[best]}"
        print(f"    {name:20s}{row[found.names.index(name)] / max(row.sum(), 1):6.2f}{other}")


def named(library: StyleLibrary, acted: Acted) -> dict[str, Any] | None:
    """Recognition of the library's styles by the reference statistics it stores."""
    stored = library.references()
    references = {n: row[:FACE_STATISTICS] for n, row in stored.items() if n in acted}
    if len(references) < 2:
        print("\nNamed styles: skipped, the library stores no reference statistics")
        return None
    print(f"\nNamed styles against references their codes were not made from: {len(references)}")
    return recognised(acted, references)


def persons(data: Path, heard: Sequence[Heard]) -> dict[str, Any] | None:
    """Recognition of a folder's people: style from some of their clips, reference from the rest;
    "rate_kept_back" over those whose reference training has not seen (None without any)."""
    people = read_people(data)[:WAYS]
    if len(people) < 2:
        print("\nReal persons: skipped, the folder has motion of fewer than two")
        return None
    print("\nReal persons, style from some of their clips, reference from the others:")
    for p in people:
        print(f"  {p.name}: {p.seconds:.0f} s, {p.known}")
    found = recognised(
        perform(heard, {p.name: p.style for p in people}), {p.name: p.reference for p in people}
    )
    table = np.array(found["confusion"])
    for key, kept_back, says in (("rate_kept_back", True, "training has not seen"),
                                 ("rate_trained", False, "training has seen")):  # fmt: skip
        which = [n for n, p in enumerate(people) if p.kept_back is kept_back]
        found[key] = (
            round(float(table.diagonal()[which].sum() / table[which].sum()), 4) if which else None
        )
        shown = "nobody" if not which else f"{found[key]:.2f} of {table[which].sum()}"
        print(f"  persons whose reference {says}: {shown}")
    found["people"] = [
        {"name": p.name, "seconds": round(p.seconds, 1), "trained": p.trained,
         "kept_back": p.kept_back} for p in people
    ]  # fmt: skip
    return found


def alive(library: StyleLibrary, acted: Acted) -> dict[str, Any]:
    """A minute of silence and the speech, style by style."""
    quiet = hear(np.zeros(SILENCE_S * SAMPLE_RATE, np.float32))
    sessions = [(library.get(name), 7 + n) for n, name in enumerate(acted)]
    silent = dict(zip(acted, act_all(quiet, sessions), strict=True))
    result: dict[str, Any] = {"silence": {}, "speech": {}}
    for name, motion in silent.items():
        result["silence"][name] = idle.statistics(motion.weights, motion.pose)
        weights, pose = (
            np.concatenate([getattr(m, part) for m in acted[name]]) for part in ("weights", "pose")
        )
        result["speech"][name] = _joined(idle.statistics(weights, pose), acted[name])
    show(f"Life in silence, {SILENCE_S} s", result["silence"], _LIFE)
    show("Life in speech", result["speech"], _LIFE)
    return result


def _joined(row: dict[str, float], motions: Sequence[MotionClip]) -> dict[str, float]:
    """Speeds of joined clips, without the jumps where they meet."""
    parts = [idle.statistics(m.weights, m.pose) for m in motions]
    jumpy = ("speed_p99", "speed_max", "turn_max_deg", "jerk_p99")
    return row | {name: max(part[name] for part in parts) for name in jumpy}


def varied(library: StyleLibrary, acted: Acted, sound: Heard) -> dict[str, Any]:
    """Diversity over clips and over seeds."""
    result: dict[str, dict[str, float]] = {}
    for name, motions in acted.items():
        seeds = act_all(sound, [(library.get(name), 1000 + n) for n in range(SEEDS)])
        over_clips, over_seeds = (both([m.weights for m in ms]) for ms in (motions, seeds))
        result[name] = {
            f"{what}_{kind}": round(value, 2)
            for what, found in (("clips", over_clips), ("seeds", over_seeds))
            for kind, value in found.items()
        }
    columns = dict.fromkeys(next(iter(result.values())), 2)
    show(f"Diversity over clips and over {SEEDS} seeds of one clip (x 100)", result, columns)
    return result


def _sounds(data: Path | None, count: int) -> list[F32]:
    """The longest unseen sounds of a folder, of the bundled clips where it has none."""
    try:
        found = gather(data, limit=4 * count)
    except AudioError as error:
        print(f"{error}: the bundled clips speak")
        found = gather(None)
    sounds = [clip.pcm for clip in found.clips] or [levelled(c.pcm) for c in found.performances]
    return sorted(sounds, key=len, reverse=True)[:count]


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.eval style`."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.eval style", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    text = ("a folder laid out like the training data, or any flat one of clips: its speech drives "
            "the faces, its motion gives persons; default: the bundled clips")  # fmt: skip
    parser.add_argument("--data", type=Path, nargs="?", const=DATA, default=None, help=text)
    parser.add_argument("--clips", type=int, default=6, help="sounds that every style speaks")
    parser.add_argument("--styles", type=Path, default=None, help="another library of styles")
    parser.add_argument("--plots", type=Path, default=None, help="folder for PNG pictures")
    options = parser.parse_args(argv)
    if options.data and not options.data.is_dir():
        raise AudioError(f"{options.data} is no folder; expected one with clips")
    library = StyleLibrary(options.styles) if options.styles else StyleLibrary()
    heard = [
        hear(pcm) for pcm in tqdm(_sounds(options.data, options.clips), desc="ears", leave=False)
    ]
    styles = {name: library.get(name) for name in library.names()}
    acted = perform(heard, styles)
    result: dict[str, Any] = {"suite": "style", "styles": len(styles), "clips": len(heard)}
    result["named"] = named(library, acted)
    result["persons"] = persons(options.data, heard) if options.data else None
    others = [name for name in styles if name != DEFAULT]
    result["intensity"] = manners.intensity(library, others, heard[:2])
    result["blends"] = manners.blends(library, others, heard[:2])
    result["heads"] = manners.heads(library, list(styles), heard[:2])
    result["idle"] = alive(library, acted)
    result["diversity"] = varied(library, acted, heard[0])
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
        portraits.draw(options.plots, result)
    print(json.dumps(result))
    return 0
