"""Does a drawn clip flicker: what changes from picture to picture that does not in the true one.

Definitions, on luma in grey levels of 255. `difference`: mean |change of ours - change of the
truth| from each picture to the next. Noise: where the truth holds still (over SPAN pictures its
mean of 5 x 5 px stays within STILL levels, or is among the calmest quarter), the second difference
x(t-1) - 2 x(t) + x(t+1), which passes shaking and no motion at even speed; its root mean square
over sqrt(6) is the deviation of a noise that is independent from picture to picture. `ratio`: ours
over the truth's, which counts as no less than FLOOR, the noise of rounding. Noise is read in the
box of the face where there is one: a plate behind it that never changes says nothing of the face.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from engine.errors import FrameError
from engine.eval.ssim import check, luma
from engine.frames import F32, U8

SPAN = 5  # pictures
STILL = 3.0  # grey levels
FLOOR = 0.3  # grey levels: rounding to whole numbers has 1 / sqrt(12)
_AREA = 5  # px
_CALMEST = 0.25  # share of the pixels that always count as still
_POWER = 6.0  # 1 + 4 + 1: of the second difference of independent noise
Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Flicker:
    """Grey levels of 255."""

    difference: float  # mean difference of the changes
    ours: float  # deviation of the noise where the truth holds still
    truth: float
    ratio: float  # of both; at most 1.2 asked for


class Temporal:
    """Takes both clips picture by picture."""

    def __init__(self) -> None:
        self._ours: list[F32] = []
        self._truth: list[F32] = []
        self._smooth: list[F32] = []  # the truth without its noise
        self._difference: list[float] = []
        self._power = np.zeros(2)
        self._counted = 0

    def add(self, ours: U8, truth: U8, face: Box | None = None) -> None:
        """The next pictures [H, W, 3]; `face`: rows and columns whose noise counts.

        Raises FrameError where their sizes differ.
        """
        check(ours, truth, 1)
        a, b = luma(ours), luma(truth)
        if self._ours:
            change = (a - self._ours[-1]) - (b - self._truth[-1])
            self._difference.append(float(np.abs(change).mean()))
        for kept, new in ((self._ours, a), (self._truth, b), (self._smooth, _smoothed(b))):
            kept.append(new)
            del kept[:-SPAN]
        if len(self._ours) == SPAN:
            box = face or np.s_[:, :]
            still = _still([x[box] for x in self._smooth])
            self._counted += int(still.sum())
            for n, clip in enumerate((self._ours, self._truth)):
                x, y, z = (clip[SPAN // 2 + k][box][still] for k in (-1, 0, 1))
                self._power[n] += float(np.square(x - 2 * y + z, dtype=np.float64).sum())

    def result(self) -> Flicker:
        """Over all pictures so far. Raises FrameError for fewer than SPAN."""
        if not self._counted:
            raise FrameError(
                f"{len(self._difference) + 1} pictures say nothing about flicker, expected {SPAN} "
                "or more"
            )
        ours, truth = np.sqrt(self._power / self._counted / _POWER)
        difference = float(np.mean(self._difference))
        return Flicker(difference, float(ours), float(truth), float(ours / max(truth, FLOOR)))


def _smoothed(gray: F32) -> F32:
    return np.asarray(uniform_filter(gray, _AREA, mode="nearest"), np.float32)


def _still(smooth: list[F32]) -> npt.NDArray[np.bool_]:
    """[H, W] where the pictures hold still."""
    moved = np.max(smooth, 0) - np.min(smooth, 0)
    order = int(_CALMEST * (moved.size - 1))
    calm = float(np.partition(moved.reshape(-1), order)[order])
    return np.asarray(moved <= max(STILL, calm))
