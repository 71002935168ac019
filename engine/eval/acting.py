"""The streaming line in two halves, so that one hearing serves many styles and seeds.

Contract: `hear` feeds a sound to the live line's ears in 20 ms hops; `act` gives its rows to the
live line's decoder one by one. Together they are engine.offline.motion, number for number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.audio.chunker import Chunker
from engine.frames import F32, HOP, HOP_PHASE, SAMPLE_RATE, SAMPLES_PER_FRAME, Audio
from engine.line import Line, Row, line
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.library import DEFAULT, StyleLibrary


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ears made of a sound."""

    rows: tuple[Row, ...]  # every PPG row, the one before the first sample included
    samples: int
    lookahead_ms: int


def hear(pcm: F32, lookahead_ms: int = 20) -> Heard:
    """A sound [S] at 16 kHz through the ears, silence after it until its last row is out."""
    stages = line(lookahead_ms)
    state = stages.init_state(StyleLibrary().get(DEFAULT))
    rows = []
    for audio in _hops(pcm, stages):
        row, state = stages.listen(audio, state)
        rows += [row] if row else []
    return Heard(tuple(rows), len(pcm), lookahead_ms)


def _hops(pcm: F32, stages: Line) -> Iterator[Audio]:
    chunker = Chunker()
    begin = HOP_PHASE
    for make in (partial(chunker.push, pcm, SAMPLE_RATE), chunker.flush):
        for audio in make():
            begin = audio.end
            yield audio
    silence = np.zeros(HOP, np.float32)
    for i in range(-(-(stages.latency + SAMPLES_PER_FRAME) // HOP)):
        yield Audio(begin + i * HOP, silence)


def act(heard: Heard, style: Style, seed: int = 0) -> MotionClip:
    """The motion of one session over what was heard."""
    stages = line(heard.lookahead_ms)
    state = stages.init_state(style, seed)
    motions = []
    for row in heard.rows:
        motion, state = stages.move(row, state)
        if motion and motion.start < heard.samples:
            motions.append(motion)
    return MotionClip.of(motions)
