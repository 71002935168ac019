"""The streaming line in two halves, so that one hearing serves many styles and seeds.

Contract: `hear` feeds a sound to the live line's ears in 20 ms hops and keeps what the live line
would have given its decoder; `act` gives it to the live line's decoder, many sessions at a time.
Together they are engine.offline.motion of each session, number for number up to a batch's rounding.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from engine.audio.chunker import Chunker
from engine.frames import BLENDSHAPES, F32, HOP, HOP_PHASE, POSE, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.frames import Audio as Hop
from engine.line import Line, Row, line
from engine.motion.decoder import Decoder, DecoderInput, DecoderOutput, DecoderState
from engine.offline import MotionClip
from engine.stage import stack, tree_map
from engine.style.code import Style
from engine.style.library import DEFAULT, StyleLibrary


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ears made of a sound, T pictures."""

    rows: tuple[Row, ...]  # PPG rows of the sound
    start: npt.NDArray[np.int64]  # [T] sample heard while the picture is shown
    inputs: DecoderInput  # [1, T, ...]
    lookahead_ms: int


class _Listener:
    """Stands where the decoder stands and writes down what it is given."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.inputs: list[DecoderInput] = []

    def init_state(self, *args: Any, **options: Any) -> DecoderState:
        """A decoder's; nothing moves it."""
        return self._decoder.init_state(*args, **options)

    def step(self, x: DecoderInput, state: DecoderState) -> tuple[DecoderOutput, DecoderState]:
        """A face that does nothing."""
        still = DecoderOutput(
            np.zeros((1, 1, BLENDSHAPES), np.float32), np.zeros((1, 1, len(POSE)), np.float32)
        )
        self.inputs.append(x)
        return still, state


def hear(pcm: F32, lookahead_ms: int = 20) -> Heard:
    """A sound [S] at 16 kHz through the ears, silence after it until its last row is out."""
    stages = copy(line(lookahead_ms))
    listener = _Listener(stages.decoder)
    stages.decoder = cast(Decoder, listener)
    state = stages.init_state(StyleLibrary().get(DEFAULT))
    rows, starts = [], []
    for hop in _hops(pcm, stages):
        output, state = stages.step(hop, state)
        rows += [row for row in output.rows if 0 <= row.start < len(pcm)]
        starts += [motion.start for motion in output.motions]
    kept = sum(start < len(pcm) for start in starts)
    given = listener.inputs[:kept]
    inputs = tree_map(lambda *x: np.concatenate(x, axis=1), *given)
    return Heard(tuple(rows), np.array(starts[:kept], np.int64), inputs, lookahead_ms)


def _hops(pcm: F32, stages: Line) -> Iterator[Hop]:
    chunker = Chunker()
    begin = HOP_PHASE
    for make in (partial(chunker.push, pcm, SAMPLE_RATE), chunker.flush):
        for hop in make():
            begin = hop.end
            yield hop
    silence = np.zeros(HOP, np.float32)
    for i in range(-(-(stages.latency + SAMPLES_PER_FRAME) // HOP)):
        yield Hop(begin + i * HOP, silence)


def act_all(heard: Heard, sessions: Sequence[tuple[Style, int]]) -> list[MotionClip]:
    """The motions of several sessions, each a style and a seed, over one sound."""
    decoder = line(heard.lookahead_ms).decoder
    states = [decoder.init_state(1, style=style, seed=seed) for style, seed in sessions]
    inputs = tree_map(lambda x: np.repeat(x, len(sessions), axis=0), heard.inputs)
    made, _ = decoder.step(inputs, stack(states))
    return [
        MotionClip(heard.start, weights, pose)
        for weights, pose in zip(made.weights, made.pose, strict=True)
    ]


def act(heard: Heard, style: Style, seed: int = 0) -> MotionClip:
    """The motion of one session."""
    return act_all(heard, [(style, seed)])[0]
