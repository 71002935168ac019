"""A portrait's geometry as it will be: lids and lips at rest, teeth where a skull has them.

The rig is drawn for a toon: its teeth come down as the jaw does, and wait far behind half a smile.
Beside a photo that looks like a denture, so here the upper row stays with the head and the lower
one follows the jaw alone.
"""

from dataclasses import dataclass

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.camera import Camera
from engine.face.package import Package
from engine.frames import BLENDSHAPES
from engine.train.bust import F64, I64, smooth
from engine.train.neural.alignment import units
from engine.train.neural.slit import Slit, at
from engine.train.neural.unwrap import Unwrapped

BLINK = ("eyeBlinkRight", "eyeBlinkLeft")
_SHUT = 0.006  # dm: how far shut lips press
_SOFT = 0.10  # dm over the skin around the slit that shutting it is felt
_OPENERS = ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft",
            "mouthLowerDownRight", "mouthSmileLeft", "mouthSmileRight")  # fmt: skip
_LEAST = 0.4  # weight that an opener is taken to have at least: more would be overdone at 1
_JAW = ("jawOpen", "jawForward", "jawLeft", "jawRight")
_TEETH = 0.020  # dm by which the upper teeth reach below the upper lip, behind the lower one
_LOWER = 0.012  # dm by which the lower ones reach above the lower lip, behind the upper row
_CURVE = 0.4  # of the arch's upturned edge, which a toon has rounder
_RELIEF_FROM, _RELIEF = 0.15, 0.5  # dm: where the sides begin, and what is left of their depth


@dataclass(frozen=True, slots=True)
class Form:
    """The rig's geometry."""

    rest: F64  # [V, 3]
    moves: F64  # [52 + C, V, 3] how each shape and corrective moves it
    slit: Slit

    @classmethod
    def of(cls, made: Unwrapped) -> "Form":
        """With the picture's lids as its rest, and its teeth behind the picture's lips."""
        rest, moves = made.package.mesh.position.astype(float), _dense(made.package)
        for name in BLINK:
            k, share = INDEX[name], float(made.weights[INDEX[name]])
            rest = rest + share * moves[k]
            moves[k] *= 1 - share
        rest = flattened(rest, made.package.manifest.camera)
        slit = Slit.of(made.package)
        shut = _shut(slit, rest)
        rest += shut
        _given_back(moves, -shut, made, rest)
        _skull(made.package, slit, rest, moves)
        return cls(rest, moves, slit)


def _shut(slit: Slit, rest: F64) -> F64:
    """How lips [V, 3] must move to meet at rest: what a fit leaves open would show a line of teeth
    for ever. Half of the gap goes to either lip."""
    share = np.linspace(0, 1, 41)
    upper, lower = (at(rest[rim], share) for rim in (slit.upper, slit.lower))
    gap = upper - lower
    gap[:, 1] += _SHUT * np.sin(np.pi * share)
    here = np.stack([np.interp(slit.along, share, column) for column in gap.T], 1)
    felt = np.exp(-((slit.away / _SOFT) ** 2)) * slit.side
    return np.asarray(-0.5 * here * felt[:, None])


def _given_back(moves: F64, opened: F64, made: Unwrapped, rest: F64) -> None:
    """Let what opens the mouth in the picture open it as far: shut lips took it away."""
    weight = np.array([float(made.weights[INDEX[name]]) for name in _OPENERS])
    share = weight**2 / max(float((weight**2).sum()), 1e-6)
    for name, own, part in zip(_OPENERS, weight, share, strict=True):
        sign = {"t": 1.0, "n": 0.0}[name[-1]] if not name.endswith("Right") else -1.0
        half = smooth(-0.03, 0.03, sign * rest[:, :1]) if sign else 1.0
        twice = 2.0 if sign else 1.0  # both sides' shapes share what is one shape's else
        moves[INDEX[name]] += twice * part / max(own, _LEAST) * half * opened


def _skull(package: Package, slit: Slit, rest: F64, moves: F64) -> None:
    """Put teeth and tongue behind the lips, and let them move as bones do."""
    mesh, table = package.mesh, [m.name for m in package.manifest.materials]
    corners = rest[slit.upper[[0, -1]]]
    middle = float(corners[:, 0].mean())
    lip = float(np.interp(middle, rest[slit.upper, 0], rest[slit.upper, 1]))
    tilt = float((corners[1, 1] - corners[0, 1]) / (corners[1, 0] - corners[0, 0]))
    for name in ("teeth", "tongue"):
        own = np.unique(mesh.triangle[mesh.material == table.index(name)])
        rest[own, 0] += middle - (rest[own, 0].min() + rest[own, 0].max()) / 2
        if name == "tongue":
            continue
        moves[BLENDSHAPES:, own] = 0
        for k, shape in enumerate(ARKIT):
            if shape not in _JAW:
                moves[k, own] = 0
        upper, edge, below = _rows(rest[own], middle)
        raised, sunk = own[upper], np.setdiff1d(own, own[upper])
        moves[:BLENDSHAPES, raised] = 0
        aside = np.abs(rest[raised, 0] - middle)
        slope = np.polyfit(aside**2, rest[raised, 1], 1)[0] if len(raised) > 2 else 0.0
        rest[raised, 1] -= (1 - _CURVE) * max(float(slope), 0.0) * aside**2
        rest[raised, 1] += lip - _TEETH - edge
        rest[sunk, 1] += lip + _LOWER - below
        rest[own, 1] += tilt * (rest[own, 0] - middle)


def _rows(teeth: F64, middle: float) -> tuple[I64, float, float]:
    """Which of the teeth [N, 3] are the upper ones, and how high both rows' edges are in the
    middle."""
    front = np.abs(teeth[:, 0] - middle) < 0.1
    order = np.sort(teeth[front, 1])
    if len(order) < 2:
        return np.zeros(0, np.int64), 0.0, 0.0
    gap = int(np.diff(order).argmax())
    low, high = float(order[gap]), float(order[gap + 1])
    return np.flatnonzero(teeth[:, 1] > (low + high) / 2), high, low


def flattened(points: F64, camera: Camera) -> F64:
    """Points [V, 3] that project as they did, the deep sides of the head brought forward: what a
    picture shows of them is few pixels, which a full turn would smear over the cheek."""
    deep = np.minimum(points[:, 2] - _RELIEF_FROM, 0)
    scale = (camera.distance - points[:, 2] + (1 - _RELIEF) * deep) / (
        camera.distance - points[:, 2]
    )
    out = points.copy()
    out[:, 2] -= (1 - _RELIEF) * deep
    out[:, 0] *= scale
    out[:, 1] = camera.height + (points[:, 1] - camera.height) * scale
    return out


def _dense(package: Package) -> F64:
    """All shapes, correctives included [52 + C, V, 3]."""
    mesh = package.mesh
    everything = np.arange(len(mesh.position))
    out = np.zeros((len(mesh.shape_scale), len(mesh.position), 3))
    out[:BLENDSHAPES] = units(package, everything)
    for k in range(BLENDSHAPES, len(out)):
        rows = slice(mesh.shape_start[k], mesh.shape_start[k + 1])
        out[k, mesh.shape_row[rows]] = mesh.shape_delta[rows] * mesh.shape_scale[k]
    return out
