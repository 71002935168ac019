"""Where faces are in a picture: BlazeFace (MediaPipe, short range) and which face to follow."""

import numpy as np

from engine.frames import F32, U8
from engine.tracker.crop import Region, crop
from engine.tracker.models import Net

_SCORE = 0.5  # what MediaPipe takes for a face
_SAME = 0.3  # overlap above which two boxes are one face
_PARTS = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
_GROWTH = 1.5  # from the box of a face to the square the landmark net wants


def _anchors() -> F32:
    """Centres [896, 2] in 0..1: two a cell on 16 x 16, six a cell on 8 x 8."""
    rows = []
    for cells, each in ((16, 2), (8, 6)):
        axis = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(axis, axis, indexing="ij")
        rows.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(rows)


_ANCHORS = _anchors()


def detect(net: Net, rgb: U8, tries: int, last: Region | None) -> Region | None:
    """The face to follow: the nearest to `last`, else the largest; None where there is none.

    `tries`: how many pictures in a row had no face; every second try looks closer at a part, where
    a face too small for the whole picture may be.
    """
    faces = around(net, rgb, tries)
    if not faces:
        return None
    if last is None:
        return max(faces, key=lambda face: face.size)
    return min(faces, key=lambda face: (face.x - last.x) ** 2 + (face.y - last.y) ** 2)


def around(net: Net, rgb: U8, tries: int) -> list[Region]:
    """All faces in the picture, or in the part that this try looks at."""
    return _faces(net, rgb, _area(rgb.shape[1], rgb.shape[0], tries))


def _area(width: int, height: int, tries: int) -> Region:
    """The whole picture, or in turn its middle and four corners at twice the size."""
    longer = max(width, height)
    if tries % 2 == 0:
        return Region(width / 2, height / 2, longer, 0.0)
    x, y = _PARTS[tries // 2 % len(_PARTS)]
    return Region(width * x, height * y, longer / 2, 0.0)


def _faces(net: Net, rgb: U8, area: Region) -> list[Region]:
    """All faces in `area`, upright or tilted by up to about 45 degrees."""
    picture = crop(rgb, area, net.side) / 127.5 - 1
    boxes, scores = net.run(picture)
    score = 1 / (1 + np.exp(-np.clip(scores.reshape(-1), -50, 50)))
    chosen = np.flatnonzero(score >= _SCORE)
    chosen = chosen[np.argsort(-score[chosen])]
    # Box and six keypoints, each relative to its anchor; width and height are absolute.
    values = boxes.reshape(-1, 8, 2)[chosen] / np.float32(net.side)
    anchors = _ANCHORS[chosen][:, None]
    places = values + anchors
    places[:, 1] = values[:, 1]
    faces = []
    while len(places):
        same = _overlap(places[0], places) > _SAME
        same[0] = True
        weight = score[chosen][same][:, None, None]
        faces.append(_region((places[same] * weight).sum(0) / weight.sum(), area))
        places, chosen = places[~same], chosen[~same]
    return faces


def _overlap(one: F32, many: F32) -> F32:
    """Intersection over union of a box with boxes [N, 8, 2] (row 0 centre, row 1 size)."""
    low = np.maximum(one[0] - one[1] / 2, many[:, 0] - many[:, 1] / 2)
    high = np.minimum(one[0] + one[1] / 2, many[:, 0] + many[:, 1] / 2)
    both = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(one[1]) + np.prod(many[:, 1], axis=1) - both
    return np.asarray(both / np.maximum(union, 1e-9), np.float32)


def _region(face: F32, area: Region) -> Region:
    """Box and keypoints [8, 2] in units of `area` -> the square for the landmark net."""
    right, left = face[2], face[3]  # the subject's eyes
    roll = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    centre = area.place(face[None, 0].astype(np.float32))[0]
    return Region(
        float(centre[0]), float(centre[1]), _GROWTH * area.size * float(face[1].max()), roll
    )
