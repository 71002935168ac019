"""Texturer and renderer trained together on many people.

    python -m engine.train.neural.joint FOLDER --out FOLDER --minutes 10

FOLDER: of engine.train.neural.pairs. As in StyleAvatar §5.2 a generator makes the neural texture
from one picture's colours and learns together with the renderer; whom it was not trained on is
drawn in the same way. engine.train.neural.contest measures the result.
Contract: weights know many people and none by name; pictures of people stay in FOLDER.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from engine.errors import WeightsError
from engine.face.blendshapes import INDEX
from engine.frames import U8
from engine.train.neural import losses
from engine.train.neural.clip import Clip, join
from engine.train.neural.features import PATH, Eye
from engine.train.neural.inpaint import MARGIN, PARTS, SIDE
from engine.train.neural.lesson import Lesson, halved
from engine.train.neural.pairs import PAGES
from engine.train.neural.regions import EYES, MOUTH
from engine.train.neural.sharp import PART
from engine.train.neural.shots import Shots
from engine.train.neural.texturer import KEY, SHIPPED, Joint, laid_out, shipped
from engine.train.neural.texturer import SIZE as NET
from engine.train.neural.unwrap import SIZE

RATE, NET_RATE, WARMUP = 1e-3, 5e-4, 60  # the renderer starts well: it learns slowly
CROP, BATCH = 128, 6  # px of the grid, frames a step
_PERCEPTUAL = 0.3
_OFTEN = 0.1  # added to how far a jaw is open
_LATTICE = 0.3
_HOLD = 2.0  # of what it changes outside mouth and eyes
_THICK = 5  # px of the grid that an opening must be wide to be learned from


class Album:
    """The pairs: clips and their pages."""

    def __init__(self, folder: Path) -> None:
        self.shots = Shots(folder)
        self.page = {
            clip.name: _page(folder / PAGES / f"{clip.name}.png") for clip in self.shots.clips
        }
        jaw = INDEX["jawOpen"]
        self._open = {
            clip.name: np.array([clip.crop(f).motion[0, jaw] for f in range(clip.length)])
            for clip in self.shots.clips
        }

    def source(self, clip: Clip) -> U8:
        """The picture that a clip's page was made of [SIZE, SIZE, 3]."""
        part = slice(MARGIN, MARGIN + SIZE)
        return self.page[clip.name][part, part, :3]

    def draw(self, rng: np.random.Generator, size: int | None, count: int) -> tuple[Clip, Lesson]:
        """`count` frames of one person, at one place of the picture."""
        clip = self.shots.train[int(rng.integers(len(self.shots.train)))]
        odds = _OFTEN + self._open[clip.name]  # speech is mostly shut mouths
        frames = rng.choice(
            clip.length, min(count, clip.length), replace=False, p=odds / odds.sum()
        )
        region = clip.region(int(frames[0]))
        y = x = 0
        if size is not None:
            near = np.argwhere(region >= 2 if rng.random() < 0.7 else region >= 1)
            spot = near[rng.integers(len(near))] if len(near) else np.array(region.shape) // 2
            low = spot - rng.integers(size // 4, 3 * size // 4, 2)
            y, x = (int(v) for v in np.clip(low, 0, np.array(region.shape) - size))
        crops = [clip.crop(int(f), 1, y, x, size, size) for f in frames]
        return clip, Lesson.of(join(crops))


def _page(path: Path) -> U8:
    """[SIDE, SIDE, 4]. Raises WeightsError for what is no page."""
    try:
        with Image.open(path) as image:
            page = np.asarray(image, np.uint8)
    except OSError as error:
        raise WeightsError(f"{path}: no page of a pair ({error}): make it again") from error
    if page.shape != (SIDE, SIDE, 4):
        raise WeightsError(
            f"{path}: page of shape {page.shape}, expected {(SIDE, SIDE, 4)}: make it again"
        )
    return page


class Study:
    """What a step of the joint model's training compares with: true pictures inside the mouth and
    on the eyes, and elsewhere what the warp draws, which is as sharp as the picture was.

    Landmarks lay the mesh over a picture to a pixel or two. What learns lips from that learns their
    mean, and shuts mouths; so lips stay the warp's, and where they are hardly apart nothing is
    learned from the truth.
    """

    def __init__(self, album: Album, eye: Eye) -> None:
        self._album, self._eye = album, eye
        self._plain = Joint("small").eval()  # the warp

    def loss(self, joint: Joint, rng: np.random.Generator) -> Tensor:
        """Of one random person, in other light than they were."""
        clip, lesson = self._album.draw(rng, CROP, BATCH)
        page, truth = _relit(self._album.page[clip.name], lesson.target[:, :3], rng)
        pixels, texture = laid_out(page)
        with torch.no_grad():
            image = lesson.image(texture)
            _, warped, _ = self._plain.net(image, lesson.ppg)
            own, held = _shares(image[:, PART : PART + 1], lesson.region)
        assert warped is not None
        plain, double, _ = joint.net(lesson.image(joint.enriched(pixels, texture)), lesson.ppg)
        assert double is not None
        fine, keep = (x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in (own, held))
        coarse = halved(halved(truth))
        loss = losses.pixel(halved(plain[:, :3]), coarse, halved(own))
        loss = loss + losses.pixel(halved(halved(double[:, :3])), coarse, halved(own))
        loss = loss + losses.pixel(double[:, :3], truth, fine)
        seen = losses.perceptual(self._eye, double[:, :3], truth, fine)
        change = double - warped
        # Detail is the picture's; what is finer than the grid in a change is a pattern of its own.
        smooth = F.interpolate(halved(change), scale_factor=2.0, mode="bilinear")
        loss = loss + _HOLD * (keep * change.abs()).mean() + (change - smooth).abs().mean()
        loss = loss + _LATTICE * _lattice(change[:, :3], fine)
        return torch.add(loss, seen, alpha=_PERCEPTUAL)


def _lattice(change: Tensor, weight: Tensor) -> Tensor:
    """How much a change [N, 3, H, W] is a pattern of the network's own cells of 4 x 4 pixels, where
    `weight` [N, 1, H, W] lets it change at all."""
    cells = F.avg_pool2d(change, 4)
    rough = (change - F.interpolate(cells, scale_factor=4.0, mode="bilinear")) * weight
    total = weight.sum(dim=(0, 2, 3), keepdim=True).clamp(min=1.0)
    count, colours, height, width = rough.shape
    phases = rough.reshape(count, colours, height // 4, 4, width // 4, 4).sum(dim=(0, 2, 4))
    return (rough.abs() / total).sum() / colours + 4 * (phases / total[0]).abs().sum() / colours


def _shares(part: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:
    """How much a place is learned from the truth, and how much held as it is [N, 1, h, w].

    part [N, 1, h, w] of engine.train.neural.inpaint.PARTS, region [N, h, w]."""
    least = (PARTS["lid"] + PARTS["mouth"]) / 2
    inside = ((part - least) / 0.05).clamp(0, 1) * (region == MOUTH)[:, None]
    thick = inside * (2 * F.avg_pool2d(inside, _THICK, 1, _THICK // 2) - 1).clamp(0, 1)
    eye = (region == EYES)[:, None].float()
    eye = F.avg_pool2d(eye, _THICK, 1, _THICK // 2)
    own = losses.REGIONS[MOUTH] * thick + 0.5 * losses.REGIONS[EYES] * eye
    return own, 1 - 0.7 * inside - 0.25 * thick - 0.7 * eye


def _relit(page: U8, truth: Tensor, rng: np.random.Generator) -> tuple[U8, Tensor]:
    """A page [R, R, 4] and pictures [N, 3, H, W] under another light: few people stand for many."""
    gain = np.float32(rng.uniform(0.6, 1.15)) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    lift = np.float32(rng.uniform(-0.05, 0.08))
    out = page.copy()
    out[..., :3] = np.clip(np.rint(page[..., :3] * gain + 255 * lift), 0, 255).astype(np.uint8)
    return out, (truth * torch.from_numpy(gain)[:, None, None] + float(lift)).clamp(0, 1)


def train(
    model: nn.Module, loss: Callable[[np.random.Generator], Tensor], minutes: float, name: str,
    seed: int = 0,
) -> int:  # fmt: skip
    """Adam with a cosine to nothing after `minutes`; returns the steps."""
    own = model.net.parameters() if isinstance(model, Joint) else ()
    slow = {id(parameter) for parameter in own}
    groups = [
        {
            "params": [p for p in model.parameters() if p.requires_grad and (id(p) in slow) == few],
            "rate": pace,
        }
        for few, pace in ((True, NET_RATE), (False, RATE))
    ]
    optimiser = torch.optim.Adam([g for g in groups if g["params"]], lr=RATE, betas=(0.9, 0.99))
    rng, began, count = np.random.default_rng(seed), time.monotonic(), 0
    mean, bar = 0.0, tqdm(total=round(60 * minutes), desc=name, unit="s")
    while (spent := time.monotonic() - began) < 60 * minutes:
        for group in optimiser.param_groups:
            calm = 0.5 * (1 + float(np.cos(np.pi * spent / 60 / minutes)))
            group["lr"] = group["rate"] * calm * min(1.0, (count + 1) / WARMUP)
        value = loss(rng)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        count += 1
        mean += (float(value.detach()) - mean) / min(count, 50)
        bar.n = round(spent)
        bar.set_postfix(step=count, loss=f"{mean:.4f}")
    bar.close()
    return count


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and write weights to --out."""
    parser = argparse.ArgumentParser(description="train the portraits' joint model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--resume", type=Path, help="weights to go on from")
    parser.add_argument("--texture-only", action="store_true", help="the warp's network stays")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    album = Album(options.folder)
    about: dict[str, Any] = {"steps": 0, "minutes": 0.0}
    joint = Joint("small" if options.texture_only else NET)
    if options.resume is not None:
        joint, about = shipped(options.resume)
    joint.net.requires_grad_(not options.texture_only)
    study = Study(album, Eye.load(PATH))
    count = train(
        joint, lambda rng: study.loss(joint, rng), options.minutes, "texturer", options.seed
    )
    about = {
        "steps": about["steps"] + count, "minutes": about["minutes"] + options.minutes,
        "portraits": len(album.shots.train), "seed": options.seed,
        "frames": sum(clip.length for clip in album.shots.train), "size": joint.size,
    }  # fmt: skip
    trained = joint.texturer if options.texture_only else joint
    prefix = "texturer." if options.texture_only else ""
    state = {prefix + name: v.half().contiguous() for name, v in trained.state_dict().items()}
    save_file(state, options.out / SHIPPED.name, {KEY: json.dumps(about)})
    print(about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
