"""How far the landmarks of drawn faces are from those of the true ones: LMD and M-LMD.

Definition (VAST §4.1, StyleTalk++): every picture's 68 landmarks, in space, are brought onto the
true clip's mean face by Umeyama's similarity, so that head pose counts for nothing; LMD is the mean
distance of all of them as seen from before, M-LMD (LMD-m) that of the mouth's 20, in px of a
picture of 256 x 256. The landmarks are the tracker's (MediaPipe's mesh, at the points of the usual
68-point markup); VAST reads those of Bulat and Tzimiropoulos, so its figures are neighbours only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError, TrackingError
from engine.eval.distances import umeyama
from engine.eval.landmarks import MOUTH, POINTS
from engine.eval.temporal import Box
from engine.frames import F32, U8
from engine.tracker.crop import Region
from engine.tracker.mesh import surround
from engine.tracker.models import CHECKSUMS, Models, cache_folder
from engine.tracker.still import find, look

SIDE = 256.0  # px of the picture that distances are counted in
# Points of MediaPipe's mesh in the order of the 68-point markup: jaw, brows, nose, eyes, lips.
MARKUP = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
])  # fmt: skip
MOST_LOST = 0.5  # share of the pictures
_MARGIN = 0.35  # of the mouth's width, round the lips
_SIDES, _FOREHEAD = 0.08, 0.45  # of the face's width, round and above the landmarks


def fetched() -> Models | None:
    """The networks this user has fetched already (streaming.models.face_models), if any."""
    folder = cache_folder() / "face"
    if not all((folder / name).is_file() for name in CHECKSUMS):
        return None
    return Models.load(folder)


class Watch:
    """The landmarks of one face through the pictures of one clip."""

    def __init__(self, models: Models) -> None:
        # Irises are not among the 68 points.
        self._models = Models(models.detector, models.mesh, None, None)
        self._region: Region | None = None
        self.seen = self.lost = 0

    def see(self, rgb: U8) -> F32 | None:
        """Picture [H, W, 3] -> places [68, 3] in its px, None where no face is found."""
        points = None if self._region is None else look(self._models, rgb, self._region)
        if points is None:
            points = find(self._models, rgb)
        self.seen += points is not None
        self.lost += points is None
        self._region = None if points is None else surround(points)
        return None if points is None else points[MARKUP]

    def check(self, name: str) -> None:
        """Raises TrackingError, naming the clip, where fewer than half of its pictures show one."""
        many = self.seen + self.lost
        if self.lost > MOST_LOST * many:
            raise TrackingError(
                f"{name} shows no face in {self.lost} of {many} pictures, expected one in half of "
                "them or more; give pictures of one human face seen from before, or measure "
                "without landmarks"
            )


@dataclass(frozen=True, slots=True)
class Distance:
    """px of a picture of 256 x 256."""

    lmd: float  # all 68 points
    m_lmd: float  # the mouth's 20


def distance(truth: F32, ours: F32, side: float = SIDE) -> Distance:
    """Landmarks [T, 68, 3] of both, in px of pictures whose longer side is `side`.

    Raises FrameError for other shapes or no pictures at all.
    """
    if truth.shape != ours.shape or truth.ndim != 3 or truth.shape[1:] != (POINTS, 3):
        raise FrameError(f"landmarks are {truth.shape} and {ours.shape}, expected [T, 68, 3] twice")
    if not len(truth):
        raise FrameError("there are no landmarks: no picture shows a face in both clips")
    goal = mean_face(truth)
    apart = (umeyama(truth, goal) - umeyama(ours, goal))[..., :2] * (SIDE / side)
    lengths = np.linalg.norm(apart, axis=-1)
    return Distance(float(lengths.mean()), float(lengths[:, MOUTH].mean()))


def mean_face(points: F32) -> npt.NDArray[np.float64]:
    """Landmarks [T, 68, 3] -> their mean shape [68, 3], of their mean size, turned as the first."""
    spread = points - points.mean(1, keepdims=True)
    size = np.sqrt((spread**2).sum(-1).mean(-1))
    goal = spread[0] * (size.mean() / max(float(size[0]), 1e-9))
    return np.asarray(umeyama(points, goal).mean(0))


def mouth(points: F32, height: int, width: int) -> Box:
    """Landmarks [68, 2 or 3] in px -> rows and columns of the box round the lips."""
    return around(points[MOUTH, :2], _MARGIN, _MARGIN, height, width)


def head(points: F32, height: int, width: int) -> Box:
    """Landmarks [68, 2 or 3] in px -> rows and columns of the face, its forehead too."""
    return around(points[:, :2], _SIDES, _FOREHEAD, height, width)


def around(points: F32, margin: float, above: float, height: int, width: int) -> Box:
    """Round points [N, 2], with margins in widths of the points; 1 px or more of the picture."""
    low, high = points.min(0), points.max(0)
    across = max(float(high[0] - low[0]), 1.0)
    most = np.array([width, height])
    first = np.clip(np.floor(low - np.array([margin, above]) * across), 0, most - 1).astype(int)
    last = np.clip(np.ceil(high + margin * across), first + 1, most).astype(int)
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))
