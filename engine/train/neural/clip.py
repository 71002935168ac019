"""One clip of a training set as it lies on disk: crops of consecutive frames, decoded.

Arrays are memory-mapped and a crop reads no more than its own pixels, so that a set of several GB
trains on a small machine.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError
from engine.frames import F32, U8

VERSION = 2  # 2: the hole in what lies behind is filled; pages have four channels
FINE = 65535  # steps of UV and depth


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
        return np.concatenate(places), np.concatenate(uvs).astype(np.float32) / np.float32(FINE)

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
            uv=a["uv"][part].astype(f32) / f32(FINE),
            looks=(flags >> 3 & 7).astype(f32),
            more_at=more_at,
            more_uv=more_uv,
            normal=a["normal"][part].astype(f32) / f32(127),
            depth=a["depth"][part].astype(f32) / f32(FINE),
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
