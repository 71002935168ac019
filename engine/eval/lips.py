"""`python -m engine.eval lips`: does the mouth follow the speech of people never trained on.

Definitions (fixed before training): the opening of ARKit weights (engine.motion.channels) and of
the drawn lips against the openness of aligned phones; closures, false closures and the closure
contrast (engine.eval.synchrony); jaw, active channels and opening against recorded motion
(engine.eval.recorded). Beside them, in the same run: a jaw that follows loudness, the openness of
the posteriors themselves (PPG table) and ridge from mel, fitted on the training split.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine.avatar import DEFAULT_AVATAR, DEFAULT_STYLE
from engine.eval import openings, plots, recorded
from engine.eval.acting import act, hear
from engine.eval.material import Material, gather
from engine.eval.recorded import Table
from engine.eval.recordings import DATA
from engine.eval.ridge import fitted
from engine.eval.screen import show
from engine.eval.synchrony import Clip, Curve, summarise
from engine.frames import LOOKAHEAD_STEPS, SAMPLE_RATE
from engine.offline import MotionClip
from engine.style.library import StyleLibrary

_SPEECH = {"r": 3, "lag_ms": 0, "r_at_0": 3, "r_median": 3, "closure_recall": 3, "closure_false": 3,
           "contrast_z": 2, "contrast_lag_ms": 0, "lag_ms_p10": 0, "lag_ms_p90": 0}  # fmt: skip
_RIG = {"r": 3, "lag_ms": 0, "r_at_0": 3, "active_r": 3, "active_lag_ms": 0,
        "active_channels": 1}  # fmt: skip
_TRACKED = {"clips": 0, "r": 3, "lag_ms": 0, "r_at_0": 3, "r_each_best": 3, "opening_r": 3,
            "aperture_r": 3, "aperture_lag_ms": 0}  # fmt: skip
_SPOKEN = {"clips": 0, "r": 3, "lag_ms": 0, "closure_recall": 3, "closure_false": 3,
           "contrast_z": 2, "contrast_lag_ms": 0}  # fmt: skip


def spoken_table(
    clips: Sequence[Clip], motions: Sequence[MotionClip], tables: Sequence[Curve],
    drawn: Callable[[MotionClip], Curve],
) -> dict[str, list[Curve]]:  # fmt: skip
    """Everybody's opening of every clip."""
    ridge = [fitted()["phones"].curve(clip.pcm) for clip in clips]
    return {
        "engine": [openings.of_weights(m) for m in motions],
        "mesh": [drawn(m) for m in tqdm(motions, desc="mesh", leave=False)],
        "ppg_table": list(tables),
        "rms_jaw": [openings.of_loudness(clip.pcm) for clip in clips],
        "ridge_mel": [(at, rows[:, 0]) for at, rows in ridge],
    }


def speech(
    clips: Sequence[Clip], aheads: Sequence[int], style: str, avatar: str, folder: Path | None,
    who: str = "Unseen speakers",
) -> dict[str, Any]:  # fmt: skip
    """Unseen speakers against aligned phones: all, by group, by look-ahead; plots of some."""
    chosen, drawn = StyleLibrary().get(style), openings.on_mesh(avatar)
    result: dict[str, Any] = {"clips": len(clips), "lookaheads": {}}
    for ahead in aheads:
        heard = [hear(clip.pcm, ahead) for clip in tqdm(clips, desc="ears", leave=False)]
        motions = [act(h, chosen) for h in tqdm(heard, desc="engine", leave=False)]
        curves = spoken_table(clips, motions, [openings.of_posteriors(h) for h in heard], drawn)
        table = {name: summarise(clips, rows) for name, rows in curves.items()}
        title = f"{who} against aligned phones: {len(clips)} clips"
        show(f"{title}, look-ahead {ahead} ms, style {style}", table, _SPEECH)
        if ahead != aheads[0]:
            result["lookaheads"][str(ahead)] = table
            continue
        result |= table
        result["groups"] = _groups(clips, curves)
        if folder:
            plots.speech(folder, clips, curves)
    return result


def _groups(clips: Sequence[Clip], curves: dict[str, list[Curve]]) -> dict[str, Table]:
    groups = sorted({clip.group for clip in clips})
    found: dict[str, Table] = {}
    for group in groups if len(groups) > 1 else []:
        which = [n for n, clip in enumerate(clips) if clip.group == group]
        some = [clips[n] for n in which]
        found[group] = {
            name: summarise(some, [rows[n] for n in which]) for name, rows in curves.items()
        }
        show(f"- {group}: {len(some)} clips", found[group], _SPEECH)
    return found


def performed(material: Material, ahead: int, avatar: str, folder: Path | None) -> dict[str, Any]:
    """Recorded motion: rigs by kind of recording, tracked people by who they are."""
    played, warnings = recorded.play(material.performances, material.others, ahead)
    for line in warnings:
        print(f"note: {line}")
    result: dict[str, Any] = {"rig": {}, "tracked": {}, "recorded_speech": {}}
    rigs = [p for p in played if p.truth.rig]
    for kind in sorted({p.truth.name.split("_")[0] for p in rigs}):
        some = [p for p in rigs if p.truth.name.split("_")[0] == kind]
        result["rig"][kind] = recorded.rig_table(some)
        names = ", ".join(p.truth.name for p in some)
        show(f"Rig recordings {kind}_xx, jaw and active channels: {names}", result["rig"][kind],
             _RIG)  # fmt: skip
    people = [p for p in played if not p.truth.rig]
    drawn = openings.on_mesh(avatar)
    groups = {"all": people}
    for corpus in sorted({p.truth.corpus for p in people}):
        groups[corpus] = [p for p in people if p.truth.corpus == corpus]
    for name, some in groups.items() if len(groups) != 2 else [("all", people)]:
        if some:
            result["tracked"][name] = recorded.tracked_table(some, drawn)
            show(f"Tracked people, jawOpen: {name}", result["tracked"][name], _TRACKED)
    result["recorded_speech"] = recorded.spoken(people)
    if result["recorded_speech"]:
        title = "Recorded and generated lips against the phones of tracked clips"
        show(title, result["recorded_speech"], _SPOKEN)
    if folder and played:
        plots.performed(folder, played)
    return result


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.eval lips`."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.eval lips", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    text = ("a folder laid out like the training data, or any flat one of clips (sound or video, "
            "NAME.npz or NAME.csv motion, NAME.json or manifest.jsonl phones); default: the "
            "bundled clips")  # fmt: skip
    parser.add_argument("--data", type=Path, nargs="?", const=DATA, default=None, help=text)
    text = ("also measure children, and speakers and recordings on the roster of training; who is "
            "not on it counts as unseen, wherever the folder comes from. In a flat folder the "
            "roster is asked by NAME, and by speaker and corpus of NAME.json")  # fmt: skip
    parser.add_argument("--all", action="store_true", help=text)
    text = "milliseconds; several are compared, the first is the headline"
    parser.add_argument(
        "--lookahead", type=int, nargs="+", choices=LOOKAHEAD_STEPS, default=[20], help=text
    )
    parser.add_argument("--style", default=DEFAULT_STYLE, help="a bundled name or a .style file")
    parser.add_argument("--avatar", default=DEFAULT_AVATAR, help="whose mesh is measured")
    text = "at most so many of each corpus of speech, and of recorded motion"
    parser.add_argument("--clips", type=int, default=None, help=text)
    parser.add_argument("--plots", type=Path, default=None, help="folder for PNG pictures")
    options = parser.parse_args(argv)
    material = gather(options.data, options.all, options.clips)
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
    for line in material.notes():
        print(line)
    sounds = [c.pcm for c in material.clips] + [c.pcm for c in material.performances]
    seconds = sum(map(len, sounds)) / SAMPLE_RATE
    ahead = options.lookahead[0]
    result: dict[str, Any] = {
        "suite": "lips", "seconds": round(seconds, 1), "lookahead_ms": ahead,
        "style": options.style, "left_out": material.left_out, "skipped": len(material.skipped),
        "ridge": "fitted on the training split, committed",
    }  # fmt: skip
    if material.clips:
        result |= speech(
            material.clips,
            options.lookahead,
            options.style,
            options.avatar,
            options.plots,
            "Speakers, trained ones among them," if options.all else "Unseen speakers",
        )
    if material.performances:
        result |= performed(material, ahead, options.avatar, options.plots)
    print(json.dumps(result))
    return 0
