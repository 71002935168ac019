"""`python -m engine.eval speech`: how well the ears hear speakers never trained on.

Rows are 20 ms; labels are forced alignments; clips are levelled to -25 dBFS (a measuring
convention). What counts is defined where it is counted: engine.eval.accuracy, closures, conditions,
prosody, baselines, rivals, voice, mandarin, cost. Without --data it measures the ten clips of the
checkout. The last line is one JSON object: per set and look-ahead the figures, then a key a table;
"heard" says how many of a set's clips the conditions are measured on.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
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
    read_data,
    training_set,
)
from engine.eval.rows import Clip, hear, hear_mel, mel_of
from engine.frames import LOOKAHEAD_STEPS
from engine.speech.ppg import DEFAULT, PPG

CARD = DEFAULT.with_suffix(".md")
PICTURE = "ppg_confusions.png"  # beside the card, which shows it
AHEAD_MS = 20  # the look-ahead of every table but the first
CONDITION_S = 420.0  # seconds of each set that are measured under every condition
QUICK = ("coloured noise 10 dB", "Opus 24 kbit/s", "level -35 dBFS", "level -10 dBFS",
         "room .4 s, .7 m")  # fmt: skip
VOICE_SETS = 2  # how many sets, the first, voice activity is measured on
_BY_SET = ("about", "heard", "spread", "conditions", "visemes", "mouths", "harmless", "closures",
           "baselines", "prosody")  # fmt: skip


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
    ppg, found = PPG(AHEAD_MS, model), {}
    chosen = [condition for condition in CONDITIONS if condition.name in names]
    for condition in tqdm(chosen, desc="conditions", leave=False):
        scores = []
        for clip in clips:
            pcm = condition.apply(clip.pcm, seed_of(clip.recording.id))
            scores.append(accuracy.score(hear(pcm, ppg), clip.labels, clip.recording.speaker))
        change, sure = accuracy.difference(clean, scores, "vis14_sp")
        row = accuracy.figures(scores)
        found[condition.name] = {**row, "change": change, "change_spread": sure}
    return found


def _sets(data: Path | None) -> tuple[dict[str, list[Recording]], list[Recording]]:
    """Recordings of kept-out speakers by set, aligned or not, and those the baselines may learn
    from."""
    if data is None:
        return {"bundled": bundled()}, []
    everyone = read_data(data)
    out = [r for r in everyone if kept_out(r.corpus, r.speaker)]
    sets = {
        "native": [r for r in out if r.corpus == "librispeech"],
        "accented": [r for r in out if r.corpus == "speechocean762" and r.adult],
        "children": [r for r in out if not r.adult],
    }
    aligned = {name: chosen for name, chosen in sets.items() if any(r.phones for r in chosen)}
    return aligned, training_set(everyone)


def _about(aligned: Sequence[Recording], left_out: int) -> str:
    speakers = len({r.speaker for r in aligned})
    text = f"{speakers} speakers, {sum(r.seconds for r in aligned) / 60:.1f} min"
    return text + (f", {left_out} recordings without alignment left out" if left_out else "")


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
        **{part: {} for part in _BY_SET},
    }
    kept: dict[str, list[Score]] = {}
    aligned = {name: [r for r in recordings if r.phones] for name, recordings in sets.items()}
    for name, recordings in aligned.items():
        bar = tqdm(recordings, desc=f"read {name}", leave=False)
        clips = [Clip.of(recording, options.level) for recording in bar]
        result["about"][name] = _about(recordings, len(sets[name]) - len(recordings))
        kept[name] = _fill(result, name, clips, options, learned)
    if options.data and (jaws := mandarin.read(options.data)):
        result["mandarin"] = mandarin.measure(jaws, PPG(AHEAD_MS, options.model))
    if options.model == DEFAULT and not options.quick:
        # The live line is measured, which knows one model.
        result["voice"] = {name: voice.report(aligned[name]) for name in [*aligned][:VOICE_SETS]}
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
    some = rivals.spaced([clip.recording.seconds for clip in clips], CONDITION_S)
    result["heard"][name] = f"{len(clips[some])} of {len(clips)} clips"
    result["conditions"][name] = conditions(clips[some], clean[some], options.model, chosen)
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
    parser.add_argument(
        "--card", action="store_true",
        help=f"put the tables into {CARD.name} and the confusions beside it, {PICTURE}",
    )  # fmt: skip
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
        card.write(CARD, f"python -m engine.eval speech{data} --card", shown, PICTURE)
        confusion.draw(CARD.with_name(PICTURE), scores)
    print(json.dumps(result, allow_nan=False))
    return 0
