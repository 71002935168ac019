"""One picture of a face -> the rig laid exactly over it: a package and the weights that it shows.

Method: landmarks of several looks, averaged; the likeness fit and the alignment of
engine.train.neural.identity with a single frame; at last what is left between mesh and landmarks
is spread over the mesh by narrow radial functions, so that lids and lips lie where the picture has
them.
Contract: nothing is guessed about a picture without a face: TrackingError says what to do.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.errors import TrackingError
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.mesh import Figure
from engine.face.package import Package, load
from engine.frames import BLENDSHAPES, F32, U8, Motion
from engine.tracker.mesh import landmarks, surround
from engine.tracker.models import Models
from engine.tracker.still import find
from engine.train.anchors import LOOKS, POINTS
from engine.train.bust import F64, I64
from engine.train.likeness import space
from engine.train.neural.alignment import OVAL
from engine.train.neural.footage import Square, cut
from engine.train.neural.identity import sit
from engine.train.neural.slit import LOWER, UPPER, Slit, at

SIZE = 512  # px of the square picture
FACE = 0.40  # height of a face (forehead to chin) in it, where the picture reaches so far
RISE = 0.05  # of the square by which the face's middle lies above the square's
_LEAST = 64.0  # px of a face's height in the picture given
_ASIDE = 28.0  # degrees from which on too much of a face is hidden
_REACH, _RIDGE, _TURNS = 0.11, 0.04, 3  # dm; as engine.train.neural.identity, but narrow
_ASKEW = ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "jawForward")
# Outlines slide over the skin; of the lips' inner edges the rims themselves are laid down.
_AROUND, _STRAY = 30.0, 3.5  # px: which landmarks are neighbours, and how far one may stray
_MOUTH = 0.4  # dm over the skin around the slit where it must not
_LIP, _BESIDE = 0.08, 0.05  # dm over the skin, and share of the slit: what covers a rim
_EXACT = np.setdiff1d(np.arange(POINTS), (*OVAL, *UPPER, *LOWER))


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A picture and the mesh that lies over it when it shows `weights`, head straight."""

    picture: U8  # [SIZE, SIZE, 3]
    square: Square  # what of the picture given it is
    points: F32  # [478, 3] landmarks in its pixels
    package: Package
    vertex: I64  # [468] of the package's mesh
    weights: F32  # [52]

    @property
    def motion(self) -> Motion:
        """The one that the picture shows."""
        return Motion(0, self.weights, np.zeros(6, np.float32))

    def screen(self, motion: Motion | None = None) -> F64:
        """Vertices [V, 3] in pixels of the picture; x right, y down, depth in dm."""
        return projected(self.package, motion or self.motion)


def projected(package: Package, motion: Motion) -> F64:
    """Vertices [V, 3] in pixels of a picture of SIZE; the third is z in dm."""
    world = Figure(package).vertices(motion)
    seen = package.manifest.camera.project(world, SIZE, SIZE).astype(float)
    seen[:, 2] = world[:, 2]
    return seen


def unwrap(rgb: U8, models: Models, folder: Path, name: str) -> Unwrapped:
    """Fit the rig to the largest face of a picture [H, W, 3]; its package is written to `folder`.

    Raises TrackingError for no face, one too small or turned too far away.
    """
    points = marks(rgb, models)
    tall = float(np.linalg.norm(points[10, :2] - points[152, :2]))
    if tall < _LEAST:
        raise TrackingError(
            f"the face is {tall:.0f} pixels high, expected {_LEAST:.0f} or more: take a photo from "
            "nearer"
        )
    square = _square(points, tall, *rgb.shape[:2])
    picture = cut(rgb, square, SIZE)
    points = (points - np.array([square.x, square.y, 0])) * (SIZE / square.side)
    points = points.astype(np.float32)
    found = space().fit(points)
    if abs(found.yaw) > _ASIDE:
        raise TrackingError(
            f"the head is turned by {abs(found.yaw):.0f} degrees, expected at most {_ASIDE:.0f}: "
            "take a photo from the front"
        )
    guess = np.zeros((1, BLENDSHAPES), np.float32)
    for key, value in found.expression.items():
        guess[0, INDEX[key]] = value
    sitter = sit(points[None], guess, (picture, points), folder, SIZE, name, True, looks=1)
    made = Unwrapped(picture, square, points, sitter.package, sitter.vertex, _even(sitter.weights))
    slit = Slit.of(made.package)
    exact = _agreed(made, slit)
    for _ in range(_TURNS):
        made = _pressed(made, slit, exact, folder)
    return made


def _even(weights: F32) -> F32:
    """Both sides alike and nothing aside: from one picture nobody can tell an uneven face from an
    uneven expression, and a crooked smile that goes away would leave a crooked mouth."""
    out = weights.copy()
    for k, name in enumerate(ARKIT):
        if name in _ASKEW:
            out[k] = 0
        elif name.endswith("Left"):
            pair = [k, INDEX[name.removesuffix("Left") + "Right"]]
            out[pair] = weights[pair].mean()
    return out


def marks(rgb: U8, models: Models) -> F32:
    """[478, 3] in pixels, the mean of several looks at the picture."""
    points = find(models, rgb)
    if points is None:
        raise TrackingError(
            "no face is found in the photo, expected one from the front, well lit and not covered; "
            "choose another photo"
        )
    looks, region = [points], surround(points)
    for size, aside in LOOKS:
        near = region._replace(size=region.size * size, x=region.x + aside * region.size,
                               roll=region.roll + aside)  # fmt: skip
        looks.append(landmarks(models, rgb, near)[0])
    return np.asarray(np.mean(looks, axis=0), np.float32)


def _square(points: F32, tall: float, height: int, width: int) -> Square:
    """Around head and shoulders, inside the picture where it is large enough."""
    side = min(tall / FACE, float(min(height, width)))
    side = max(side, 1.3 * tall)  # a tight picture: its edges are repeated
    x, y = (points[10, :2] + points[152, :2]) / 2
    left, top = float(x) - side / 2, float(y) - side * (0.5 - RISE)
    left = min(max(left, 0.0), width - side) if side <= width else left
    top = min(max(top, 0.0), height - side) if side <= height else top
    return Square(left, top, side)


def _agreed(made: Unwrapped, slit: Slit) -> I64:
    """Landmarks, without those near the mouth that are not as far off as those around: where the
    rig is coarse, in the mouth's corners, one may have a vertex of the other lip, and would fold
    the skin."""
    seen = made.points[_EXACT, :2].astype(float)
    off = seen - made.screen()[made.vertex[_EXACT], :2]
    near = np.linalg.norm(seen[:, None] - seen, axis=-1) < _AROUND
    usual = np.array([np.median(off[own], axis=0) for own in near])
    astray = np.linalg.norm(off - usual, axis=1) > _STRAY
    return np.asarray(_EXACT[~(astray & (slit.away[made.vertex[_EXACT]] < _MOUTH))])


def _goals(made: Unwrapped, slit: Slit, exact: I64) -> tuple[I64, F64]:
    """Vertices [N] and the places [N, 2] of the picture that they belong to."""
    rims, seen = [], made.screen()
    for rim, line, sign in ((slit.upper, UPPER, 1.0), (slit.lower, LOWER, -1.0)):
        place = at(made.points[list(line), :2].astype(float), slit.along[rim])
        place[:, 1] -= sign * _overhang(slit, seen, rim, sign)
        rims.append(place)
    vertex = np.concatenate([made.vertex[exact], slit.upper, slit.lower])
    place = np.concatenate([made.points[exact, :2], *rims])
    found, owner = np.unique(vertex, return_inverse=True)
    goal = np.zeros((len(found), 2))
    np.add.at(goal, owner, place / np.bincount(owner)[owner, None])
    return found, goal


def _overhang(slit: Slit, seen: F64, rim: I64, sign: float) -> F64:
    """How far [N] a lip (1 the upper one, -1 the lower one) reaches over its rim, which lies a
    little inside the mouth, px."""
    lip = np.flatnonzero((slit.away < _LIP) & (sign * slit.side > 0.3))
    near = np.abs(slit.along[rim][:, None] - slit.along[lip]) < _BESIDE
    over = np.where(near, sign * (seen[lip, 1] - seen[rim, 1][:, None]), 0.0)
    return np.asarray(over.max(axis=1, initial=0.0) * np.sin(np.pi * slit.along[rim]) ** 0.5)


def _pressed(made: Unwrapped, slit: Slit, exact: I64, folder: Path) -> Unwrapped:
    """The same with its mesh moved, in the picture's plane, to where the landmarks are."""
    package, camera = made.package, made.package.manifest.camera
    nodes, goal = _goals(made, slit, exact)
    seen = made.screen()[nodes]
    pixel = (camera.distance - seen[:, 2]) * 2 * math.tan(math.radians(camera.fov_deg / 2)) / SIZE
    off = np.zeros((len(nodes), 3))
    off[:, :2] = (goal - seen[:, :2]) * pixel[:, None] * (1, -1)
    mesh = package.mesh.position.astype(float)
    turn = np.arcsin(slit.side)

    def felt(vertices: I64 | slice) -> F64:
        apart = np.linalg.norm(mesh[vertices][:, None] - mesh[nodes], axis=-1)
        # Lips that touch do not pull at each other.
        alike = (1 + np.cos(turn[vertices][:, None] - turn[nodes])) / 2
        return np.asarray(np.exp(-((apart / _REACH) ** 2)) * alike)

    pull = np.linalg.solve(felt(nodes) + _RIDGE * np.eye(len(nodes)), off)
    bone = [k for k, m in enumerate(package.manifest.materials) if m.name in ("teeth", "tongue")]
    soft = package.mesh.neck.astype(float)
    soft[np.unique(package.mesh.triangle[np.isin(package.mesh.material, bone)])] = 0
    moved = mesh + (felt(slice(None)) @ pull) * soft[:, None]
    path = folder / "mesh.safetensors"
    held = {**load_file(path), "position": moved.astype(np.float32)}
    save_file({k: np.ascontiguousarray(v) for k, v in held.items()}, path)
    return replace(made, package=load(folder))
