"""The closed loop: an avatar does what it is told, as somebody sees who knows nothing of its rig.

Contract: every drill sweeps one command through its range and asks that one sign follows it
(Pearson's r, its direction included); every single shape is then posed at full strength, and what
it does to the signs of other commands is compared with what their own commands do (`Leak`).
An eye is any function Motion -> Signs, None where it finds no face.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.eval.signs import Signs, irises, projected, seen
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32, POSE, U8, Motion
from engine.render.choose import AnyRenderer
from engine.tracker.coefficients import Regressor
from engine.tracker.mesh import surround
from engine.tracker.models import Models
from engine.tracker.still import find, look

Draw = Callable[[Motion], U8]
Eye = Callable[[Motion], Signs | None]
SIZE = 512  # px of the pictures
_STEPS = (0.25, 0.5, 0.75, 1.0)
_BOTH = (-1.0, -0.6, -0.3, 0.3, 0.6, 1.0)
_SURE, _FAIR = 0.9, 0.7


@dataclass(frozen=True, slots=True)
class Drill:
    """A command and the sign that must follow it."""

    name: str
    sign: str
    up: dict[str, float]  # channels at command 1; poses in degrees
    down: dict[str, float]  # at command -1; empty: the command is 0 or more
    direction: int  # of the sign, for a rising command
    least: float  # r

    @property
    def steps(self) -> tuple[float, ...]:
        return _BOTH if self.down else _STEPS


def _pair(name: str, value: float = 1.0) -> dict[str, float]:
    return {f"{name}Left": value, f"{name}Right": value}


def _turn(name: str, degrees: float) -> Drill:
    return Drill(name, name, {name: degrees}, {name: -degrees}, 1, _SURE)


DRILLS = (
    Drill("jaw", "aperture", {"jawOpen": 1}, {}, 1, _SURE),
    Drill("lid_left", "lid_left", {"eyeBlinkLeft": 1}, {}, -1, _SURE),
    Drill("lid_right", "lid_right", {"eyeBlinkRight": 1}, {}, -1, _SURE),
    Drill("smile", "width", _pair("mouthSmile"), {}, 1, _FAIR),
    Drill("stretch", "width", _pair("mouthStretch"), {}, 1, _FAIR),
    Drill("pucker", "width", {"mouthPucker": 1}, {}, -1, _FAIR),
    Drill("funnel", "width", {"mouthFunnel": 1}, {}, -1, _FAIR),
    Drill("mouth", "mouth_x", {"mouthLeft": 1}, {"mouthRight": 1}, 1, _FAIR),
    Drill("gaze_x", "gaze_x", {"eyeLookOutLeft": 1, "eyeLookInRight": 1},
          {"eyeLookInLeft": 1, "eyeLookOutRight": 1}, 1, _FAIR),
    Drill("gaze_y", "gaze_y", _pair("eyeLookUp"), _pair("eyeLookDown"), 1, _FAIR),
    _turn("yaw", 24.0), _turn("pitch", 14.0), _turn("roll", 14.0),
)  # fmt: skip
# What each column of the table is the least of.
COLUMNS = {
    "jaw": ("jaw",), "lids": ("lid_left", "lid_right"),
    "width": ("smile", "stretch", "pucker", "funnel"), "mouth": ("mouth",),
    "gaze": ("gaze_x", "gaze_y"), "yaw": ("yaw",), "pitch": ("pitch",), "roll": ("roll",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leak:
    """Shapes that must leave a sign alone: their effect over that of the sign's own drill."""

    drill: str
    shapes: tuple[str, ...]
    most: float


_LIPS = tuple(n for n in ARKIT if n.startswith(("mouth", "jaw", "cheekPuff", "tongue")))
_GAZE = tuple(n for n in ARKIT if n.startswith("eyeLook"))
_BROWS = tuple(n for n in ARKIT if n.startswith("brow"))
LEAKS = (
    Leak("lid_left", ("eyeBlinkRight", "eyeSquintRight", "eyeWideRight"), 0.3),
    Leak("lid_right", ("eyeBlinkLeft", "eyeSquintLeft", "eyeWideLeft"), 0.3),
    Leak("jaw", ("eyeBlinkLeft", "eyeBlinkRight", *_GAZE, *_BROWS), 0.15),
    Leak("yaw", (*_LIPS, *_GAZE, "eyeBlinkLeft", "eyeBlinkRight"), 0.3),
    Leak("gaze_x", (*_LIPS, *_BROWS), 0.6),
)
# Shapes of one side that, together, move their own corner of the mouth more than the other one.
CORNERS = ("mouthSmile", "mouthFrown")


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen of one avatar."""

    r: dict[str, float]  # by drill; 0 where nothing moved or no face was found
    leaks: dict[str, tuple[str, float]]  # by drill: the worst shape and its share
    sides: dict[str, float]  # by side of the mouth: own effect less the other's, over the larger
    lost: int  # pictures without a face
    pictures: int

    def column(self, name: str) -> float:
        """The least r of a column of the table."""
        return min(self.r[drill] for drill in COLUMNS[name] if drill in self.r)

    def faults(self) -> list[str]:
        """What is not as it must be, in words; empty for a sound avatar."""
        out = [
            f"{d.name}: r {self.r[d.name]:.2f}, expected {d.least:g}"
            for d in DRILLS
            if d.name in self.r and not self.r[d.name] >= d.least
        ]
        most = {leak.drill: leak.most for leak in LEAKS}
        out += [
            f"{shape} moves {drill} by {share:.2f} of its own range, at most {most[drill]:g}"
            for drill, (shape, share) in self.leaks.items()
            if not share <= most[drill]
        ]
        out += [
            f"{' and '.join(CORNERS)} of the {side} move the other corner of the mouth"
            for side, own in self.sides.items()
            if not own > 0
        ]
        if self.lost:
            out.append(f"no face is found in {self.lost} of {self.pictures} pictures")
        return out


def motion(channels: dict[str, float], share: float = 1.0) -> Motion:
    """Channels and angles by name, each times `share`."""
    weights, pose = np.zeros(BLENDSHAPES, np.float32), np.zeros(len(POSE), np.float32)
    for name, value in channels.items():
        if name in POSE:
            pose[POSE.index(name)] = value * share
        else:
            weights[INDEX[name]] = value * share
    return Motion(0, weights, pose)


def run(eye: Eye, drills: Sequence[Drill] = DRILLS, shapes: Sequence[str] = ARKIT) -> Report:
    """What an avatar does in `drills` and when it poses each of `shapes`, as `eye` sees it."""
    rest = eye(motion({}))
    if rest is None:
        return Report({d.name: 0.0 for d in drills}, {}, {}, 1, 1)
    lost, pictures, r, ranges = 0, 1, {}, {}
    for drill in drills:
        found = [(0.0, rest)]
        for step in drill.steps:
            sight = eye(motion(drill.up if step > 0 else drill.down, abs(step)))
            pictures, lost = pictures + 1, lost + (sight is None)
            if sight is not None:
                found.append((step, sight))
        values = [signs[drill.sign] for _, signs in found]
        r[drill.name] = drill.direction * correlation([step for step, _ in found], values)
        ranges[drill.name] = float(np.ptp(values)) / (2 if drill.down else 1)
    alone = {name: eye(motion({name: 1.0})) for name in shapes}
    known = {name: sight for name, sight in alone.items() if sight is not None}
    lost, pictures = lost + len(alone) - len(known), pictures + len(alone)
    return Report(r, _leaks(rest, known, ranges), _sides(rest, known), lost, pictures)


def correlation(commands: Sequence[float], values: Sequence[float]) -> float:
    """Pearson's r; 0 where one of both does not change or there are less than three."""
    x, y = np.asarray(commands, float), np.asarray(values, float)
    if len(x) < 3 or x.std() < 1e-9 or y.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _leaks(
    rest: Signs, alone: dict[str, Signs], ranges: dict[str, float]
) -> dict[str, tuple[str, float]]:
    signs, out = {drill.name: drill.sign for drill in DRILLS}, {}
    for leak in LEAKS:
        sign = signs[leak.drill]
        shares = {
            shape: abs(alone[shape][sign] - rest[sign]) / max(ranges[leak.drill], 1e-6)
            for shape in leak.shapes
            if shape in alone and leak.drill in ranges
        }
        if shares:
            worst = max(shares, key=lambda shape: shares[shape])
            out[leak.drill] = (worst, shares[worst])
    return out


def _sides(rest: Signs, alone: dict[str, Signs]) -> dict[str, float]:
    out = {}
    for own, other in (("left", "right"), ("right", "left")):
        moved = [alone[name] for shape in CORNERS if (name := f"{shape}{own.title()}") in alone]
        if moved:
            mine, theirs = (
                sum(abs(sight[sign] - rest[sign]) for sight in moved)
                for sign in (f"corner_{own}", f"corner_{other}")
            )
            out[own] = (mine - theirs) / max(mine, theirs, 1e-9)
    return out


def watcher(draw: Draw, models: Models) -> Eye:
    """An eye that sees only pictures: the landmark networks on what `draw` makes of a motion."""
    rigid = Regressor.load().rigid
    rest = draw(motion({}))
    points = find(models, rest)
    # Every picture is looked at from where the face at rest is: none depends on another.
    region = None if points is None else surround(points)

    def eye(told: Motion) -> Signs | None:
        rgb = draw(told)
        found = None if region is None else look(models, rgb, region)
        return None if found is None else seen(found, rigid, rgb.shape[1], rgb.shape[0])

    return eye


def prober(renderer: AnyRenderer, pose: Callable[[Motion], F32] | None = None) -> Eye:
    """An eye for faces that no network knows: named vertices, projected.

    `pose`: another way from a motion to vertices [V, 3] than the renderer's.
    """
    vertices = pose or renderer.vertices
    rest = renderer.vertices(motion({}))
    iris = irises(renderer.vertices)
    return lambda told: projected(renderer.package, iris, rest, vertices(told))


def human(folder: Path) -> bool:
    """Whether a package's folder says that it was built as a person, or says nothing."""
    path = folder / "recipe.json"
    return not path.is_file() or json.loads(path.read_text()).get("species", "human") == "human"
