"""Voice activity: webrtcvad with hysteresis -> speaking, with the sample where it began.

Contract: a pure function of (hops, state). A webrtcvad object adapts inside and cannot be copied,
so each decision replays the last half second, which the state carries, through a fresh object
(0.06 ms a hop): undo, batching and step == forward then hold here as everywhere. Without the
webrtcvad package an energy detector over the same half second takes its place.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import AudioError
from engine.frames import F32, HOP, HOP_PHASE, SAMPLE_RATE

try:
    import webrtcvad
except ImportError:  # optional: the energy detector below takes over
    webrtcvad = None

CONTEXT = 25  # hops replayed: half a second
MODE = 2  # of webrtcvad, 0 (lenient) to 3 (strict)
ATTACK = 2  # hops of voice in a row that begin speech
RELEASE = 13  # hops without voice that end it: 260 ms, longer than a closure or a short pause
_FLOOR_DBFS = -62.0  # below this nothing is a voice: the hiss of an open microphone

Detector = Callable[[F32], bool]


class Voice(NamedTuple):
    """Per hop."""

    speaking: npt.NDArray[np.bool_]  # [B, T]
    began: npt.NDArray[np.int64]  # [B, T] sample where the present speech began; -1 in silence


class VADState(NamedTuple):
    """Half a second of sound and the hysteresis."""

    past: F32  # [B, (CONTEXT - 1) * HOP]
    hops: npt.NDArray[np.int64]  # [B] hops so far
    run: npt.NDArray[np.int64]  # [B] hops in a row that disagree with `began`
    began: npt.NDArray[np.int64]  # [B] -1 in silence


def _level_dbfs(pcm: F32) -> float:
    return float(10 * np.log10(np.mean(pcm * pcm, dtype=np.float64) + 1e-12))


def webrtc_voice(window: F32) -> bool:
    """webrtcvad's opinion on the last hop of `window` [CONTEXT * HOP]."""
    detector = webrtcvad.Vad(MODE)
    pcm = np.clip(window * 32768.0, -32768, 32767).astype("<i2")
    voice = False
    for at in range(0, len(pcm), HOP):
        voice = detector.is_speech(pcm[at : at + HOP].tobytes(), SAMPLE_RATE)
    return voice


def energy_voice(window: F32) -> bool:
    """Whether the last hop is 9 dB above the quietest tenth of `window` [CONTEXT * HOP]."""
    levels = 10 * np.log10(np.mean(window.reshape(-1, HOP) ** 2, axis=1) + 1e-12)
    floor = max(float(np.quantile(levels, 0.1)), _FLOOR_DBFS - 9.0)
    # A long vowel lifts the floor: loud sound counts as voice whatever came before.
    return bool(levels[-1] > min(floor + 9.0, -42.0))


class VAD:
    """Stage: pcm [B, 320 * T] float32 at 16 kHz -> Voice [B, T]."""

    latency = 0

    def __init__(self, detector: Detector | None = None) -> None:
        self._detector = detector or (webrtc_voice if webrtcvad else energy_voice)

    def init_state(self, batch: int) -> VADState:
        """Silence before the session."""
        zero = np.zeros(batch, np.int64)
        past = np.zeros((batch, (CONTEXT - 1) * HOP), np.float32)
        return VADState(past, zero, zero.copy(), zero - 1)

    def step(self, x: F32, state: VADState) -> tuple[Voice, VADState]:
        """Advance by whole hops."""
        if x.ndim != 2 or x.shape[1] % HOP:
            raise AudioError(f"VAD input is {x.shape}, expected [B, {HOP} * T]")
        joined = np.concatenate([state.past, x], axis=1)
        hops, run, began = state.hops.copy(), state.run.copy(), state.began.copy()
        steps = x.shape[1] // HOP
        voice = Voice(np.zeros((len(x), steps), np.bool_), np.full((len(x), steps), -1))
        for t in range(steps):
            for b in range(len(x)):
                window = joined[b, t * HOP : (t + CONTEXT) * HOP]
                heard = _level_dbfs(window[-HOP:]) > _FLOOR_DBFS and self._detector(window)
                run[b], began[b] = _decide(heard, int(hops[b]), int(run[b]), int(began[b]))
            hops += 1
            voice.speaking[:, t] = began >= 0
            voice.began[:, t] = began
        return voice, VADState(joined[:, joined.shape[1] - state.past.shape[1] :].copy(),
                               hops, run, began)  # fmt: skip

    def forward(self, x: F32) -> Voice:
        """The whole clip."""
        return self.step(x, self.init_state(len(x)))[0]


def _decide(heard: bool, hop: int, run: int, began: int) -> tuple[int, int]:
    """Hysteresis: (run, began) after hop number `hop`."""
    speaking = began >= 0
    if heard == speaking:
        return 0, began
    run += 1
    if not speaking and run >= ATTACK:
        return 0, max(0, (hop - run + 1) * HOP + HOP_PHASE)
    if speaking and run >= RELEASE:
        return 0, -1
    return run, began
