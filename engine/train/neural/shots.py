"""Training sets of the neural renderer: what it reads and the true picture, frame by frame.

A set is a folder of clips, a clip a folder of memory-mapped arrays; consecutive frames belong
together (engine.train.neural.clip reads them). UVs are kept, not sampled colours: the neural
texture is trained. A pixel whose rasterizer samples lie at one place of the texture keeps that UV
once; the others keep each covered sample's, so that torch samples exactly what the kernel samples
at run time.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError
from engine.frames import F32, U8
from engine.train.neural.clip import FINE, VERSION, Clip, Crop, join
from engine.train.neural.regions import EYES, MOUTH, SKIN

MOTION = 58  # 52 weights, then the pose
PPG = (8, 40)
_U16 = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame as it is made, on the grid [gh, gw]; s is 1 or 2."""

    uv: F32  # [gh, gw, 4, 2] per rasterizer sample, in the atlas; NaN where a sample is empty
    normal: F32  # [gh, gw, 3] unit, view space; 0 outside
    depth: F32  # [gh, gw] 0 nearest .. 1
    coverage: F32  # [gh, gw] in quarters
    region: U8  # [gh, gw] of engine.train.neural.regions
    target: U8  # [s * gh, s * gw, 3 or 4] the true picture: straight RGB, alpha where it is known
    ppg: F32  # [8, 40] oldest first; zeros if unknown
    motion: F32  # [58] weights and pose
    background: U8 | None = None  # [gh, gw, 3] eroded, or the same for all frames of the clip


def _compact(shot: Shot) -> tuple[_U16, npt.NDArray[np.uint8], npt.NDArray[np.uint32], _U16]:
    """(uv [gh, gw, 2], looks [gh, gw], more_at [M], more_uv [M, 2]) of `shot.uv`."""
    height, width = shot.uv.shape[:2]
    covered = ~np.isnan(shot.uv[..., 0]).reshape(-1, 4)
    fine = np.rint(np.nan_to_num(np.clip(shot.uv, 0, 1)) * FINE).astype(np.uint16).reshape(-1, 4, 2)
    pixel, first = np.arange(len(fine)), covered.argmax(1)
    one = fine[pixel, first]
    differ = ((fine != one[:, None]).any(2) & covered).any(1)
    rest = covered & differ[:, None]
    rest[pixel, first] = False
    looks = (covered.any(1) + rest.sum(1)).astype(np.uint8)
    at, sample = np.nonzero(rest)
    return (
        one.reshape(height, width, 2), looks.reshape(height, width),
        at.astype(np.uint32), fine[at, sample],
    )  # fmt: skip


class _Files:
    """The arrays of a clip while it is written."""

    def __init__(self, folder: Path, length: int, first: Shot) -> None:
        grid, big = first.depth.shape, first.target.shape
        self._folder, self.length, self.grid = folder, length, grid

        def array(name: str, dtype: str, *shape: int) -> npt.NDArray[Any]:
            path = folder / f"{name}.npy"
            return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(length, *shape))

        self.uv = array("uv", "u2", *grid, 2)
        self.normal = array("normal", "i1", *grid, 3)
        self.depth = array("depth", "u2", *grid)
        self.flags = array("flags", "u1", *grid)
        self.target = array("target", "u1", *big)
        self.ppg = array("ppg", "f2", *PPG)
        self.motion = array("motion", "f4", MOTION)
        still = first.background is None
        self.background = None if still else array("background", "u1", *grid, 3)
        self.at: list[npt.NDArray[np.uint32]] = []
        self.more: list[_U16] = []

    def put(self, i: int, shot: Shot) -> None:
        uv, looks, at, more = _compact(shot)
        self.uv[i] = uv
        self.normal[i] = np.rint(np.clip(shot.normal, -1, 1) * 127)
        self.depth[i] = np.rint(np.clip(shot.depth, 0, 1) * FINE)
        quarters = np.rint(np.clip(shot.coverage, 0, 1) * 4).astype(np.uint8)
        self.flags[i] = quarters | looks << 3 | shot.region << 6
        self.target[i], self.ppg[i], self.motion[i] = shot.target, shot.ppg, shot.motion
        if self.background is not None and shot.background is not None:
            self.background[i] = shot.background
        self.at.append(at)
        self.more.append(more)

    def close(self) -> None:
        ends = np.cumsum([0, *(len(at) for at in self.at)], dtype=np.int64)
        np.save(self._folder / "more_end.npy", ends)
        np.save(self._folder / "more_at.npy", np.concatenate(self.at))
        np.save(self._folder / "more_uv.npy", np.concatenate(self.more))


def write(
    folder: Path, name: str, length: int, shots: Iterable[Shot], held: bool = False,
    about: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Write one clip of `length` frames; it appears in `folder` when it is whole. Processes may
    write different clips of a folder at once. `held`: kept for measuring, never trained on."""
    part, whole = folder / f"{name}.part", folder / name
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files, count = None, 0
    for shot in shots:
        files = files or _Files(part, length, shot)
        files.put(count, shot)
        count += 1
    if files is None or count != length:
        raise ValueError(f"clip {name}: {count} frames came, {length} were announced")
    files.close()
    head = {
        "version": VERSION, "length": length, "grid": list(files.grid), "held": held,
        "scale": files.target.shape[1] // files.grid[0], "channels": files.target.shape[3],
        "about": dict(about or {}),
    }  # fmt: skip
    (part / "clip.json").write_text(json.dumps(head, indent=1))
    shutil.rmtree(whole, ignore_errors=True)
    return part.rename(whole)


class Shots:
    """A set: the clips of a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises WeightsError when there is none, or they do not belong together."""
        self._folder = folder
        self.clips = [Clip(p.parent) for p in sorted(folder.glob("*/clip.json"))
                      if p.parent.suffix != ".part"]  # fmt: skip
        kinds = {(c.grid, c.scale, c.channels) for c in self.clips}
        if len(kinds) != 1:
            raise WeightsError(
                f"{folder} holds {len(self.clips)} clips of {len(kinds)} kinds (grid, scale, "
                "channels), expected some of one kind"
            )
        ((self.grid, self.scale, self.channels),) = kinds
        self.train = [c for c in self.clips if not c.held]
        self.held = [c for c in self.clips if c.held]

    def again(self) -> "Shots":
        """What the folder holds by now: a training may begin while its set is still made."""
        return Shots(self._folder)

    @property
    def meshes(self) -> set[str]:
        """Fingerprints of the meshes that the clips show."""
        return {str(clip.about.get("mesh", "unknown")) for clip in self.clips}

    def need(self, frames: int) -> None:
        """Raises WeightsError unless a window of `frames` frames can be trained on."""
        longest = max((clip.length for clip in self.train), default=0)
        if longest < frames:
            raise WeightsError(
                f"{self._folder}: the longest clip to train on has {longest} frames, expected "
                f"{frames} or more: give longer ones or a shorter --window"
            )

    def __len__(self) -> int:
        """Frames that are trained on."""
        return sum(c.length for c in self.train)

    def draw(
        self, rng: np.random.Generator, batch: int, size: int | None, frames: int = 1,
        attend: float = 0.5,
    ) -> Crop:  # fmt: skip
        """`batch` windows of `frames` consecutive frames, batch x frames crops of `size` x `size`
        (None: whole), with a mouth or an eye inside, with chance `attend`, or at any place; where
        only a hole is drawn, within that."""
        long = [c for c in self.train if c.length >= frames]
        share = np.array([c.length - frames + 1 for c in long], float)
        crops = []
        for _ in range(batch):
            clip = long[int(rng.choice(len(long), p=share / share.sum()))]
            start = int(rng.integers(clip.length - frames + 1))
            h, w = (min(size or side, side) for side in self.grid)
            y, x = (int(rng.integers(side - part + 1))
                    for side, part in zip(self.grid, (h, w), strict=True))  # fmt: skip
            closer = bool(rng.random() < attend)
            if size and (closer or (clip.channels == 3 and "background" in clip.arrays)):
                kinds = ((MOUTH,), (EYES,))[rng.integers(2)] if closer else (SKIN, MOUTH, EYES)
                y, x = _around(clip.region(start), kinds, rng, h, w) or (y, x)
            crops.append(clip.crop(start, frames, y, x, h, w))
        return join(crops)


def _around(
    region: U8, kinds: Sequence[int], rng: np.random.Generator, h: int, w: int
) -> tuple[int, int] | None:
    """A crop's corner so that a pixel of some kinds of region, drawn evenly, lies in it."""
    at = np.flatnonzero(np.isin(region, kinds))
    if not len(at):
        return None
    row, column = divmod(int(at[rng.integers(len(at))]), region.shape[1])
    y = row - int(rng.integers(h // 8, h - h // 8))
    x = column - int(rng.integers(w // 8, w - w // 8))
    return (
        min(max(y, 0), region.shape[0] - h),
        min(max(x, 0), region.shape[1] - w),
    )
