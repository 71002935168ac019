"""The teacher: a cast member as an animated film would show it, too dear to shade live.

`Teacher(package, size).render(motion)` -> straight RGBA. Deterministic and steady: nothing is drawn
by chance per picture; what varies (pores, strands, weave) is anchored on the rest mesh.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.face.package import Package, load
from engine.frames import F32, U8, Motion
from engine.render.setting import Setting
from engine.train.neural.barber import Barber
from engine.train.neural.film import develop
from engine.train.neural.irradiance import irradiate
from engine.train.neural.light import LAMP, NARROW, SEARCH, TAPS, WIDE, Sky, Sun, disc, frame
from engine.train.neural.optics import LAMPS, Lamp
from engine.train.neural.shade import color
from engine.train.neural.skin import Scatter, materials
from engine.train.neural.strokes import draw, place, shade
from engine.train.neural.surface import Column, Surface
from engine.train.neural.tress import Strands
from kernels.raster import empty, rasterize, tiles_of

LOOK = 1  # raised when pictures change: sets of different looks do not mix
OVER = 2  # pixels drawn for one of the picture, each way
_KEY = 1.06  # strength of the key light
_RIM = 0.55
_REACH = 2.9  # dm around the head that throws shadows


def _unit(vector: npt.NDArray[np.floating]) -> F32:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class Teacher:
    """One cast member at one picture size; serves one thread."""

    def __init__(
        self, package: Package | str | Path, size: int = 512, setting: Setting | None = None
    ) -> None:
        """`size`: px of a square picture; `setting`: light and palette. Raises PackageError."""
        self.package = package if isinstance(package, Package) else load(package)
        self.size, spec = size, self.package.manifest
        setting = setting or Setting()
        colors = setting.colors(spec.palette)
        self._side = side = OVER * size
        self._surface = Surface(self.package)
        self._matter, self._texels, self._index = materials(self.package, colors)
        key = _unit(np.array(setting.light or spec.light, np.float32))
        centre = np.array([0, spec.camera.height - 0.15, -0.6], np.float32)
        self._sun = Sun(key, centre, _REACH)
        above = np.array([0.50, 0.51, 0.56], np.float32)
        level = np.array([0.34, 0.32, 0.325], np.float32)
        below = np.array([0.27, 0.19, 0.155], np.float32)
        self._sky = Sky(np.stack([above, level, below]), centre, _REACH)
        self._lamps = self._lit(key, above)
        self._keys, self._tiles = empty(side, side), tiles_of(side, side)
        self._seen = np.empty((side, side), np.int32)
        self._far = np.empty((side, side), np.float32)
        self._light = np.zeros((side, side, 4), np.float32)
        self._color = np.zeros((side, side, 4), np.float32)
        camera = spec.camera
        focal = 0.5 * side / np.tan(np.radians(camera.fov_deg) / 2)
        self._scatter = Scatter(side, side, focal / camera.distance, camera.far - camera.near)
        self._search, self._taps = disc(SEARCH), disc(TAPS)
        self._penumbra = np.array([LAMP, NARROW, WIDE], np.float32)
        self._eyes = Eyes(self.package)
        self._strands = Barber(self.package, self._surface.place, colors).grow()
        self._few = disc(6)
        self._per_dm = float(focal / camera.distance)
        if self._strands is not None:
            shape = self._strands.triangle.shape
            self._at = np.empty((*shape, 6), np.float32)
            self._sight = np.empty((*shape, 3), np.float32)
            self._radiance = np.empty((*shape, 3), np.float32)

    def _lit(self, key: F32, above: F32) -> F32:
        lamps = np.zeros(LAMPS, np.float32)
        camera = self.package.manifest.camera
        lamps[Lamp.KEY : Lamp.KEY + 3] = key
        lamps[Lamp.KEY_COLOR : Lamp.KEY_COLOR + 3] = np.array([1.0, 0.945, 0.87]) * _KEY
        back = _unit(np.array([-key[0] * 1.7, 0.35, -0.62], np.float32))
        lamps[Lamp.RIM : Lamp.RIM + 3] = back
        lamps[Lamp.RIM_COLOR : Lamp.RIM_COLOR + 3] = np.array([1.0, 0.97, 0.95]) * _RIM
        lamps[Lamp.ABOVE : Lamp.ABOVE + 3] = above
        lamps[Lamp.EYE : Lamp.EYE + 3] = 0, camera.height, camera.distance
        lamps[Lamp.TEXEL], lamps[Lamp.UNIT] = self._sun.texel, self._sun.unit
        window = frame(_unit(key + [-0.10, -0.08, 0.10]).astype(np.float64))
        lamps[Lamp.WINDOW_X : Lamp.WINDOW_X + 3] = window[0]
        lamps[Lamp.WINDOW_Y : Lamp.WINDOW_Y + 3] = window[1]
        return lamps

    def render(self, motion: Motion) -> U8:
        """One picture [size, size, 4] uint8: sRGB, alpha not premultiplied."""
        surface = self._surface
        points = surface.pose(motion)
        sky = self._sky.light(surface.points, surface.normals, surface.coarse, surface.place)
        surface.spread(sky, Column.SKY)
        self._sun.cast(surface.points, surface.coarse)
        screen = self.package.manifest.camera.project(points, self._side, self._side)
        rasterize(
            screen, surface.triangle, surface.sides, surface.early, self._keys, self._tiles,
        )  # fmt: skip
        irradiate(
            self._keys, screen, surface.triangle, surface.material, surface.table, self._matter,
            self._lamps, self._sun.depth, self._sun.matrix, self._search, self._taps,
            self._penumbra, self._seen, self._far, self._light,
        )  # fmt: skip
        self._scatter.spread(self._seen, surface.material, self._matter, self._far, self._light)
        color(
            self._seen, self._light, screen, surface.triangle, surface.material, surface.table,
            self._matter, self._lamps, self._texels, self._index,
            self._eyes.frames(surface.points), self._color,
        )  # fmt: skip
        if self._strands is not None:
            self._comb(self._strands, sky)
        return develop(self._color)

    def _comb(self, strands: Strands, sky: F32) -> None:
        """Draw strands over the picture."""
        surface, camera = self._surface, self.package.manifest.camera
        place(
            strands.triangle, strands.weight, strands.height, strands.beyond, strands.aside,
            self.package.mesh.triangle, surface.points, surface.smooth, sky, self._at,
            self._sight,
        )  # fmt: skip
        shade(
            self._at, self._sight, strands.color, strands.shine, self._lamps, self._sun.depth,
            self._sun.matrix, self._few, self._radiance,
        )  # fmt: skip
        flat = self._at[..., :3].reshape(-1, 3)
        screen = camera.project(flat, self._side, self._side).reshape(self._radiance.shape)
        draw(
            screen, self._radiance, strands.width, strands.alpha, strands.gap, self._per_dm,
            float(camera.far - camera.near), self._far, self._color,
        )  # fmt: skip


class Eyes:
    """Where the eyeballs look: their rotations since rest."""

    def __init__(self, package: Package) -> None:
        mesh, spec = package.mesh, package.manifest
        names = [m.name for m in spec.materials]
        used = np.unique(mesh.triangle[mesh.material == names.index("eye")])
        right, left = used[mesh.position[used, 0] < 0], used[mesh.position[used, 0] >= 0]
        self._balls = right, left
        self._rest = [mesh.position[b] - mesh.position[b].mean(0) for b in self._balls]
        mask = package.masks["eye_0_iris_dark"]
        rows, columns = np.nonzero(mask > 127)
        radius = 0.25 * (
            (columns.max() - columns.min() + 1) / mask.shape[1]
            + (rows.max() - rows.min() + 1) / mask.shape[0]
        )
        u = (columns.min() + columns.max() + 1) / 2 / mask.shape[1]
        v = 1 - (rows.min() + rows.max() + 1) / 2 / mask.shape[0]
        self._iris = radius, u, v

    def frames(self, points: F32) -> F32:
        """Rows for `shade.color` [2, 12] of posed points (Kabsch, 1976)."""
        out = np.zeros((2, 12), np.float32)
        for row, ball, rest in zip(out, self._balls, self._rest, strict=True):
            posed = points[ball] - points[ball].mean(0)
            u, _, vt = np.linalg.svd(posed.T @ rest)
            sign = np.sign(np.linalg.det(u @ vt))
            row[:9] = (u @ np.diag([1, 1, sign]) @ vt).reshape(-1)
            row[9:12] = self._iris
        return out
