"""Landmarks of one face: 468 points of MediaPipe's mesh and ten of the irises.

Contract: points in pixels of the picture (z in the same unit, negative towards the camera), in
MediaPipe's order; its left eye (33, 133, iris 468-472) is on the left of the picture.
"""

import numpy as np

from engine.frames import F32, U8
from engine.tracker.crop import Region, crop
from engine.tracker.models import Models, Net

POINTS = 478
_GROWTH = 1.5  # of the landmarks' box, so that a moving head stays inside
_EYE_GROWTH = 2.3  # from an eye's width to the square the iris net wants
_EYES = (33, 263)  # outer corners, on the left and right of the picture
# Corners of each eye; the iris net knows one eye and sees the other one mirrored.
_CORNERS = ((33, 133, False), (362, 263, True))
# Lids among the mesh's points, in the order of the iris net's first 16: lower then upper lid.
LIDS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
)


def landmarks(models: Models, rgb: U8, region: Region) -> tuple[F32, float]:
    """Points [478, 3] of the face in `region` and how sure the net is, 0..1, that there is one."""
    net = models.mesh
    flat, flag = net.run(crop(rgb, region, net.side) / np.float32(255))[:2]
    presence = float(1 / (1 + np.exp(-np.clip(flag.reshape(-1)[0], -50, 50))))
    found = region.place(flat.reshape(-1, 3) / np.float32(net.side))
    points = np.zeros((POINTS, 3), np.float32)
    points[: len(found)] = found
    if len(found) < POINTS:
        _place_irises(models.iris, rgb, points)
    return points, presence


def surround(points: F32) -> Region:
    """The square in which the next picture's landmarks are looked for."""
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    across = points[_EYES[1], :2] - points[_EYES[0], :2]
    centre = (low + high) / 2
    return Region(
        float(centre[0]),
        float(centre[1]),
        _GROWTH * float((high - low).max()),
        float(np.arctan2(across[1], across[0])),
    )


def _place_irises(net: Net | None, rgb: U8, points: F32) -> None:
    """Irises into rows 468-477 and finer lids into the eyes; without the net, irises in the
    middle of the eyes."""
    for side, (a, b, mirrored) in enumerate(_CORNERS):
        first = 468 + 5 * side
        across = points[b] - points[a]
        centre = (points[a] + points[b]) / 2
        if net is None:
            points[first : first + 5] = centre
            continue
        roll = float(np.arctan2(across[1], across[0]))
        size = _EYE_GROWTH * float(np.hypot(across[0], across[1]))
        eye = Region(float(centre[0]), float(centre[1]), size, roll)
        contour, iris = net.run(crop(rgb, eye, net.side, flip=mirrored) / np.float32(255))[:2]
        for rows, found in (
            (list(LIDS[side]), contour.reshape(-1, 3)[:16]),
            (list(range(first, first + 5)), iris.reshape(-1, 3)),
        ):
            place = found / np.float32(net.side)
            if mirrored:
                place[:, 0] = 1 - place[:, 0]
            points[rows, :2] = eye.place(place)[:, :2]
        points[first : first + 5, 2] = centre[2]
