"""Drops triangles that no pose within the limits ever shows: the skull under the hair, and such."""

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.camera import POSE_LIMITS
from engine.face.package import Package
from engine.frames import Motion
from engine.render.gbuffer import Visibility
from engine.render.workspace import Buffers
from kernels.raster import EMPTY, triangle_of

SIZE = 512
RINGS = 1  # neighbours of a seen triangle that are kept too
FACES: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 1.0, "tongueOut": 0.6, "eyeWideLeft": 1.0, "eyeWideRight": 1.0},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthPucker": 1.0, "browInnerUp": 1.0},
    {"jawOpen": 0.5, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "eyeLookUpLeft": 1.0,
     "eyeLookUpRight": 1.0, "mouthUpperUpLeft": 1.0, "mouthUpperUpRight": 1.0},
)  # fmt: skip


def _motions() -> list[Motion]:
    motions = []
    yaw, pitch, roll = (float(v) for v in POSE_LIMITS[:3])
    shifts = ((0, 0, 0), (2, 0, 0), (-2, 2, 0), (2, -2, 2), (-2, -2, -2))
    turns = product((-2, -1, -0.5, 0, 0.5, 1, 2), (-2, -0.6, 0, 0.6, 2), (-1.5, 0, 1.5))
    for number, turn in enumerate(turns):
        angles = [yaw * turn[0], pitch * turn[1], roll * turn[2]]
        for which, face in enumerate(FACES):
            shift = shifts[(number + which) % len(shifts)]
            pose = np.array([*angles, *shift], np.float32) * [1, 1, 1, *POSE_LIMITS[3:]]
            weights = np.zeros(len(ARKIT), np.float32)
            for name, weight in face.items():
                weights[INDEX[name]] = weight
            motions.append(Motion(0, weights, pose.astype(np.float32)))
    return motions


def seen(package: Package) -> npt.NDArray[np.bool_]:
    """Which triangles [F] of a package some pose shows, themselves or as an outline."""
    view, buffers = Visibility(package, SIZE, SIZE), Buffers(SIZE, SIZE)
    hit = np.zeros(len(view.triangles), bool)
    for motion in _motions():
        view.draw(motion, buffers, package.manifest.light)
        hit[triangle_of(buffers.keys[buffers.keys != EMPTY])] = True
    found = np.zeros(len(package.mesh.triangle), bool)
    found[view.source[hit]] = True
    # Neck and clothes shift against each other in too many ways to try: all of them stay.
    found |= package.mesh.neck[package.mesh.triangle].min(1) < 1
    for _ in range(RINGS):
        # Through weld groups, so that a ring crosses seams of the texture.
        corners = package.mesh.weld[package.mesh.triangle]
        near = np.zeros(int(corners.max()) + 1, bool)
        near[corners[found]] = True
        found |= near[corners].any(1)
    return found


def prune(tensors: dict[str, npt.NDArray[Any]], package: Package) -> dict[str, npt.NDArray[Any]]:
    """The same tensors with only the triangles that `seen` finds in `package`, their equal."""
    keep = seen(package)
    return {
        **tensors, "triangle": tensors["triangle"][keep], "material": tensors["material"][keep]
    }  # fmt: skip
