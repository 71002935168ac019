"""The streaming line over whole clips: the same hops, states and numbers as live."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.audio.chunker import Chunker
from engine.avatar import DEFAULT_AVATAR, DEFAULT_STYLE, Avatar
from engine.errors import AudioError
from engine.frames import (
    BLENDSHAPES,
    F32,
    HOP,
    HOP_PHASE,
    POSE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    Audio,
    Motion,
    Video,
)
from engine.line import Output, Row, line
from engine.speech.phonemes import PHONES
from engine.speech.ppg import AUX
from engine.style.code import Style
from engine.style.library import StyleLibrary

I64 = npt.NDArray[np.int64]
CHUNK = HOP  # 20 ms, as a call delivers it


@dataclass(frozen=True, slots=True)
class PPGClip:
    """What was heard in a whole clip, 50 rows a second (engine.speech.ppg.Heard)."""

    start: I64  # [T] sample whose sound the row describes
    posteriors: F32  # [T, 40], order of engine.speech.phonemes.PHONES
    closure: F32  # [T] probability that P, B or M closes the lips
    voicing: F32  # [T] probability of voice
    energy: F32  # [T] mean natural-log mel power, as if clean and levelled to -25 dBFS

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "PPGClip":
        """Rows of one session, in order."""
        return cls(
            np.array([row.start for row in rows], np.int64),
            np.array([row.heard.posteriors[0, 0] for row in rows], np.float32).reshape(
                -1, len(PHONES)
            ),
            *(
                np.array([getattr(row.heard, name)[0, 0] for row in rows], np.float32)
                for name in AUX
            ),
        )


@dataclass(frozen=True, slots=True)
class MotionClip:
    """Motion of a whole clip, 25 rows a second."""

    start: I64  # [T] sample heard while the row is shown
    weights: F32  # [T, 52], order of engine.face.blendshapes.ARKIT
    pose: F32  # [T, 6], order of engine.frames.POSE

    @classmethod
    def of(cls, motions: Sequence[Motion]) -> "MotionClip":
        """Motions of one session, in order."""
        return cls(
            np.array([m.start for m in motions], np.int64),
            np.array([m.weights for m in motions], np.float32).reshape(-1, BLENDSHAPES),
            np.array([m.pose for m in motions], np.float32).reshape(-1, len(POSE)),
        )


def perform(
    blocks: Iterable[tuple[npt.NDArray[Any], int]],
    style: Style | str | Path = DEFAULT_STYLE,
    lookahead_ms: int = 20,
    seed: int = 0,
) -> Iterator[Output]:
    """Gapless blocks of (pcm [S] or [S, C], rate in Hz) -> what each completes, then the rest.

    Every row and motion has 0 <= start < length of the sound. Raises AudioError for sound the
    chunker refuses and for no sound at all, PackageError for a bad style.
    """
    stages = line(lookahead_ms)
    chosen = style if isinstance(style, Style) else StyleLibrary().get(style)
    state = stages.init_state(chosen, seed)
    chunker = Chunker()
    heard = 0.0  # seconds

    def advance(hops: Iterable[Audio]) -> Output:
        nonlocal state
        rows, motions = [], []
        for audio in hops:
            output, state = stages.step(audio, state)
            rows += output.rows
            motions += output.motions
        end = round(heard * SAMPLE_RATE)
        return Output(
            [row for row in rows if 0 <= row.start < end],
            [motion for motion in motions if motion.start < end],
        )

    for pcm, rate in blocks:
        heard += len(pcm) / rate
        yield advance(chunker.push(pcm, rate))
    if not heard:
        raise AudioError("the sound is empty, expected at least one sample")
    yield advance(chunker.flush())
    # Silence until the last row and picture that describe sound are through the look-ahead.
    begin = int(state.hop[0]) * HOP + HOP_PHASE
    silence = np.zeros(HOP, np.float32)
    hops = -(-(stages.latency + SAMPLES_PER_FRAME) // HOP)
    yield advance(Audio(begin + i * HOP, silence) for i in range(hops))


def _chunks(pcm: npt.ArrayLike) -> Iterator[tuple[npt.NDArray[Any], int]]:
    try:
        samples = np.asarray(pcm)
    except ValueError as error:
        raise AudioError(f"pcm is no array ({error}), expected mono float32 [S]") from error
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise AudioError(
            f"pcm is {samples.dtype} {samples.shape}, expected mono float32 [S] in [-1, 1] at "
            "16 kHz; engine.offline.perform takes any other rate and channel count"
        )
    for i in range(0, len(samples), CHUNK):
        yield samples[i : i + CHUNK].astype(np.float32, copy=False), SAMPLE_RATE


def ppg(pcm: npt.ArrayLike, lookahead_ms: int = 20) -> PPGClip:
    """PPG of a clip: mono float32 [S] at 16 kHz -> one row per 20 ms, 0 <= start < S.

    Raises AudioError for empty, non-finite or non-mono sound.
    """
    outputs = perform(_chunks(pcm), lookahead_ms=lookahead_ms)
    return PPGClip.of([row for output in outputs for row in output.rows])


def motion(
    pcm: npt.ArrayLike,
    style: Style | str | Path = DEFAULT_STYLE,
    lookahead_ms: int = 20,
    seed: int = 0,
) -> MotionClip:
    """Motion of a clip: mono float32 [S] at 16 kHz -> one row per 40 ms, 0 <= start < S.

    `style`: a Style, a bundled name or a path; `seed` decides blinks, gaze and the like. Raises
    AudioError for bad sound, PackageError for a bad style.
    """
    outputs = perform(_chunks(pcm), style, lookahead_ms, seed)
    return MotionClip.of([motion for output in outputs for motion in output.motions])


def video(
    pcm: npt.ArrayLike,
    avatar: Avatar | str | Path = DEFAULT_AVATAR,
    style: Style | str | Path = DEFAULT_STYLE,
    size: int = 512,
    lookahead_ms: int = 20,
    seed: int = 0,
) -> Iterator[Video]:
    """Pictures of a clip, 25 a second, drawn while iterating. See `motion`."""
    if not isinstance(avatar, Avatar):
        avatar = Avatar.load(avatar, size=size, lookahead_ms=lookahead_ms)
    hair = None
    for output in perform(_chunks(pcm), style, lookahead_ms, seed):
        motions, hair = avatar.swing(output.motions, hair)
        yield from map(avatar.render, motions)
