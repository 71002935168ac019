"""Distances between two motions of one face, on the landmarks of engine.eval.landmarks.

Definitions. Places are [T, 68, 3] in dm. LMD family (VAST, StyleTalk++): every frame of both is
brought onto the neutral face by Umeyama's similarity, so head pose counts for nothing; the mean
distance of all points (F-LMD = LMD), of the mouth's 20 (M-LMD = LMD-m), in hundredths of the
distance of the eyes' outer corners. D-L, D-V, D-A (MakeItTalk, as the 2D style transfer paper uses
them), heads turning: distance of the landmarks over the width of the face, distance of their
changes from frame to frame over the same, difference of the area between the inner lips over the
largest area of the truth; percent. SLD, SLV, SMD (its Eq. 10): the same three between each window
of a style reference and the window of the animation nearest to it, averaged over the reference's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.eval.landmarks import INNER_LIPS, MOUTH, Face
from engine.frames import F32

F64 = npt.NDArray[np.float64]
WINDOW, STRIDE = 25, 12  # frames: one second, half of it


def umeyama(source: npt.ArrayLike, target: npt.ArrayLike) -> F64:
    """Source [..., N, 3] moved onto target [N, 3] by the similarity (turn, size, place) of least
    squares. Umeyama, IEEE PAMI 13(4), 1991, Eq. 39-42."""
    points, goal = np.asarray(source, np.float64), np.asarray(target, np.float64)
    middle, aim = points.mean(-2, keepdims=True), goal.mean(-2, keepdims=True)
    x, y = points - middle, goal - aim
    u, d, v = np.linalg.svd(np.swapaxes(y, -1, -2) @ x / goal.shape[-2])
    sign = np.ones_like(d)
    sign[..., -1] = np.sign(np.linalg.det(u @ v))  # a turn, never a mirror image
    turn = (u * sign[..., None, :]) @ v
    spread = np.mean(np.sum(x**2, -1), -1)
    size = np.sum(d * sign, -1) / np.maximum(spread, 1e-12)
    return np.asarray(size[..., None, None] * (x @ np.swapaxes(turn, -1, -2)) + aim)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """One motion as landmarks of one face."""

    still: F64  # [T, 68, 3] every frame on the neutral face, in hundredths of the eye distance
    posed: F64  # [T, 68, 3] heads turning, in percent of the face's width
    area: F64  # [T] between the inner lips, in percent of the square of the eye distance

    @classmethod
    def of(cls, face: Face, weights: F32, pose: F32) -> "Landmarks":
        """Motion rows [T, 52], [T, 6]."""
        posed = face.points(weights, pose).astype(np.float64)
        still = umeyama(posed, face.neutral) / face.eyes * 100
        lips = still[:, INNER_LIPS, :2]
        after = np.roll(lips, -1, axis=1)
        # The shoelace formula; the inner lips run clockwise when seen from before.
        cross = lips[..., 0] * after[..., 1] - lips[..., 1] * after[..., 0]
        area = np.maximum(-0.5 * cross.sum(1), 0) / 100
        return cls(still, posed / face.width * 100, area)

    def window(self, start: int, length: int) -> "Landmarks":
        """Frames [start, start + length)."""
        rows = slice(start, start + length)
        return Landmarks(self.still[rows], self.posed[rows], self.area[rows])

    def __len__(self) -> int:
        return len(self.area)


def lmd(truth: Landmarks, made: Landmarks, points: slice = slice(None)) -> float:
    """Mean distance of landmarks, hundredths of the eye distance; MOUTH for M-LMD."""
    return float(np.linalg.norm(truth.still[:, points] - made.still[:, points], axis=-1).mean())


def d_l(truth: Landmarks, made: Landmarks) -> float:
    """Landmark distance, percent of the face's width."""
    return float(np.linalg.norm(truth.posed - made.posed, axis=-1).mean())


def d_v(truth: Landmarks, made: Landmarks) -> float:
    """Landmark velocity difference, percent of the face's width a frame."""
    change = np.diff(truth.posed, axis=0) - np.diff(made.posed, axis=0)
    return float(np.linalg.norm(change, axis=-1).mean())


def d_a(truth: Landmarks, made: Landmarks, most: float | None = None) -> float:
    """Difference of the open mouth's area, percent of `most` (the truth's largest)."""
    most = most or float(truth.area.max())
    return float(np.abs(truth.area - made.area).mean() / max(most, 1e-6) * 100)


def distances(truth: Landmarks, made: Landmarks) -> dict[str, float]:
    """All that compare frame by frame; both have the same length."""
    return {
        "lmd": lmd(truth, made),
        "f_lmd": lmd(truth, made),
        "m_lmd": lmd(truth, made, MOUTH),
        "d_l": d_l(truth, made),
        "d_v": d_v(truth, made),
        "d_a": d_a(truth, made),
    }


def style_distances(reference: Landmarks, made: Landmarks) -> dict[str, float]:
    """SLD, SLV and SMD of an animation against a style reference of other words; percent.

    Both need at least one window of WINDOW frames.
    """
    most = float(reference.area.max())
    measures: dict[str, Callable[[Landmarks, Landmarks], float]] = {
        "sld": d_l, "slv": d_v, "smd": lambda a, b: d_a(a, b, most),
    }  # fmt: skip
    ours, theirs = _windows(reference), _windows(made)
    return {
        name: float(np.mean([min(measure(a, b) for b in theirs) for a in ours]))
        for name, measure in measures.items()
    }


def _windows(whole: Landmarks) -> list[Landmarks]:
    starts = range(0, len(whole) - WINDOW + 1, STRIDE)
    return [whole.window(start, WINDOW) for start in starts]
