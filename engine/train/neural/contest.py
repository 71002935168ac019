"""Portraits of people never seen, drawn in three ways: warped, by the joint model, without a mesh.

    python -m engine.train.neural.contest FOLDER --out FOLDER [--weights FILE] [--minutes 6]

FOLDER: of engine.train.neural.pairs. The rival without a mesh (mapping, dense-warp and editing
networks: StyleTalk++ §3.5) is trained on the same pairs first; --minutes 0 leaves it out. Clips of
invented people (--drawn) make a table of their own.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engine.eval.landmark_distance import fetched
from engine.eval.pair import measure, table
from engine.frames import U8
from engine.nets.warper import Warper
from engine.train.neural import losses
from engine.train.neural.clip import Clip, join
from engine.train.neural.features import PATH, Eye
from engine.train.neural.joint import Album, train
from engine.train.neural.lesson import Lesson, halved
from engine.train.neural.texturer import SHIPPED, Joint

Rows = dict[str, Callable[[Clip], list[U8]]]
_PERCEPTUAL = 1.0


def warped(warper: Warper, album: Album, eye: Eye, rng: np.random.Generator) -> Tensor:
    """The rival's loss of one random person: whole pictures at half their size."""
    clip = album.shots.train[int(rng.integers(len(album.shots.train)))]
    frames = rng.choice(clip.length, min(2, clip.length), replace=False)
    crop = join([clip.crop(int(f)) for f in frames])
    truth = halved(torch.from_numpy(crop.target).permute(0, 3, 1, 2).float() / 255)
    source = _small(album.source(clip)).expand(len(truth), -1, -1, -1)
    found = warper(source, torch.from_numpy(crop.motion))
    weight = losses.region_weight(torch.from_numpy(crop.region).long(), 1)
    loss = losses.pixel(found, truth, weight)
    return loss + _PERCEPTUAL * losses.perceptual(eye, found, truth, weight)


def _small(picture: U8) -> Tensor:
    """[H, W, 3] -> [1, 3, H / 2, W / 2] in 0..1."""
    return halved(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255)


@torch.no_grad()
def pictures(joint: Joint, album: Album, clip: Clip) -> list[U8]:
    """A clip as the joint model draws it."""
    texture = joint.texture(album.page[clip.name])
    return [
        _bytes(joint.net(lesson.image(texture), lesson.ppg)[1])
        for lesson in (Lesson.of(clip.crop(f)) for f in range(clip.length))
    ]


@torch.no_grad()
def flows(warper: Warper, album: Album, clip: Clip) -> list[U8]:
    """A clip as the rival without a mesh draws it, doubled."""
    source, out = _small(album.source(clip)), []
    for f in range(clip.length):
        found = warper(source, torch.from_numpy(clip.crop(f).motion))
        out.append(_bytes(F.interpolate(found, scale_factor=2.0, mode="bilinear")))
    return out


def _bytes(found: Tensor | None) -> U8:
    assert found is not None
    rgb = found[0, :3].permute(1, 2, 0).clamp(0, 1).mul(255).round()
    return np.asarray(rgb.numpy(), np.uint8)


def compare(rows: Rows, held: Sequence[Clip], out: Path) -> str:
    """A table over clips held back; `out`: of a sheet of pictures and, beside it, numbers."""
    models = fetched()
    truth = [np.array(clip.crop(f).target[0, ..., :3]) for clip in held for f in range(clip.length)]
    found, shown = {}, [truth]
    for name, draw in rows.items():
        ours = [picture for clip in held for picture in draw(clip)]
        found[name] = measure(ours, truth, models)
        shown.append(ours)
    picks = range(0, len(truth), max(1, len(truth) // 6))
    sheet = np.concatenate(
        [np.concatenate([row[k][100:400, 100:400] for k in picks], 1) for row in shown]
    )
    Image.fromarray(sheet).save(out.with_suffix(".png"))
    out.with_suffix(".json").write_text(json.dumps(found, indent=1))
    return table(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables, write numbers and pictures to --out."""
    parser = argparse.ArgumentParser(description="portraits: warp, network and dense warp compared")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="of the joint model")
    parser.add_argument("--minutes", type=float, default=6.0, help="of the dense warp's training")
    parser.add_argument("--drawn", nargs="*", default=(), help="names of clips of invented people")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    album = Album(options.folder)
    joint, plain = Joint.load(options.weights), Joint("small")
    rows: Rows = {
        "warp only": lambda clip: pictures(plain, album, clip),
        "ours": lambda clip: pictures(joint, album, clip),
    }
    if options.minutes:
        warper, eye = Warper(), Eye.load(PATH)
        train(warper, lambda rng: warped(warper, album, eye, rng), options.minutes, "dense warp")
        rows["dense warp"] = lambda clip: flows(warper, album, clip)
    for kind, drawn in (("people", False), ("invented", True)):
        held = [clip for clip in album.shots.held if (clip.name in options.drawn) == drawn]
        if held:
            print(f"{kind}: {', '.join(clip.name for clip in held)}")
            print(compare(rows, held, options.out / kind))
    return 0


if __name__ == "__main__":
    sys.exit(main())
