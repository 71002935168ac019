"""Causal phone posteriors at run time: one step = one 20 ms mel row, state in numpy.

Contract: the output of the step fed with mel row k describes row k - d, where d is the look-ahead
in steps; the first d outputs therefore describe time before the first row. Whatever the graph
remembers is carried as opaque arrays, so a better file with other sizes drops in.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.audio.mel import ROW
from engine.errors import AudioError, VivifyError, WeightsError
from engine.frames import F32, HOP
from engine.runtime import ASSETS, Graph, load
from engine.speech.phonemes import PHONES

LOOKAHEAD_STEPS = {0: 0, 20: 1, 60: 3}  # ms -> steps
DEFAULT = ASSETS / "ppg.onnx"


class PPGState(NamedTuple):
    """The graph's memory, in the order of its state inputs, batch first."""

    memory: tuple[F32, ...]


@lru_cache(maxsize=4)
def _graph(path: Path) -> Graph:
    """One graph per file and process: it holds weights only, never a session."""
    graph = load(path)
    if graph.config.get("model") != "ppg" or graph.config.get("phones") != list(PHONES):
        raise WeightsError(
            f"{path.name} is not a PPG model of this version (model "
            f"{graph.config.get('model')!r}); restore engine/assets/ppg.onnx from the checkout"
        )
    return graph


class PPG:
    """Stage: log-mel rows [B, T, 160] -> posteriors [B, T, 40] over PHONES, rows sum to 1."""

    def __init__(self, lookahead_ms: int = 20, path: Path | str = DEFAULT) -> None:
        if lookahead_ms not in LOOKAHEAD_STEPS:
            choices = ", ".join(map(str, LOOKAHEAD_STEPS))
            raise VivifyError(f"look-ahead is {lookahead_ms!r} ms, expected one of {choices}")
        self.lookahead = LOOKAHEAD_STEPS[lookahead_ms]  # steps
        self._graph = _graph(Path(path))
        self._states = tuple(n for n in self._graph.inputs if n.startswith("state_"))
        sizes = self._graph.config["states"]
        self._sizes = tuple(tuple(sizes[n.removeprefix("state_")]) for n in self._states)
        self._output = f"y{self.lookahead}"

    @property
    def latency(self) -> int:
        """Look-ahead in samples; the mel window's 280 come on top."""
        return self.lookahead * HOP

    def init_state(self, batch: int) -> PPGState:
        """Before the first row."""
        return PPGState(tuple(np.zeros((batch, *size), np.float32) for size in self._sizes))

    def step(self, x: F32, state: PPGState) -> tuple[F32, PPGState]:
        """Advance by T rows."""
        if x.ndim != 3 or x.shape[2] != ROW:
            raise AudioError(f"PPG input is {x.shape}, expected log-mel rows [B, T, {ROW}]")
        if not x.shape[1]:
            return np.zeros((len(x), 0, len(PHONES)), np.float32), state
        feed = {"x": x, **dict(zip(self._states, state.memory, strict=True))}
        answer = self._graph.run(feed)
        return answer[self._output], PPGState(tuple(answer[f"{n}_out"] for n in self._states))

    def forward(self, x: F32) -> F32:
        """The whole clip."""
        return self.step(x, self.init_state(len(x)))[0]
