"""What hearing costs: CPU milliseconds of mel and net per 20 ms step, and the size of the file.

CPU time of the calling thread in a tight loop (the graph runs on that thread), so other programs on
the machine disturb little; engine.eval.speed measures the same inside the live line.
"""

import time
from pathlib import Path

import numpy as np

from engine.audio.mel import Mel
from engine.frames import HOP
from engine.speech.ppg import PPG

WARM = 50  # steps that are not counted


def measure(model: Path, steps: int = 1000, sessions: int = 32) -> dict[str, float]:
    """p50 and p95 of one session, and per session of `sessions` in one call."""
    ppg = PPG(20, model)
    alone = _times(ppg, 1, steps)
    together = _times(ppg, sessions, max(steps // 8, 20)).sum(0) / sessions
    return {
        "mel_ms_p50": float(np.percentile(alone[0], 50)),
        "net_ms_p50": float(np.percentile(alone[1], 50)),
        "step_ms_p50": float(np.percentile(alone.sum(0), 50)),
        "step_ms_p95": float(np.percentile(alone.sum(0), 95)),
        f"batch{sessions}_ms_p50": float(np.percentile(together, 50)),
        f"batch{sessions}_ms_p95": float(np.percentile(together, 95)),
        "megabytes": model.stat().st_size / 1e6,
    }


def _times(ppg: PPG, batch: int, steps: int) -> np.ndarray:
    """[2, steps] CPU ms of mel and net."""
    mel = Mel()
    ear, memory = mel.init_state(batch), ppg.init_state(batch)
    rng = np.random.default_rng(0)
    found = np.zeros((2, WARM + steps))
    for i in range(WARM + steps):
        sound = rng.standard_normal((batch, HOP)).astype(np.float32) * np.float32(0.05)
        begin = time.thread_time()
        rows, ear = mel.step(sound, ear)
        between = time.thread_time()
        _, memory = ppg.step(rows, memory)
        found[:, i] = between - begin, time.thread_time() - between
    return found[:, WARM:] * 1e3
