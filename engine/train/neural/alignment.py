"""Landmarks of a video's frames -> the Motions that lay a rig's mesh over the pictures.

Method: Gauss-Newton on the projected anchors (where MediaPipe's landmarks lie on the mesh). Head
pose is found without a prior; weights are held near what the tracker says, so that they stay what
live use has and only as much is moved as the landmarks ask for. Causal: a frame starts from the
one before it.
Contract: pictures are square crops shown by the package's own camera; landmarks in their pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.camera import POSE_LIMITS, rotation
from engine.face.mesh import Figure
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, POSE, Motion
from engine.train.anchoring import LOWER_LID, LOWER_LIP, UPPER_LID, UPPER_LIP
from engine.train.anchors import BROWS, POINTS, UNITS
from engine.train.bust import F64, I64
from engine.train.fit import bounded

OVAL = (
    10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234, 251,
    284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454,
)  # fmt: skip
LIPS = tuple(i for ring in (*UPPER_LIP, *LOWER_LIP) for i in ring) + (61, 291, 78, 308)
LIDS = (*UPPER_LID, *LOWER_LID, 33, 133, 263, 362)
# Landmarks above and below, whose distance counts of its own: lids or lips that meet are few
# landmarks among many that stay, and a face whose lids never meet has no shut eyes to learn from.
_GAPS = np.array(
    [[158, 159, 160, 385, 386, 387, 13, 82, 312], [153, 145, 144, 380, 374, 373, 14, 87, 317]]
)
_FREE = np.array([INDEX[name] for name in UNITS])
_ROUNDS = 3
_HOLDS = 8  # rounds in which weights may meet their bounds
_NOISE = 0.006  # of the picture's side: what a landmark is worth
_GAP = 3.0  # weight of such a distance
_TRUST = 0.12  # deviation of a weight from the tracker's,
_LOOSE = 4.0  # as much more for those that shut the eyes: lids say it better than the tracker,
_SHUTTERS = ("eyeBlinkLeft", "eyeBlinkRight")  # whose weights of a shut eye are about a half
_STILL = np.array([0.8, 0.8, 0.8, 0.02, 0.02, 0.02])  # pose: how far it moves in a frame, loosely
_MOVE = 0.02  # of a weight, for its derivative
_STEP = np.array([0.5, 0.5, 0.5, 0.005, 0.005, 0.005])  # of the numeric derivative


@dataclass(frozen=True, slots=True)
class Aligned:
    """Motions of a clip's frames and how well they fit."""

    weights: F32  # [T, 52]
    pose: F32  # [T, 6]
    error: F32  # [T, 468] pixels between mesh and landmarks

    def motion(self, frame: int, start: int) -> Motion:
        """One of them."""
        return Motion(start, self.weights[frame], self.pose[frame])


class Aligner:
    """One package's anchors, aligned to landmarks."""

    def __init__(self, package: Package, vertex: I64, size: int, trust: float = _TRUST) -> None:
        """`vertex` [468]: of the package's mesh; `size`: px of the square pictures; `trust`:
        deviation of weights from the tracker's, 0 keeps them."""
        self._figure, self._camera = Figure(package), package.manifest.camera
        self._vertex, self._size, self._trust = vertex, size, trust
        self._pivot = np.array(package.manifest.pivot)
        self._width = package.manifest.head_width
        slack = np.where(np.isin(_FREE, [INDEX[name] for name in _SHUTTERS]), _LOOSE, 1.0)
        self._hold = 1 / np.square(max(trust, 1e-6) * slack)
        self._units = units(package, vertex)
        weight = np.ones(POINTS)
        weight[list(OVAL)] = 0.5  # outlines slide over the skin
        weight[list(BROWS)] = 0.3  # brows are painted
        weight[list(LIPS)], weight[list(LIDS)] = 1.6, 1.3
        self._weight = np.repeat(weight[:, None], 2, 1) / (_NOISE * size)

    def align(self, points: npt.NDArray[np.floating], weights: F32) -> Aligned:
        """Landmarks [T, 468 or more, 2 or 3] of one clip and the tracker's weights [T, 52], rest
        taken off -> the Motions."""
        if len(points) != len(weights):
            raise TrackingError(f"{len(points)} frames have {len(weights)} rows of weights")
        out = Aligned(*(np.empty((len(points), n), np.float32) for n in (BLENDSHAPES, 6, POINTS)))
        pose, fresh = np.zeros(len(POSE)), True
        for t, (seen, guess) in enumerate(zip(points, weights, strict=True)):
            found, pose, off = self._frame(seen[:POINTS, :2].astype(float), guess, pose, fresh)
            out.weights[t], out.pose[t], out.error[t] = found, unlimited(pose), off
            fresh = False
        return out

    def project(self, weights: F32, pose: F64) -> F64:
        """Anchors [468, 2] in pixels, for a pose as drawn."""
        return self._screen(self._rest(weights), pose)

    def _rest(self, weights: F32) -> F64:
        """Anchors [468, 3] of a head that looks straight ahead."""
        points = self._figure.vertices(Motion(0, weights, np.zeros(6, np.float32)))
        return points[self._vertex].astype(np.float64)

    def _screen(self, rest: F64, pose: F64) -> F64:
        turn = rotation(*(float(angle) for angle in pose[:3])).astype(float)
        world = (rest - self._pivot) @ turn.T + self._pivot + pose[3:] * self._width
        screen = self._camera.project(world, self._size, self._size)
        return np.asarray(screen[:, :2])

    def _weighed(self, moved: F64) -> F64:
        """Moves of all landmarks [K, 468, 2] -> what counts of them [K, N]."""
        gaps = (moved[:, _GAPS[0]] - moved[:, _GAPS[1]]) * (_GAP / (_NOISE * self._size))
        return np.concatenate([moved * self._weight, gaps], axis=1).reshape(len(moved), -1)

    def _frame(self, seen: F64, guess: F32, last: F64, fresh: bool) -> tuple[F32, F64, F64]:
        weights, pose = guess.astype(np.float32).copy(), last.copy()
        free = _FREE if self._trust > 0 else _FREE[:0]
        for _ in range(_ROUNDS * (3 if fresh else 1)):
            rest = self._rest(weights)
            here = self._screen(rest, pose)
            columns = [
                (self._screen(rest, pose + step) - here) / step.sum() for step in np.diag(_STEP)
            ]
            moved = (rest[None] + self._units[free] * _MOVE).reshape(-1, 3)
            columns += list((self._screen(moved, pose).reshape(-1, POINTS, 2) - here) / _MOVE)
            slope = self._weighed(np.array(columns))
            off = self._weighed((seen - here)[None])[0]
            loose = np.zeros(6) if fresh else 1 / np.square(_STILL)
            normal, right = slope @ slope.T, slope @ off
            normal[range(6), range(6)] += loose
            right[:6] += loose * (last - pose)
            if len(free):
                k = np.arange(6, 6 + len(free))
                normal[k, k] += self._hold
                right[6:] += self._hold * (guess[free] - weights[free])
            low = np.concatenate([np.full(6, -1e3), -weights[free]])
            high = np.concatenate([np.full(6, 1e3), 1 - weights[free]])
            change = bounded(normal, right, low, high, _HOLDS)
            pose = pose + change[:6]
            weights[free] += change[6:]
        off = np.linalg.norm(self.project(weights, pose) - seen, axis=1)
        return weights, pose, off


def units(package: Package, vertex: I64) -> F64:
    """How the 52 shapes move some vertices [52, N, 3], dm."""
    mesh = package.mesh
    out = np.zeros((BLENDSHAPES, len(mesh.position), 3))
    for k in range(BLENDSHAPES):
        rows = slice(mesh.shape_start[k], mesh.shape_start[k + 1])
        out[k, mesh.shape_row[rows]] = mesh.shape_delta[rows] * mesh.shape_scale[k]
    return out[:, vertex]


def unlimited(pose: npt.NDArray[np.floating]) -> F32:
    """A pose as drawn -> the Motion's pose that engine.face.camera.limit_pose draws so."""
    ratio = np.abs(pose) / POSE_LIMITS
    over = np.minimum(2 * np.maximum(ratio - 0.5, 0), 0.995)
    asked = np.where(ratio > 0.5, 0.5 + 0.5 * np.arctanh(over), ratio)
    return np.asarray(np.sign(pose) * asked * POSE_LIMITS, np.float32)
