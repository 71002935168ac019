"""The shapes of a foreign face as ARKit-52: found by name, or put together from what there is.

Contract: `Rig.shape(name)` gives a movement [V, 3] over the body's vertices, in the body's space,
or None; `direct` and `approximated` say what was done, for the report.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import ARKIT
from engine.train.bust import smooth
from engine.train.gltf import Gltf, entries, table
from engine.train.scene import Body
from engine.train.vocabulary import TABLE, Term, channel, other, viseme
from engine.train.vrm import Bind, Vrm

F64 = npt.NDArray[np.float64]
_JAW_DEG = 16.0
_LEAST = 1e-5  # of the body's height: a source that moves less is empty


@dataclass
class Face:
    """Where things are on a face, in the body's space: what the areas of `Term` refer to."""

    eye: float  # height of the eyes
    chin: float
    brow: float  # height from which on the brows' part begins
    top: float  # of the head, hair and ears included
    middle: float = 0.0  # x

    def area(self, name: str, points: F64) -> F64:
        """How much of a movement counts at each point [V]."""
        out = np.ones(len(points))
        height = (points[:, 1] - self.chin) / max(self.eye - self.chin, 1e-9)  # 0 chin, 1 eyes
        brow = (self.brow - self.chin) / max(self.eye - self.chin, 1e-9)
        for word in name.split():
            if word in ("left", "right"):
                x = (points[:, 0] - self.middle) * (1 if word == "left" else -1)
                out *= smooth(-0.08, 0.08, x / max(self.eye - self.chin, 1e-9))
            elif word == "mouth":
                out *= 1 - smooth(0.55, 0.70, height)
            elif word == "eyes":
                out *= smooth(0.60, 0.75, height) * (1 - smooth(brow - 0.06, brow + 0.06, height))
            elif word == "brows":
                out *= smooth(brow - 0.06, brow + 0.06, height)
        return out


@dataclass
class Rig:
    """Sources of movement, by name: ARKit channels, visemes, presets, bones."""

    body: Body
    vrm: Vrm
    sources: dict[str, list[Bind]]
    swapped: bool = False  # the file calls left what is the subject's right
    approximated: dict[str, str] = field(default_factory=dict)

    @property
    def direct(self) -> list[str]:
        """ARKit shapes that the file itself has."""
        return [name for name in ARKIT if self._own(name) in self.sources]

    def _own(self, name: str) -> str:
        """What the file calls a shape."""
        if not self.swapped or name.startswith("look"):  # a direction, not a side
            return name
        for one, two in (("Left", "Right"), ("Right", "Left")):
            if name.endswith(one):
                return name.removesuffix(one) + two
        return name

    def shape(self, name: str, face: Face | None = None) -> F64 | None:
        """A shape's movement [V, 3]; without `face`, whole sources only. None: the file lacks
        whatever could make it."""
        if self._own(name) in self.sources:
            return self.body.moved(self.sources[self._own(name)])
        for terms in TABLE.get(name, []):
            if face is None and (len(terms) > 1 or terms[0].area != "all"):
                continue
            parts = [self._part(term, name, face) for term in terms]
            if all(part is not None for part in parts):
                made = np.sum([part for part in parts if part is not None], axis=0)
                if np.abs(made).max() > _LEAST * np.ptp(self.body.position[:, 1]):
                    self.approximated[name] = " ".join(_said(t) for t in terms).removeprefix("+ ")
                    return np.asarray(made)
        return None

    def _part(self, term: Term, made: str, face: Face | None) -> F64 | None:
        move = self._source(term.source, made, face)
        if move is None:
            return None
        share = face.area(term.area, self.body.position) if face is not None else np.ones(len(move))
        return np.asarray(move * (term.weight * share[:, None]))

    def _source(self, name: str, made: str, face: Face | None) -> F64 | None:
        if "bone" in name:
            return self._turned(name)
        if self._own(name) in self.sources:
            return self.body.moved(self.sources[self._own(name)])
        return self.shape(name, face) if name in ARKIT and name != made else None

    def _turned(self, name: str) -> F64 | None:
        """What turning a bone does: "jaw bone", "left eye bone up"."""
        side, _, rest = name.partition(" eye bone ")
        bone = f"{side}Eye" if rest else "jaw"
        share, at = self.body.share.get(bone), self.body.joint.get(bone)
        if share is None or at is None or share.max() < 0.5:
            return None
        carried = self.body.position[share > 0.5]
        middle, size = (carried.max(0) + carried.min(0)) / 2, np.ptp(carried, axis=0).max()
        if np.linalg.norm(at - middle) > 4 * size:  # a node left at the scene's origin
            if not rest:
                return None
            at = middle
        sideways, upwards = self.vrm.look_deg
        yaw = {"left": sideways, "right": -sideways}.get(rest, 0.0)
        pitch = {"up": -upwards, "down": upwards}.get(rest, 0.0 if rest else _JAW_DEG)
        a, b = np.radians([yaw, pitch])
        turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        offset = self.body.position - at
        return np.asarray((offset @ (turn @ nod).T - offset) * share[:, None])


def _said(term: Term) -> str:
    weight = "" if term.weight == 1 else f"{term.weight:g} x "
    return f"{'+ ' if term.weight >= 0 else ''}{weight}{term.source}" + (
        "" if term.area == "all" else f" ({term.area})"
    )


def _names(mesh: Any) -> list[str]:
    """Names of a mesh's morph targets, which glTF leaves to `extras`."""
    for owner in (mesh, *mesh.primitives):
        found = table(owner.extras).get("targetNames")
        if isinstance(found, list):
            return [n if isinstance(n, str) else "" for n in entries(found, "targetNames", 2000)]
    return []


def _meant(names: list[str]) -> dict[str, list[int]]:
    """Source -> targets of one mesh that make it up."""
    exact: dict[str, list[int]] = {}
    loose: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        meant = channel(name)
        if meant is not None:
            (exact if meant[1] else loose).setdefault(meant[0], []).append(number)
            continue
        spoken = viseme(name)
        source = f"viseme_{spoken}" if spoken else other(name)
        if source is not None:
            exact.setdefault(source, []).append(number)
    found = {key: targets[:1] for key, targets in exact.items()}
    for key, targets in loose.items():
        # A shape of the middle that comes in two halves, such as browInnerUp_L and _R.
        halves = [
            next((n for n in targets if re.search(end, names[n].strip().lower())), None)
            for end in (r"([_.\- ]l|left)$", r"([_.\- ]r|right)$")
        ]
        both = [n for n in halves if n is not None]
        if key.endswith(("Left", "Right")) or len(both) < 2:
            both = targets[:1]
        found.setdefault(key, both)
    return found


def find(gltf: Gltf, vrm: Vrm, body: Body) -> Rig:
    """All sources of a file: VRM expressions first, then the meshes' own morph targets."""
    sources: dict[str, list[Bind]] = {}
    for name, binds in vrm.expressions.items():
        meant = channel(name)
        spoken = viseme(name)
        key = meant[0] if meant else f"viseme_{spoken}" if spoken else name
        sources.setdefault(key, binds[:256])
    said = set(sources)
    for number in sorted({piece.mesh for piece in body.pieces}):
        for key, targets in _meant(_names(gltf.tree.meshes[number])).items():
            if key not in said:
                binds = [Bind(number, None, target, 1.0) for target in targets]
                sources.setdefault(key, []).extend(binds)
    return Rig(body, vrm, sources)
