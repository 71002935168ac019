"""The three things that travel between folders; time is samples at 16 kHz since the beginning."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import AudioError, FrameError

SAMPLE_RATE = 16_000  # Hz, the only rate models see
MEL_HOP = 160  # 10 ms
HOP = 2 * MEL_HOP  # 20 ms: one engine hop = one PPG step = two mel frames
FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS  # 640: one picture = two engine hops
# Hop j covers samples [320 j - 80, 320 j + 240). A 48 kHz packet that ends on a multiple of
# 320 then still completes its hop although the resampler holds back up to 80 samples (5 ms),
# and a mel step, which ends at 320 k + 560, ends exactly with a hop: no hop is ever waited for.
HOP_PHASE = -80
LOOKAHEAD_STEPS = {0: 0, 20: 1, 60: 3}  # ms the ears may look ahead -> hops

BLENDSHAPES = 52
_PHONES = 40  # engine.speech.phonemes.PHONES
PPG_WINDOW = 8  # PPG rows that a Motion carries: 160 ms
POSE = ("yaw", "pitch", "roll", "tx", "ty", "tz")  # degrees; tx, ty, tz in head widths

assert SAMPLE_RATE % FPS == 0 and SAMPLES_PER_FRAME % HOP == 0

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono float32 PCM in [-1, 1] at 16 kHz."""

    start: int  # sample number of pcm[0]; only a session's first hop is negative
    pcm: F32  # [S]

    def __post_init__(self) -> None:
        if self.pcm.ndim != 1 or self.pcm.dtype != np.float32:
            raise AudioError(
                f"Audio.pcm is {self.pcm.dtype} {self.pcm.shape}, expected mono float32 [S]; "
                "convert with engine.audio.chunker.Chunker"
            )

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)

    def __repr__(self) -> str:
        return f"Audio(start={self.start}, samples={len(self.pcm)})"


@dataclass(frozen=True, slots=True)
class Motion:
    """ARKit-52 weights, a head pose, the hair's lag, what was heard; shown while sample `start`
    is heard."""

    start: int
    weights: F32  # [52], order of engine.face.blendshapes.ARKIT, nominally in [0, 1]
    pose: F32  # [6], order of POSE
    swing: F32 | None = None  # [3] degrees of yaw, pitch, roll of loose hair; None: at rest
    # [8, 40] the gated posteriors (PHONES) of the last PPG rows, oldest first: the newest describes
    # sample start - 40, so they are the 160 ms up to the picture. None: made without sound.
    ppg: F32 | None = None

    def __post_init__(self) -> None:
        if self.weights.shape != (BLENDSHAPES,) or self.pose.shape != (len(POSE),):
            raise FrameError(
                f"Motion has weights {self.weights.shape} and pose {self.pose.shape}, "
                f"expected ({BLENDSHAPES},) and ({len(POSE)},)"
            )
        if self.swing is not None and self.swing.shape != (3,):
            raise FrameError(f"Motion has a swing {self.swing.shape}, expected (3,) or None")
        if self.ppg is not None and self.ppg.shape != (PPG_WINDOW, _PHONES):
            raise FrameError(
                f"Motion has a ppg {self.ppg.shape}, expected ({PPG_WINDOW}, {_PHONES}) or None"
            )

    def __repr__(self) -> str:
        return f"Motion(start={self.start})"


@dataclass(frozen=True, slots=True)
class Video:
    """One I420 (yuv420p, BT.601 limited range) picture; shown while sample `start` is heard."""

    start: int
    i420: U8  # [H * 3 // 2, W]: Y plane, then U, then V, each row-contiguous

    def __post_init__(self) -> None:
        rows, width = self.i420.shape
        if self.i420.dtype != np.uint8 or rows % 3 or width % 2:
            raise FrameError(
                f"Video.i420 is {self.i420.dtype} {self.i420.shape}, "
                "expected uint8 [H * 3 // 2, W] with even H and W"
            )

    @property
    def width(self) -> int:
        return int(self.i420.shape[1])

    @property
    def height(self) -> int:
        return int(self.i420.shape[0]) * 2 // 3

    def __repr__(self) -> str:
        return f"Video(start={self.start}, {self.width}x{self.height})"
