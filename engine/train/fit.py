"""Landmarks of one face -> identity axes, with all that is not identity estimated beside them.

Contract: a face is mean + identity + expression + nuisances, turned, sized and placed: a camera
nearer or farther than usual, a net that is unsure of depth, a drawing instead of a photo. Identity
has the prior of a population (macro targets mixed at random, expressed in the local axes), so that
no people, sex or age is ever decided; expressions are never below zero. Alternates between placing
(Umeyama) and a bounded ridge regression. Lengths are dm.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError
from engine.train.anchors import (
    BASE,
    BROWS,
    FLIP,
    POINTS,
    SAMPLE,
    UNITS,
    Anchors,
    aligned,
    similar,
)
from engine.train.axes import Axis, axes, shape, slopes
from engine.train.bust import F64
from engine.train.clay import Clay
from engine.train.recipe import PEOPLES, Identity

_POPULATION, _SEED = 400, 7
_ROUNDS = 6
_HOLDS = 12
# The noise of a landmark, dm: nets and meshes agree no better; depth is guessed worse.
_NOISE = np.array([0.012, 0.012, 0.03])
_EXPRESSION = 0.25  # deviation of a unit's weight
_NEAR = 0.06  # of 1 / distance of the camera, 1 / dm
_DEPTH = 0.25  # of the share by which depth is wrong
_DRAWN = 0.6
_DRAWING = 0.5  # from here on it is a drawing
_SLACK = 0.2  # of an axis, beyond what the population explains
_OVAL = (
    10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234, 251,
    284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What explains the landmarks of a face."""

    identity: F64  # [A] values of the axes
    expression: dict[str, float]  # ARKit weights above .05
    yaw: float  # degrees, as in Motion.pose
    pitch: float
    roll: float
    drawn: float  # 0 a photo, 1 one of our own pictures
    near: float  # 1 / dm by which the camera is nearer than usual
    residual: float  # dm, root of the mean square in the picture's plane
    brows: float  # dm by which the brows are higher than the mean's


class Space:
    """The linear face: mean, axes, units and what the population is like. Immutable."""

    def __init__(self, clay: Clay, anchors: Anchors) -> None:
        self.axes: tuple[Axis, ...] = axes(clay)
        self._anchors = anchors
        at = anchors.vertex
        base, sample = shape(clay, BASE, at), shape(clay, SAMPLE, at)
        base, sample = base - base.mean(0), sample - sample.mean(0)
        self.moves = slopes(clay, self.axes, at)  # [A, 468, 3]
        self._photo = anchors.photo - anchors.photo.mean(0)
        # The mean photo is of a sample of people; a likeness starts from an even mix.
        self.mean = self._photo + base - sample
        self._drawing = aligned(anchors.drawn, self._photo) - self._photo
        self._units = np.array([clay.unit(name)[at] for name in UNITS])
        known = (tuple(axis.plus for axis in self.axes), UNITS)
        if known != (anchors.axes, anchors.expressions):
            raise WeightsError("the landmarks' responses are of another clay: make them anew")
        self._weight = np.ones((POINTS, 3)) / _NOISE
        self._weight[list(_OVAL)] *= 0.7  # outlines slide over the skin
        self._weight[list(BROWS)] *= 0.15  # brows are painted, not modelled
        self.spread = self._population(clay)  # [A, A] covariance of the axes
        self._precision = np.linalg.inv(self.spread)
        # What the mean photo's face is, seen from an even mix.
        self.usual = self.fit(anchors.photo * FLIP).identity

    def _population(self, clay: Clay) -> F64:
        rng = np.random.default_rng(_SEED)
        at, base = self._anchors.vertex, shape(clay, BASE, self._anchors.vertex)
        flat = self.moves.reshape(len(self.axes), -1)
        solve = np.linalg.inv(flat @ flat.T + 0.01 * np.eye(len(flat))) @ flat
        rows = []
        for who in _people(rng):
            apart = aligned(shape(clay, who, at), base) - base
            rows.append(solve @ apart.ravel())
        values = np.array(rows)
        return np.asarray(values.T @ values / len(values) + _SLACK**2 * np.eye(len(flat)))

    def face(self, identity: F64, weights: dict[str, float] | None = None) -> F64:
        """Landmarks [468, 3] of a face, straight ahead, as the mean photo would show it."""
        units = np.array([(weights or {}).get(name, 0.0) for name in UNITS])
        out = self.mean + np.tensordot(identity, self.moves, 1)
        return np.asarray(out + np.tensordot(units, self._units, 1))

    def fit(self, landmarks: npt.NDArray[np.floating]) -> Found:
        """Landmarks [468 or more, 3] in pixels -> what explains them.

        Networks see less of who is drawn than of who is photographed: a drawing is explained by
        what they see of our own.
        """
        points = np.asarray(landmarks, float)[:POINTS] * FLIP
        found = self._fit(points, self.moves, self._units)
        if found.drawn > _DRAWING:
            found = self._fit(points, self._anchors.moves, self._anchors.units)
        return found

    def _fit(self, points: F64, moves: F64, responses: F64) -> Found:
        count, units = len(self.axes), len(UNITS)
        low = np.concatenate([[a.least for a in self.axes], np.zeros(units), [-0.3], [-9, -9]])
        high = np.concatenate([np.ones(count), np.ones(units), [1.3], [9, 9]])
        precision = np.zeros((len(low), len(low)))
        precision[:count, :count] = self._precision
        rest = [*[_EXPRESSION] * units, _DRAWN, _NEAR, _DEPTH]
        precision[range(count, len(low)), range(count, len(low))] = 1 / np.square(rest)
        value, model = np.zeros(len(low)), self.mean
        for _ in range(_ROUNDS):
            scale, turn, shift = similar(points, model, self._weight[:, 0])
            here = scale * points @ turn + shift
            columns = self._columns(moves, responses, model, turn)
            flat = (columns * self._weight).reshape(len(columns), -1)
            goal = ((here - self.mean) * self._weight).ravel()
            normal, right = flat @ flat.T + precision, flat @ goal
            value = bounded(normal, right, low, high)
            model = self.mean + np.tensordot(value, columns, 1)
        off = (here - model)[:, :2]
        return self._found(value, turn, off)

    def _columns(self, moves: F64, responses: F64, model: F64, turn: F64) -> F64:
        """How landmarks move with every unknown [U, 468, 3], in the face's own frame."""
        away = turn[2]  # towards the camera, in the face's frame
        depth = (model - model.mean(0)) @ away
        across = model - depth[:, None] * away
        near, flat = across * depth[:, None], depth[:, None] * away
        return np.concatenate([moves, responses, [self._drawing, near, flat]])

    def _found(self, value: F64, turn: F64, off: F64) -> Found:
        count, units = len(self.axes), len(UNITS)
        weights = value[count : count + units]
        side, upward, forward = turn.T  # of the head, in the camera's frame
        face = np.delete(np.arange(POINTS), list(BROWS))
        return Found(
            value[:count],
            {n: round(float(w), 3) for n, w in zip(UNITS, weights, strict=True) if w > 0.05},
            float(np.degrees(np.arctan2(forward[0], forward[2]))),
            float(np.degrees(np.arcsin(np.clip(forward[1], -1, 1)))),
            float(-np.degrees(np.arctan2(side[1], upward[1]))),
            float(value[count + units]),
            float(value[count + units + 1]),
            float(np.sqrt((off[face] ** 2).mean())),
            float(off[list(BROWS), 1].mean()),
        )


def _people(rng: np.random.Generator) -> list[Identity]:
    """A population by macro targets alone."""
    out = []
    for _ in range(_POPULATION):
        mix = rng.dirichlet([0.7] * len(PEOPLES))
        out.append(
            Identity(
                dict(zip(PEOPLES, mix.tolist(), strict=True)),
                float(rng.beta(0.6, 0.6)), float(np.clip(rng.normal(35, 15), 14, 75)),
                float(np.clip(rng.normal(0, 0.35), -1, 1)), float(rng.uniform(0, 0.7)),
            )
        )  # fmt: skip
    return out


def bounded(normal: F64, right: F64, low: F64, high: F64, holds: int = _HOLDS) -> F64:
    """Least squares within bounds from normal equations: what leaves them is held there, in at
    most `holds` rounds."""
    value, free = np.zeros(len(right)), np.ones(len(right), bool)
    for _ in range(holds):
        rest = right[free] - normal[np.ix_(free, ~free)] @ value[~free]
        found = np.linalg.solve(normal[np.ix_(free, free)], rest)
        value[free] = np.clip(found, low[free], high[free])
        out = (found < low[free]) | (found > high[free])
        if not out.any():
            break
        free[np.flatnonzero(free)[out]] = False
    return value
