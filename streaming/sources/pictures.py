"""Pictures of any video that FFmpeg reads, as fast as they are asked for; synchronous.

Contract: upright RGB with the media time of each picture, never going back; every defect of a file
is an AudioError that names the file and the defect.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from engine.errors import AudioError
from engine.frames import SAMPLE_RATE, U8
from streaming.sources.file import open_media

MAX_SIDE = 4096  # pixels; a side longer than that is refused
SHOWN_SIDE = 1920  # a longer side is made smaller: no tracker needs more


def pictures(path: str | Path) -> Iterator[tuple[U8, int]]:
    """Decode `path` to (rgb uint8 [H, W, 3] upright, start in samples at 16 kHz).

    `start` counts from the beginning of the file; `sound_start` says where on that line its sound
    begins. Raises AudioError naming the file and its defect: missing, no media, no picture track,
    damaged, pictures larger than MAX_SIDE.
    """
    container, stream = _open(Path(path))
    with container:
        _check_size(stream.codec_context.width, stream.codec_context.height, path)
        stream.thread_count = 1
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        origin = _origin(container)
        shown, last = 0, -1
        try:
            for frame in container.decode(stream):
                seconds = shown / rate if frame.time is None else frame.time - origin
                # Files without times, or with times that go back, still play in their order.
                last = max(round(seconds * SAMPLE_RATE), last + 1, 0)
                _check_size(frame.width, frame.height, path)
                yield _upright(frame), last
                shown += 1
        except av.FFmpegError as error:
            raise AudioError(
                f"{path} cannot be decoded after {shown} pictures ({error}); it is truncated or "
                "damaged"
            ) from error
    if not shown:
        raise AudioError(f"{path} has a picture track without a single picture")


def sound_start(path: str | Path) -> int:
    """Where the sound of a video begins, in samples at 16 kHz on the line of `pictures`: browsers
    and telephones start the microphone later than the camera. 0 for a file without times or sound.

    Raises AudioError for what cannot be read.
    """
    container, _ = _open(Path(path))
    with container:
        if not container.streams.audio:
            return 0
        try:
            first = next(container.decode(container.streams.audio[0]), None)
        except av.FFmpegError as error:
            raise AudioError(f"the sound of {path} cannot be decoded ({error})") from error
        if first is None or first.time is None:
            return 0
        # The decoder has cut off its own lead-in by now, the header's time has not.
        return max(0, round((first.time - _origin(container)) * SAMPLE_RATE))


def _origin(container: InputContainer) -> float:
    """Seconds at which the first of all streams begins."""
    return (container.start_time or 0) / av.time_base


def _check_size(width: int, height: int, path: str | Path) -> None:
    """Before memory for a picture is asked for, where the header tells."""
    if max(width, height) > MAX_SIDE:
        raise AudioError(
            f"{path} has pictures of {width} x {height}, expected at most {MAX_SIDE} on a side; "
            "export it smaller: a face of a few hundred pixels is enough"
        )


def _upright(frame: av.VideoFrame) -> U8:
    """RGB with the turn of the file's header (a telephone held upright) applied, brought to
    SHOWN_SIDE where it is larger."""
    largest = max(frame.width, frame.height)
    if largest > SHOWN_SIDE:
        width, height = (
            max(1, side * SHOWN_SIDE // largest) for side in (frame.width, frame.height)
        )
        rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    else:
        rgb = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else np.asarray(rgb, np.uint8)


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    container = open_media(path, "a video")
    # Sound files carry one still picture: their cover.
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "no streams"
        container.close()
        raise AudioError(f"{path} has no picture track (found {kinds}); choose a video of a face")
    return container, moving[0]
