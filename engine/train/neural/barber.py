"""Which strands a cast member wears: head, beard, brows and lashes, from package and palette.

Everything is chosen by one seeded generator over the rest mesh, so a package always grows the same
hair. Lengths in decimetres.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from engine.face.fields import RGB
from engine.face.package import Package
from engine.frames import F32
from engine.render.traits import strands as combed
from engine.train.neural.skin import linear
from engine.train.neural.tress import Strands, areas, neighbours, scattered, walk

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
POINTS = 12  # of a strand
HEAD = 9000  # strands of the head at most
_PER_AREA = 1500  # of them per square dm
_WIDTH = 0.0042
_LASH_ROWS, _LASH_COLUMNS = 3, 25  # engine.train.lash


class Barber:
    """Grows the strands of one package in given colours."""

    def __init__(self, package: Package, place: I32, colors: dict[str, RGB]) -> None:
        """`place` [V]: vertices of one number stand at one place."""
        self._package, self._colors = package, colors
        self._mesh, self._place = package.mesh, place
        self._names = [m.name for m in package.manifest.materials]
        self._chance = np.random.default_rng(7)

    def grow(self) -> Strands | None:
        """All of them, in the order in which they are drawn; None for a bald face."""
        parts = [self._brows()]
        parts += [self._head(name) for name in ("beard", "hair")]
        parts.append(self._lashes())
        grown = [p for p in parts if p is not None]
        return Strands.joined(grown) if grown else None

    def _faces(self, name: str) -> npt.NDArray[np.int64]:
        if name not in self._names:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self._mesh.material == self._names.index(name))

    def _across(self, chosen: npt.NDArray[np.int64]) -> I32:
        """Neighbours [F, 3] of all triangles, links among the chosen ones alone."""
        faces = self._mesh.triangle
        across = np.full((len(faces), 3), -1, np.int32)
        linked = neighbours(self._place[faces[chosen]])
        across[chosen] = np.where(linked >= 0, chosen[linked], -1)
        return across

    def _ink(self, name: str) -> F32:
        return linear(self._colors[name])

    def _made(
        self, where: tuple[I32, F32, F32], height: F64, color: F32, width: float, alpha: F64,
        shine: tuple[float, float], aside: F64 | None = None, spread: float = 0.0,
        taper: float = 0.65, gap: float = 0.012,
    ) -> Strands:  # fmt: skip
        """Strands of points `where`; `color` [N, K, 3] varies by `spread`."""
        count, points = where[0].shape
        t = np.linspace(0, 1, points)
        tone = np.exp(self._chance.normal(0, spread, (count, 1, 1)))
        warm = 1 + self._chance.normal(0, 0.4 * spread, (count, 1, 1)) * np.array([1, 0, -1.0])
        slim = 1 - taper * t**2
        gloss = np.empty((count, 3))
        gloss[:, :2] = np.array(shine) * self._chance.uniform(0.5, 1.5, (count, 1))
        gloss[:, 2] = self._chance.normal(0, 0.05, count)
        return Strands(
            where[0], where[1], np.broadcast_to(height, (count, points)).astype(np.float32),
            where[2], np.zeros((count, points), np.float32) if aside is None
            else aside.astype(np.float32), (color * tone * warm).astype(np.float32),
            (np.broadcast_to(width * slim, (count, points))
             * self._chance.uniform(0.75, 1.3, (count, 1))).astype(np.float32),
            np.broadcast_to(alpha, (count, points)).astype(np.float32),
            gloss.astype(np.float32), np.full(count, gap, np.float32),
        )  # fmt: skip

    def _head(self, name: str) -> Strands | None:
        """Hair along the locks of the mesh."""
        chosen = self._faces(name)
        if not len(chosen):
            return None
        mesh, chance = self._mesh, self._chance
        faces = mesh.triangle
        wanted = np.zeros(len(faces), bool)
        wanted[chosen] = True
        field = combed(mesh, wanted)
        across = self._across(chosen)
        # Where no light comes in, none are seen.
        share = np.clip(mesh.ambient[faces[chosen]].mean(1) * 3, 0.03, 1)
        area = areas(mesh.position, faces[chosen]) * share
        count = int(min(HEAD, area.sum() * _PER_AREA))
        seed, start = scattered(mesh.position, faces[chosen], count, chance, share)
        seed = chosen[seed].astype(np.int32)
        places = self._place[faces]
        long = self._length(seed, start, places, across, field)
        thick = np.clip(self._above(_mixed(mesh.position[faces[seed]], start)) / 0.11, 0.12, 1)
        lengths = np.clip(0.75 * long, 0.12, 1.3) * chance.uniform(0.5, 1.1, count) * thick
        # First back towards the root, so that seeds lie anywhere on their strands.
        back, weight, past = walk(
            mesh.position, faces, places, across, field, seed, start,
            (lengths * chance.uniform(0.1, 0.5, count)).astype(np.float32), 2, -1.0,
        )  # fmt: skip
        inside = past[:, 1] == 0
        seed = np.where(inside, back[:, 1], seed).astype(np.int32)
        start = np.where(inside[:, None], weight[:, 1], start).astype(np.float32)
        triangle, weight, past = walk(
            mesh.position, faces, places, across, field, seed, start,
            (lengths / (POINTS - 1)).astype(np.float32), POINTS,
        )  # fmt: skip
        # Past the hem by a little only, each by its own.
        past = np.minimum(past, chance.gamma(2.0, 0.007, count)[:, None].astype(np.float32))
        t = np.linspace(0, 1, POINTS)
        # Seeds follow the mesh: what a hairdo built later lies higher and is lighter.
        layer = np.sort(chance.uniform(0, 1, count))
        rise = 0.004 + 0.030 * layer[:, None] * np.sin(np.pi * np.minimum(t + 0.15, 1)) ** 0.8
        rise *= (0.25 + 0.75 * thick)[:, None]
        loose = (chance.uniform(0, 1, count) < 0.035) & (thick > 0.6)
        rise += loose[:, None] * chance.uniform(0.0, 0.06, (count, 1)) * t**1.5
        turn = chance.uniform(0, 2 * np.pi, (count, 1))
        aside = 0.012 * np.sin(turn + 5 * t) + chance.normal(0, 0.02, (count, 1)) * t
        aside += loose[:, None] * chance.normal(0, 0.06, (count, 1)) * t**1.3
        dark, mid = self._ink("hair_shadow"), self._ink(name)
        bright = self._ink("hair_light" if name == "hair" else f"{name}_light")
        share = np.clip(0.25 + 0.75 * layer + chance.normal(0, 0.12, count), 0, 1)[:, None, None]
        color = np.where(
            share < 0.5, dark + (mid - dark) * 2 * share, mid + (bright - mid) * 0.5 * (share - 0.5)
        )
        color = color * (0.72 + 0.28 * np.minimum(t * 3, 1))[None, :, None]
        fade = np.minimum(t * 7, 1) * np.minimum((1 - t) * 4, 1)
        alpha = np.where(loose, 0.35, 0.85)[:, None] * fade * np.exp(-past / 0.02)
        return self._made(
            (triangle, weight, past), rise, color.astype(np.float32), _WIDTH, alpha, (0.16, 0.38),
            aside, 0.16, gap=0.02,
        )  # fmt: skip

    def _above(self, points: F32) -> F64:
        """Height [N] over the nearest skin."""
        mesh = self._mesh
        skin = mesh.triangle[self._faces("skin")]
        corner = mesh.position[skin].astype(float)
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        middle = corner.mean(1)
        _, nearest = cKDTree(middle).query(points)
        return np.asarray(((points - middle[nearest]) * normal[nearest]).sum(1))

    def _length(self, seed: I32, start: F32, places: I32, across: I32, field: F32) -> float:
        """Median way from seeds to the ends of their locks, both ways together."""
        some = slice(None, None, max(1, len(seed) // 300))
        total = np.zeros(len(seed[some]))
        step = np.full(len(total), 0.05, np.float32)
        for sign in (-1.0, 1.0):
            _, _, past = walk(
                self._mesh.position, self._mesh.triangle, places, across, field, seed[some],
                start[some], step, 60, sign,
            )  # fmt: skip
            total += 0.05 * (past == 0).sum(1)
        return float(np.median(total))

    def _brows(self) -> Strands | None:
        """Brows where they are painted: up at the inner end, then outwards."""
        mask = self._mask("brow")
        if mask is None:
            return None
        mesh, chance = self._mesh, self._chance
        chosen = self._faces("skin")
        faces, count = mesh.triangle, 42000
        near = np.abs(mesh.position[faces[chosen]].mean(1) - [0, 0.42, 0.1]) < [0.85, 0.45, 0.6]
        chosen = chosen[near.all(1)]
        seed, start = scattered(mesh.position, faces[chosen], count, chance)
        seed = chosen[seed].astype(np.int32)
        uv = _mixed(mesh.uv[faces[seed]], start)
        painted = _read(mask, uv)
        kept = painted > chance.uniform(0.25, 1.3, count)
        seed, start = seed[kept], start[kept]
        if len(seed) < 20:
            return None
        across = self._across(chosen)
        at = _mixed(mesh.position[faces[seed]], start)
        half = np.abs(at[:, 0])
        inner, outer = np.quantile(half, [0.02, 0.98])
        where = np.clip((np.abs(mesh.position[:, 0]) - inner) / (outer - inner), 0, 1)
        side = np.sign(mesh.position[:, 0])
        field = np.stack([side * (0.55 + where), 0.60 * (1 - where) ** 1.5 - 0.45 * where,
                          np.zeros_like(side)], 1)  # fmt: skip
        lengths = chance.uniform(0.055, 0.095, len(seed))
        points = walk(
            mesh.position, faces, self._place[faces], across, field.astype(np.float32), seed,
            start, (lengths / (POINTS - 1)).astype(np.float32), POINTS,
        )  # fmt: skip
        t = np.linspace(0, 1, POINTS)
        ink = np.broadcast_to(self._ink("brow") * 0.9, (len(seed), POINTS, 3))
        alpha = 0.8 * np.minimum(t * 5, 1) * np.minimum((1 - t) * 3, 1)
        return self._made(
            points, 0.005 + 0.012 * np.sin(np.pi * 0.6 * t), ink, 0.0046, alpha, (0.05, 0.10),
            spread=0.15, gap=0.02,
        )  # fmt: skip

    def _mask(self, ink: str) -> npt.NDArray[np.uint8] | None:
        texture = self._package.manifest.textures.get("skin")
        for layer in texture.layers if texture else ():
            if layer.ink == ink:
                return np.asarray(self._package.masks[layer.mask])
        return None

    def _lashes(self) -> Strands | None:
        """Upper lashes: a soft dark line on the edge of the lid, and hairs that curl out of it."""
        chosen = self._faces("lash")
        mesh = self._mesh
        used = np.unique(mesh.triangle[chosen])
        size = _LASH_ROWS * _LASH_COLUMNS
        if len(used) != 2 * size:
            return None
        parts = []
        faces = mesh.triangle
        for eye in range(2):
            low = used[eye * size + np.arange(_LASH_COLUMNS)]
            full = self._fullness(
                low, used[eye * size + 2 * _LASH_COLUMNS + np.arange(_LASH_COLUMNS)]
            )
            rows = (
                (700, 1.25, 0.009, 0.9, 0.0),
                (int(130 * full), 1.2 + 1.4 * full, 0.0062, 0.35 + 0.45 * full, 1.0),
            )
            for count, length, width, depth, fan in rows:
                u = (np.arange(count) + self._chance.uniform(0, 1, count)) / count
                column = np.minimum((u * (_LASH_COLUMNS - 1)).astype(int), _LASH_COLUMNS - 2)
                part = u * (_LASH_COLUMNS - 1) - column
                # The first triangle of each quad: (row, column), (row, column + 1), (row + 1, .).
                seed = np.array([_find(faces, chosen, low[c], low[c + 1]) for c in column])
                parts.append(self._lash(seed, low, column, part, length, width, depth, fan))
        return Strands.joined(parts)

    def _fullness(self, low: I32, high: I32) -> float:
        """How long the drawn lashes are, from 0.25 to 1: their wedge's height at rest."""
        at = self._mesh.position
        thick = float(np.linalg.norm(at[high] - at[low], axis=1).max())
        return float(np.clip((thick - 0.022) / 0.04, 0.25, 1))

    def _lash(
        self, seed: npt.NDArray[np.int64], low: I32, column: npt.NDArray[np.int64], part: F64,
        length: float, width: float, depth: float, fan: float,
    ) -> Strands:  # fmt: skip
        """Hairs that stand on the edge `low` of a lid and point away from the eye."""
        mesh, count = self._mesh, len(seed)
        corners = mesh.triangle[seed]
        weight = np.zeros((count, POINTS, 2), np.float32)
        here, after = corners == low[column][:, None], corners == low[column + 1][:, None]
        at = np.where(here, 1 - part[:, None], 0) + np.where(after, part[:, None], 0)
        tip = ~here & ~after
        t = np.linspace(0, 1, POINTS)
        # Leaning outwards more towards the outer corner; the tips of a fan.
        x = column + part
        lean = fan * (x / (_LASH_COLUMNS - 1) * 1.3 - 0.4 + self._chance.normal(0, 0.16, count))
        grown = length * self._chance.uniform(0.55, 1.15, count) * (0.35 + 0.65 * np.sin(
            np.pi * np.clip(0.05 + 0.72 * x / (_LASH_COLUMNS - 1), 0, 1)))  # fmt: skip
        rise = t[None] * grown[:, None]
        lean = lean[:, None] * rise * 0.9 * (0.4 + 0.6 * t)
        towards = 1.0 * after - here
        all_ = (
            at[:, None] * (1 - rise[..., None]) + tip[:, None] * rise[..., None]
            + towards[:, None] * lean[..., None]
        )  # fmt: skip
        weight[...] = all_[..., 1:]
        a, b, c = (mesh.position[corners[:, k]] for k in range(3))
        front = np.sign(np.cross(b - a, c - a)[:, 2:])
        ink = np.broadcast_to(self._ink("lash") * 0.6, (count, POINTS, 3))
        alpha = depth * np.minimum((1 - t) * 2.0, 1)
        return self._made(
            (np.repeat(seed[:, None], POINTS, 1).astype(np.int32), weight,
             np.zeros((count, POINTS), np.float32)), front * (0.004 + 0.016 * length * t**2), ink,
            width, alpha, (0.02, 0.0), taper=0.8, gap=0.05,
        )  # fmt: skip


def _find(faces: I32, chosen: npt.NDArray[np.int64], a: int, b: int) -> int:
    """The one of the chosen triangles on edge a b."""
    corners = faces[chosen]
    both = (corners == a).any(1) & (corners == b).any(1)
    return int(chosen[np.flatnonzero(both)[0]])


def _mixed(corners: F32, weight: F32) -> F32:
    """Corners [N, 3, C] at weights [N, 2]."""
    w = np.concatenate([1 - weight.sum(1, keepdims=True), weight], 1)
    return np.asarray((corners * w[..., None]).sum(1), np.float32)


def _read(mask: npt.NDArray[np.uint8], uv: F32) -> F64:
    height, width = mask.shape
    x = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return np.asarray(mask[y, x] / 255.0)
