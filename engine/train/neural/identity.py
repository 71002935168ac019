"""A person's landmarks over many frames -> an avatar package whose mesh lies on their face.

Method: the likeness fit (engine.train.fit) of many frames, averaged, without our drawings'
exaggeration; then the mean residual of the aligned landmarks is spread over the mesh by radial
functions, and the usual pose of the person becomes the mesh's rest pose, so that a Motion of zeros
is the person as they mostly are.
Contract: nothing of the pictures is kept but colours.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from engine.errors import TrackingError
from engine.face.camera import limit_pose, rotation
from engine.face.mesh import Figure
from engine.face.package import Package, load
from engine.frames import BLENDSHAPES, F32, U8, Motion
from engine.train.anchors import BASE, BROWS, FLIP, POINTS, Anchors, similar
from engine.train.avatar import FIELD, build
from engine.train.axes import targets
from engine.train.bust import F64, I64, Bust
from engine.train.clay import Clay
from engine.train.likeness import express, space
from engine.train.neural.alignment import OVAL, Aligned, Aligner, unlimited
from engine.train.portrait import Portrait
from engine.train.recipe import Eyes, Recipe
from engine.train.tints import read

LOOKS = 32  # frames that shape is fitted to
_REACH = 0.22  # dm: how far the residual of one landmark is felt
_RIDGE = 0.15  # of the radial functions: what the networks are unsure of is no shape
_TURNS = 3  # of aligning and reshaping
_AROUND = 4.0  # dm before and behind the head within which depth is told apart
_INNER = np.setdiff1d(np.arange(POINTS), (*OVAL, *BROWS))
_CALM = np.zeros(BLENDSHAPES, np.float32)


@dataclass(frozen=True, slots=True)
class Sitter:
    """A person's package and where landmarks lie on it."""

    package: Package
    vertex: I64  # [468] of the package's mesh
    error: float  # px of the square pictures, mean over the landmarks inside the face
    weights: F32  # [52] of the first frame


def sit(
    points: F32, weights: F32, picture: tuple[U8, F32], folder: Path, size: int, name: str,
    quick: bool = False, looks: int = LOOKS,
) -> Sitter:  # fmt: skip
    """Build a person's package in `folder`; `quick`: with small textures; `looks`: frames that
    shape is fitted to.

    points: landmarks [T, 478, 3] of all frames in px of square pictures of `size`; weights [T, 52]
    of the tracker beside; picture: one of them [size, size, 3] with its landmarks, for colours.
    Raises TrackingError for too few frames.
    """
    if len(points) < looks:
        raise TrackingError(f"{len(points)} frames show the face, expected {looks} or more")
    chosen = np.linspace(0, len(points) - 1, looks).astype(int)
    points, weights = points[chosen], weights[chosen]
    clay = Clay.load()
    who = recipe_of(points, picture, name)
    package = build(who, clay, folder, quick)
    vertex = anchored(clay, who, package)
    _frame(folder, package, vertex, points, size)
    for _ in range(_TURNS):
        package = load(folder)
        aligned = _aligned(Aligner(package, vertex, size), points, weights)
        poses = np.array([limit_pose(a.pose[0]) for a in aligned], float)
        _reshape(folder, package, vertex, points, aligned, size)
        _rest(folder, np.median(poses, axis=0))
    package = load(folder)
    aligned = _aligned(Aligner(package, vertex, size), points, weights)
    error = float(np.mean([a.error[0, _INNER] for a in aligned]))
    return Sitter(package, vertex, error, aligned[0].weights[0])


def recipe_of(points: F32, picture: tuple[U8, F32], name: str) -> Recipe:
    """The mean of many fits, as it is; colours, hair and beard as a likeness guesses them."""
    found = [space().fit(p) for p in points]
    shape = np.mean([f.identity for f in found], axis=0)
    low = np.array([axis.least for axis in space().axes])
    shape = np.clip(shape, low, 1)
    drawn = express(found[0], read(Portrait.of(*picture)))
    identity = replace(BASE, targets=targets(space().axes, shape))
    return replace(
        drawn, name=name, title=name.title(), identity=identity, smile=0.0, rest={},
        eyes=Eyes(growth=0.0, wide=0.0, lash=0.15),  # long lashes would hide where it looks
    )  # fmt: skip


def anchored(clay: Clay, who: Recipe, package: Package) -> I64:
    """Vertices [468] of a package on which the landmarks lie."""
    places = Bust(clay, who).positions[Anchors.load().vertex]
    mesh = package.mesh.position.astype(float)
    return np.array([np.linalg.norm(mesh - place, axis=1).argmin() for place in places], np.int64)


def _aligned(aligner: Aligner, points: F32, weights: F32) -> list[Aligned]:
    """Each frame for itself."""
    return [aligner.align(points[i : i + 1], weights[i : i + 1]) for i in range(len(points))]


def _frame(folder: Path, package: Package, vertex: I64, points: F32, size: int) -> None:
    """Let the camera show the head where and as large as the pictures do; stop hair and breath,
    which no tracked video tells apart from the head."""
    mesh = package.mesh.position[vertex].astype(float)
    seen = np.median(points[:, :POINTS], axis=0) * FLIP
    scale, _, _ = similar(seen, mesh)  # dm a pixel
    middle = mesh.mean(0)
    distance = middle[2] + size * scale / 2 / math.tan(math.radians(FIELD / 2))
    height = middle[1] + (-seen[:, 1].mean() - size / 2) * scale
    path = folder / "avatar.json"
    manifest = json.loads(path.read_text())
    manifest["camera"] = {
        "height": round(height, 4), "distance": round(distance, 4), "fov_deg": FIELD,
        "near": round(distance - _AROUND, 4), "far": round(distance + _AROUND, 4),
    }  # fmt: skip
    path.write_text(json.dumps(manifest, indent=1))
    _write(folder, {key: np.zeros_like(_read(folder)[key]) for key in ("loose", "breath")})


def _reshape(
    folder: Path, package: Package, vertex: I64, points: F32, aligned: Sequence[Aligned], size: int
) -> None:
    """Move the mesh by what all frames agree on that it is beside the landmarks."""
    aligner, rows = Aligner(package, vertex, size), []
    camera = package.manifest.camera
    for seen, one in zip(points, aligned, strict=True):
        pose = limit_pose(one.pose[0]).astype(float)
        here = aligner.project(one.weights[0], pose)
        depth = camera.distance - package.mesh.position[vertex, 2].astype(float)
        pixel = depth * 2 * math.tan(math.radians(camera.fov_deg / 2)) / size  # dm
        off = np.zeros((POINTS, 3))
        off[:, :2] = (seen[:POINTS, :2] - here) * pixel[:, None] * (1, -1)
        rows.append(off @ rotation(*(float(a) for a in pose[:3])))  # into the head's own frame
    held, at = _read(folder), package.mesh.position[vertex].astype(float)
    pull = np.linalg.solve(_felt(at, at) + _RIDGE * np.eye(POINTS), np.mean(rows, axis=0))
    mesh = package.mesh.position.astype(float)
    moved = mesh + (_felt(mesh, at) @ pull) * package.mesh.neck[:, None]
    _write(folder, {**held, "position": moved.astype(np.float32)})


def _felt(places: F64, at: F64) -> F64:
    """How much of a pull at each of `at` [K, 3] is felt at places [N, 3]: [N, K]."""
    apart = (places**2).sum(1)[:, None] + (at**2).sum(1) - 2 * places @ at.T
    return np.asarray(np.exp(apart / -(_REACH**2)))


def _rest(folder: Path, pose: F64) -> None:
    """Make a pose, as it is drawn, the rest pose of a package."""
    package = load(folder)
    figure, held = Figure(package), _read(folder)
    turn = rotation(*(float(a) for a in pose[:3])).astype(float)
    held["position"] = figure.vertices(Motion(0, _CALM, unlimited(pose)))
    start, row = held["shape_start"], held["shape_row"]
    mesh = package.mesh
    for k in range(len(start) - 1):
        own = slice(int(start[k]), int(start[k + 1]))
        if own.start == own.stop:
            continue
        delta = mesh.shape_delta[own] * float(mesh.shape_scale[k])
        neck = mesh.neck[row[own]][:, None]
        delta = (1 - neck) * delta + neck * (delta @ turn.T)
        unit = max(float(np.abs(delta).max()), 1e-6) / 32767
        held["shape_delta"][own], held["shape_scale"][k] = np.rint(delta / unit), unit
    proxy = mesh.proxy[:, :3] @ turn.T.astype(np.float32)
    held["proxy"][:, :3] = np.where(mesh.neck[:, None] > 0.5, proxy, mesh.proxy[:, :3])
    _write(folder, held)


def _read(folder: Path) -> dict[str, npt.NDArray[Any]]:
    return {name: value.copy() for name, value in load_file(folder / "mesh.safetensors").items()}


def _write(folder: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    whole = {**_read(folder), **tensors}
    save_file({k: np.ascontiguousarray(v) for k, v in whole.items()}, folder / "mesh.safetensors")
