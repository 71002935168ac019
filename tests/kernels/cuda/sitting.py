"""Avatars as the numba line draws them, handed to the CUDA kernels: what shading and texture tests
share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.face.background import Transparent
from engine.face.package import Package, load
from engine.frames import Motion
from engine.render.gbuffer import Visibility
from engine.render.mark import Badge
from engine.render.setting import Setting
from engine.render.toon import Toon
from engine.render.workspace import Buffers
from kernels.cuda.layout import FIGURE
from kernels.fragment import SMALL
from kernels.i420 import rgb_to_i420
from kernels.look import Trait
from tests.kernels.cuda.shim import Held, Shim

SCENES = 12  # kernels.look.SCENES and padding


def motion(seed: int) -> Motion:
    """Some of the face at work, the head turned."""
    random = np.random.default_rng(seed)
    weights = np.float32(random.uniform(0, 1, 52) * (random.random(52) < 0.3))
    pose = np.float32(random.uniform(-1, 1, 6) * [30, 15, 15, 0.2, 0.1, 0.3])
    return Motion(0, weights, pose)


def words(picture: np.ndarray) -> np.ndarray:
    """RGB [..., 3] -> red | green << 8 | blue << 16."""
    return np.asarray(picture.astype(np.uint32) @ np.uint32([1, 1 << 8, 1 << 16]), np.uint32)


def yuv(rgb: np.ndarray) -> np.ndarray:
    """RGB [H, W, 3] as I420 [H * 3 / 2, W], by numba."""
    height, width = rgb.shape[:2]
    out = np.empty((height * 3 // 2, width), np.uint8)
    rgb_to_i420(np.ascontiguousarray(rgb), out)
    return out


def brand(badge: Badge) -> tuple[np.ndarray, dict[str, int]]:
    """A likeness's mark as the array and the numbers of Figure."""
    rows, columns = badge.ink.shape[:2]
    ink = np.concatenate([badge.ink, badge.keep], 2)
    return ink, {
        "badge_place": badge.left | badge.top << 32, "badge_size": columns | rows << 32,
    }  # fmt: skip


@dataclass
class Item:
    """One picture of a batch: what its figure and it itself are made of."""

    keys: np.ndarray  # [H, W, 4]
    screen: np.ndarray  # [S, 3]
    normals: np.ndarray  # [V, 4]: strand last
    triangles: np.ndarray  # [F, 3]
    materials: np.ndarray  # [F]
    backdrop: np.ndarray  # [H, W, 3]
    scene: np.ndarray = field(default_factory=lambda: np.zeros(9, np.float32))
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # further members of Figure
    counts: dict[str, int] = field(default_factory=dict)
    picture: np.ndarray | None = None  # [H, W, 3] as numba draws it


def sit(
    package: Package | str, height: int, width: int, pose: Motion, setting: Setting | None = None
) -> Item:
    """An avatar's toon picture: its keys, and what the numba line makes of them."""
    package = load(package) if isinstance(package, str) else package
    setting = setting or Setting()
    seen, toon = Visibility(package, height, width), Toon(package, height, width, setting)
    buffers, out = Buffers(height, width), np.empty((height, width, 3), np.uint8)
    seen.draw(pose, buffers, toon.light, setting.outline)
    clear = isinstance(toon.background, Transparent)
    toon.shade(seen, buffers, out, clear)
    traits = seen.traits
    skin = traits[:, [Trait.U, Trait.V, Trait.AMBIENT, Trait.SHELTER]]
    return Item(
        buffers.keys, seen.screen.copy(), traits[:, [0, 1, 2, Trait.STRAND]].copy(),
        seen.triangles, seen.materials, toon.backdrop * np.uint8(not clear), toon.scene,
        {
            "skin": skin.copy(), "table": toon.table, "casts": toon.casts,
            "textures": toon.textures, "index": toon.index,
        },
        picture=out,
    )  # fmt: skip


class Batch:
    """Items on the device, their figures listed backwards."""

    def __init__(self, items: list[Item], variant: str = "plain") -> None:
        self.shim, self.items = Shim(variant), items
        self.size = len(items)
        self.height, self.width = items[0].keys.shape[:2]
        self.wide = int(min(self.height, self.width) > SMALL)
        self.screen_stride = max(len(i.screen) for i in items) + 1
        self.normal_stride = max(len(i.normals) for i in items) + 2
        screen = np.full((self.size, self.screen_stride, 4), np.nan, np.float32)
        normals = np.full((self.size, self.normal_stride, 4), np.nan, np.float32)
        scene = np.zeros((self.size, SCENES), np.float32)
        self._held: list[Held] = []
        figures = np.zeros(self.size, FIGURE)
        for b, item in enumerate(items):
            screen[b, : len(item.screen), :3] = item.screen
            normals[b, : len(item.normals)] = item.normals
            scene[b, : len(item.scene)] = item.scene
            row = figures[self.size - 1 - b]
            kinds = np.int32(item.materials) << 8 | 1
            self._point(row, "triangle", np.int32(np.column_stack([item.triangles, kinds])))
            self._point(row, "backdrop", words(item.backdrop))
            for name, array in item.arrays.items():
                self._point(row, name, array)
            row["surfaces"] = len(item.triangles)
            for name, count in item.counts.items():
                row[name] = count
        self.keys = self.shim.upload(np.stack([item.keys for item in items]))
        self.screen, self.normals = self.shim.upload(screen), self.shim.upload(normals)
        self.scene, self.figures = self.shim.upload(scene), self.shim.upload(figures)
        self.who = self.shim.upload(np.arange(self.size, dtype=np.int32)[::-1])

    def _point(self, row: Any, name: str, array: np.ndarray) -> None:
        self._held.append(self.shim.upload(array))
        row[name] = self._held[-1].pointer

    def cells(self) -> np.ndarray:
        """What cast_cells finds [B, rows, columns]."""
        shape = self.size, self.height >> self.wide, self.width >> self.wide
        self._cells = self.shim.empty(shape, np.uint32)
        self.shim.launch(
            "cast_cells", (self.size, self.height, self.width, self.wide), self.keys, self.figures,
            self.who, self._cells, self.height, self.width, self.wide,
        )  # fmt: skip
        return self.shim.download(self._cells)

    def shade(self, what: str) -> np.ndarray:
        """Pictures [B, H, W, 3] ("rgb") or [B, H * 3 / 2, W] ("i420")."""
        self.cells()
        height, width = self.height, self.width
        shape = (height, width, 3) if what == "rgb" else (height * 3 // 2, width)
        out = self.shim.empty((self.size, *shape), np.uint8)
        self.shim.launch(
            f"shade_{what}", (self.size, height, width, self.wide), self.keys, self.screen,
            self.normals, self.scene, self._cells, self.figures, self.who, out,
            self.screen_stride, self.normal_stride, height, width, self.wide,
        )  # fmt: skip
        return self.shim.download(out)
