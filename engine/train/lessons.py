"""Lessons: what the decoder hears (posteriors of our own causal model behind the gate, closure,
voicing and energy, prosody) per video tick.

Contract: tick n is shown at sample 640 n and hears the PPG rows labelled 640 n - 360 and
640 n - 40, exactly as in the live line; rows before the session are silence.
"""

from dataclasses import dataclass

import numpy as np

from engine.audio.mel import Mel, on_grid
from engine.audio.vad import VAD
from engine.frames import F32, LOOKAHEAD_STEPS, SAMPLES_PER_FRAME
from engine.motion.prosody import FEATURES, Prosody
from engine.runtime import Graph
from engine.speech.gate import Gate
from engine.speech.phonemes import INDEX, PHONES
from engine.speech.ppg import AUX, Heard, every_head
from engine.train.voicing import SILENCE

_SIL = INDEX["SIL"]
_NO_POSTERIORS = np.eye(len(PHONES), dtype=np.float32)[_SIL]
_NO_AUX = np.array([0.0, 0.0, SILENCE], np.float32)  # closure, voicing, energy of silence


@dataclass(frozen=True, slots=True)
class Ticks:
    """A stretch of sound as the decoder is given it, N video ticks."""

    ppg: F32  # [look-aheads, N, 2 * 40]
    aux: F32  # [look-aheads, N, 2 * 3] closure, voicing, energy of the two rows; not gated
    prosody: F32  # [N, 2 * FEATURES]


def hear(pcm: F32, graph: Graph) -> Ticks:
    """Mono 16 kHz sound from sample 0 -> N = samples // 640 ticks, for every look-ahead."""
    ticks = len(pcm) // SAMPLES_PER_FRAME
    rows = 2 * ticks
    # Row k is made by hop k + 1 and leaves the PPG d steps later: the end is heard with silence.
    hops = on_grid(pcm, rows + 1 + max(LOOKAHEAD_STEPS.values()))[None]
    mel = Mel().forward(hops)
    prosody = Prosody().forward(mel)[0]
    out = every_head(graph, mel)
    shut = _shut(out["y0"], VAD().forward(hops))
    heard, aux = [], []
    for d in LOOKAHEAD_STEPS.values():
        # Rows -2 .. 2 ticks - 3: row -2 is silence, row k stands at position k + 1 + d.
        at = slice(d, d + rows - 1)
        spoken = out[f"y{d}"][0] * (1 - shut)[:, None]
        spoken[:, _SIL] += shut
        heard.append(np.concatenate([_NO_POSTERIORS[None], spoken[at]]).reshape(ticks, -1))
        aux.append(np.concatenate([_NO_AUX[None], out[f"aux{d}"][0, at]]).reshape(ticks, -1))
    row = np.concatenate([np.zeros((1, FEATURES), np.float32), prosody[: rows - 1]])
    return Ticks(np.stack(heard), np.stack(aux), row.reshape(ticks, 2 * FEATURES))


def _shut(newest: F32, voice: np.ndarray) -> F32:
    """How far the gate is shut at each hop [T], 1 = silence, from the head without look-ahead."""
    none = np.zeros(voice.shape, np.float32)
    heard = Heard(np.zeros_like(newest), none, none, none, newest)
    return Gate().forward(heard, voice).posteriors[0, :, _SIL]


assert AUX == ("closure", "voicing", "energy")
