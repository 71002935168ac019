"""Silence gate: closes the mouth where the VAD hears no voice, whatever the noise looks like.

Contract: stands between PPG and decoder in the live line; `engine.offline.ppg` reports the
posteriors before it. Rows keep summing to 1.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.speech.phonemes import INDEX

STEPS = 4  # rows from open to shut: 80 ms, after the VAD's own wait
_SIL = INDEX["SIL"]


class GateState(NamedTuple):
    """How far the gate is shut."""

    shut: F32  # [B, 1] in [0, 1]


class Gate:
    """Stage of two inputs: shuts linearly over `STEPS` rows without voice, opens at once."""

    latency = 0

    def init_state(self, batch: int) -> GateState:
        """Open: the posteriors know silence themselves."""
        return GateState(np.zeros((batch, 1), np.float32))

    def step(
        self, posteriors: F32, speaking: npt.NDArray[np.bool_], state: GateState
    ) -> tuple[F32, GateState]:
        """posteriors [B, T, 40], speaking [B, T] (engine.audio.vad) -> posteriors [B, T, 40]."""
        shut, out = state.shut, np.array(posteriors, np.float32)
        for t in range(out.shape[1]):
            closing = np.minimum(shut + np.float32(1 / STEPS), np.float32(1))
            shut = np.where(speaking[:, t, None], np.float32(0), closing)
            out[:, t] *= 1 - shut
            out[:, t, _SIL] += shut[:, 0]
        return out, GateState(shut)

    def forward(self, posteriors: F32, speaking: npt.NDArray[np.bool_]) -> F32:
        """The whole clip."""
        return self.step(posteriors, speaking, self.init_state(len(posteriors)))[0]
