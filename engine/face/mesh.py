"""Motion -> posed vertices: correctives, 52 blendshapes, hair that swings, a chest that breathes,
a neck that bends.

Stateless and deterministic; owns scratch buffers, so one Figure serves one thread.
"""

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.camera import limit_pose, rotation
from engine.face.muscle import correct
from engine.face.package import Package
from engine.face.swing import LIMIT
from engine.frames import F32, SAMPLE_RATE, Motion
from kernels import mesh as ops

STEPS = 17  # interpolated poses between shoulders and head
FOLLOW = 0.07  # share of the head's pose that shoulders and chest follow
SWING_STEPS = 5  # and between hair that rides on the head and hair that is loose
SKULL = 0.55  # head widths from the neck's pivot up to the middle of the skull
# Breath: two rhythms whose ratio is no fraction, so that it never repeats; Hz and share.
RHYTHMS = ((0.2503, 0.75), (0.1709, 0.25))
BREATH = np.array([0.0, 0.016, 0.008], np.float32)  # head widths at the top of a breath


class Figure:
    """The posable mesh of one package."""

    def __init__(self, package: Package) -> None:
        self._mesh = package.mesh
        spec = package.manifest
        self._rest = np.zeros(len(ARKIT), np.float32)
        for name, weight in spec.rest.items():
            self._rest[INDEX[name]] = weight
        # Rows of shapes whose product drives a corrective; row 52 is a constant one.
        self._factors = np.full((len(spec.correctives), 3), len(ARKIT))
        for row, names in zip(self._factors, spec.correctives, strict=True):
            row[: len(names)] = [INDEX[name] for name in names]
        self._pivot = np.array(spec.pivot, np.float32)
        self._width = spec.head_width
        self.landmarks = spec.landmarks
        self._chest = np.flatnonzero(self._mesh.breath)
        self._heave = self._mesh.breath[self._chest, None] * (BREATH * self._width)

    def vertices(self, motion: Motion) -> F32:
        """World positions [V, 3] in decimetres."""
        mesh = self._mesh
        points = np.empty_like(mesh.position)
        weights = self.weights(motion.weights)
        ops.blend(
            mesh.position, weights, mesh.shape_start, mesh.shape_row, mesh.shape_delta,
            mesh.shape_scale, points,
        )  # fmt: skip
        if motion.swing is not None and motion.swing.any():
            ops.bend(points, mesh.loose, self.swung(motion.swing))
        points[self._chest] += self._heave * np.float32(breath(motion.start))
        poses, _ = self.poses(motion.pose)
        ops.bend(points, mesh.neck, poses)
        return points

    def weights(self, weights: F32) -> F32:
        """Weights [..., 52] -> those of all shapes [..., 52 + C], correctives included."""
        drawn = correct(weights, self._rest)
        one = np.ones((*drawn.shape[:-1], 1), np.float32)
        known = np.concatenate([np.clip(drawn, 0, 1), one], -1)
        driven = known[..., self._factors].prod(-1)
        return np.concatenate([drawn, driven], -1).astype(np.float32)

    def poses(self, pose: F32) -> tuple[F32, F32]:
        """Rigid motions [STEPS, 3, 4] from shoulders to head, and the head's rotation [3, 3]."""
        pose = limit_pose(pose)
        shift = pose[3:] * self._width
        out = np.empty((STEPS, 3, 4), np.float32)
        for step in range(STEPS):
            share = FOLLOW + (1 - FOLLOW) * step / (STEPS - 1)
            turn = rotation(*(float(angle) * share for angle in pose[:3]))
            out[step, :, :3] = turn
            out[step, :, 3] = self._pivot - turn @ self._pivot + shift * share
        return out, out[-1, :, :3].copy()

    def swung(self, swing: F32) -> F32:
        """Turns about the middle of the skull [SWING_STEPS, 3, 4], up to the whole swing."""
        centre = self._pivot + np.array([0, SKULL * self._width, 0], np.float32)
        angles = LIMIT * np.tanh(np.nan_to_num(swing, posinf=0.0, neginf=0.0) / LIMIT)
        out = np.empty((SWING_STEPS, 3, 4), np.float32)
        for step in range(SWING_STEPS):
            turn = rotation(*(float(angle) * step / (SWING_STEPS - 1) for angle in angles))
            out[step, :, :3], out[step, :, 3] = turn, centre - turn @ centre
        return out

    def named(self, points: F32) -> dict[str, npt.NDArray[np.float32]]:
        """Landmark name -> xyz among posed vertices."""
        return {name: points[index] for name, index in self.landmarks.items()}


def breath(start: int) -> float:
    """How far in a breath is when sample `start` is heard, in [-1, 1]; 0 at the first."""
    seconds = start / SAMPLE_RATE
    return float(sum(share * np.sin(2 * np.pi * hz * seconds) for hz, share in RHYTHMS))


def lip_aperture(package: Package, weights: F32) -> float:
    """Gap between the inner lips over the distance of the eyes' outer corners, head straight."""
    figure = Figure(package)
    at = figure.named(figure.vertices(Motion(0, weights, np.zeros(6, np.float32))))
    gap = np.linalg.norm(at["lip_upper_inner"] - at["lip_lower_inner"])
    return float(gap / np.linalg.norm(at["eye_outer_left"] - at["eye_outer_right"]))
