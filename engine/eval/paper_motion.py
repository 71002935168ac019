"""What moves in the table of the papers: their systems and the shipped decoder, over one hearing.

Contract: every performer hears the decoder input that the streaming line would hand it, tick by
tick, and gets its style from the same reference clip; torch on one thread, no look-ahead.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from engine.audio.chunker import Chunker
from engine.frames import (
    BLENDSHAPES,
    F32,
    HOP,
    HOP_PHASE,
    POSE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    Audio,
)
from engine.line import Line
from engine.motion.decoder import Decoder, DecoderInput, DecoderOutput
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import POSE_SCALE, DecoderConfig
from engine.nets.papers import system as papers
from engine.nets.papers.speech import SAID, Reference, Speech, join, part
from engine.style.code import Style
from engine.style.library import DEFAULT, StyleLibrary

_TIMED = 150  # ticks


@dataclass(frozen=True, slots=True)
class Prompt:
    """A style reference: somebody's motion, and what was heard meanwhile."""

    weights: F32  # [T, 52]
    pose: F32  # [T, 6]
    ppg: F32  # [T, SAID]


class Played(NamedTuple):
    """Motion of one clip."""

    weights: F32  # [T, 52]
    pose: F32  # [T, 6]


class Performer(Protocol):
    """A row of the table."""

    name: str
    parameters: int

    def play(self, heard: DecoderInput, prompt: Prompt, pose: F32 | None) -> Played:
        """Motion of a clip in the style of a reference; `pose` [6] is where the head begins."""

    def ms(self, heard: DecoderInput) -> float:
        """CPU milliseconds of one tick."""


class _Tape:
    """Stands where the decoder stands and keeps what it is handed."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.rows: list[DecoderInput] = []

    def init_state(self, batch: int, style: Style | None = None, seed: int = 0) -> Any:
        """The decoder's own; it is handed back unchanged."""
        return self._decoder.init_state(batch, style=style, seed=seed)

    def step(self, x: DecoderInput, state: Any) -> tuple[DecoderOutput, Any]:
        """Keep the input, say nothing."""
        self.rows.append(x)
        still = np.zeros((*x.ppg.shape[:2], BLENDSHAPES), np.float32)
        return DecoderOutput(still, still[..., : len(POSE)]), state


class Ears:
    """Sound -> decoder input, by the streaming line itself."""

    def __init__(self, lookahead_ms: int = 20) -> None:
        self._line = Line(lookahead_ms)
        self._tape = _Tape(self._line.decoder)
        self._line.decoder = self._tape  # type: ignore[assignment]

    def hear(self, pcm: F32) -> DecoderInput:
        """Mono 16 kHz sound [S] -> ticks 0 .. S // 640, tick n shown at sample 640 n."""
        self._tape.rows = []
        state = self._line.init_state(StyleLibrary().get(DEFAULT))
        chunker = Chunker()
        hops = [*chunker.push(pcm, SAMPLE_RATE), *chunker.flush()]
        at = len(hops) * HOP + HOP_PHASE
        # Silence, until the look-ahead is through.
        hops += [Audio(at + n * HOP, np.zeros(HOP, np.float32)) for n in range(8)]
        starts: list[int] = []
        for audio in hops:
            output, state = self._line.step(audio, state)
            starts += [motion.start for motion in output.motions]
        assert starts[0] == 0, "the line's first picture is the one of sample 0"
        rows = self._tape.rows[: len(pcm) // SAMPLES_PER_FRAME]
        return DecoderInput(*(np.concatenate(column, axis=1) for column in zip(*rows, strict=True)))


class Paper:
    """One or two systems of the papers; of two, the first writes the face, the second the head."""

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.name = name
        self._systems = [papers.load(path) for path in files]
        self.parameters = sum(p.numel() for s in self._systems for p in s.parameters())

    def play(self, heard: DecoderInput, prompt: Prompt, pose: F32 | None) -> Played:
        """See Performer."""
        reference = Reference(
            torch.from_numpy(join(prompt.weights, prompt.pose))[None],
            torch.from_numpy(prompt.ppg)[None],
        )
        first = None
        if pose is not None:
            first = torch.from_numpy(pose * np.array(POSE_SCALE, np.float32))[None]
        made = []
        with torch.no_grad():
            for one in self._systems:
                state = one.init_state(1, one.encode(reference), first)
                made.append(one.step(_speech(heard), state)[0][0].numpy())
        return Played(*part(np.concatenate(made, axis=1)))

    def ms(self, heard: DecoderInput) -> float:
        """See Performer."""
        speech = _speech(heard)
        with torch.no_grad():
            states = [one.init_state(1) for one in self._systems]
            spent = 0.0
            for t in range(-20, _TIMED):
                row = Speech(*(x[:, t % x.shape[1]][:, None] for x in speech))
                began = time.process_time()
                for i, one in enumerate(self._systems):
                    states[i] = one.step(row, states[i])[1]
                spent += time.process_time() - began if t >= 0 else 0.0
        return 1e3 * spent / _TIMED


class Ours:
    """The shipped decoder, through the runtime."""

    name = "ours (shipped)"

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._encoder = StyleLibrary().encoder
        net = DecoderNet(DecoderConfig())
        self.parameters = sum(p.numel() for p in net.parameters())

    def play(self, heard: DecoderInput, prompt: Prompt, pose: F32 | None) -> Played:
        """See Performer; the head begins at rest, as it is shipped."""
        code = self._encoder.encode(prompt.weights, prompt.pose)
        state = self._decoder.init_state(1, Style("reference", code))
        made, _ = self._decoder.step(heard, state)
        return Played(made.weights[0], made.pose[0])

    def ms(self, heard: DecoderInput) -> float:
        """See Performer."""
        state = self._decoder.init_state(1)
        spent = 0.0
        for t in range(-20, _TIMED):
            row = DecoderInput(*(x[:, t % x.shape[1]][:, None] for x in heard))
            began = time.process_time()
            _, state = self._decoder.step(row, state)
            spent += time.process_time() - began if t >= 0 else 0.0
        return 1e3 * spent / _TIMED


def prompt_of(weights: F32, pose: F32, heard: DecoderInput) -> Prompt:
    """A reference clip with what is heard in it."""
    ticks = min(len(weights), heard.ppg.shape[1])
    return Prompt(weights[:ticks], pose[:ticks], heard.ppg[0, :ticks, :SAID])


def _speech(heard: DecoderInput) -> Speech:
    return Speech(torch.from_numpy(heard.ppg), torch.from_numpy(heard.prosody))
