"""Sound as it comes in and goes out: its own rate and channels, never the 16 kHz model input.

`Sound` stays inside streaming. What the models hear is made from it by the engine's chunker; what
people hear is the Sound itself, later.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import AudioError
from engine.frames import Video

Pcm = npt.NDArray[Any]  # [S, C], int16 or float32

VOICE_RATE = 48_000  # Hz, what leaves through WebRTC and loudspeakers
VOICE_BLOCK = 960  # 20 ms, one Opus packet


@dataclass(frozen=True, slots=True)
class Sound:
    """A block of PCM at the rate and channel count of its source."""

    start: int  # sample number of pcm[0], at `rate`, since the source began
    rate: int  # Hz
    pcm: Pcm  # [S, C] int16, or float32 in [-1, 1]

    def __post_init__(self) -> None:
        if self.pcm.ndim != 2 or self.pcm.dtype not in (np.int16, np.float32) or self.rate <= 0:
            raise AudioError(
                f"Sound is {self.pcm.dtype} {self.pcm.shape} at {self.rate} Hz, "
                "expected int16 or float32 [samples, channels] at a positive rate"
            )

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)

    def __repr__(self) -> str:
        samples, channels = self.pcm.shape
        return f"Sound(start={self.start}, {samples} x {channels} at {self.rate} Hz)"


Source = AsyncIterator[Sound]
"""Live sound: 48 kHz int16 with one or two channels, in order; `start` tells of gaps."""


class Sink(Protocol):
    """Where a session's pictures go."""

    def write(self, video: Video) -> None:
        """Take one picture; never waits."""
