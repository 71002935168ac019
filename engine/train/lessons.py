"""Lessons: what the decoder hears (posteriors of our own causal model, prosody) per video tick.

Contract: tick n is shown at sample 640 n and hears the PPG rows labelled 640 n - 360 and
640 n - 40, exactly as in the live line; rows before the session are silence.
"""

from dataclasses import dataclass

import numpy as np

from engine.audio.mel import Mel, on_grid
from engine.frames import F32, LOOKAHEAD_STEPS, SAMPLES_PER_FRAME
from engine.motion.prosody import FEATURES, Prosody
from engine.runtime import Graph
from engine.speech.phonemes import PHONES
from engine.speech.ppg import every_head


@dataclass(frozen=True, slots=True)
class Ticks:
    """A stretch of sound as the decoder is given it, N video ticks."""

    ppg: F32  # [look-aheads, N, 80]
    prosody: F32  # [N, 2 * FEATURES]


def hear(pcm: F32, graph: Graph) -> Ticks:
    """Mono 16 kHz sound from sample 0 -> N = samples // 640 ticks, for every look-ahead."""
    ticks = len(pcm) // SAMPLES_PER_FRAME
    rows = 2 * ticks
    # Row k is made by hop k + 1 and leaves the PPG d steps later: the end is heard with silence.
    mel = Mel().forward(on_grid(pcm, rows + 1 + max(LOOKAHEAD_STEPS.values()))[None])
    prosody = Prosody().forward(mel)[0]
    out = every_head(graph, mel)
    silence = np.zeros((1, len(PHONES)), np.float32)
    silence[0, 0] = 1.0
    heard = []
    for d in LOOKAHEAD_STEPS.values():
        # Rows -2 .. 2 ticks - 3: row -2 is silence, row k stands at position k + 1 + d.
        line = np.concatenate([silence, out[f"y{d}"][0, d : d + rows - 1]])
        heard.append(line.reshape(ticks, 2 * len(PHONES)))
    row = np.concatenate([np.zeros((1, FEATURES), np.float32), prosody[: rows - 1]])
    return Ticks(np.stack(heard), row.reshape(ticks, 2 * FEATURES))
