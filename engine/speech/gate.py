"""Voice activity: what the phone model and webrtcvad believe, weighed hop by hop; shuts the mouth.

Contract: causal, adds no look-ahead: both witnesses speak of the newest sound while the row that
leaves is older by the look-ahead of the dial, so an onset is usually known before its row comes.
`engine.offline.ppg` reports the posteriors before the gate. Rows keep summing to 1.

Belief is a log-odds sum. It rises as fast as the evidence does (speech opens within a row or two;
a click or a breath, which the model half doubts, stays below the threshold) and falls by at most
FALL a row, so closures and short pauses do not shut it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.frames import F32, HOP, HOP_PHASE
from engine.speech.phonemes import INDEX
from engine.speech.ppg import Heard

FLOOR, TOP = -1.0, 4.5  # bounds of the belief: what an onset must overcome, what a pause eats up
FALL = 0.3  # per row: 240 ms of certain silence from TOP to SURE, 100 ms more to shut
SURE = 1.5  # belief at which the gate is fully open; 0 shuts it
VAD_WEIGHT = 0.5  # webrtcvad's word, for or against: it hears keys and breath as voice
_DOUBT = 1e-3  # no single row is surer than this
_SIL = INDEX["SIL"]


class Spoken(NamedTuple):
    """T rows for the decoder, and what is known at the newest hop."""

    posteriors: F32  # [B, T, 40], silence where the gate is shut
    newest: F32  # [B, T, 40], likewise
    speaking: npt.NDArray[np.bool_]  # [B, T]
    began: npt.NDArray[np.int64]  # [B, T] sample where the present speech began; -1 in silence


class GateState(NamedTuple):
    """The belief and the beginning that goes with it."""

    hops: npt.NDArray[np.int64]  # [B] hops so far
    belief: F32  # [B] log odds of speech, FLOOR .. TOP
    rising: npt.NDArray[np.int64]  # [B] hop where evidence for speech began to come in; -1: none
    began: npt.NDArray[np.int64]  # [B] -1 in silence


class Gate:
    """Stage of two inputs, a row and a hop at a time."""

    latency = 0

    def init_state(self, batch: int) -> GateState:
        """Shut."""
        none = np.full(batch, -1, np.int64)
        belief = np.full(batch, FLOOR, np.float32)
        return GateState(np.zeros(batch, np.int64), belief, none, none.copy())

    def interrupt(self, state: GateState) -> GateState:
        """Shut, at the same point of time."""
        return self.init_state(len(state.hops))._replace(hops=state.hops)

    def step(
        self, heard: Heard, voice: npt.NDArray[np.bool_], state: GateState
    ) -> tuple[Spoken, GateState]:
        """T rows, voice [B, T] (engine.audio.vad) of the hops that made them."""
        speech = np.clip(1 - heard.newest[:, :, _SIL], _DOUBT, 1 - _DOUBT)
        evidence = np.log(speech / (1 - speech)) + np.where(voice, VAD_WEIGHT, -VAD_WEIGHT)
        evidence = np.maximum(evidence, -FALL).astype(np.float32)
        hops, belief, rising, began = state
        opened = np.empty(voice.shape, np.float32)
        begins = np.empty(voice.shape, np.int64)
        for t in range(voice.shape[1]):
            e = evidence[:, t]
            rising = np.where(e > 0, np.where(rising < 0, hops, rising), -1)
            belief = np.clip(belief + e, np.float32(FLOOR), np.float32(TOP))
            since = np.where(began < 0, np.maximum(rising * HOP + HOP_PHASE, 0), began)
            began = np.where(belief > 0, since, -1)
            hops = hops + 1
            opened[:, t], begins[:, t] = belief, began
        share = np.clip(opened / np.float32(SURE), 0, 1)
        rows, newest = _hushed(heard.posteriors, share), _hushed(heard.newest, share)
        spoken = Spoken(rows, newest, begins >= 0, begins)
        return spoken, GateState(hops, belief, rising, began)

    def forward(self, heard: Heard, voice: npt.NDArray[np.bool_]) -> Spoken:
        """The whole clip."""
        return self.step(heard, voice, self.init_state(len(voice)))[0]


def _hushed(posteriors: F32, share: F32) -> F32:
    """Posteriors [B, T, 40] as far as the gate is open, share [B, T]; the rest is silence."""
    rows = posteriors * share[:, :, None]
    rows[:, :, _SIL] += 1 - share
    return rows
