"""How good the painter is by now: numbers on held-out frames, and pictures to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.errors import WeightsError
from engine.eval.ssim import luma, psnr, ssim
from engine.frames import U8
from engine.train.neural.clip import Crop
from engine.train.neural.lesson import Backdrop, Lesson
from engine.train.neural.regions import MOUTH
from engine.train.neural.shots import Shots
from engine.train.neural.trainer import Painter

_GREY = 0.62  # what pictures with alpha are laid over
_GAIN = 4  # by which errors are shown brighter


def held_frames(shots: Shots, count: int) -> list[Crop]:
    """About `count` whole held-out frames, evenly spread; of the trained ones if none is held."""
    places = [(clip, i) for clip in shots.held or shots.train for i in range(clip.length)]
    if not places:
        raise WeightsError("the set has no frames")
    chosen = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round())
    return [places[int(n)][0].crop(places[int(n)][1]) for n in chosen]


def _picture(x: Tensor) -> U8:
    """[1, 3, H, W] in [0, 1] -> [H, W, 3]."""
    grey = (x[0].permute(1, 2, 0).clamp(0, 1) * 255).round()
    return np.asarray(grey.to(torch.uint8).cpu().numpy())


def draw(painter: Painter, crop: Crop, scale: int, device: str = "cpu") -> tuple[U8, U8]:
    """(truth, ours) [H, W, 3] of one whole frame, at the target's size."""
    lesson = Lesson.of(crop, device)
    drop = Backdrop(lesson, torch.full((1, 3, 1, 1), _GREY, device=device))
    with torch.no_grad():
        rgba, double, _ = painter(lesson)  # a recurrent one remembers nothing, as live
    fine = double if scale == 2 and double is not None else rgba
    if scale == 2 and double is None:
        fine = torch.nn.functional.interpolate(rgba, scale_factor=2.0, mode="bilinear")
    # Clamped before it is blended, as at run time.
    fine = torch.cat([fine[:, :3].clamp(0, 1), fine[:, 3:]], 1)
    return _picture(drop.truth().rgb), _picture(drop.ours(fine).rgb)


def _mouth(crop: Crop, scale: int) -> tuple[slice, slice] | None:
    """Rows and columns around the mouth, in pixels of the target."""
    rows, columns = np.nonzero(crop.region[0] == MOUTH)
    if not len(rows):
        return None
    return (
        slice(scale * int(rows.min()), scale * int(rows.max() + 1)),
        slice(scale * int(columns.min()), scale * int(columns.max() + 1)),
    )


def measure(
    painter: Painter, crops: Sequence[Crop], scale: int, device: str = "cpu"
) -> dict[str, float]:
    """PSNR (dB), SSIM (luma) and the mouth's PSNR, means over frames."""
    rows: dict[str, list[float]] = {"psnr": [], "ssim": [], "psnr_mouth": []}
    for crop in crops:
        truth, ours = draw(painter, crop, scale, device)
        rows["psnr"].append(psnr(ours, truth))
        rows["ssim"].append(ssim(luma(ours), luma(truth)))
        if (part := _mouth(crop, scale)) is not None:
            rows["psnr_mouth"].append(psnr(ours[part], truth[part]))
    return {name: float(np.mean(values)) for name, values in rows.items() if values}


def sheet(
    painter: Painter, crops: Sequence[Crop], scale: int, path: Path, device: str = "cpu"
) -> None:
    """A PNG: a row a frame, truth | ours | error, 4 times as bright; the mouth beside each."""
    rows = []
    for crop in crops:
        truth, ours = draw(painter, crop, scale, device)
        error = np.abs(truth.astype(int) - ours.astype(int)) * _GAIN
        whole = [truth, ours, np.clip(error, 0, 255).astype(np.uint8)]
        part = _mouth(crop, scale)
        closer = [] if part is None else [_closer(x, part, truth.shape[0]) for x in whole[:2]]
        rows.append(np.concatenate([*whole, *closer], 1))
    width = min(row.shape[1] for row in rows)
    Image.fromarray(np.concatenate([row[:, :width] for row in rows])).save(path)


def _closer(picture: U8, part: tuple[slice, slice], height: int) -> U8:
    """A part and a margin, enlarged to `height` px of a square."""
    rows, columns = part
    half = max(rows.stop - rows.start, columns.stop - columns.start)
    y = max(0, (rows.start + rows.stop) // 2 - half)
    x = max(0, (columns.start + columns.stop) // 2 - half)
    found = Image.fromarray(picture[y : y + 2 * half, x : x + 2 * half])
    return np.asarray(found.resize((height, height), Image.Resampling.BICUBIC))


def plot(log: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Terms of the loss (log scale) and held-out PSNR over minutes, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6))
    above, below = figure.subplots(2, 1, sharex=True)
    terms = sorted({name for row in log for name in row.get("loss", {})})
    for name in terms:
        rows = [(row["minutes"], row["loss"][name]) for row in log if name in row.get("loss", {})]
        above.plot(*zip(*rows, strict=True), label=name)
    above.set_ylabel("loss")
    if terms:
        above.set_yscale("log")
        above.legend(fontsize=7)
    for name in ("psnr", "psnr_mouth"):
        rows = [(row["minutes"], row["held"][name]) for row in log if name in row.get("held", {})]
        if rows:
            below.plot(*zip(*rows, strict=True), marker=".", label=name)
    below.set_ylabel("dB on held-out frames")
    below.set_xlabel("minutes")
    if below.lines:
        below.legend(fontsize=7)
    figure.savefig(path, dpi=90)
