"""Canvas: the unrolled skin as something to draw on with strokes and glows, in decimetres.

`Canvas` knows the rest position under each texel, so what is drawn keeps its width on the face,
whatever the unrolling does. x is folded: a stroke on the subject's left is drawn on the right too,
unless a side is named. Inks are laid in order, each a grey mask of one palette colour
(engine.face.texture lays them the same way); two coats of one ink are one denser coat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.train.bust import AXIS_Z, CUT, F64, TOP, Bust, Part, smooth
from kernels.raster import BOTH, EMPTY, empty, rasterize

F32 = npt.NDArray[np.float32]
Area = tuple[slice, slice]
Alpha = npt.NDArray[np.floating[Any]]
SIZE = 1024
QUICK = 512  # texels a side in previews
PITCH = 0.006  # dm between the points that make a stroke


@dataclass
class Ink:
    """One palette colour and how much of it lies where."""

    name: str
    alpha: F32  # [S, S] in [0, 1]
    blend: str = "over"


@dataclass
class Canvas:
    """Rest position of every texel and the inks laid so far."""

    position: F32  # [S, S, 3] dm; x folded to the subject's left
    lips: F32  # [S, S] MakeHuman's lip mask
    blink: F32  # [S, S] dm that a blink moves it
    below: F32  # [S, S] how far the skin faces down: 1 straight down, negative up
    inks: list[Ink] = field(default_factory=list)

    def lay(self, name: str, alpha: Alpha, area: Area = np.s_[:, :], blend: str = "over") -> None:
        """Coat `area` with alpha [h, w] of a palette colour."""
        last = self.inks[-1] if self.inks else None
        if last is None or (last.name, last.blend) != (name, blend):
            last = Ink(name, np.zeros(self.lips.shape, np.float32), blend)
            self.inks.append(last)
        here = last.alpha[area]
        last.alpha[area] = 1 - (1 - here) * (1 - np.clip(alpha, 0, 1))

    def near(self, low: F32, high: F32, side: int = 0) -> Iterator[tuple[Area, F32]]:
        """Areas whose texels may lie between two corners [3], and positions [h, w, 3] there."""
        size = len(self.position)
        v = (np.array([high[1], low[1]]) - CUT) / (TOP - CUT)
        first, last = np.clip(((1 - v) * size).astype(int) + [-1, 2], 0, size)
        for sign, half in ((-1, slice(0, size // 2)), (1, slice(size // 2, size))):
            block = self.position[first:last, half]
            if side == -sign or not block.size:
                continue
            inside = np.all((block >= low) & (block <= high), axis=2)
            columns, rows = np.flatnonzero(np.any(inside, 0)), np.flatnonzero(np.any(inside, 1))
            if not len(columns):
                continue
            left = half.start + int(columns[0])
            area = (
                slice(int(first + rows[0]), int(first + rows[-1] + 1)),
                slice(left, half.start + int(columns[-1]) + 1),
            )
            yield area, self.position[area]

    def lift(self, points: npt.ArrayLike) -> F32:
        """Points (x, y) [N, 2] seen from the front -> on the skin [N, 3]."""
        flat = np.asarray(points, np.float32)
        low = np.append(flat.min(0) - 0.05, -0.55).astype(np.float32)
        high = np.append(flat.max(0) + 0.05, 9.0).astype(np.float32)
        found = [p.reshape(-1, 3) for _, p in self.near(low, high, 1)]
        if not found:
            return np.pad(flat, ((0, 0), (0, 1)))
        skin = found[0][found[0][:, 2] > -0.55]
        apart = np.hypot(*(flat[:, None, :] - skin[None, :, :2]).transpose(2, 0, 1))
        return np.asarray(np.c_[flat, skin[apart.argmin(1), 2]], np.float32)

    def stroke(
        self, ink: str, curve: npt.ArrayLike, widths: npt.ArrayLike, soft: float,
        strength: float | Sequence[float] = 1.0, side: int = 0, still: bool = False,
    ) -> None:  # fmt: skip
        """A tapering stroke along points (x, y) or (x, y, z), with half widths there, all dm.

        `strength`: of all of it, or at each point.
        `still`: only where a blink leaves the skin, or the closing lid would draw the ink out.
        """
        if np.max(strength) <= 0:
            return
        flat = np.broadcast_to(np.asarray(strength, np.float32), len(np.asarray(widths)))
        line, width, dark = _dense(
            np.asarray(curve, np.float32), np.asarray(widths, np.float32), flat
        )
        if line.shape[1] == 2:
            line = self.lift(line)
        reach = float(width.max()) + soft
        for area, at in self.near(line.min(0) - reach, line.max(0) + reach, side):
            alpha = np.zeros(at.shape[:2], np.float32)
            for point, half, most in zip(line, width, dark, strict=True):
                away = at - point
                depth = half - np.sqrt((away * away).sum(2))
                np.maximum(alpha, most * np.clip(depth / soft + 0.5, 0, 1), out=alpha)
            if still:
                alpha *= smooth(0.030, 0.005, self.blink[area].astype(float)).astype(np.float32)
            self.lay(ink, alpha, area)

    def glow(
        self, ink: str, centre: npt.ArrayLike, radii: npt.ArrayLike,
        strength: float = 1.0, side: int = 0,
    ) -> None:  # fmt: skip
        """A soft spot around a point [2] or [3]; `radii` dm, where it has fallen to a third."""
        if strength <= 0:
            return
        middle = np.asarray(centre, np.float32)
        if len(middle) == 2:
            middle = self.lift(middle[None])[0]
        size = np.broadcast_to(np.asarray(radii, np.float32), 3)
        for area, at in self.near(middle - 2.4 * size, middle + 2.4 * size, side):
            fall = np.exp(-(((at - middle) / size) ** 2).sum(2))
            # The tails end before the area does.
            self.lay(ink, strength * np.clip(fall * 1.01 - 0.01, 0, 1), area)


def _dense(curve: F32, widths: F32, strengths: F32) -> tuple[F32, F32, F32]:
    """A smooth line [N, 2 or 3] through control points, its half widths and strengths.

    Cubic between points, with tangents by finite differences over the length: it does not swing
    out where points lie close together, as one polynomial through all of them does.
    """
    knots = np.c_[curve, widths, strengths].astype(float)
    steps = np.maximum(np.linalg.norm(np.diff(curve, axis=0), axis=1).astype(float), 1e-6)
    at = np.r_[0, np.cumsum(steps)]
    # Points may lie as far apart as a thick stroke's half width: its edge stays straight.
    pitch = max(PITCH, 0.35 * float(np.mean(widths)))
    t = np.linspace(0, at[-1], max(4, round(at[-1] / pitch)))
    slope = np.gradient(knots, at, axis=0)
    k = np.clip(np.searchsorted(at, t, "right") - 1, 0, len(steps) - 1)
    h, u = steps[k][:, None], ((t - at[k]) / steps[k])[:, None]
    made = (
        (2 * u**3 - 3 * u**2 + 1) * knots[k] + (u**3 - 2 * u**2 + u) * h * slope[k]
        + (3 * u**2 - 2 * u**3) * knots[k + 1] + (u**3 - u**2) * h * slope[k + 1]
    ).astype(np.float32)  # fmt: skip
    return made[:, :-2], made[:, -2], made[:, -1]


def _cross(a: F32, b: F32) -> F32:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def coverage(
    points: F64, triangles: npt.NDArray[np.int64], size: int, values: F64
) -> tuple[npt.NDArray[np.bool_], F32]:
    """Rasterize points [V, 3] (x, y in pixels, z in [0, 1)): covered [S, S], values [S, S, C].

    values [V, C] are interpolated over the nearest triangle of each pixel.
    """
    keys = empty(size, size)
    screen, faces = points.astype(np.float32), triangles.astype(np.int32)
    rasterize(screen, faces, np.full(len(faces), BOTH, np.uint8), len(faces), keys)
    nearest = keys.min(axis=2)
    covered = nearest != EMPTY
    rows, columns = np.nonzero(covered)
    corner = faces[nearest[covered] & 0xFFFFFFFF]
    p0, p1, p2 = (screen[corner[:, c], :2] for c in range(3))
    here = np.stack([columns, rows], -1).astype(np.float32) + np.float32(0.5) - p0
    area = _cross(p1 - p0, p2 - p0)
    area = np.where(np.abs(area) < 1e-6, np.float32(1e-6), area)
    b1, b2 = _cross(here, p2 - p0) / area, _cross(p1 - p0, here) / area
    share = np.clip(np.stack([1 - b1 - b2, b1, b2], -1), 0, 1)
    share /= share.sum(-1, keepdims=True)
    made = np.zeros((size, size, values.shape[1]), np.float32)
    made[covered] = (values.astype(np.float32)[corner] * share[..., None]).sum(1)
    return covered, made


def _halved(values: F32, known: F32) -> tuple[F32, F32]:
    """Means of the known among 2 x 2, and which are known at all."""
    size = len(values) // 2
    weight = known.reshape(size, 2, size, 2)
    total = weight.sum((1, 3))
    mean = (values.reshape(size, 2, size, 2, -1) * weight[..., None]).sum((1, 3))
    return mean / np.maximum(total, 1)[..., None], (total > 0).astype(np.float32)


def _filled(values: F32, known: F32, levels: int) -> F32:
    """Spread known texels into unknown ones, so that bilinear reads at borders find colour."""
    if not levels:
        return values
    coarse, found = _halved(values, known)
    coarse = _filled(coarse, found, levels - 1)
    return np.where(known[..., None] > 0, values, coarse.repeat(2, 0).repeat(2, 1))


def _doubled(values: F32) -> F32:
    """[S, S, C] -> [2 S, 2 S, C], linear between texel centres."""
    for axis in (0, 1):
        before = np.concatenate([np.take(values, [0], axis), values], axis)
        after = np.concatenate([values, np.take(values, [-1], axis)], axis)
        low, high = (np.delete(a, i, axis) for a, i in ((before, -1), (after, 0)))
        pair = np.stack([0.75 * values + 0.25 * low, 0.75 * values + 0.25 * high], axis + 1)
        shape = list(values.shape)
        shape[axis] *= 2
        values = pair.reshape(shape)
    return values


def _normals(skin: Part) -> F64:
    """Unit normals [V, 3] of the skin, shared where it is welded."""
    a, b, c = (skin.positions[skin.triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((int(skin.weld.max()) + 1, 3))
    for k in range(3):
        np.add.at(total, skin.weld[skin.triangles[:, k]], face)
    total = total[skin.weld]
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def canvas(bust: Bust, skin: Part, size: int = SIZE) -> Canvas:
    """An empty canvas with the geometry under its texels; `size`: QUICK times a power of two."""
    radius = np.hypot(skin.positions[:, 0], skin.positions[:, 2] - AXIS_Z)
    screen = np.stack(
        [skin.uvs[:, 0] * QUICK, (1 - skin.uvs[:, 1]) * QUICK, 0.9 - 0.2 * radius], axis=1
    )
    group = bust.source.groups["body"]
    atlas = np.zeros((len(bust.positions), 2))
    atlas[group.vertices.ravel()] = bust.source.uvs[group.uvs.ravel()]
    lids = np.linalg.norm(bust.shape("eyeBlinkLeft") + bust.shape("eyeBlinkRight"), axis=1)
    covered, values = coverage(
        screen, skin.triangles, QUICK,
        np.c_[skin.positions, lids[skin.source], -_normals(skin)[:, 1], atlas[skin.source]],
    )  # fmt: skip
    known = covered.astype(np.float32)
    lips = np.zeros(covered.shape, np.float32)
    lips[covered] = bust.region("lips", values[..., 5:][covered].astype(float))
    values = np.concatenate([_filled(values[..., :5], known, 4),
                             _filled(lips[..., None], known, 2)], 2)  # fmt: skip
    # The skin is smooth between texels; its small creases are in the mesh, not in the paint.
    while len(values) < size:
        values = _doubled(values)
    position = np.ascontiguousarray(values[..., :3])
    position[..., 0] = np.abs(position[..., 0])
    blink, below, lip = (values[..., k].copy() for k in (3, 4, 5))
    return Canvas(position, lip, blink, below)


def blur(image: F32, radius: int) -> F32:
    """Three box blurs, close to a Gaussian."""
    for _ in range(3):
        for axis in (0, 1):
            padded = np.concatenate(
                [np.repeat(np.take(image, [0], axis), radius + 1, axis), image,
                 np.repeat(np.take(image, [-1], axis), radius, axis)], axis=axis,
            )  # fmt: skip
            total = np.cumsum(padded, axis=axis, dtype=np.float64)
            n = image.shape[axis]
            high = np.take(total, np.arange(2 * radius + 1, n + 2 * radius + 1), axis)
            image = ((high - np.take(total, np.arange(n), axis)) / (2 * radius + 1)).astype(
                np.float32
            )
    return image
