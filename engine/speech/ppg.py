"""What is heard at run time: phone posteriors, lip closure, voicing and energy, causally.

Contract: one step = one 20 ms mel row; the output of the step fed with mel row k describes row
k - d, where d is the look-ahead in steps; the first d outputs therefore describe time before the
first row. Whatever the graph remembers is carried as opaque arrays, so a better file with other
sizes drops in.
"""

from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.audio.mel import ROW
from engine.errors import AudioError, VivifyError, WeightsError
from engine.frames import F32, HOP, LOOKAHEAD_STEPS
from engine.runtime import ASSETS, Graph, load
from engine.speech.phonemes import PHONES

AUX = ("closure", "voicing", "energy")  # columns of the graph's second output
DEFAULT = ASSETS / "ppg.onnx"
# Rows per call of the graph: inside it time meets time, so a clip's cost would grow as its square.
_PIECE = 256
_LARGEST = 1e3  # of a natural-log power; that of the loudest sound engine.audio.mel takes is 60
# What the graph learns of voice, channel and background: running averages over seconds.
_LASTING = ("state_sums", "state_quiet")


class Heard(NamedTuple):
    """What T rows of sound say."""

    posteriors: F32  # [B, T, 40] over PHONES, rows sum to 1
    closure: F32  # [B, T] probability that P, B or M closes the lips
    voicing: F32  # [B, T] probability that the vocal folds swing
    energy: F32  # [B, T] mean natural-log mel power, as if clean and levelled to -25 dBFS
    # [B, T, 40] posteriors of the newest row, `lookahead` rows after the one described, as good as
    # they are without look-ahead: for the gate, and for lips that are about to move.
    newest: F32


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
    if graph.config.get("aux") != list(AUX):
        raise WeightsError(
            f"{path.name} says {graph.config.get('aux')} beside its posteriors, expected "
            f"{list(AUX)}; "
            "restore engine/assets/ppg.onnx from the checkout"
        )
    return graph


class _Trunk:
    """The graph with its memory named."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        names = tuple(name for name in graph.inputs if name.startswith("state_"))
        sizes = graph.config["states"]
        self._names = names
        self._inputs = ("x", *names)
        self._outputs = tuple(f"{name}_out" for name in names)
        self._sizes = tuple(tuple(sizes[name.removeprefix("state_")]) for name in names)

    def init_state(self, batch: int) -> PPGState:
        return PPGState(tuple(np.zeros((batch, *size), np.float32) for size in self._sizes))

    def interrupt(self, state: PPGState) -> PPGState:
        pairs = zip(self._names, state.memory, strict=True)
        return PPGState(tuple(a if name in _LASTING else np.zeros_like(a) for name, a in pairs))

    def run(self, x: F32, state: PPGState) -> tuple[dict[str, F32], PPGState]:
        answer = self._graph.run(dict(zip(self._inputs, (x, *state.memory), strict=True)))
        return answer, PPGState(tuple(answer.pop(name) for name in self._outputs))


def every_head(graph: Graph, x: F32) -> dict[str, F32]:
    """A whole clip [B, T, 160] through all heads in one pass: output name -> [B, T, C]."""
    trunk, pieces = _Trunk(graph), []
    state = trunk.init_state(len(x))
    for at in range(0, x.shape[1], _PIECE):
        answer, state = trunk.run(x[:, at : at + _PIECE], state)
        pieces.append(answer)
    return {name: np.concatenate([piece[name] for piece in pieces], axis=1) for name in pieces[0]}


class PPG:
    """Stage: log-mel rows [B, T, 160] -> Heard."""

    def __init__(self, lookahead_ms: int = 20, path: Path | str = DEFAULT) -> None:
        if lookahead_ms not in LOOKAHEAD_STEPS:
            choices = ", ".join(map(str, LOOKAHEAD_STEPS))
            raise VivifyError(f"look-ahead is {lookahead_ms!r} ms, expected one of {choices}")
        self.lookahead = LOOKAHEAD_STEPS[lookahead_ms]  # steps
        self._trunk = _Trunk(_graph(Path(path)))
        self._y, self._aux = f"y{self.lookahead}", f"aux{self.lookahead}"

    @property
    def latency(self) -> int:
        """Look-ahead in samples; the mel window's 280 come on top."""
        return self.lookahead * HOP

    def init_state(self, batch: int) -> PPGState:
        """Before the first row."""
        return self._trunk.init_state(batch)

    def interrupt(self, state: PPGState) -> PPGState:
        """Forget what was said; the averages of voice, channel and background stay."""
        return self._trunk.interrupt(state)

    def step(self, x: F32, state: PPGState) -> tuple[Heard, PPGState]:
        """Advance by T rows. Raises AudioError for anything but finite float32 rows."""
        if x.ndim != 3 or x.shape[2] != ROW or x.dtype != np.float32:
            raise AudioError(
                f"PPG input is {x.dtype} {x.shape}, expected float32 log-mel rows [B, T, {ROW}]"
            )
        _require_log_mel(x)
        pieces = []
        for at in range(0, x.shape[1], _PIECE):
            piece, state = self._hear(x[:, at : at + _PIECE], state)
            pieces.append(piece)
        if len(pieces) == 1:
            return pieces[0], state
        empty = np.zeros((len(x), 0), np.float32)
        rows = np.zeros((len(x), 0, len(PHONES)), np.float32)
        columns = zip(Heard(rows, empty, empty, empty, rows), *pieces, strict=True)
        return Heard(*(np.concatenate(column, axis=1) for column in columns)), state

    def _hear(self, x: F32, state: PPGState) -> tuple[Heard, PPGState]:
        answer, state = self._trunk.run(x, state)
        posteriors, aux = answer[self._y], answer[self._aux]
        return Heard(posteriors, aux[:, :, 0], aux[:, :, 1], aux[:, :, 2], answer["y0"]), state

    def forward(self, x: F32) -> Heard:
        """The whole clip."""
        return self.step(x, self.init_state(len(x)))[0]


def _require_log_mel(x: F32) -> None:
    size = np.abs(x)
    if size.max(initial=0.0) <= _LARGEST:  # false for NaN
        return
    row = int(np.flatnonzero(~(size <= _LARGEST).all(axis=(0, 2)))[0])
    worst = float(size[:, row].max())
    found = f"{worst:.3g}" if isfinite(worst) else "NaN or infinity"
    raise AudioError(
        f"PPG input holds {found} in row {row}; expected log-mel rows of engine.audio.mel.Mel"
    )
