"""Texturer and renderer trained together on many people, and compared with two rivals.

    python -m engine.train.neural.joint FOLDER --out FOLDER --minutes 10

FOLDER: of engine.train.neural.pairs. As in StyleAvatar §5.2 a generator makes the neural texture
from one picture's colours and learns together with the renderer; whom it was not trained on is
drawn in the same way. Rivals: the picture warped by the mesh alone, and mapping, dense-warp and
editing networks (StyleTalk++ §3.5) trained on the same pairs for the same time.
Contract: weights know many people and none by name; pictures of people stay in FOLDER.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from engine.eval.landmark_distance import fetched
from engine.eval.pair import measure, table
from engine.frames import U8
from engine.nets.warper import Warper
from engine.train.neural import losses
from engine.train.neural.clip import Clip, join
from engine.train.neural.features import PATH, Eye
from engine.train.neural.inpaint import MARGIN
from engine.train.neural.lesson import Lesson, halved
from engine.train.neural.pairs import PAGES
from engine.train.neural.shots import Shots
from engine.train.neural.texturer import Joint, laid_out

RATE, NET_RATE, WARMUP = 1e-3, 5e-4, 60  # the renderer starts well: it learns slowly
CROP, BATCH = 128, 6  # px of the grid, frames a step
KEY = "vivify"
_PERCEPTUAL = 1.0
_HOLD = 2.0  # of what it changes outside mouth and eyes
_EDGE = 9  # px of the grid over which a region begins
_HEIGHT = 512  # px of the true pictures


class Album:
    """The pairs: clips and their pages."""

    def __init__(self, folder: Path) -> None:
        self.shots = Shots(folder)
        self.page = {
            clip.name: np.asarray(Image.open(folder / PAGES / f"{clip.name}.png"), np.uint8)
            for clip in self.shots.clips
        }

    def source(self, clip: Clip) -> U8:
        """The picture that a clip's page was made of [_HEIGHT, _HEIGHT, 3]."""
        part = slice(MARGIN, MARGIN + _HEIGHT)
        return self.page[clip.name][part, part, :3]

    def draw(self, rng: np.random.Generator, size: int | None, count: int) -> tuple[Clip, Lesson]:
        """`count` frames of one person, at one place of the picture."""
        clip = self.shots.train[int(rng.integers(len(self.shots.train)))]
        frames = rng.choice(clip.length, min(count, clip.length), replace=False)
        region = clip.region(int(frames[0]))
        y = x = 0
        if size is not None:
            near = np.argwhere(region >= 2 if rng.random() < 0.7 else region >= 1)
            spot = near[rng.integers(len(near))] if len(near) else np.array(region.shape) // 2
            low = spot - rng.integers(size // 4, 3 * size // 4, 2)
            y, x = (int(v) for v in np.clip(low, 0, np.array(region.shape) - size))
        crops = [clip.crop(int(f), 1, y, x, size, size) for f in frames]
        return clip, Lesson.of(join(crops))


class Study:
    """What a step of the joint model's training compares with: true pictures where faces change
    most, and elsewhere what the warp draws, which is as sharp as the picture was."""

    def __init__(self, album: Album, eye: Eye) -> None:
        self._album, self._eye = album, eye
        self._plain = Joint("small").eval()  # the warp

    def loss(self, joint: Joint, rng: np.random.Generator) -> Tensor:
        """Of one random person, in other light than they were."""
        clip, lesson = self._album.draw(rng, CROP, BATCH)
        page, truth = _relit(self._album.page[clip.name], lesson.target[:, :3], rng)
        pixels, texture = laid_out(page)
        with torch.no_grad():
            _, warped, _ = self._plain.net(lesson.image(texture), lesson.ppg)
        assert warped is not None
        image = lesson.image(joint.enriched(pixels, texture))
        plain, double, _ = joint.net(image, lesson.ppg)
        assert double is not None
        own = _share(lesson.region)
        fine = own.repeat_interleave(2, 2).repeat_interleave(2, 3)
        # Landmarks lay the mesh over a picture to a pixel or two, where colours are compared as
        # well as in full: by features and coarse colours alone it learns to draw noise.
        loss = losses.pixel(halved(plain[:, :3]), halved(halved(truth)), halved(own))
        loss = loss + losses.pixel(
            halved(halved(double[:, :3])), halved(halved(truth)), halved(own)
        )
        loss = loss + losses.pixel(double[:, :3], truth, fine)
        away = (double[:, :3] - warped[:, :3]).abs() * (1 - fine / losses.REGIONS[2]).square()
        loss = loss + _HOLD * away.mean() + (double[:, 3:] - warped[:, 3:]).abs().mean()
        seen = losses.perceptual(self._eye, double[:, :3], truth, fine)
        return torch.add(loss, seen, alpha=_PERCEPTUAL)


def _share(region: Tensor) -> Tensor:
    """Regions [N, h, w] -> how much a place is learned from the truth [N, 1, h, w]: mouth and eyes
    with soft edges, the rest hardly."""
    table = torch.tensor([0.1, 0.2, *losses.REGIONS[2:]], device=region.device)
    return F.avg_pool2d(table[region][:, None], _EDGE, 1, _EDGE // 2, count_include_pad=False)


def _relit(page: U8, truth: Tensor, rng: np.random.Generator) -> tuple[U8, Tensor]:
    """A page [R, R, 4] and pictures [N, 3, H, W] under another light: few people stand for many."""
    gain = np.float32(rng.uniform(0.6, 1.15)) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    lift = np.float32(rng.uniform(-0.05, 0.08))
    out = page.copy()
    out[..., :3] = np.clip(np.rint(page[..., :3] * gain + 255 * lift), 0, 255).astype(np.uint8)
    return out, (truth * torch.from_numpy(gain)[:, None, None] + float(lift)).clamp(0, 1)


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


def train(
    model: nn.Module, loss: Callable[[np.random.Generator], Tensor], minutes: float, name: str
) -> int:
    """Adam with a cosine to nothing after `minutes`; returns the steps."""
    own = model.net.parameters() if isinstance(model, Joint) else ()
    slow = {id(parameter) for parameter in own}
    groups = [
        {"params": [p for p in model.parameters() if (id(p) in slow) == few], "rate": pace}
        for few, pace in ((True, NET_RATE), (False, RATE))
    ]
    optimiser = torch.optim.Adam([g for g in groups if g["params"]], lr=RATE, betas=(0.9, 0.99))
    rng, began, count = np.random.default_rng(0), time.monotonic(), 0
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


def compare(rows: dict[str, Callable[[Clip], list[U8]]], album: Album, out: Path) -> str:
    """A table over the people held back, and a sheet of pictures beside it."""
    models, held = fetched(), album.shots.held
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
    Image.fromarray(sheet).save(out / "compared.png")
    (out / "compared.json").write_text(json.dumps(found, indent=1))
    return table(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Train both, print the table, write weights, pictures and numbers to --out."""
    parser = argparse.ArgumentParser(description="train the portraits' joint model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="of each training")
    parser.add_argument("--resume", type=Path, help="weights to go on from")
    parser.add_argument("--alone", action="store_true", help="without the dense-warp rival")
    parser.add_argument("--size", choices=("small", "large"), default="small")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    album, eye = Album(options.folder), Eye.load(PATH)
    start = options.resume
    joint = Joint(options.size) if start is None else Joint.load(start, options.size)
    warper = Warper()
    study = Study(album, eye)
    count = train(joint, lambda rng: study.loss(joint, rng), options.minutes, "texturer")
    about = {"steps": count, "people": len(album.shots.train), "frames": len(album.shots)}
    state = {name: value.half().contiguous() for name, value in joint.state_dict().items()}
    save_file(state, options.out / "portrait.safetensors", {KEY: json.dumps(about)})
    plain = Joint(options.size)
    rows: dict[str, Callable[[Clip], list[U8]]] = {
        "warp only": lambda clip: pictures(plain, album, clip),
        "ours": lambda clip: pictures(joint, album, clip),
    }
    if not options.alone:
        train(warper, lambda rng: warped(warper, album, eye, rng), options.minutes, "dense warp")
        rows["dense warp"] = lambda clip: flows(warper, album, clip)
    print(compare(rows, album, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
