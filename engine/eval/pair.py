"""All image metrics of a clip against its true one, picture by picture.

Contract: each name of the result is a row of ROWS, which says what it is; landmarks, and what is
read with them, only where networks are given. Pictures are 64 px or more, both clips of one size
and length.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from engine.errors import FrameError, TrackingError
from engine.eval.cpbd import BLOCK, cpbd
from engine.eval.identity import Identity
from engine.eval.landmark_distance import Watch, distance, head, mouth
from engine.eval.ssim import check, luma, psnr, ssim
from engine.eval.temporal import Box, Temporal
from engine.frames import F32, U8
from engine.tracker.models import Models

# Name: (unit and what is better, decimals).
ROWS = {
    "psnr": ("dB, higher", 2), "ssim": ("of 1, luma, higher", 4),
    "ssim_rgb": ("of 1, mean of channels, higher", 4),
    "cpbd": ("of 1, sharpness of ours", 4), "cpbd_truth": ("of 1, sharpness of the truth", 4),
    "difference": ("levels of 255, of the changes, lower", 3),
    "flicker": ("levels of 255, noise where the truth is still", 3),
    "flicker_truth": ("levels of 255, the truth's own", 3),
    "flicker_ratio": ("of both, 1.2 or less", 3),
    "pictures": ("compared", 0), "lost": ("of them without a face in ours or the truth", 0),
    "psnr_mouth": ("dB, the box round the lips, higher", 2),
    "lmd": ("px at 256 x 256, lower", 3), "m_lmd": ("px at 256 x 256, the mouth's, lower", 3),
    "identity_shape": ("percent of proportions, lower", 2),
    "identity_colour": ("L*a*b* units, lower", 2),
    "cpu_p50": ("ms of CPU a picture", 1), "cpu_p95": ("ms, of 95 % of them", 1),
}  # fmt: skip
# Those that need landmarks; the mouth's place may be known without.
SEEN = ("psnr_mouth", "lost", "lmd", "m_lmd", "identity_shape", "identity_colour")
Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Rows and columns of the true face in one picture."""

    mouth: Box
    head: Box


class Pair:
    """Takes both clips picture by picture; `names` are for errors."""

    def __init__(
        self, models: Models | None = None, names: tuple[str, str] = ("OURS", "TRUTH")
    ) -> None:
        self._sums: dict[str, list[float]] = {}
        self._temporal = Temporal()
        self._faces = None if models is None else _Faces(models, names)

    def add(self, ours: U8, truth: U8, boxes: Boxes | None = None) -> None:
        """The next pictures [H, W, 3]; `boxes`: where the true face is, if that is known.

        Raises FrameError for sizes that differ or are too small.
        """
        check(ours, truth, BLOCK)
        grey, true = luma(ours), luma(truth)
        found = {
            "psnr": psnr(ours, truth), "ssim": ssim(grey, true), "ssim_rgb": ssim(ours, truth),
            "cpbd": cpbd(grey), "cpbd_truth": cpbd(true),
        }  # fmt: skip
        seen = None if self._faces is None else self._faces.add(ours, truth)
        boxes = boxes or seen
        if boxes is not None:
            found["psnr_mouth"] = psnr(ours[boxes.mouth], truth[boxes.mouth])
        self._temporal.add(ours, truth, None if boxes is None else boxes.head)
        for name, value in found.items():
            self._sums.setdefault(name, []).append(value)

    def scores(self) -> Scores:
        """Means over all pictures. Raises FrameError for fewer than engine.eval.temporal.SPAN,
        TrackingError where faces are missing in more than half of the pictures of a clip, or where
        no picture shows one in both."""
        flicker = self._temporal.result()
        out = {name: float(np.mean(values)) for name, values in self._sums.items()}
        out |= {
            "difference": flicker.difference, "flicker": flicker.ours,
            "flicker_truth": flicker.truth, "flicker_ratio": flicker.ratio,
            "pictures": float(len(self._sums["psnr"])),
        }  # fmt: skip
        if self._faces is not None:
            out |= self._faces.scores()
        return {name: out[name] for name in ROWS if name in out}


class _Faces:
    """What needs landmarks."""

    def __init__(self, models: Models, names: tuple[str, str]) -> None:
        self._names = names
        self._watches = (Watch(models), Watch(models))
        self._people = (Identity(), Identity())
        self._points: list[tuple[F32, F32]] = []
        self._lost, self._side = 0, 1

    def add(self, ours: U8, truth: U8) -> Boxes | None:
        """Where the truth shows its face."""
        points = [watch.see(rgb) for watch, rgb in zip(self._watches, (ours, truth), strict=True)]
        for person, rgb, seen in zip(self._people, (ours, truth), points, strict=True):
            if seen is not None:
                person.add(rgb, seen)
        mine, theirs = points
        self._side = max(truth.shape[:2])
        self._lost += mine is None or theirs is None
        if mine is not None and theirs is not None:
            self._points.append((mine, theirs))
        if theirs is None:
            return None
        return Boxes(mouth(theirs, *truth.shape[:2]), head(theirs, *truth.shape[:2]))

    def scores(self) -> Scores:
        for watch, name in zip(self._watches, self._names, strict=True):
            watch.check(name)
        if not self._points:
            raise TrackingError(
                f"no picture shows a face in both {self._names[0]} and {self._names[1]}; expected "
                "the same moments of one person"
            )
        ours, truth = (np.array(points) for points in zip(*self._points, strict=True))
        apart, alike = distance(truth, ours, self._side), self._people[0].to(self._people[1])
        return {
            "lost": float(self._lost), "lmd": apart.lmd, "m_lmd": apart.m_lmd,
            "identity_shape": alike.shape, "identity_colour": alike.colour,
        }  # fmt: skip


def measure(
    ours: Iterable[U8], truth: Iterable[U8], models: Models | None = None,
    names: tuple[str, str] = ("OURS", "TRUTH"),
) -> Scores:  # fmt: skip
    """Scores of two clips. Raises FrameError where one is longer, and as `Pair` does."""
    pair = Pair(models, names)
    for mine, theirs in _both(ours, truth, names):
        pair.add(mine, theirs)
    return pair.scores()


def _both(
    ours: Iterable[U8], truth: Iterable[U8], names: tuple[str, str]
) -> Iterator[tuple[U8, U8]]:
    for n, (mine, theirs) in enumerate(zip_longest(ours, truth)):
        if mine is None or theirs is None:
            short, long = names if mine is None else names[::-1]
            raise FrameError(
                f"{short} ends after {n} pictures and {long} goes on; expected the same moments, "
                "picture by picture: cut one or convert the rate"
            )
        if mine.shape != theirs.shape:
            raise FrameError(
                f"pictures of {names[0]} are {mine.shape[1]} x {mine.shape[0]}, those of "
                f"{names[1]} {theirs.shape[1]} x {theirs.shape[0]}; expected one size"
            )
        yield mine, theirs


def table(columns: Mapping[str, Scores]) -> str:
    """Metrics down, clips (or renderers) across."""
    lines = [f"{'':16s}" + "".join(f"{name:>12.12s}" for name in columns)]
    for name, (unit, digits) in ROWS.items():
        cells = [
            f"{scores[name]:12.{digits}f}" if name in scores else f"{'-':>12s}"
            for scores in columns.values()
        ]
        if any(name in scores for scores in columns.values()):
            lines.append(f"{name:16s}{''.join(cells)}  {unit}")
    return "\n".join(lines)
