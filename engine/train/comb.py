"""What every hairdo holds while it is made: the sitter's skull, the recipe's wishes, chance.

`Comb` turns the sides of the parting, scales lengths and volumes, keeps falling hair off the body
and, at the end, gives all parts their shading normals and the weights by which they follow head,
shoulders and swing.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from engine.train.bust import F64, I64, Part, smooth
from engine.train.hair import Lock, flow, moved, tube
from engine.train.recipe import Hair
from engine.train.sheet import COMBED, Sheet, drape, hull_normals, lining
from engine.train.sitter import Sitter
from engine.train.skull import ears


class Body:
    """The skin below the eyes without ears, which hair may not enter."""

    def __init__(self, sitter: Sitter) -> None:
        quads = sitter.bust.body()[0]
        points = sitter.bust.positions
        normals = vertex_normals(points, quads)
        ear = sitter.skin.source[ears(sitter.bust, sitter.skin)]
        used = np.setdiff1d(np.unique(quads), ear)
        used = used[points[used, 1] < 0.1]
        self._points, self._normals = points[used], normals[used]
        self._square = (self._points**2).sum(1)

    def clear(self, points: F64, margin: F64, along: F64 | None = None) -> F64:
        """Points [N, 3] pushed out to `margin` [N] over the skin, or along unit vectors [N, 3]."""
        out = points.copy()
        for start in range(0, len(points), 256):
            part = points[start : start + 256]
            apart = self._square - 2 * part @ self._points.T
            near = np.argpartition(apart, 4, axis=1)[:, :4]
            normal = self._normals[near]
            height = ((part[:, None] - self._points[near]) * normal).sum(2).mean(1)
            normal = normal.mean(1)
            push = np.clip(margin[start : start + 256] - height, 0, 0.5)
            if along is not None:
                way = along[start : start + 256]
                push = push / np.maximum((way * normal).sum(1), 0.35)
                normal = way
            out[start : start + 256] += normal * push[:, None]
        return out


_LOWEST = 2.5  # dm: hair that falls farther would leave the bust


@dataclass
class Comb:
    """A hairdo in the making."""

    sitter: Sitter
    puff: float = 0.03
    fall: float = 0.6  # share of the swing that falling tips take
    parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hair: Hair = self.sitter.recipe.hair
        self.noise = np.random.default_rng(self.hair.seed)
        self.skull = self.sitter.skull.puffed(self.puff * self.hair.volume)
        # +1: the parting as drawn, on the subject's left; in between it moves to the middle.
        self.part = self.hair.part
        self.side = 1.0 if self.part >= 0 else -1.0
        self._body: Body | None = None

    @property
    def body(self) -> Body:
        """Skin that hair may not enter."""
        if self._body is None:
            self._body = Body(self.sitter)
        return self._body

    def turned(self, knots: F64) -> F64:
        """Knots [..., 3], drawn for a parting on the subject's left, for the recipe's side."""
        return np.asarray(knots * [self.side, 1.0, 1.0])

    def lock(self, lock: Lock, jitter: float = 1.5, name: str = "hair") -> None:
        """Add a lock, shifted a little by chance; falling ones keep off the body."""
        lock = moved(lock, self.noise, jitter)
        knots = self.turned(np.array([lock.knots]))
        points = flow(
            self.skull, knots, np.array([min(lock.drop, _LOWEST)]), lock.rings, lock.tuck,
            lock.wave, lock.phase,
        )  # fmt: skip
        if lock.drop > 0:
            points = self.kept_off(points, 0.06 + lock.thick)
        self.parts.append(tube(self.skull, points, lock, name))

    def sheet(self, sheet: Sheet, dark: float = 0.0, coarse: int = 3) -> None:
        """Add a sheet, and a lining `dark` below it when that is not 0.

        Seen from outside with its rows running down, its lanes must run to the right.
        """
        curl = self.hair.curl
        if curl > 0 and not sheet.bumps and (sheet.closed or sheet.band is not None):
            # Caps and tops cannot wave as falling hair does: they curl where they lie.
            sheet = replace(sheet, bumps=0.07 * curl, size=0.26, fleece=0.5 * curl)
        knots = self.turned(sheet.knots)
        if self.side < 0:
            knots = knots[::-1]
        drop = np.minimum(sheet.drop, _LOWEST)[:: int(self.side)]
        points = flow(
            self.skull, knots, drop, sheet.rows, sheet.tuck, sheet.wave, sheet.phase,
            self._leaning(sheet),
        )  # fmt: skip
        if np.any(sheet.drop > 0):
            points = self.kept_off(points, 0.10, sheet.lean is not None)
        self.parts.append(drape(self.skull, points, sheet))
        if dark:
            # Not as far as the sheet's sides, which turn in and would let it through.
            some = np.unique(np.r_[np.arange(1, len(points) - 1, coarse), len(points) - 2])
            self.parts.append(lining(self.skull, points[some], dark))

    def drape(self, points: F64, sheet: Sheet) -> None:
        """Add a sheet over points [N, rows, 3] that are known already."""
        self.parts.append(drape(self.skull, points, sheet))

    def _leaning(self, sheet: Sheet) -> F64 | None:
        if sheet.lean is None:
            return None
        return np.asarray(sheet.lean * [self.side, 1, 1])[:: int(self.side)]

    def kept_off(self, points: F64, margin: float, slide: bool = False) -> F64:
        """Lines [N, rows, 3] off face, neck and clothes.

        `slide`: lines that reach the shoulders slide before or behind them, whichever is nearer
        to where they fall from.
        """
        flat = points.reshape(-1, 3)
        low = np.flatnonzero(flat[:, 1] < -0.05)
        if not len(low):
            return points
        # Clothes and collars are thicker than skin.
        wide = margin + 0.16 * smooth(-0.8, -1.3, flat[low, 1])
        ahead = np.sign(np.median(points[:, -1, 2]) - self.skull.centre[2])
        along = np.tile([0.0, 0.0, ahead], (len(low), 1))
        out = points
        for smoothing in (4, 2, 1, 1, 0):
            flat = out.reshape(-1, 3)
            push = np.zeros_like(flat)
            push[low] = self.body.clear(flat[low], wide, along if slide else None) - flat[low]
            out = out + _softened(push.reshape(points.shape), smoothing)
        return out

    def finish(self) -> list[Part]:
        """All parts with normals and weights."""
        middle = self.skull.centre
        for part in self.parts:
            points = part.positions
            height = points[:, 1] - middle[1]
            over = self.skull.above(points)
            part.neck = smooth(-2.3, -0.8, points[:, 1])
            falling = smooth(0.05, -1.25, height) * smooth(0.0, 0.09, over)
            rising = 0.40 * smooth(0.16, 0.6, over) * smooth(-0.1, 0.3, height)
            part.loose = np.maximum(self.fall * falling, rising)
            if not len(part.proxy):
                part.proxy = hull_normals(self.skull, points, COMBED)
        return self.parts


def _softened(push: F64, rounds: int) -> F64:
    """Displacements [N, rows, 3] blurred, so that neighbours move alike and no tip is torn."""
    for axis in (0, 1) * rounds:
        first, last = np.take(push, [0], axis), np.take(push, [-1], axis)
        edged = np.concatenate([first, push, last], axis)
        before = np.take(edged, np.arange(push.shape[axis]), axis)
        after = np.take(edged, np.arange(2, push.shape[axis] + 2), axis)
        push = 0.5 * push + 0.25 * (before + after)
    return push


def vertex_normals(points: F64, quads: I64) -> F64:
    """Unit normals [V, 3] of a quad mesh."""
    a, b, c, d = (points[quads[:, k]] for k in range(4))
    face = np.cross(c - a, d - b)
    out = np.zeros_like(points)
    for k in range(4):
        np.add.at(out, quads[:, k], face)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))


def along(x: float, beta: float) -> tuple[float, float]:
    """A point of a parting `x` beside the middle: beta 45 at the forehead, 90 on the crown."""
    b = np.radians(beta)
    d = np.array([x, np.sin(b), np.cos(b)])
    d /= np.linalg.norm(d)
    return float(np.degrees(np.arctan2(d[0], d[2]))), float(np.degrees(np.arcsin(d[1])))
