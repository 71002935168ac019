"""Clips, and what the streaming path hears in them row by row.

Contract: row k of a clip is labelled at sample 320 k + 280, whatever the look-ahead.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.audio.mel import Mel, on_grid
from engine.eval.recordings import Recording, levelled, row_labels
from engine.frames import F32, HOP, LOOKAHEAD_STEPS
from engine.speech.ppg import PPG, Heard

_AHEAD = max(LOOKAHEAD_STEPS.values())


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled recording, ready to be heard."""

    recording: Recording
    pcm: F32  # [S] levelled
    labels: npt.NDArray[np.int64]  # [S // 320]

    @classmethod
    def of(cls, recording: Recording, level_dbfs: float = -25.0) -> "Clip":
        """Read and level."""
        pcm = levelled(recording.pcm(), level_dbfs)
        return cls(recording, pcm, row_labels(recording.phones, len(pcm) // HOP))


def mel_of(pcm: F32) -> F32:
    """Mel rows [1, T + 1 + 3, 160] of a clip [S] with T = S // 320 rows: row k of the clip is
    row k + 1 here, and silence follows for the look-ahead."""
    return Mel().forward(on_grid(pcm, len(pcm) // HOP + 1 + _AHEAD)[None])


def hear_mel(mel: F32, ppg: PPG) -> Heard:
    """Rows 0 .. T of a clip whose `mel_of` is given, without batch: posteriors [T, 40]; `newest`
    too stands at the row it speaks of."""
    first, rows = 1 + ppg.lookahead, mel.shape[1] - 1 - _AHEAD
    heard = ppg.forward(mel)
    said = (field[0, first : first + rows] for field in heard)
    return Heard(*said)._replace(newest=heard.newest[0, 1 : 1 + rows])


def hear(pcm: F32, ppg: PPG) -> Heard:
    """Rows 0 .. T of a clip [S] at 16 kHz, without batch: posteriors [T, 40]."""
    return hear_mel(mel_of(pcm), ppg)
