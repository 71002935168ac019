"""webrtcvad, hop by hop: does this hop hold a voice. The word of one witness; engine.speech.gate
weighs it with the phone model's.

Contract: a pure function of (hops, state). A webrtcvad object adapts inside and cannot be copied,
so each decision replays the last half second, which the state carries, through a fresh object
(0.06 ms a hop; a shorter past hears less of the speech): undo, batching and step == forward then
hold here as everywhere. Without the webrtcvad package an energy detector takes its place.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.audio.mel import require_finite
from engine.errors import AudioError
from engine.frames import F32, HOP, SAMPLE_RATE

try:
    import webrtcvad
except ImportError:  # optional: the energy detector below takes over
    webrtcvad = None

CONTEXT = 25  # hops replayed: half a second
MODE = 2  # of webrtcvad, 0 (lenient) to 3 (strict)
_FLOOR_DBFS = -62.0  # below this nothing is a voice: the hiss of an open microphone

Detector = Callable[[F32], bool]
Flags = npt.NDArray[np.bool_]


class VADState(NamedTuple):
    """The sound before."""

    past: F32  # [B, (CONTEXT - 1) * HOP]


def _level_dbfs(pcm: F32) -> float:
    return float(10 * np.log10(np.mean(pcm * pcm, dtype=np.float64) + 1e-12))


def webrtc_voice(window: F32) -> bool:
    """webrtcvad's opinion on the last hop of `window` [CONTEXT * HOP]."""
    detector = webrtcvad.Vad(MODE)
    pcm = np.clip(window * 32768.0, -32768, 32767).astype("<i2").tobytes()
    voice = False
    for at in range(0, len(pcm), 2 * HOP):
        voice = detector.is_speech(pcm[at : at + 2 * HOP], SAMPLE_RATE)
    return voice


def energy_voice(window: F32) -> bool:
    """Whether the last hop is 9 dB above the quietest tenth of `window` [CONTEXT * HOP]."""
    levels = 10 * np.log10(np.mean(window.reshape(-1, HOP) ** 2, axis=1) + 1e-12)
    floor = max(float(np.quantile(levels, 0.1)), _FLOOR_DBFS - 9.0)
    # A long vowel lifts the floor: loud sound counts as voice whatever came before.
    return bool(levels[-1] > min(floor + 9.0, -42.0))


class VAD:
    """Stage: pcm [B, 320 * T] float32 at 16 kHz -> whether each hop holds a voice [B, T]."""

    latency = 0

    def __init__(self, detector: Detector | None = None) -> None:
        self._detector = detector or (webrtc_voice if webrtcvad else energy_voice)

    def init_state(self, batch: int) -> VADState:
        """Silence before the session."""
        return VADState(np.zeros((batch, (CONTEXT - 1) * HOP), np.float32))

    def step(self, x: F32, state: VADState) -> tuple[Flags, VADState]:
        """Advance by whole hops. Raises AudioError for anything but finite hops."""
        if x.ndim != 2 or x.shape[1] % HOP:
            raise AudioError(f"VAD input is {x.shape}, expected [B, {HOP} * T]")
        require_finite(x)
        joined = np.concatenate([state.past, x], axis=1)
        voice = np.zeros((len(x), x.shape[1] // HOP), np.bool_)
        for b, t in np.ndindex(voice.shape):
            window = joined[b, t * HOP : (t + CONTEXT) * HOP]
            loud = _level_dbfs(window[-HOP:]) > _FLOOR_DBFS
            voice[b, t] = loud and self._detector(window)
        return voice, VADState(joined[:, x.shape[1] :].copy())

    def forward(self, x: F32) -> Flags:
        """The whole clip."""
        return self.step(x, self.init_state(len(x)))[0]
