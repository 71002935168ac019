"""Reference clips: recorded motion -> what a style is made from, and the style itself.

Contract: `read` takes a motion npz of any layout (engine.motion.curves) or a Live Link Face CSV and
returns motion from rest, 25 rows a second by time; a clip that cannot be used is a TrackingError
that says what was found, what was expected and what to do. What a source does not show (brows of a
mouth-only rig, a head that was not recorded) is taken from the average speaker, not as frozen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.rigs import UNTRACKED, raised
from engine.frames import BLENDSHAPES, F32, FPS, SAMPLES_PER_FRAME
from engine.motion.channels import STRONG, opening
from engine.motion.curves import Curves, at_moments, read_curves
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.encoder import FACE_STATISTICS, MIN_FRAMES, Encoder, pieced
from engine.style.library import StyleLibrary

MIN_SECONDS = 2.0
# Pictures a second. Between fewer, motion is a straight line: how fast a mouth changes is lost.
MIN_RATE = 12.0
HEAD_SECONDS = 3.0  # StyleTalk++, limitations: shorter clips give no reasonable head style
_REST = 10  # percentile that is a person's face at rest
_BRIDGE_S = 0.5  # longer losses are left out, not invented
_STILL = 0.01  # deviation of the lips' opening: less is no speech (the calmest speaker shows 0.03)


@dataclass(frozen=True, slots=True)
class Reference:
    """Motion from rest, and how much of a person it shows."""

    clip: MotionClip  # `start` counts from the sound's beginning, jumps where nothing was recorded
    mask: F32  # [52] 1 where the source has the channel
    has_head: bool

    def style(self, name: str, made: str, library: StyleLibrary | None = None) -> Style:
        """The style of the clip; `made`: how, for people. Raises PackageError for a bad name."""
        return style_of(name, self.clip, made, self.mask, self.has_head, library)


def read(path: Path | str) -> Reference:
    """A reference clip of a file. Raises TrackingError."""
    path = Path(path)
    curves = read_curves(path)
    often_enough(curves.times, path.name)
    clip = _resampled(curves)
    enough(clip, path.name, float(curves.times[-1] - curves.times[0]) + 1 / FPS)
    return Reference(from_rest(clip, curves.kind), curves.mask, curves.has_head)


def enough(clip: MotionClip, name: str, seconds: float) -> None:
    """TrackingError when the clip `name`, which lasts `seconds`, shows too little of a face."""
    shown = len(clip.start) / FPS
    if shown < MIN_SECONDS - 0.5 / FPS:
        raise TrackingError(
            f"{name} shows a face for {shown:.2f} s of its {seconds:.2f} s, expected at least "
            f"{MIN_SECONDS:.0f} s of speech; ten seconds make a good style"
        )


def often_enough(times: npt.ArrayLike, name: str) -> None:
    """TrackingError when the pictures of the clip `name`, at `times` [N] in seconds, are too far
    apart for how a mouth moves."""
    apart = np.diff(np.asarray(times, np.float64))
    if len(apart) and float(np.median(apart)) > 1.001 / MIN_RATE:
        raise TrackingError(
            f"{name} has {1 / float(np.median(apart)):.1f} pictures a second, expected at least "
            f"{MIN_RATE:.0f}; film again with more light or a smaller picture, or export every "
            "frame"
        )


def filmed(clip: MotionClip) -> Reference:
    """A clip that engine.tracker.clip.settle took from a video: MediaPipe's sizes, from rest."""
    mask = np.ones(BLENDSHAPES, np.float32)
    mask[[INDEX[name] for name in UNTRACKED]] = 0.0
    return Reference(MotionClip(clip.start, raised(clip.weights), clip.pose), mask, has_head=True)


def read_clip(path: Path | str) -> MotionClip:
    """The motion of a reference file alone. Raises TrackingError."""
    return read(path).clip


def from_rest(clip: MotionClip, kind: str) -> MotionClip:
    """The person's own rest taken off; motion of ours is from rest already."""
    if kind == "motion":
        return clip
    rest = np.percentile(clip.weights, _REST, axis=0).astype(np.float32)
    weights = np.clip(clip.weights - rest, 0, 1)
    if kind == "mediapipe":
        weights = raised(weights)
    pose = (clip.pose - np.median(clip.pose, axis=0)).astype(np.float32)
    return MotionClip(clip.start, weights, pose)


def style_of(
    name: str, clip: MotionClip, made: str, mask: F32 | None = None, has_head: bool = True,
    library: StyleLibrary | None = None,
) -> Style:  # fmt: skip
    """Motion from rest -> its style, by the encoder of the bundled library.

    `mask` [52]: channels the clip shows (default: all). Raises TrackingError for a clip without a
    second in one piece or with values that are not finite, PackageError for a bad name.
    """
    encoder = (library or StyleLibrary()).encoder
    row = measured(clip)
    return Style(name, encoder.project(completed(row, encoder, mask, has_head)), made=made)


def measured(clip: MotionClip) -> F32:
    """Statistics (engine.style.encoder) of a clip, over its pieces without a jump in `start`."""
    if not (np.isfinite(clip.weights).all() and np.isfinite(clip.pose).all()):
        raise TrackingError("the clip holds NaN or infinite values; track it again")
    jumps = np.flatnonzero(np.diff(clip.start) != SAMPLES_PER_FRAME) + 1
    if np.diff([0, *jumps, len(clip.start)]).max() < MIN_FRAMES:
        raise TrackingError(
            f"the clip has {len(clip.start)} rows and not {MIN_FRAMES} of them in one piece "
            f"({FPS} a second); keep the face in the picture for longer"
        )
    return pieced(clip.weights, clip.pose, [int(jump) for jump in jumps])


def completed(row: F32, encoder: Encoder, mask: F32 | None, has_head: bool) -> F32:
    """Statistics with what the source does not show of brows, eyes and head taken from the average
    speaker. Lip channels that a source lacks stay at rest, as in the tracks that taught."""
    shown = np.ones(BLENDSHAPES) if mask is None else mask.copy()
    shown[list(STRONG)] = 1.0
    known = np.concatenate(
        [np.tile(shown > 0, FACE_STATISTICS // BLENDSHAPES),
         np.full(len(row) - FACE_STATISTICS, has_head)]
    )  # fmt: skip
    return np.where(known, row, encoder.mean).astype(np.float32)


def doubts(reference: Reference) -> list[str]:
    """What a user should know about a style made from this clip; empty when all is well."""
    seconds = len(reference.clip.start) / FPS
    said = []
    if opening(reference.clip.weights).std() < _STILL:
        said.append("the mouth hardly moves: a clip of somebody who speaks makes a style; this one "
                    "is that of a silent face")  # fmt: skip
    if not reference.has_head:
        said.append("the clip has no head movement: the style moves its head like the average "
                    "speaker; --head-from takes it from another clip")  # fmt: skip
    elif seconds < HEAD_SECONDS:
        said.append(f"{seconds:.1f} s are enough for the face, but the head's style wants "
                    f"{HEAD_SECONDS:.0f} s; give a longer clip or --head-from")  # fmt: skip
    if reference.mask.mean() < 0.5:
        said.append(f"the clip has {int(reference.mask.sum())} of {BLENDSHAPES} channels: the rest "
                    "moves like the average speaker")  # fmt: skip
    return said


def _resampled(curves: Curves) -> MotionClip:
    """On the 25 Hz grid of the sound by time, without what is before it or in a long loss."""
    times = curves.times
    first, last = np.ceil(times[0] * FPS - 1e-6), np.floor(times[-1] * FPS + 1e-6)
    ticks = np.arange(max(int(first), 0), int(last) + 1)
    moments = ticks / FPS
    after = np.clip(np.searchsorted(times, moments - 1e-9), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    on_row = np.abs(times[after] - moments) < 1e-6
    kept = on_row | (times[after] - times[before] <= _BRIDGE_S)
    moments = moments[kept]
    weights = at_moments(curves.weights, times, moments)
    pose = at_moments(curves.pose, times, moments)
    return MotionClip(ticks[kept].astype(np.int64) * SAMPLES_PER_FRAME, weights, pose)
