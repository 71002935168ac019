"""Sixty-eight face landmarks on an avatar's mesh, as papers count them, and how motion moves them.

Contract: the groups and their order are those of the usual 68-point markup (jaw, brows, nose,
eyes, outer lips, inner lips; from the subject's right to the left); the vertices are found by shape
on a package's mesh, never typed in. Points move exactly as they are drawn: correctives,
blendshapes, neck. Lengths are in decimetres; `Face.eyes` is the usual yardstick.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from engine.avatar import DEFAULT_AVATAR
from engine.face import package
from engine.face.blendshapes import INDEX
from engine.face.mesh import Figure
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, POSE, Motion

I64 = npt.NDArray[np.int64]
Place = Callable[[float, float], int]  # x, y on the front of the face -> vertex

JAW, BROWS, NOSE = slice(0, 17), slice(17, 27), slice(27, 36)
EYES, OUTER_LIPS, INNER_LIPS = slice(36, 48), slice(48, 60), slice(60, 68)
MOUTH = slice(48, 68)  # the 20 points of M-LMD
POINTS = 68
_FRONT = -0.35  # dm: the skin before the ears
# In eye distances: edges of the red above and below the line of the lips, brow above the eye.
_UPPER_RED, _LOWER_RED, _BROW = 0.105, 0.09, 0.2


def reduced(source: Package, kept: I64) -> Package:
    """The package with these vertices alone, in this order, and no triangles: for measuring only.

    Landmarks that are not among them are gone.
    """
    mesh = source.mesh
    place = {int(vertex): n for n, vertex in enumerate(kept)}
    chosen = np.isin(mesh.shape_row, kept)
    before = np.concatenate([[0], np.cumsum(chosen)])
    rows = [place[int(v)] for v in mesh.shape_row[chosen]]
    small = replace(
        mesh, position=mesh.position[kept], neck=mesh.neck[kept],
        loose=mesh.loose[kept], breath=mesh.breath[kept],
        shape_start=before[mesh.shape_start].astype(np.int32),
        shape_row=np.array(rows, np.int32), shape_delta=mesh.shape_delta[chosen],
    )  # fmt: skip
    named = {name: place[v] for name, v in source.manifest.landmarks.items() if v in place}
    return replace(source, mesh=small, manifest=replace(source.manifest, landmarks=named))


class Face:
    """The landmarks of one avatar, movable. Owns scratch buffers: one Face serves one thread."""

    def __init__(self, source: Package) -> None:
        self.index = find(source)  # [68] vertices
        kept = np.unique(self.index)
        self._place = np.searchsorted(kept, self.index)
        self._figure = Figure(reduced(source, kept))
        self.neutral = self.points(np.zeros((1, BLENDSHAPES), np.float32))[0]  # [68, 3]
        self.eyes = float(np.linalg.norm(self.neutral[36] - self.neutral[45]))
        self.width = float(np.linalg.norm(self.neutral[0] - self.neutral[16]))

    def points(self, weights: F32, pose: F32 | None = None) -> F32:
        """Motion rows [T, 52] and [T, 6] (None: head straight) -> places [T, 68, 3] in dm."""
        turns = np.zeros((len(weights), len(POSE)), np.float32) if pose is None else pose
        moved = np.empty((len(weights), POINTS, 3), np.float32)
        for t, (row, turn) in enumerate(zip(weights, turns, strict=True)):
            moved[t] = self._figure.vertices(Motion(0, row, turn))[self._place]
        return moved


@cache
def face(avatar: str = DEFAULT_AVATAR) -> Face:
    """The landmarks of a bundled avatar; found once per process."""
    return Face(package.load(avatar))


def find(source: Package) -> I64:
    """Vertex numbers [68] on any package's mesh."""
    mesh, spec = source.mesh, source.manifest
    rest = mesh.position
    names = [material.name for material in spec.materials]
    skin = np.unique(mesh.triangle[mesh.material == names.index("skin")])
    front = skin[(rest[skin, 2] > _FRONT) & (mesh.neck[skin] > 0.5)]
    at = {name: rest[index].astype(np.float64) for name, index in spec.landmarks.items()}
    eyes = float(np.linalg.norm(at["eye_outer_left"] - at["eye_outer_right"]))

    def place(x: float, y: float) -> int:
        # The nearest in the picture; of two behind each other the one before.
        apart = np.hypot(rest[front, 0] - x, rest[front, 1] - y) - 0.15 * rest[front, 2]
        return int(front[apart.argmin()])

    found = _jaw(rest[front], front, at) + _brows(at, eyes, place) + _nose(at, eyes, place)
    found += _eyes(at, spec.landmarks, place) + _outer_lips(at, spec.landmarks, eyes, place)
    return np.array(found + _inner_lips(Figure(source), skin, at, eyes), np.int64)


def _jaw(points: F32, front: I64, at: dict[str, npt.NDArray[np.float64]]) -> list[int]:
    """The outline seen from before, from eye height down to the chin and up again."""
    middle = np.array([0.0, 0.5 * (at["nose_tip"][1] + at["eye_outer_left"][1])])
    above = points[:, 1] > at["chin"][1] - 0.03  # no neck
    points, front = points[above], front[above]
    spokes = points[:, :2] - middle
    angle = np.arctan2(spokes[:, 0], -spokes[:, 1])
    reach = np.linalg.norm(spokes, axis=1)
    found = []
    for turn in np.linspace(-1.85, 1.85, 17):
        score = reach - 8.0 * np.maximum(np.abs(angle - turn) - 0.06, 0)
        found.append(int(front[score.argmax()]))
    found[8] = int(front[np.linalg.norm(points - at["chin"], axis=1).argmin()])
    return found


def _brows(at: dict[str, npt.NDArray[np.float64]], eyes: float, place: Place) -> list[int]:
    found = []
    for side, shares in (("right", (1, 0.75, 0.5, 0.25, 0)), ("left", (0, 0.25, 0.5, 0.75, 1))):
        inner, outer = at[f"eye_inner_{side}"], at[f"eye_outer_{side}"]
        for share in shares:
            x, y = (inner + share * (outer - inner))[:2]
            found.append(place(x, y + eyes * (_BROW + 0.03 * np.sin(np.pi * share))))
    return found


def _nose(at: dict[str, npt.NDArray[np.float64]], eyes: float, place: Place) -> list[int]:
    tip, top = at["nose_tip"][1], at["eye_inner_left"][1]
    found = [place(0.0, float(y)) for y in np.linspace(top, tip, 4)]
    return found + [place(x * eyes, tip - 0.09 * eyes) for x in (-0.13, -0.07, 0, 0.07, 0.13)]


def _eyes(at: dict[str, npt.NDArray[np.float64]], named: dict[str, int], place: Place) -> list[int]:
    found = []
    for side, first, last in (("right", "outer", "inner"), ("left", "inner", "outer")):
        corners = [at[f"eye_{which}_{side}"] for which in (first, last)]
        upper, lower = at[f"lid_upper_{side}"][1], at[f"lid_lower_{side}"][1]

        def lid(share: float, y: float, corners: list[npt.NDArray[np.float64]] = corners) -> int:
            x = corners[0][0] + share * (corners[1][0] - corners[0][0])
            return place(float(x), float(y))

        found += [named[f"eye_{first}_{side}"], lid(0.33, upper), lid(0.67, upper)]
        found += [named[f"eye_{last}_{side}"], lid(0.67, lower), lid(0.33, lower)]
    return found


def _outer_lips(
    at: dict[str, npt.NDArray[np.float64]], named: dict[str, int], eyes: float, place: Place
) -> list[int]:
    corner, line = at["mouth_corner_left"], 0.5 * (at["lip_upper_inner"] + at["lip_lower_inner"])
    upper = [(-0.67, 0.6), (-0.28, 1.0), (0.0, 0.95), (0.28, 1.0), (0.67, 0.6)]
    lower = [(0.67, 0.6), (0.33, 0.95), (0.0, 1.0), (-0.33, 0.95), (-0.67, 0.6)]

    def edge(x: float, height: float, red: float) -> int:
        y = line[1] + (corner[1] - line[1]) * x * x + red * height * eyes
        return place(float(x * corner[0]), float(y))

    found = [named["mouth_corner_right"]] + [edge(x, h, _UPPER_RED) for x, h in upper]
    return [*found, named["mouth_corner_left"], *(edge(x, h, -_LOWER_RED) for x, h in lower)]


def _inner_lips(
    figure: Figure, skin: I64, at: dict[str, npt.NDArray[np.float64]], eyes: float
) -> list[int]:
    """The edges of the gap: what lies lowest above and highest below it when the jaw is open."""
    straight, jaw = np.zeros(len(POSE), np.float32), np.zeros(BLENDSHAPES, np.float32)
    rest = figure.vertices(Motion(0, jaw, straight))
    jaw[INDEX["jawOpen"]] = 1.0
    opened = figure.vertices(Motion(0, jaw, straight))
    corner = at["mouth_corner_left"]
    near = np.abs(rest[skin, 1] - at["lip_lower_inner"][1]) < 0.12 * eyes
    lips = skin[near & (rest[skin, 2] > corner[2] - 0.02)]
    drop = rest[lips, 1] - opened[lips, 1]
    above, below = lips[drop < 0.3 * drop.max()], lips[drop > 0.5 * drop.max()]

    def edge(x: float, among: I64, sign: float) -> int:
        off = np.maximum(np.abs(rest[among, 0] - x * corner[0]) - 0.02 * eyes, 0)
        return int(among[(sign * opened[among, 1] - 8.0 * off).argmax()])

    upper = [edge(x, above, -1.0) for x in (-0.4, 0.0, 0.4)]
    lower = [edge(x, below, 1.0) for x in (0.4, 0.0, -0.4)]
    named = figure.landmarks
    return [named["mouth_corner_right"], *upper, named["mouth_corner_left"], *lower]
