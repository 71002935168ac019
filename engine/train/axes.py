"""Identity as signed axes: two opposite targets of the clay are one number.

Contract: only what landmarks of a face can show: no ears, neck, back of the head, nor what would
make one side unlike the other. Values are weights of targets, as recipes hold them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.train.bust import F64, I64, macros
from engine.train.clay import Clay
from engine.train.recipe import Identity

_OPPOSITES = (("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"),
              ("concave", "convex"), ("compress", "uncompress"))  # fmt: skip
_SHOWN = re.compile(r"(cheek|chin|eye-(scale|trans|height|corner)|forehead|head|mouth|nose)-")
_HIDDEN = re.compile(
    r"(head-(age|angle|back|trans)|(mouth|nose)-trans-(in|out)|forehead-(nubian|trans)|chin-cleft"
    r"|mouth-(dimples|laugh|philtrum|cupidsbow)|nose-septum)"
)
_MACROS = re.compile(r"(african|asian|caucasian|universal)-")


@dataclass(frozen=True, slots=True)
class Axis:
    """Target names at values above and below 0; one without an opposite is never below."""

    plus: str
    minus: str

    @property
    def least(self) -> float:
        return -1.0 if self.minus else 0.0


def axes(clay: Clay) -> tuple[Axis, ...]:
    """All axes, by name."""
    names = {re.sub("^[lr]-", "", name) for name in clay.names if not _MACROS.match(name)}
    shown = {name for name in names if _SHOWN.match(name) and not _HIDDEN.match(name)}
    found = []
    for name in sorted(shown):
        stem, _, end = name.rpartition("-")
        minus = next((f"{stem}-{low}" for low, high in _OPPOSITES if high == end), "")
        low = any(end == low and f"{stem}-{high}" in shown for low, high in _OPPOSITES)
        if not low:
            found.append(Axis(name, minus if minus in shown else ""))
    return tuple(found)


def moved(clay: Clay, name: str, vertices: I64) -> F64:
    """Offsets [N, 3] of some vertices by a target, both sides of a two-sided one."""
    sides = (f"l-{name}", f"r-{name}") if f"l-{name}" in clay.names else (name,)
    return np.asarray(sum(clay.target(side)[vertices] for side in sides))


def slopes(clay: Clay, all_axes: tuple[Axis, ...], vertices: I64) -> F64:
    """Offsets [A, N, 3] per unit of each axis, the mean of its two directions."""
    out = []
    for axis in all_axes:
        plus = moved(clay, axis.plus, vertices)
        out.append((plus - moved(clay, axis.minus, vertices)) / 2 if axis.minus else plus)
    return np.array(out)


def shape(clay: Clay, identity: Identity, vertices: I64) -> F64:
    """Rest positions [N, 3] of an identity before any stylisation, in the clay's own frame."""
    out = clay.positions[vertices].copy()
    for name, weight in macros(identity).items():
        out += weight * moved(clay, name, vertices)
    return out


def targets(all_axes: tuple[Axis, ...], values: F64, least: float = 0.03) -> dict[str, float]:
    """Values [A] -> weights of targets as a recipe names them; tiny ones are left out."""
    return {
        (axis.plus if value > 0 else axis.minus): round(abs(float(value)), 3)
        for axis, value in zip(all_axes, values, strict=True)
        if abs(value) >= least and (value > 0 or axis.minus)
    }


def values(all_axes: tuple[Axis, ...], weights: Mapping[str, float]) -> F64:
    """The inverse of `targets`."""
    return np.array([weights.get(a.plus, 0.0) - weights.get(a.minus, 0.0) for a in all_axes])
