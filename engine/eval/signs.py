"""What a face does, read off landmarks: openings, widths, gaze and turns, each of the right side.

Contract: the same names from a picture's landmarks (`seen`) and from a posed mesh (`projected`).
Left is the subject's left, the right of the picture. Lengths are shares of the distance between
the eyes' outer corners, measured in the head's own frame; angles are degrees as in Motion.pose.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.face.blendshapes import INDEX
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, POSE, Motion
from engine.tracker.pose import Rigid, angles, head

SIGNS = (
    "aperture", "width", "mouth_x", "lid_left", "lid_right", "gaze_x", "gaze_y",
    "corner_left", "corner_right", "brow_left", "brow_right", "yaw", "pitch", "roll",
)  # fmt: skip
Signs = dict[str, float]
_LEFT, _RIGHT = "left", "right"
# Points of MediaPipe's mesh by meaning; its own left is the subject's right.
_OUTER = {_LEFT: 263, _RIGHT: 33}
_INNER = {_LEFT: 362, _RIGHT: 133}
_LIDS = {_LEFT: ((385, 380), (386, 374), (387, 373)), _RIGHT: ((158, 153), (159, 145), (160, 144))}
_IRIS = {_LEFT: 473, _RIGHT: 468}
_BROW = {_LEFT: (282, 295, 334, 296), _RIGHT: (52, 65, 105, 66)}
_CORNER = {_LEFT: 291, _RIGHT: 61}
_BRIDGE = (168, 6, 197, 195, 5, 4)
_LIPS = ((82, 87), (13, 14), (312, 317))
# Vertices that expressions leave alone, of those that packages name.
_STILL = ("eye_outer_left", "eye_outer_right", "eye_inner_left", "eye_inner_right", "nose_tip",
          "crown")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Face:
    """Places [3] in the head's frame (x to the subject's left, y up), by meaning."""

    corner: dict[str, F32]
    outer: dict[str, F32]
    inner: dict[str, F32]
    iris: dict[str, F32]
    brow: dict[str, F32] | None
    lips: float  # heights of the openings
    lids: dict[str, float]
    level: float  # height that looks up and down are counted from


def seen(points: F32, rigid: Rigid, width: int, height: int) -> Signs:
    """Landmarks [478, 3] in pixels of a picture of that size -> its signs."""
    matrix = head(rigid, points, width, height)
    turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    face = (points * np.array([1, -1, -1], np.float32)) @ turn.astype(np.float32)

    def gap(pairs: tuple[tuple[int, int], ...]) -> float:
        return float(np.mean([face[a, 1] - face[b, 1] for a, b in pairs]))

    def both(index: dict[str, int]) -> dict[str, F32]:
        return {side: face[i] for side, i in index.items()}

    brow = {side: face[list(rows)].mean(0) for side, rows in _BROW.items()}
    found = _Face(both(_CORNER), both(_OUTER), both(_INNER), both(_IRIS), brow, gap(_LIPS),
                  {side: gap(pairs) for side, pairs in _LIDS.items()},
                  float(face[list(_BRIDGE), 1].mean()))  # fmt: skip
    return _signs(found, angles(matrix))


def projected(source: Package, iris: dict[str, int], rest: F32, points: F32) -> Signs:
    """Posed vertices [V, 3] of a package, and those at rest -> their signs as a camera sees them.

    `iris`: vertices by `irises`. Brows, which are painted, have no sign.
    """
    spec = source.manifest
    still = [spec.landmarks[name] for name in _STILL]
    side = 1024
    screen = spec.camera.project(points, side, side)
    # Depth in the unit of the picture, as landmark networks give it.
    away = screen[:, 2] * (spec.camera.far - spec.camera.near) + spec.camera.near
    focal = 0.5 * side / np.tan(np.radians(spec.camera.fov_deg) / 2)
    flat = np.stack([screen[:, 0], -screen[:, 1], -away * focal / spec.camera.distance], 1)
    turn = _turn(rest[still], flat[still])
    face = (flat @ turn).astype(np.float32)

    def both(name: str) -> dict[str, F32]:
        return {side: face[spec.landmarks[f"{name}_{side}"]] for side in (_LEFT, _RIGHT)}

    upper, lower = both("lid_upper"), both("lid_lower")
    lips = face[spec.landmarks["lip_upper_inner"], 1] - face[spec.landmarks["lip_lower_inner"], 1]
    found = _Face(
        both("mouth_corner"), both("eye_outer"), both("eye_inner"),
        {side: face[vertex] for side, vertex in iris.items()}, None, float(lips),
        {side: float(upper[side][1] - lower[side][1]) for side in upper},
        float(np.mean([corner[1] for corner in both("eye_outer").values()])),
    )  # fmt: skip
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    return _signs(found, angles(matrix))


def _signs(face: _Face, pose: F32) -> Signs:
    unit = max(float(np.linalg.norm((face.outer[_LEFT] - face.outer[_RIGHT])[:2])), 1e-6)
    middle = (face.outer[_LEFT] + face.outer[_RIGHT]) / 2
    out = {
        "aperture": face.lips / unit,
        "width": float(np.linalg.norm((face.corner[_LEFT] - face.corner[_RIGHT])[:2])) / unit,
        "mouth_x": float((face.corner[_LEFT] + face.corner[_RIGHT])[0] / 2 - middle[0]) / unit,
    }
    looks = []
    for side in (_LEFT, _RIGHT):
        out[f"lid_{side}"] = face.lids[side] / unit
        out[f"corner_{side}"] = float(face.corner[side][1] - middle[1]) / unit
        if face.brow is not None:
            out[f"brow_{side}"] = float(face.brow[side][1] - middle[1]) / unit
        across = face.outer[side] - face.inner[side]
        centre = (face.outer[side] + face.inner[side]) / 2
        wide = max(float(np.linalg.norm(across[:2])), 1e-6)
        looks.append(float(face.iris[side][0] - centre[0]) / wide)
    out["gaze_x"] = float(np.mean(looks))
    # The corners that networks see sink with the lids that follow a look, the nose does not.
    heights = [face.iris[side][1] for side in (_LEFT, _RIGHT)]
    out["gaze_y"] = (float(np.mean(heights)) - face.level) / unit
    out.update(zip(("yaw", "pitch", "roll"), (float(angle) for angle in pose[:3]), strict=True))
    return out


def _turn(rest: F32, posed: F32) -> F32:
    """Rotation [3, 3] that brings `rest` nearest to `posed`, but for size and place (Kabsch)."""
    a, b = rest - rest.mean(0), posed - posed.mean(0)
    u, _, v = np.linalg.svd(b.T.astype(float) @ a.astype(float))
    keep = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    return np.asarray((u * keep) @ v, np.float32)


def irises(vertices: Callable[[Motion], F32]) -> dict[str, int]:
    """The middle of each iris: the vertex that goes farthest when the eye looks outwards."""
    straight, found = np.zeros(len(POSE), np.float32), {}
    rest = vertices(Motion(0, np.zeros(BLENDSHAPES, np.float32), straight))
    for side in (_LEFT, _RIGHT):
        weights = np.zeros(BLENDSHAPES, np.float32)
        weights[INDEX[f"eyeLookOut{side.title()}"]] = 1
        moved = vertices(Motion(0, weights, straight))
        found[side] = int(np.abs(moved[:, 0] - rest[:, 0]).argmax())
    return found
