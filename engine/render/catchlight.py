"""Highlights of the eyes, moved to the side that the key light comes from.

They are built at the upper left of each iris, a large one and its small answer across the pupil
(engine.train.glint), and ride with lids and gaze. Here they change places along the head's x axis
by as much as the light stands to the right, over the curve of the eyeball.
"""

import numpy as np
import numpy.typing as npt

from engine.face.fields import RGB
from engine.face.package import Package
from engine.face.tensors import Mesh
from engine.frames import F32

MATERIAL, BALL = "glint", "eye"
ASIDE = 0.25  # x of a light from which on highlights sit at the side
LIFT = 0.02  # dm: the opening and the eyeball are not the same on both sides of the iris

I64 = npt.NDArray[np.int64]


class Catchlight:
    """The highlights of one package's eyes; none where it has none of this kind."""

    def __init__(self, package: Package) -> None:
        mesh, names = package.mesh, [m.name for m in package.manifest.materials]
        discs = _pieces(mesh, names.index(MATERIAL)) if MATERIAL in names else []
        # By eye, the larger disc first. Another number of them is another's drawing: it stays.
        discs.sort(key=lambda disc: float(mesh.position[disc, 0].mean()))
        whole = len(discs) == 4
        self.eyes = [
            sorted(pair, key=lambda disc: -float(np.ptp(mesh.position[disc, 1])))
            for pair in ((discs[:2], discs[2:]) if whole else ())
        ]
        self.balls: list[tuple[F32, float]] = []  # middle, and how steeply its front falls off
        faces = mesh.triangle[mesh.material == (names.index(BALL) if BALL in names else -1)]
        ball = mesh.position[np.unique(faces)]
        for pair in self.eyes:
            side = ball[ball[:, 0] * mesh.position[pair[0], 0].mean() > 0]
            side = side if len(side) else np.zeros((1, 3), np.float32)
            wide = float(np.ptp(side[:, 0]))
            middle = (side.min(0) + side.max(0)) / np.float32(2)
            self.balls.append((middle, 1 / wide if wide > 0.01 else 0.0))

    def turn(self, points: F32, head: F32, light: RGB) -> None:
        """Move the highlights among posed vertices [V, 3]; head [3, 4]: the head's rigid motion;
        light: unit vector to the key light. One at the viewer's own place has no side: they stay
        as built, as they do in G-buffers, which know of no light."""
        if light[0] == light[1] == 0:
            return
        travel = (min(max(light[0] / ASIDE, -1.0), 1.0) + 1) / 2
        if travel <= 0:
            return
        right, front = head[:, 0], head[:, 2]
        for pair, (ball, fall) in zip(self.eyes, self.balls, strict=True):
            centres = [points[disc].mean(0) for disc in pair]
            apart = float((centres[1] - centres[0]) @ right)
            axis = head[:, :3] @ ball + head[:, 3]
            for disc, move in zip(pair, (apart * travel, -apart * travel), strict=True):
                across = (points[disc] - axis) @ right
                rise = fall * (across**2 - (across + move) ** 2) + LIFT * min(1.0, 4 * travel)
                points[disc] += np.float32(move) * right + rise[:, None] * front


def _pieces(mesh: Mesh, material: int) -> list[I64]:
    """Vertices of each connected piece of a material."""
    faces = mesh.triangle[mesh.material == material]
    label = np.arange(len(mesh.position))
    while True:
        least = label[faces].min(1)
        grown = label.copy()
        np.minimum.at(grown, faces, least[:, None])
        if (grown == label).all():
            break
        label = grown
    used = np.unique(faces)
    return [used[label[used] == name] for name in np.unique(label[used])]
