"""Videos of one person -> what is seen in each of 25 pictures a second, and square crops of it.

Contract: files are decoded twice, first to follow the face, then to cut it out, so that ten minutes
never lie in memory whole; a video has one fixed square. Whatever is wrong with a video is a
TrackingError that names what was found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import AudioError, FrameError, TrackingError
from engine.eval.landmark_distance import fetched
from engine.eval.pictures import opened, upright
from engine.eval.recordings import read_sound
from engine.frames import F32, FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, U8
from engine.tracker.clip import rest
from engine.tracker.models import Models
from engine.tracker.still import faces
from engine.tracker.tracker import Tracked, Tracker

I64 = npt.NDArray[np.int64]
FACE = 0.62  # height of a face (forehead to chin) in its square
RISE = 0.02  # of the square by which the face's middle lies under the square's
SOUNDS = (".flac", ".wav")  # beside a silent video, under its name
LEAST_S, MOST_S = 0.5, 900.0  # of one video
_GLANCE_S = 2.0  # how often other faces are looked for
_CROWD = 0.25  # share of glances with several faces that is refused
_LOST = 0.2  # share of pictures without a face that is refused
_JUMP = 0.35  # face heights by which no face moves within a picture
_SMALL = 60.0  # px of a face's height


class Square(NamedTuple):
    """Where a video is cut out, pixels."""

    x: float  # left
    y: float  # top
    side: float


@dataclass(frozen=True, slots=True)
class Footage:
    """One video, followed."""

    path: Path
    frame: I64  # [T] number of the decoded picture of each 40 ms
    start: I64  # [T] sample of `pcm` that is heard with it
    points: F32  # [T, 478, 3] steady landmarks, px of the video
    weights: F32  # [T, 52] the tracker's, rest taken off
    pcm: F32  # [S] mono at 16 kHz, empty where there is no sound

    @property
    def square(self) -> Square:
        """Around the mean face."""
        crown, chin = self.points[:, 10, :2], self.points[:, 152, :2]
        side = float(np.median(np.linalg.norm(crown - chin, axis=1))) / FACE
        x, y = np.median((self.points[:, 10, :2] + self.points[:, 152, :2]) / 2, axis=0)
        return Square(float(x) - side / 2, float(y) - side * (0.5 + RISE), side)

    def placed(self, size: int) -> F32:
        """Landmarks [T, 478, 3] in pixels of the cut out pictures."""
        x, y, side = self.square
        return np.asarray((self.points - np.array([x, y, 0])) * (size / side), np.float32)


def watch(path: Path, models: Models, shift_s: float = 0.0) -> Footage:
    """Follow the face through a video. `shift_s`: by how much its sound comes late.

    Raises TrackingError for no video, no or several faces, a cut, or too small a face.
    """
    tracker = Tracker(models)
    state, seen = tracker.init_state(), list[tuple[int, int, Tracked, F32]]()
    crowd, glances, total = 0, 0, 0
    for tick, number, rgb in _ticks(path):
        total += 1
        tracked, state = tracker.step(rgb, tick * SAMPLES_PER_FRAME, state)
        if tick % round(_GLANCE_S * FPS) == 0:
            glances += 1
            crowd += len(faces(models, rgb)) > 1
        if tracked is not None and state.steady is not None:
            seen.append((tick, number, tracked, state.steady.points.copy()))
    _check(path, seen, total, crowd / max(glances, 1))
    base = rest([s[2] for s in seen])[0]
    weights = np.clip(np.array([s[2].weights for s in seen]) - base, 0, 1)
    start = np.array([s[0] for s in seen], np.int64) * SAMPLES_PER_FRAME
    return Footage(
        path, np.array([s[1] for s in seen], np.int64), start + round(shift_s * SAMPLE_RATE),
        np.array([s[3] for s in seen], np.float32), weights.astype(np.float32), _sound(path),
    )  # fmt: skip


def pictures(footage: Footage, size: int) -> Iterator[U8]:
    """The square of each followed picture [size, size, 3], in order."""
    square, wanted = footage.square, iter(footage.frame.tolist())
    number = next(wanted, None)
    for found, rgb in _decoded(footage.path):
        while number is not None and found[0] == number:  # slow videos show one picture twice
            yield cut(rgb, square, size)
            number = next(wanted, None)
        if number is None:
            return


def cut(rgb: U8, square: Square, size: int) -> U8:
    """A square of a picture, its edge repeated where the square reaches beyond it."""
    x, y, side = square
    height, width = rgb.shape[:2]
    pad = int(np.ceil(max(0.0, -x, -y, x + side - width, y + side - height)))
    if pad:
        rgb = np.pad(rgb, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    box = (x + pad, y + pad, x + pad + side, y + pad + side)
    picture = Image.fromarray(rgb).resize((size, size), Image.Resampling.LANCZOS, box=box)
    return np.asarray(picture, np.uint8)


def _ticks(path: Path) -> Iterator[tuple[int, int, U8]]:
    """(tick, number of the picture, picture) at 25 a second: what is shown at each 40 ms."""
    tick, held = 0, None
    for (number, seconds), rgb in _decoded(path):
        if seconds > MOST_S:  # before a far timestamp is filled with pictures
            raise TrackingError(
                f"{path.name} is longer than {MOST_S / 60:.0f} minutes, expected 30 s to 10 "
                "minutes: cut it"
            )
        # A picture counts for the ticks from its own time up to the next one's.
        while held is not None and tick / FPS < seconds - 0.5 / FPS:
            yield tick, *held
            tick += 1
        held = number, rgb
    if held is not None:
        yield tick, *held


def _decoded(path: Path) -> Iterator[tuple[tuple[int, float], U8]]:
    """((number, seconds since the file begins), picture) of a video."""
    if not path.is_file():
        raise TrackingError(f"there is no video {path}: give the path of a file")
    try:
        file, stream = opened(path)
        with file:
            stream.thread_count = 1
            rate = stream.average_rate or Fraction(FPS)
            # Sound is read from the container's beginning on, too.
            begin = (file.start_time or 0) / av.time_base
            for number, frame in enumerate(file.decode(stream)):
                seconds = number / rate if frame.time is None else frame.time - begin
                yield (number, float(seconds)), upright(frame)
    except (av.FFmpegError, FrameError) as error:
        raise TrackingError(f"{path.name} cannot be read as a video: {error}") from error


def _check(
    path: Path, seen: Sequence[tuple[int, int, Tracked, F32]], total: int, crowd: float
) -> None:
    """One face, all the time, in one shot, near enough."""
    if total < LEAST_S * FPS:
        raise TrackingError(f"{path.name} has {total / FPS:.1f} s of pictures, expected {LEAST_S}")
    if len(seen) < (1 - _LOST) * total:
        raise TrackingError(
            f"{path.name} shows a face in {100 * len(seen) / total:.0f} % of its pictures, "
            f"expected {100 * (1 - _LOST):.0f} % or more: film one well-lit face from the front"
        )
    if crowd > _CROWD:
        raise TrackingError(
            f"{path.name} shows several faces in {100 * crowd:.0f} % of the glances, expected one "
            "person: cut the others away"
        )
    points = np.array([s[3][:468, :2] for s in seen])
    tall = float(np.median(np.linalg.norm(points[:, 10] - points[:, 152], axis=1)))
    if tall < _SMALL:
        raise TrackingError(
            f"{path.name}: the face is {tall:.0f} pixels high, expected {_SMALL:.0f} or more: film "
            "from nearer"
        )
    ticks = np.array([s[0] for s in seen])
    near = np.diff(ticks) == 1
    moved = np.linalg.norm(np.diff(points.mean(1), axis=0), axis=1) / tall
    if (moved[near] > _JUMP).any():
        second = ticks[1:][near][moved[near].argmax()] / FPS
        raise TrackingError(
            f"{path.name} jumps at {second:.1f} s, as at a cut, expected one shot: give the shots "
            "as single files"
        )


def _sound(path: Path) -> F32:
    """The video's sound, or that of the file beside it; none is no error."""
    for source in (path, *(path.with_suffix(end) for end in SOUNDS)):
        if source.is_file():
            try:
                return read_sound(source)
            except AudioError:
                continue
    return np.zeros(0, np.float32)


def networks(path: Path | None) -> Models:
    """The face networks of a .task file, or those fetched before. Raises TrackingError."""
    models = Models.load(None, path) if path is not None else fetched()
    if models is None:
        raise TrackingError(
            "no face networks are at hand: give --face-model face_landmarker.task, or let "
            "`python -m demos.webcam_mirror` fetch them once"
        )
    return models
