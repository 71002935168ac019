"""A tailor's dress form: neck, shoulders and chest of any bust as one smooth chart to cut cloth on.

A point of the chart is (azimuth, depth): the direction from the neck's axis in degrees (0 in front,
+90 the subject's left) and the way from the base of the neck in dm, down the body positive, up the
neck negative. The chart is drawn once on a model figure and carried to an identity by MakeHuman's
vertices, so the base of the neck, the collar bones and the shoulders are found on everybody.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from engine.train.bust import AXIS_Z, F64, I64, Bust
from engine.train.canvas import coverage
from engine.train.recipe import Identity, Recipe

MODEL = Recipe("form", "Form", identity=Identity(gender=0.5))
CENTRE_Z = -0.80  # of the neck at its base, on the model
BASE, SLOPE = -1.40, 0.42  # the base of the neck is a plane, lower in front
_SIZE = 512  # texels a side of the chart
_LOW, _HIGH = -2.5, 0.62  # range of `_level` on the chart
_COLUMNS, _STEP, _UP, _DOWN = 145, 0.04, 0.60, 2.40


def _level(points: F64) -> F64:
    """A number that falls all the way from the jaw over the shoulder to the elbow [...]."""
    x, y, z = np.moveaxis(points, -1, 0)
    height = y - BASE + SLOPE * (z - AXIS_Z)
    return np.asarray(height - 0.6 * (np.hypot(x, z - CENTRE_Z) - 0.55))


def _azimuth(points: F64) -> F64:
    return np.asarray(np.degrees(np.arctan2(points[..., 0], points[..., 2] - CENTRE_Z)))


def _blur(grid: F64, across: float, along: float) -> F64:
    """Gaussian over columns (cyclic) and rows (held at the ends) of grid [A, D, ...], in nodes."""
    out = grid[:-1]
    for axis, width in ((0, across), (1, along)):
        reach = int(np.ceil(3 * width))
        offsets = np.arange(-reach, reach + 1)
        weight = np.exp(-0.5 * (offsets / width) ** 2)
        pad = [(0, 0)] * out.ndim
        pad[axis] = (reach, reach)
        padded = np.pad(out, pad, mode="wrap" if axis == 0 else "edge")
        n = out.shape[axis]
        moved = [padded.take(range(k, k + n), axis) for k in range(len(offsets))]
        out = sum(w * m for w, m in zip(weight / weight.sum(), moved, strict=True))
    return np.concatenate([out, out[:1]])


def _normals(grid: F64) -> F64:
    """Unit normals [A, D, 3], outwards."""
    wrapped = np.concatenate([grid[-2:-1], grid, grid[1:2]])
    n = np.cross(np.gradient(grid, axis=1), np.gradient(wrapped, axis=0)[1:-1])
    return np.asarray(n / np.maximum(np.linalg.norm(n, axis=2, keepdims=True), 1e-9))


@dataclass(frozen=True)
class Form:
    """The chart of one bust; nodes are 2.5 degrees and 0.04 dm apart."""

    skin: F64  # [A, D, 3] the body
    cloth: F64  # [A, D, 3] the body without its hollows: what cloth lies on
    normal: F64  # [A, D, 3] outward unit normals of `cloth`
    depth: F64  # [V] of every MakeHuman vertex
    azimuth: F64  # [V] in degrees
    chin: F64  # [3]

    @property
    def rise(self) -> float:
        """How far a collar stands above the base of the neck: more on a longer neck, dm."""
        length = float(self.chin[1] - self.at(0.0, 0.0)[1])
        return float(np.clip(0.85 * (length - 0.58), 0.0, 0.4))

    def at(self, azimuth: ArrayLike, depth: ArrayLike, lift: ArrayLike = 0.0) -> F64:
        """Points [..., 3], `lift` dm outside the form."""
        nodes = _sample(np.concatenate([self.cloth, self.normal], axis=2), azimuth, depth)
        n = nodes[..., 3:] / np.maximum(np.linalg.norm(nodes[..., 3:], axis=-1)[..., None], 1e-9)
        return np.asarray(nodes[..., :3] + n * np.asarray(lift)[..., None])

    def outward(self, azimuth: ArrayLike, depth: ArrayLike) -> F64:
        """Unit normals [..., 3] of the form."""
        n = _sample(self.normal, azimuth, depth)
        return np.asarray(n / np.maximum(np.linalg.norm(n, axis=-1)[..., None], 1e-9))

    def reach(self, azimuth: F64, y: float) -> F64:
        """Depth [...] at which a meridian has come down to height `y`, at most the chart's end."""
        depths = np.arange(self.cloth.shape[1]) * _STEP - _UP
        column = np.rint((np.asarray(azimuth) + 180) / 360 * (_COLUMNS - 1)).astype(int)
        low = (self.cloth[..., 1] < y) & (depths > 0)
        first = np.where(low.any(1), low.argmax(1), len(depths) - 1)
        return np.asarray(depths[first[np.clip(column, 0, _COLUMNS - 1)]])


def _sample(grid: F64, azimuth: ArrayLike, depth: ArrayLike) -> F64:
    """Bilinear values [..., C] of a grid [A, D, C]."""
    a, d = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(depth, float))
    x = (a + 180) % 360 / 360 * (grid.shape[0] - 1)
    y = np.clip((d + _UP) / _STEP, 0, grid.shape[1] - 1.001)
    i = np.minimum(x.astype(int), grid.shape[0] - 2)
    j = y.astype(int)
    f, g = (x - i)[..., None], (y - j)[..., None]
    top = grid[i, j] * (1 - f) + grid[i + 1, j] * f
    return np.asarray(top * (1 - g) + (grid[i, j + 1] * (1 - f) + grid[i + 1, j + 1] * f) * g)


def _meridians(bust: Bust, model: Bust, triangles: I64) -> tuple[F64, F64]:
    """Columns of skin points [A, N, 3] from the jaw down, and their levels [N]."""
    corners = model.positions[triangles]
    azimuth, level = _azimuth(corners), _level(corners)
    crossing = np.ptp(azimuth, axis=1) > 180
    azimuth = np.where(crossing[:, None] & (azimuth < 0), azimuth + 360, azimuth)
    radius = np.hypot(corners[..., 0], corners[..., 2] - CENTRE_Z)
    copies = [(azimuth, slice(None)), (azimuth[crossing] - 360, crossing)]
    near = np.concatenate([np.stack(
        [(a + 190) / 380 * _SIZE, (_HIGH - level[k]) / (_HIGH - _LOW) * _SIZE,
         0.9 - 0.2 * radius[k]], -1) for a, k in copies])  # fmt: skip
    points = np.concatenate([bust.positions[triangles][k] for _, k in copies])
    flat = near.reshape(-1, 3)
    known, chart = coverage(flat, np.arange(len(flat)).reshape(-1, 3), _SIZE, points.reshape(-1, 3))
    columns = ((np.linspace(-180, 180, _COLUMNS) + 190) / 380 * _SIZE).astype(int)
    made = np.empty((_COLUMNS, _SIZE, 3))
    rows = np.arange(_SIZE)
    for number, column in enumerate(columns):
        there = np.flatnonzero(known[:, column])
        for c in range(3):
            made[number, :, c] = np.interp(rows, there, chart[there, column, c])
    made[-1] = made[0]
    return made, _HIGH - (rows + 0.5) / _SIZE * (_HIGH - _LOW)


@lru_cache(maxsize=6)
def measure(bust: Bust) -> Form:
    """The form of a bust."""
    model = Bust(bust.source, MODEL)
    quads = bust.source.groups["body"].vertices
    quads = quads[_level(model.positions[quads]).max(1) < _HIGH + 0.15]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    columns, levels = _meridians(bust, model, triangles)
    columns = _blur(columns, 0.8, 3.0)  # texels have steps
    depths = np.arange(round((_UP + _DOWN) / _STEP) + 1) * _STEP - _UP
    steps = np.linalg.norm(np.diff(columns, axis=1), axis=2)
    way = np.concatenate([np.zeros((_COLUMNS, 1)), np.cumsum(steps, axis=1)], axis=1)
    base = int(np.abs(levels).argmin())
    skin = np.empty((_COLUMNS, len(depths), 3))
    for a in range(_COLUMNS):
        for c in range(3):
            skin[a, :, c] = np.interp(depths, way[a] - way[a, base], columns[a, :, c])
    # Cloth spans hollows: smoothed, then pushed out to where the body is.
    normal = _normals(_blur(skin, 2.0, 2.5))
    cloth = _blur(skin, 2.5, 4.0)
    for _ in range(3):
        inside = np.clip(((skin - cloth) * normal).sum(2), 0, None)
        cloth = _blur(cloth + normal * inside[..., None], 1.2, 1.2)
    vertex_level = _level(model.positions)
    at = _azimuth(model.positions)
    column = np.rint((at + 180) / 360 * (_COLUMNS - 1)).astype(int)
    row = np.interp(vertex_level, levels[::-1], np.arange(_SIZE)[::-1]).astype(int)
    depth = way[column, row] - way[column, base]
    # Beyond the chart, the head: far up.
    depth = np.where(vertex_level > _HIGH, -9.0, depth)
    middle = np.flatnonzero(
        (np.abs(model.positions[:, 0]) < 0.01)
        & (np.abs(model.positions[:, 1] + 0.86) < 0.14)
        & (model.positions[:, 2] > -0.1)
    )
    jut = model.positions[middle, 2] - model.positions[middle, 1]
    chin = bust.positions[middle[jut.argmax()]]
    return Form(skin, cloth, _normals(cloth), depth, at, chin)
