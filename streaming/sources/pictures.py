"""Pictures of any video that FFmpeg reads, as fast as they are asked for; synchronous."""

from collections.abc import Iterator
from pathlib import Path

from engine.frames import U8


def pictures(path: str | Path) -> Iterator[tuple[U8, int]]:
    """Decode `path` to (rgb uint8 [H, W, 3] upright, start in samples at 16 kHz).

    Raises AudioError naming the file and its defect: missing, no media, no picture track, damaged.
    """
    raise NotImplementedError
