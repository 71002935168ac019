"""Clips as pictures: videos that FFmpeg reads, or folders of pictures in the order of their names.

Contract: upright RGB [H, W, 3] uint8, one after another, all of one size; every defect is a
FrameError that names the file.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from engine.errors import FrameError
from engine.frames import U8

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")  # of pictures in a folder


def read(path: str | Path) -> Iterator[U8]:
    """The pictures of a clip. Raises FrameError, in part only when they are asked for."""
    source = Path(path)
    if not source.exists():
        raise FrameError(f"{source} is not there; expected a video or a folder of pictures")
    return _sized(_folder(source) if source.is_dir() else _video(source), source)


def length(path: str | Path) -> int | None:
    """How many pictures there are, None where only reading to the end would tell."""
    source = Path(path)
    if source.is_dir():
        return len(files(source))
    if not source.is_file():
        return None
    container, stream = opened(source)
    with container:
        return stream.frames or None


def files(folder: Path) -> list[Path]:
    """The pictures of a folder, by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in KINDS)


def _sized(pictures: Iterator[U8], path: Path) -> Iterator[U8]:
    first: tuple[int, ...] | None = None
    for n, picture in enumerate(pictures):
        first = first or picture.shape
        if picture.shape != first:
            raise FrameError(
                f"picture {n} of {path} is {_size(picture.shape)}, those before are "
                f"{_size(first)}; expected one size"
            )
        yield picture
    if first is None:
        raise FrameError(
            f"{path} holds no picture; expected a video or a folder of pictures ({' '.join(KINDS)})"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"


def _folder(path: Path) -> Iterator[U8]:
    for file in files(path):
        try:
            with Image.open(file) as image:
                yield np.asarray(image.convert("RGB"), np.uint8)
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise FrameError(f"{file} is no picture that can be read ({error})") from error


def opened(path: Path) -> tuple[InputContainer, VideoStream]:
    """A video and its track of moving pictures. Raises FrameError."""
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise FrameError(f"{path} is no video that can be read ({error})") from error
    # Sound files carry one still picture: their cover.
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "no streams"
        container.close()
        raise FrameError(f"{path} has no picture track (found {kinds})")
    return container, moving[0]


def _video(path: Path) -> Iterator[U8]:
    container, stream = opened(path)
    with container:
        stream.thread_count = 1
        try:
            for frame in container.decode(stream):
                yield upright(frame)
        except av.FFmpegError as error:
            raise FrameError(f"{path} cannot be decoded to its end ({error})") from error


def upright(frame: av.VideoFrame) -> U8:
    """A decoded picture as RGB [H, W, 3], turned as it is to be shown: telephones film on their
    side."""
    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns))
