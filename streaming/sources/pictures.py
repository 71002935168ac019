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


def pictures(path: str | Path) -> Iterator[tuple[U8, int]]:
    """Decode `path` to (rgb uint8 [H, W, 3] upright, start in samples at 16 kHz).

    `start` counts from the beginning of the file, where its sound begins. Raises AudioError naming
    the file and its defect: missing, no media, no picture track, damaged.
    """
    container, stream = _open(Path(path))
    with container:
        stream.thread_count = 1
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        origin = (container.start_time or 0) / av.time_base
        shown, last = 0, -1
        try:
            for frame in container.decode(stream):
                seconds = shown / rate if frame.time is None else frame.time - origin
                # Files without times, or with times that go back, still play in their order.
                last = max(round(seconds * SAMPLE_RATE), last + 1, 0)
                yield _upright(frame), last
                shown += 1
        except av.FFmpegError as error:
            raise AudioError(
                f"{path} cannot be decoded after {shown} pictures ({error}); it is truncated or "
                "damaged"
            ) from error
    if not shown:
        raise AudioError(f"{path} has a picture track without a single picture")


def _upright(frame: av.VideoFrame) -> U8:
    """RGB with the turn of the file's header (a telephone held upright) applied."""
    rgb = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else np.asarray(rgb, np.uint8)


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    if not path.is_file():
        raise AudioError(f"{path} is not a file; give the path of a video")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes), expected a video")
    try:
        container = av.open(str(path), mode="r", metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"{path} is not a video that FFmpeg can read ({error}); it may be damaged or cut off "
            "inside its header"
        ) from error
    # Sound files carry one still picture: their cover.
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "no streams"
        container.close()
        raise AudioError(f"{path} has no picture track (found {kinds}); choose a video of a face")
    return container, moving[0]
