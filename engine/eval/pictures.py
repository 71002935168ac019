"""Clips as pictures: videos that FFmpeg reads, or folders of pictures in the order of their names.

Contract: upright RGB [H, W, 3] uint8, one after another, all of one size; every defect is a
FrameError that names the file.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
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
        raise FrameError(f"{path} holds no picture; expected a video or a folder of {KINDS}")


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"


def _folder(path: Path) -> Iterator[U8]:
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in KINDS:
            try:
                with Image.open(file) as image:
                    yield np.asarray(image.convert("RGB"), np.uint8)
            except (UnidentifiedImageError, OSError, SyntaxError) as error:
                raise FrameError(f"{file} is no picture that can be read ({error})") from error


def _video(path: Path) -> Iterator[U8]:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise FrameError(f"{path} is no video that can be read ({error})") from error
    with container:
        moving = [
            s for s in container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        if not moving:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "no streams"
            raise FrameError(f"{path} has no picture track (found {kinds})")
        moving[0].thread_count = 1
        try:
            for frame in container.decode(moving[0]):
                rgb = frame.to_ndarray(format="rgb24")
                turns = round(getattr(frame, "rotation", 0) / 90) % 4
                yield np.ascontiguousarray(np.rot90(rgb, turns))
        except av.FFmpegError as error:
            raise FrameError(f"{path} cannot be decoded to its end ({error})") from error
