"""`python -m engine.eval speech`: how well the ears hear speakers never trained on.

Rows are 20 ms; labels are forced alignments; clips are levelled to -25 dBFS (a measuring
convention). What counts is defined where it is counted: engine.eval.accuracy, closures, conditions,
prosody, baselines, rivals, voice, mandarin, cost. Without --data it measures the ten clips of the
checkout. The last line is one JSON object: per set and look-ahead the figures, then a key a table.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine.eval import accuracy, card, confusion, cost, mandarin, prosody, rivals, tables, voice
from engine.eval.accuracy import Score
from engine.eval.baselines import Learned
from engine.eval.conditions import CONDITIONS, seed_of
from engine.eval.recordings import (
    DATA,
    Recording,
    bundled,
    kept_out,
    measuring_set,
    read_data,
    training_set,
)
from engine.eval.rows import Clip, hear, hear_mel, mel_of
from engine.frames import F32
from engine.speech.ppg import DEFAULT, LOOKAHEAD_STEPS, PPG

CARD = DEFAULT.with_suffix(".md")
AHEAD_MS = 20  # the look-ahead of every table but the first
CONDITION_S = 420.0  # seconds of each set that are measured under every condition
QUICK = ("coloured noise 10 dB", "Opus 24 kbit/s", "level -35 dBFS", "level -10 dBFS",
         "room .4 s, .7 m")  # fmt: skip


def posteriors_of(pcm: F32, ppg: PPG) -> F32:
    """Rows 0 .. T of a clip by the streaming path: row k is labelled at sample 320 k + 280."""
    return hear(pcm, ppg).posteriors


def measure(
    recordings: Iterable[Recording],
    ppg: PPG,
    level_dbfs: float = -25.0,
    change: Callable[[F32, int], F32] | None = None,
) -> dict[str, float]:
    """Figures over labelled recordings, under a condition where one is given."""
    clips = (Clip.of(recording, level_dbfs) for recording in recordings)
    return accuracy.figures([_score(clip, ppg, change) for clip in clips])


def _score(clip: Clip, ppg: PPG, change: Callable[[F32, int], F32] | None) -> Score:
    pcm = change(clip.pcm, seed_of(clip.recording.id)) if change else clip.pcm
    return accuracy.score(hear(pcm, ppg), clip.labels, clip.recording.speaker)


def look_aheads(clips: Sequence[Clip], model: Path) -> dict[int, list[Score]]:
    """Scores by look-ahead in ms; the mel of a clip is made once."""
    ears = {ms: PPG(ms, model) for ms in LOOKAHEAD_STEPS}
    scores: dict[int, list[Score]] = {ms: [] for ms in ears}
    for clip in tqdm(clips, desc="look-aheads", leave=False):
        mel = mel_of(clip.pcm)
        for ms, ppg in ears.items():
            heard = hear_mel(mel, ppg)
            scores[ms].append(accuracy.score(heard, clip.labels, clip.recording.speaker))
    return scores


def conditions(
    clips: Sequence[Clip], clean: Sequence[Score], model: Path, names: Iterable[str]
) -> dict[str, dict[str, float]]:
    """Figures under each condition, with the change of vis14_sp against the same clips clean."""
    some = rivals.spaced([c.recording.seconds for c in clips], CONDITION_S)
    ppg, found = PPG(AHEAD_MS, model), {}
    chosen = [condition for condition in CONDITIONS if condition.name in names]
    for condition in tqdm(chosen, desc="conditions", leave=False):
        scores = [_score(clip, ppg, condition.apply) for clip in clips[some]]
        change, sure = accuracy.difference(clean[some], scores, "vis14_sp")
        row = accuracy.figures(scores)
        found[condition.name] = {**row, "change": change, "change_spread": sure}
    return found


def _sets(data: Path | None) -> tuple[dict[str, list[Recording]], list[Recording]]:
    """Recordings by set, and those the baselines may learn from."""
    if data is None:
        return {"bundled": bundled()}, []
    everyone = read_data(data)
    adults = measuring_set(everyone)
    children = [r for r in everyone if r.phones and not r.adult and kept_out(r.corpus, r.speaker)]
    sets = {
        "native": [r for r in adults if r.corpus == "librispeech"],
        "accented": [r for r in adults if r.corpus == "speechocean762"],
        "children": children,
    }
    return {name: chosen for name, chosen in sets.items() if chosen}, training_set(everyone)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, list[Score]]]:
    """The whole result, and the scores at 20 ms by set for the picture."""
    sets, lessons = _sets(options.data)
    learned = rivals.learn(lessons) if lessons else None
    where = "recordings of training speakers" if learned else "the other clips (leave one out)"
    result: dict[str, Any] = {
        "suite": "speech",
        "model": options.model.name,
        "level_dbfs": options.level,
        "fitted_on": where,
        "about": {},
    }
    parts = (
        "spread",
        "conditions",
        "visemes",
        "mouths",
        "harmless",
        "closures",
        "baselines",
        "prosody",
    )
    result |= {part: {} for part in parts}
    kept: dict[str, list[Score]] = {}
    for name, recordings in sets.items():
        bar = tqdm(recordings, desc=f"read {name}", leave=False)
        clips = [Clip.of(recording, options.level) for recording in bar]
        speakers = len({r.speaker for r in recordings})
        minutes = sum(r.seconds for r in recordings) / 60
        result["about"][name] = f"{speakers} speakers, {minutes:.1f} min"
        kept[name] = _fill(result, name, clips, options, learned)
    if options.data and (jaws := mandarin.read(options.data)):
        result["mandarin"] = mandarin.measure(jaws, PPG(AHEAD_MS, options.model))
    if options.model == DEFAULT and not options.quick:
        # The live line is measured, which knows one model.
        result["voice"] = voice.report(next(iter(sets.values())))
    result["cost"] = cost.measure(options.model)
    return result, kept


def _fill(
    result: dict[str, Any],
    name: str,
    clips: Sequence[Clip],
    options: argparse.Namespace,
    learned: Learned | None,
) -> list[Score]:
    """Measure one set into the result."""
    scores = look_aheads(clips, options.model)
    clean = scores[AHEAD_MS]
    result[name] = {str(ms): accuracy.figures(rows) for ms, rows in scores.items()}
    result["spread"][name] = accuracy.spread(clean)
    result["closures"][name] = accuracy.closure_table(clean)
    if name == "children":
        return clean
    result["visemes"][name], result["mouths"][name] = confusion.classes(clean)
    result["harmless"][name] = confusion.harmless(clean)
    result["prosody"][name] = prosody.measure(clips, options.model)
    chosen = QUICK if options.quick else [condition.name for condition in CONDITIONS]
    result["conditions"][name] = conditions(clips, clean, options.model, chosen)
    taught = [learned] * len(clips) if learned else rivals.leave_one_out(clips)
    listen = options.allphone and not options.quick
    result["baselines"][name] = rivals.measure(clips, options.model, taught, listen)
    return clean


def sections(result: dict[str, Any]) -> list[card.Section]:
    """The tables, in the order of a reader's questions."""
    shown = [
        tables.accuracy(result, result["about"]),
        tables.conditions(result),
        tables.closures(result),
        tables.shapes(result, "mouths"),
        tables.shapes(result, "visemes"),
        tables.prosody(result),
        tables.baselines(result),
    ]
    shown += [tables.voice(result), tables.events(result)] if "voice" in result else []
    shown += [tables.mandarin(result)] if "mandarin" in result else []
    return [*shown, tables.cost(result)]


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.eval speech`."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval speech", description=__doc__)
    text = f"training data folder, e.g. {DATA}: all kept-out speakers instead of the bundled clips"
    parser.add_argument("--data", type=Path, help=text)
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--level", type=float, default=-25.0, help="dBFS of every clip")
    parser.add_argument(
        "--png", type=Path, help="draw the confusions here: a file, or a folder's confusions.png"
    )
    parser.add_argument(
        "--quick", action="store_true", help="five conditions, no allphone, no voice activity"
    )
    parser.add_argument("--card", action="store_true", help=f"put the tables into {CARD.name}")
    parser.add_argument("--allphone", action=argparse.BooleanOptionalAction, default=True,
                        help="pocketsphinx as a baseline, where it is installed")  # fmt: skip
    options = parser.parse_args(argv)
    if options.card and options.model != DEFAULT:
        parser.error(f"--card is the card of {DEFAULT.name}, not of {options.model.name}")
    result, scores = run(options)
    shown = sections(result)
    print("\n\n".join(section.markdown() for section in shown))
    if options.png:
        folder = options.png.is_dir()
        confusion.draw(options.png / "confusions.png" if folder else options.png, scores)
    if options.card:
        data = " --data DIR" if options.data else ""
        card.write(CARD, f"python -m engine.eval speech{data} --card", shown)
    print(json.dumps(result))
    return 0
