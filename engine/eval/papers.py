"""`python -m engine.eval papers`: four papers, their ablations, three style encoders and the
shipped decoder in one table.

All were trained on the same tracks with the same number of batches (the shipped one with its own,
larger budget). Without --data: lips against aligned phones on the bundled clips, and ten styles
told apart. With --data: kept-out speakers, and kept-back recorded people beside their truth.
Definitions: engine.eval.synchrony, distances, heads, diversity and likeness.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from engine.eval import diversity, heads, likeness, synchrony
from engine.eval.distances import Landmarks, distances, style_distances
from engine.eval.landmarks import Face, face
from engine.eval.paper_motion import Ours, Paper, Performer, Played
from engine.eval.paper_scenes import SPOKEN, Look, Scenes, read_scenes
from engine.eval.recordings import DATA
from engine.frames import LOOKAHEAD_STEPS, SAMPLES_PER_FRAME
from engine.motion.channels import opening
from engine.nets.papers.system import header
from engine.runtime import ASSETS

# Row -> files that make it; of two, the first writes the face and the second the head.
ROWS: dict[str, tuple[str, ...]] = {
    "VAST": ("vast",),
    "StyleAvatar": ("fusion",),
    "StyleTalk++": ("face", "head"),
    "2D style transfer": ("transfer",),
    "StyleAvatar, code with means": ("fusion_means",),
    "StyleAvatar, VAST's encoder": ("fusion_vast",),
    "StyleAvatar, StyleTalk++'s encoder": ("fusion_styletalk",),
    "VAST, no flow (K = 0)": ("vast_flows_0",),
    "VAST, K = 8": ("vast_flows_8",),
    "VAST, no enhancer": ("vast_no_enhancer",),
    "VAST, no style": ("vast_no_style",),
    "VAST, no AR branch": ("vast_no_autoregression",),
    "StyleAvatar, no audio dropout": ("fusion_no_dropout",),
    "StyleAvatar, no style": ("fusion_no_style",),
    "StyleTalk++, no adaptive FFN": ("face_no_adaptive", "head"),
    "StyleTalk++, no upper/lower split": ("face_no_split", "head"),
    "StyleTalk++, no lip-sync D": ("face_no_sync", "head"),
    "StyleTalk++, no style D": ("face_no_style_critic", "head_no_style_critic"),
    "StyleTalk++, no temporal D": ("face_no_temporal", "head_no_temporal"),
    "StyleTalk++, no initial pose": ("face", "head_no_initial"),
}
COLUMNS = {
    "lmd": "LMD", "m_lmd": "M-LMD", "f_lmd": "F-LMD", "head_ssim": "hSSIM", "head_psnr": "hPSNR",
    "r": "lip r", "lag_ms": "lag", "closure_recall": "clos", "closure_false": "false",
    "diversity_all": "div", "diversity_strong": "div-st", "sld": "SLD", "slv": "SLV",
    "smd": "SMD", "d_l": "D-L", "d_v": "D-V", "d_a": "D-A", "recognition": "style",
    "parameters": "params", "ms": "ms",
}  # fmt: skip
_WHOLE = {"parameters", "lag_ms"}
Figures = dict[str, float]


def lips(performer: Performer, scenes: Scenes) -> Figures:
    """Opening against the phones, spoken in the neutral style."""
    prompt = scenes.looks[0].prompt
    curves = []
    for one in scenes.spoken:
        made = performer.play(one.heard, prompt, None)
        at = np.arange(len(made.weights)) * SAMPLES_PER_FRAME
        curves.append((at, opening(made.weights)))
    found = synchrony.summarise([one.clip for one in scenes.spoken], curves)
    return {name: found[name] for name in ("r", "lag_ms", "closure_recall", "closure_false")}


def styles(performer: Performer, scenes: Scenes, model: Face) -> Figures:
    """Ten styles on the same sounds: told apart, how diverse, how far from their references."""
    made: list[tuple[Look, Played]] = []
    for look in scenes.looks:
        for one in scenes.spoken[:SPOKEN]:
            made.append((look, performer.play(one.heard, look.prompt, None)))
    references = {look.name: look.manner for look in scenes.looks}
    told = likeness.recognise(
        references, [(look.name, likeness.manner(motion.weights)) for look, motion in made]
    )
    spread = diversity.both([motion.weights for _, motion in made])
    figures = {
        "recognition": told.rate, "recognition_chance": told.chance(),
        "diversity_all": spread["all"], "diversity_strong": spread["strong"],
    }  # fmt: skip
    if scenes.people:
        return figures
    near = [
        style_distances(
            Landmarks.of(model, look.prompt.weights, look.prompt.pose),
            Landmarks.of(model, *(rows[:250] for rows in motion)),
        )
        for look, motion in made[::SPOKEN]
    ]
    return {**figures, **_mean(near)}


def people(performer: Performer, scenes: Scenes, model: Face) -> Figures:
    """Kept-back people beside their truth, in their own style."""
    rows: list[Figures] = []
    for one in scenes.people:
        made = performer.play(one.heard, one.prompt, one.pose[0])
        ticks = len(one.weights)
        weights = made.weights[:ticks] * one.mask
        pose = made.pose[:ticks] * np.float32(one.has_head)
        truth = Landmarks.of(model, one.weights * one.mask, one.pose)
        shown = Landmarks.of(model, weights, pose)
        figures = distances(truth, shown)
        if one.has_head:
            figures["head_ssim"] = heads.ssim(one.pose, pose)
            figures["head_psnr"] = heads.psnr(one.pose, pose)
        prompt = Landmarks.of(model, one.prompt.weights * one.mask, one.prompt.pose)
        figures.update(style_distances(prompt, shown))
        rows.append(figures)
    return _mean(rows)


def _mean(rows: Sequence[Mapping[str, float]]) -> Figures:
    names = {name for row in rows for name in row}
    return {n: float(np.mean([row[n] for row in rows if n in row])) for n in sorted(names)}


def measure(performer: Performer, scenes: Scenes, model: Face) -> Figures:
    """One row of the table."""
    figures = {
        **lips(performer, scenes),
        **styles(performer, scenes, model),
        **people(performer, scenes, model),
        "parameters": performer.parameters,
        "ms": performer.ms(scenes.spoken[0].heard),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def table(results: Mapping[str, Figures]) -> str:
    """The table as Markdown; a dash where there is no truth."""
    lines = ["| system | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|" + "---|" * (len(COLUMNS) + 1))
    for name, row in results.items():
        cells = [_cell(key, row.get(key)) for key in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def singing(assets: Path) -> dict[str, dict[str, Figures]]:
    """What the 2D paper's style transfer did for each singing style, as measured when it was
    trained, on the kept-back quarter of the teacher's (synthetic) tracks: before and after."""
    found = {}
    for path in sorted(assets.glob("transfer_singing_*.safetensors")):
        about = header(path.read_bytes())["about"]
        found[str(about["style"])] = {when: about[when] for when in ("before", "after")}
    return found


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if key in _WHOLE else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def main(argv: Sequence[str]) -> int:
    """Command line of `python -m engine.eval papers`."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval papers", description=__doc__)
    text = "measure kept-out speakers and kept-back people of this folder too"
    parser.add_argument("--data", type=Path, nargs="?", const=DATA, default=None, help=text)
    parser.add_argument("--assets", type=Path, default=ASSETS / "papers", help="trained systems")
    parser.add_argument("--only", nargs="*", choices=ROWS, default=None, metavar="ROW")
    parser.add_argument("--clips", type=int, default=None, help="at most so many of each kind")
    parser.add_argument("--lookahead", type=int, choices=LOOKAHEAD_STEPS, default=20)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    scenes = read_scenes(options.assets, options.data, options.clips, options.lookahead)
    results: dict[str, Figures] = {}
    model = face()
    ours = Ours()
    results[ours.name] = measure(ours, scenes, model)
    rows = {
        name: files for name, files in ROWS.items() if options.only is None or name in options.only
    }
    for name, files in tqdm(rows.items(), desc="systems", leave=False):
        paths = [options.assets / f"{file}.safetensors" for file in files]
        results[name] = measure(Paper(name, paths), scenes, model)
    print(
        f"{len(scenes.spoken)} clips with phones, {len(scenes.looks)} styles (chance "
        f"{results[ours.name]['recognition_chance']:.2f}), {len(scenes.people)} kept-back clips, "
        f"look-ahead {options.lookahead} ms"
    )
    print(table(results))
    songs = singing(options.assets)
    for name, found in songs.items():
        print(f"{name} (synthetic), 2D style transfer: {found['before']} -> {found['after']}")
    result = {"suite": "papers", "clips": len(scenes.spoken), "styles": len(scenes.looks),
              "people": len(scenes.people), "lookahead_ms": options.lookahead,
              "systems": results, "singing": songs}  # fmt: skip
    print(json.dumps(result))
    return 0
