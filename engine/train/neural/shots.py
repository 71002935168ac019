"""Training sets of the neural renderer: what it reads and the true picture, frame by frame.

A set is a folder of clips, a clip a folder of memory-mapped arrays; consecutive frames belong
together. Crops of consecutive frames are read without touching the rest, so that a set of several
GB trains on a small machine. UVs are kept, not sampled colours: the neural texture is trained. A
pixel whose rasterizer samples lie at one place of the texture keeps that UV once; the others keep
each covered sample's, so that torch samples exactly what the kernel samples at run time.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError
from engine.frames import F32, U8

VERSION = 1
MOTION = 58  # 52 weights, then the pose
PPG = (8, 40)
_FINE = 65535  # steps of UV and depth
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


@dataclass(frozen=True, slots=True)
class Crop:
    """N frames or windows of frames, decoded: what a training step reads."""

    uv: F32  # [N, h, w, 2] of each pixel's first covered sample
    looks: F32  # [N, h, w] how many places of the texture a pixel averages, 0 to 4
    more_at: npt.NDArray[np.int64]  # [M] pixels n * h * w + y * w + x of the places after the first
    more_uv: F32  # [M, 2]
    normal: F32  # [N, h, w, 3]
    depth: F32  # [N, h, w]
    coverage: F32  # [N, h, w]
    region: U8  # [N, h, w]
    target: U8  # [N, s h, s w, 3 or 4]
    background: F32  # [N, h, w, 3] 0 if there is none
    ppg: F32  # [N, 8, 40]
    motion: F32  # [N, 58]
    behind: bool  # whether the background is known


def _compact(shot: Shot) -> tuple[_U16, npt.NDArray[np.uint8], npt.NDArray[np.uint32], _U16]:
    """(uv [gh, gw, 2], looks [gh, gw], more_at [M], more_uv [M, 2]) of `shot.uv`."""
    height, width = shot.uv.shape[:2]
    covered = ~np.isnan(shot.uv[..., 0]).reshape(-1, 4)
    fine = (
        np.rint(np.nan_to_num(np.clip(shot.uv, 0, 1)) * _FINE).astype(np.uint16).reshape(-1, 4, 2)
    )
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
        self.depth[i] = np.rint(np.clip(shot.depth, 0, 1) * _FINE)
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


class Clip:
    """A clip on disk; arrays are mapped when first read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        head = json.loads((folder / "clip.json").read_text())
        if head.get("version") != VERSION:
            raise WeightsError(
                f"{folder}: training set of version {head.get('version')}, expected {VERSION}: "
                "make it again"
            )
        self.length, self.held = int(head["length"]), bool(head["held"])
        self.grid = int(head["grid"][0]), int(head["grid"][1])
        self.scale, self.channels = int(head["scale"]), int(head["channels"])
        self.about: dict[str, Any] = head["about"]

    @cached_property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {p.stem: np.load(p, mmap_mode="r") for p in sorted(self.folder.glob("*.npy"))}

    def region(self, frame: int) -> U8:
        """[gh, gw] region numbers of a frame."""
        return np.asarray(self.arrays["flags"][frame] >> 6)

    def _more(
        self, start: int, count: int, y: int, x: int, h: int, w: int
    ) -> tuple[npt.NDArray[np.int64], F32]:
        """Further places of the texture within a crop: pixels of the crop, uv."""
        a, width = self.arrays, self.grid[1]
        places, uvs = [], []
        for n in range(count):
            first, last = (int(e) for e in a["more_end"][start + n : start + n + 2])
            pixel = a["more_at"][first:last].astype(np.int64)  # ascending
            low, high = np.searchsorted(pixel, (y * width, (y + h) * width))
            row, column = np.divmod(pixel[low:high], width)
            inside = (column >= x) & (column < x + w)
            places.append((n * h + row[inside] - y) * w + column[inside] - x)
            uvs.append(a["more_uv"][first + low : first + high][inside])
        return np.concatenate(places), np.concatenate(uvs).astype(np.float32) / np.float32(_FINE)

    def crop(
        self, start: int, count: int = 1, y: int = 0, x: int = 0, h: int | None = None,
        w: int | None = None,
    ) -> Crop:  # fmt: skip
        """`count` frames from `start` on, of the whole grid or a part of it."""
        h, w = h or self.grid[0], w or self.grid[1]
        a, s = self.arrays, self.scale
        part = np.s_[start : start + count, y : y + h, x : x + w]
        big = np.s_[start : start + count, s * y : s * (y + h), s * x : s * (x + w)]
        flags = np.asarray(a["flags"][part])
        behind = a["background"][part] if "background" in a else None
        more_at, more_uv = self._more(start, count, y, x, h, w)
        f32 = np.float32
        return Crop(
            uv=a["uv"][part].astype(f32) / f32(_FINE),
            looks=(flags >> 3 & 7).astype(f32),
            more_at=more_at,
            more_uv=more_uv,
            normal=a["normal"][part].astype(f32) / f32(127),
            depth=a["depth"][part].astype(f32) / f32(_FINE),
            coverage=(flags & 7).astype(f32) / f32(4),
            region=(flags >> 6).astype(np.uint8),
            target=np.array(a["target"][big]),
            background=(
                np.zeros((count, h, w, 3), f32) if behind is None
                else behind.astype(f32) / f32(255)
            ),
            ppg=a["ppg"][start : start + count].astype(f32),
            motion=np.array(a["motion"][start : start + count]),
            behind=behind is not None,
        )  # fmt: skip


def join(crops: list[Crop]) -> Crop:
    """Crops of one size one after another."""
    sizes = np.cumsum([0, *(c.looks.size for c in crops)])
    arrays = [name for name in Crop.__slots__ if name != "behind"]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(c, name) for c in crops]) for name in arrays
    }
    joined["behind"] = any(c.behind for c in crops)
    joined["more_at"] = np.concatenate(
        [c.more_at + size for c, size in zip(crops, sizes[:-1], strict=True)]
    )
    return Crop(**joined)


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

    def need(self, frames: int) -> None:
        """Raises WeightsError unless a window of `frames` frames can be trained on."""
        longest = max((clip.length for clip in self.train), default=0)
        if longest < frames:
            raise WeightsError(
                f"{self._folder}: the longest clip to train on has {longest} frames, expected "
                f"{frames} or more"
            )

    def __len__(self) -> int:
        """Frames that are trained on."""
        return sum(c.length for c in self.train)

    def draw(
        self, rng: np.random.Generator, batch: int, size: int | None, frames: int = 1,
        attend: float = 0.5,
    ) -> Crop:  # fmt: skip
        """`batch` windows of `frames` consecutive frames, batch x frames crops of `size` x `size`
        (None: whole), at any place or, with chance `attend`, with a mouth or an eye inside."""
        long = [c for c in self.train if c.length >= frames]
        share = np.array([c.length - frames + 1 for c in long], float)
        crops = []
        for _ in range(batch):
            clip = long[int(rng.choice(len(long), p=share / share.sum()))]
            start = int(rng.integers(clip.length - frames + 1))
            h, w = (min(size or side, side) for side in self.grid)
            y, x = (int(rng.integers(side - part + 1))
                    for side, part in zip(self.grid, (h, w), strict=True))  # fmt: skip
            if size and rng.random() < attend:
                y, x = _around(clip.region(start), rng, h, w) or (y, x)
            crops.append(clip.crop(start, frames, y, x, h, w))
        return join(crops)


def _around(region: U8, rng: np.random.Generator, h: int, w: int) -> tuple[int, int] | None:
    """A crop's corner so that a pixel of the mouth or the eyes, drawn evenly, lies in it."""
    kind = 2 if rng.random() < 0.5 else 3
    at = np.flatnonzero(region == kind)
    if not len(at):
        return None
    row, column = divmod(int(at[rng.integers(len(at))]), region.shape[1])
    y = row - int(rng.integers(h // 8, h - h // 8))
    x = column - int(rng.integers(w // 8, w - w // 8))
    return (
        min(max(y, 0), region.shape[0] - h),
        min(max(x, 0), region.shape[1] - w),
    )
