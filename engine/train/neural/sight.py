"""`python -m engine.train renderer features`: teach the perceptual features to see our cast.

Tasks: the material of every pixel; how blurred a picture is; where the whole head shows, its 52
weights and pose. Pictures are the toon renders of the cast in changing light, zoom, colours and
background; two avatars are kept out to measure. Colours change so much that only shapes help, as
losses on pixels see to colours themselves; blur is asked for so that features are not blind to it.
"""

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from engine.face.background import Transparent
from engine.face.package import load, names
from engine.frames import F32, U8
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from engine.train.neural.features import PATH, Eye, Pupil
from engine.train.neural.toy import wander

KEPT_OUT = ("priya", "theo")
KINDS = ("behind", "skin", "mouth", "teeth", "tongue", "eye", "lash", "hair", "other")
_SAME = {"underhair": "hair", "beard": "hair", "fur": "hair", "fluff": "hair", "glint": "eye"}
_NUMBERS = 58
_WHOLE = 1.35  # zoom below which the whole head is seen


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the cast."""

    pictures: int = 50  # an avatar
    size: int = 512  # px they are drawn at
    crop: int = 192  # px that are looked at
    steps: int = 1200
    batch: int = 12
    rate: float = 2e-3
    avatars: tuple[str, ...] = ()  # trained on; none: the cast without KEPT_OUT
    seed: int = 0


TINY = Recipe(pictures=4, size=128, crop=64, steps=20, batch=4, avatars=("mira",))


class Album(NamedTuple):
    """Pictures and what is to be told about them."""

    picture: U8  # [N, H, W, 4]
    kind: U8  # [N, H, W] of KINDS
    numbers: F32  # [N, 58] weights and pose, to be about 1


class Sight(NamedTuple):
    """A batch."""

    picture: Tensor  # [B, 3, S, S]
    kind: Tensor  # [B, S / 2, S / 2] int64
    numbers: Tensor  # [B, 58]
    whole: Tensor  # [B, 1] 1 where numbers can be told
    blur: Tensor  # [B, 1] px / 2


def photograph(avatars: tuple[str, ...], count: int, size: int, seed: int) -> Album:
    """`count` renders of each avatar, in light from anywhere in front, with thick or no lines."""
    rng = np.random.default_rng(seed)
    pictures, kinds, numbers = [], [], []
    for place, name in enumerate(avatars):
        package = load(name)
        table = np.array([0] + [_kind(m.name) for m in package.manifest.materials], np.uint8)
        toon = Renderer(package, size, Setting(background=Transparent()))
        motions = wander(25 * count, 1000 * seed + place)[::25]
        for i, motion in enumerate(motions):
            if i % 10 == 0:
                light = (float(rng.uniform(-1, 1)), float(rng.uniform(-0.2, 1)), 1.0)
                line = float(rng.uniform(0, 1.5))
                toon = toon.staged(Setting(light, {}, line, Transparent()))
            pictures.append(toon.render_rgba(motion))
            kinds.append(table[toon.gbuffer(motion).mask])
            numbers.append(np.concatenate([motion.weights * 3, motion.pose / 10]))
    return Album(np.stack(pictures), np.stack(kinds), np.stack(numbers).astype(np.float32))


def _kind(material: str) -> int:
    name = _SAME.get(material, material)
    return KINDS.index(name if name in KINDS else "other")


def look(album: Album, batch: int, crop: int, rng: np.random.Generator) -> Sight:
    """Random pictures: zoomed, in other colours, before something, half of them blurred."""
    pictures, kinds, whole, blur = [], [], [], []
    chosen = rng.integers(len(album.picture), size=batch)
    side = album.picture.shape[1]
    for n in chosen:
        zoom = float(rng.uniform(1, _WHOLE) if rng.random() < 0.5 else rng.uniform(1.5, 3))
        part = int(side / zoom)
        y, x = rng.integers(side - part + 1, size=2)
        cut = torch.from_numpy(album.picture[n, y : y + part, x : x + part].astype(np.float32))
        rgba = F.interpolate(
            cut.permute(2, 0, 1)[None] / 255, (crop, crop), mode="bilinear", antialias=True
        )
        label = torch.from_numpy(album.kind[n, y : y + part, x : x + part])[None, None].float()
        kinds.append(F.interpolate(label, (crop // 2, crop // 2), mode="nearest")[0, 0].long())
        sigma = float(rng.uniform(0.3, 2)) if rng.random() < 0.5 else 0.0
        pictures.append(_blurred(_coloured(rgba, rng), sigma))
        whole.append(float(zoom <= _WHOLE))
        blur.append(sigma / 2)
    return Sight(
        torch.cat(pictures), torch.stack(kinds), torch.from_numpy(album.numbers[chosen]),
        torch.tensor(whole)[:, None], torch.tensor(blur)[:, None],
    )  # fmt: skip


def _coloured(rgba: Tensor, rng: np.random.Generator) -> Tensor:
    """[1, 4, S, S] -> [1, 3, S, S] over a soft background, hues, contrast and gamma changed."""
    behind = torch.from_numpy(rng.random((1, 3, 3, 3), np.float32))
    behind = F.interpolate(behind, rgba.shape[-2:], mode="bicubic").clamp(0, 1)
    rgb = rgba[:, :3] * rgba[:, 3:] + behind * (1 - rgba[:, 3:])
    mix = torch.from_numpy(np.eye(3) + rng.normal(0, 0.2, (3, 3))).float()
    turned = torch.einsum("ij,njhw->nihw", mix, rgb)
    gain, offset = float(rng.uniform(0.6, 1.3)), float(rng.uniform(-0.1, 0.1))
    return (turned * gain + offset).clamp(0.001, 1) ** float(rng.uniform(0.7, 1.4))


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    if not sigma:
        return picture
    at = torch.arange(-4, 5).float()
    taps = torch.exp(-0.5 * (at / sigma) ** 2)
    taps = (taps / taps.sum()).expand(3, 1, 1, 9)
    wide = F.conv2d(F.pad(picture, (4, 4, 4, 4), mode="replicate"), taps, groups=3)
    return F.conv2d(wide, taps.transpose(2, 3), groups=3)


def _loss(pupil: Pupil, sight: Sight) -> Tensor:
    kind, told = pupil(sight.picture)
    numbers, blur = told[:, :_NUMBERS], told[:, _NUMBERS:]
    wrong = (sight.whole * (numbers - sight.numbers).square()).mean()
    total: Tensor = F.cross_entropy(kind, sight.kind) + wrong + (blur - sight.blur).abs().mean()
    return total


def examine(pupil: Pupil, album: Album, recipe: Recipe) -> dict[str, float]:
    """Share of right pixels, and of the numbers' and the blur's variance explained."""
    rng, right = np.random.default_rng(99), []
    told, true, blurs = [], [], []
    with torch.no_grad():
        for _ in range(8):
            sight = look(album, recipe.batch, recipe.crop, rng)
            kind, out = pupil(sight.picture)
            right.append(float((kind.argmax(1) == sight.kind).float().mean()))
            seen = sight.whole[:, 0] > 0
            told.append(out[seen, :_NUMBERS])
            true.append(sight.numbers[seen])
            blurs.append(torch.cat([out[:, _NUMBERS:], sight.blur], 1))
    guess, truth = torch.cat(told), torch.cat(true)
    moving = truth.var(0) > 1e-4
    left = (guess - truth)[:, moving].square().mean(0) / truth[:, moving].var(0)
    blur = torch.cat(blurs)
    rest = (blur[:, 0] - blur[:, 1]).square().mean() / blur[:, 1].var()
    return {
        "pixels": round(float(np.mean(right)), 3), "numbers_r2": round(1 - float(left.mean()), 3),
        "blur_r2": round(1 - float(rest), 3),
    }  # fmt: skip


def teach(recipe: Recipe) -> tuple[Eye, dict[str, Any]]:
    """Train; returns the features and what is to be told about them."""
    began = time.process_time()
    cast = recipe.avatars or tuple(n for n in names() if n not in KEPT_OUT)
    album = photograph(cast, recipe.pictures, recipe.size, recipe.seed)
    others = KEPT_OUT if not recipe.avatars else recipe.avatars
    unseen = photograph(others, max(4, recipe.pictures // 2), recipe.size, recipe.seed + 1)
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    pupil = Pupil(len(KINDS), _NUMBERS + 1)
    optimiser = torch.optim.Adam(pupil.parameters(), lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    smooth = 0.0
    with tqdm(range(recipe.steps), desc="features", mininterval=5) as bar:
        for _ in bar:
            loss = _loss(pupil, look(album, recipe.batch, recipe.crop, rng))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            smooth = 0.98 * smooth + 0.02 * float(loss.detach()) if smooth else float(loss.detach())
            bar.set_postfix(loss=f"{smooth:.3f}", refresh=False)
    about = {
        "avatars": list(cast), "kept_out": list(others), "steps": recipe.steps,
        "seed": recipe.seed, "cpu_s": round(time.process_time() - began),
        "measured": examine(pupil, unseen, recipe),
    }  # fmt: skip
    return pupil.eye, about


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train renderer features`; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.train renderer features", description=__doc__
    )
    parser.add_argument("--out", type=Path, help="file (default: the assets)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a toy; give --out")
    options = parser.parse_args(argv)
    if options.tiny and options.out is None:
        parser.error("--tiny makes a toy: give --out FILE")
    torch.set_num_threads(options.threads)
    recipe = replace(TINY if options.tiny else Recipe(), seed=options.seed)
    eye, about = teach(recipe)
    eye.save(options.out or PATH, about)
    print(json.dumps(about))
    return 0
