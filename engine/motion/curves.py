"""Recorded motion as it lies in files: every layout -> ARKit-52 and head pose over time.

Contract: values as recorded, at the times of the sound they belong to (`start`, trk_t; a Live Link
take, whose timecode is that of the day, begins at 0); nothing is taken off, shifted or
scaled. Channels that a source does not have are 0 and masked out. Files are checked before use:
a hostile one is a TrackingError that names it, found before memory is asked for.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face import rigs
from engine.face.blendshapes import ARKIT
from engine.frames import F32, POSE, SAMPLE_RATE
from engine.motion import livelink
from engine.motion.npz import Arrays, read_arrays

MOTION = ("start", "weights", "names", "pose")  # what demos.speak_file --motion writes
TRACKED = ("trk_bs52", "trk_names", "trk_t", "trk_head", "trk_aperture")
RIG = ("weights", "names", "fps")
SUFFIXES = (".npz", ".csv")
MAX_SECONDS = 2 * 3600.0
_RANGE = (-0.5, 1.5)  # trackers overshoot a little; percent and offsets are another matter
_TURN, _PLACE = 180.0, 100.0  # largest angle in degrees and place in head widths
_LAYOUTS = (
    "a motion npz (start, weights, names, pose), a tracked one (trk_bs52, trk_names, trk_t, "
    "trk_head) or a rig's (weights, names, fps)"
)


@dataclass(frozen=True, slots=True)
class Curves:
    """A clip's motion as recorded."""

    kind: str  # "motion" (ours: the rest is off), "mediapipe", "rig" or "arkit"
    times: npt.NDArray[np.float64]  # [N] seconds since the clip's sound began
    weights: F32  # [N, 52]
    pose: F32  # [N, 6], zero without a head
    mask: F32  # [52] 1 where the source has the channel
    has_head: bool
    aperture: F32 | None = None  # [N] inner lip gap over eye distance, where it was tracked

    @property
    def rig(self) -> bool:
        """Whether an animator's rig made it, not a tracked person."""
        return self.kind == "rig"


def read_curves(path: Path | str) -> Curves:
    """A motion npz of any layout or a Live Link Face CSV. Raises TrackingError saying what was
    found, what was expected and what to do."""
    path = Path(path)
    if path.suffix.lower() == ".csv" and path.is_file():
        times, values, names, head = livelink.read_rows(path)
        weights, mask = rigs.arkit(values, names)
        pose = _straight(len(times)) if head is None else head
        curves = Curves("arkit", times, weights, pose, mask, head is not None)
    else:
        curves = _from_npz(path)
    _check(curves, path.name)
    return replace(curves, weights=np.clip(curves.weights, 0.0, 1.0))


def at_moments(curve: F32, times: np.ndarray, moments: np.ndarray) -> F32:
    """A curve [T, C] known at ascending `times` [T], at `moments` [N] in the same unit: [N, C],
    linear between, ends held."""
    columns = [np.interp(moments, times, column) for column in curve.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _from_npz(path: Path) -> Curves:
    arrays = read_arrays(path, {*MOTION, *TRACKED, *RIG})
    if set(TRACKED[:3]) <= set(arrays):
        read = _tracked
    elif set(RIG) <= set(arrays):
        read = _rig
    elif set(MOTION[:3]) <= set(arrays):
        read = _motion
    else:
        raise TrackingError(f"{path.name} holds {sorted(arrays)} of what is read: expected "
                            f"{_LAYOUTS}")  # fmt: skip
    try:
        return read(arrays)
    except (ValueError, IndexError, KeyError) as error:
        raise TrackingError(
            f"{path.name} holds arrays that do not fit each other ({error}); expected {_LAYOUTS}"
        ) from error


def _numbers(arrays: Arrays, name: str, *shape: int) -> F32:
    """A float32 array of N rows and the given further axes (-1: any)."""
    array = arrays[name]
    fits = array.ndim == len(shape) + 1 and all(
        want in (-1, have) for want, have in zip(shape, array.shape[1:], strict=True)
    )
    if array.dtype.kind == "U" or not fits:
        raise ValueError(f"{name} is {array.dtype} {array.shape}")
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32)


def _names(arrays: Arrays, name: str, columns: int) -> list[str]:
    array = arrays[name]
    if array.dtype.kind != "U" or array.shape != (columns,):
        raise ValueError(f"{name} is {array.dtype} {array.shape}, expected {columns} texts")
    names = [str(text) for text in array]
    if len(set(names)) < len(names):
        raise ValueError(f"{name} names a column twice")
    return names


def _motion(arrays: Arrays) -> Curves:
    values = _numbers(arrays, "weights", -1)
    weights, mask = rigs.arkit(values, _names(arrays, "names", values.shape[1]))
    start = arrays["start"]
    if start.dtype.kind not in "iu" or start.ndim != 1:
        raise ValueError(f"start is {start.dtype} {start.shape}, expected whole samples [T]")
    has_head = "pose" in arrays
    pose = _numbers(arrays, "pose", len(POSE)) if has_head else _straight(len(weights))
    times = start.astype(np.float64) / SAMPLE_RATE
    return Curves("motion", times, weights, pose, mask, has_head)


def _tracked(arrays: Arrays) -> Curves:
    values = _numbers(arrays, "trk_bs52", -1)
    weights, mask = rigs.mediapipe(values, _names(arrays, "trk_names", values.shape[1]))
    times = _numbers(arrays, "trk_t").astype(np.float64)
    has_head = "trk_head" in arrays
    pose = _straight(len(weights))
    if has_head:
        matrices = _numbers(arrays, "trk_head", 4, 4)
        if (np.linalg.norm(matrices[:, :3, :3], axis=1) < 1e-6).any():
            raise ValueError("trk_head holds matrices that turn nothing")
        pose = rigs.angles(matrices)
    aperture = _numbers(arrays, "trk_aperture") if "trk_aperture" in arrays else None
    return Curves("mediapipe", times, weights, pose, mask, has_head, aperture)


def _rig(arrays: Arrays) -> Curves:
    values = _numbers(arrays, "weights", -1)
    names = _names(arrays, "names", values.shape[1])
    fps = float(arrays["fps"].reshape(1)[0])
    if not 5.0 <= fps <= 240.0:
        raise ValueError(f"fps is {fps}, expected 5 to 240")
    known = [name for name in names if rigs.plainly(name)]
    # Engines export ARKit curves in the same layout: their names tell.
    kind, convert = ("arkit", rigs.arkit) if known else ("rig", rigs.facegood)
    weights, mask = convert(values, names)
    times = np.arange(len(values)) / fps
    return Curves(kind, times, weights, _straight(len(values)), mask, False)


def _straight(count: int) -> F32:
    return np.zeros((count, len(POSE)), np.float32)


def _check(curves: Curves, name: str) -> None:
    rows = len(curves.times)
    lengths = {rows, len(curves.weights), len(curves.pose)}
    if curves.aperture is not None:
        lengths.add(len(curves.aperture))
    if len(lengths) > 1 or rows < 2:
        raise TrackingError(
            f"{name} has {sorted(lengths)} times, weights and poses, expected equally many, at "
            "least 2"
        )
    finite = [np.isfinite(a).all() for a in (curves.times, curves.weights, curves.pose)]
    if not all(finite):
        raise TrackingError(f"{name} holds NaN or infinite values; track or record it again")
    if (np.diff(curves.times) <= 0).any() or np.abs(curves.times).max() > MAX_SECONDS:
        raise TrackingError(
            f"{name} has times that stand still, go back or lie more than {MAX_SECONDS / 3600:.0f} "
            "hours from the beginning of the sound; expected one clip in order, cut shorter"
        )
    if not curves.mask.any():
        raise TrackingError(f"{name} names no ARKit channel; expected names such as {ARKIT[24]!r}")
    low, high = float(curves.weights.min()), float(curves.weights.max())
    if low < _RANGE[0] or high > _RANGE[1]:
        raise TrackingError(
            f"{name} has weights from {low:.3g} to {high:.3g}, expected 0 to 1; divide percentages "
            "by 100"
        )
    turn, place = np.abs(curves.pose[:, :3]).max(), np.abs(curves.pose[:, 3:]).max()
    if turn > _TURN or place > _PLACE:
        raise TrackingError(
            f"{name} has a head turned by {turn:.3g} degrees at {place:.3g} head widths, expected "
            f"at most {_TURN:.0f} and {_PLACE:.0f}"
        )
