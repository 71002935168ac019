"""webrtcvad as a pure function of sound and state."""

import numpy as np
import pytest

from engine.audio import vad
from engine.audio.vad import CONTEXT, VAD, VADState, energy_voice, webrtc_voice
from engine.errors import AudioError
from engine.eval.recordings import levelled, read_sound
from engine.frames import F32, HOP
from tests.conftest import GOLDEN_SPEECH
from tests.contract import assert_streams


def pattern(flags: str) -> F32:
    """One hop per letter: x is loud, . is silent."""
    return np.repeat(np.float32([[c == "x" for c in flags]]), HOP, axis=1) * np.float32(0.5)


def speech() -> F32:
    pcm = levelled(read_sound(GOLDEN_SPEECH / "103-1240-0000.flac"))
    return pcm[: 48 * HOP].reshape(2, 24 * HOP)


@pytest.mark.parametrize("detector", [webrtc_voice, energy_voice])
def test_streams(detector: vad.Detector) -> None:
    assert_streams(VAD(detector), speech(), block=HOP, atol=0)


@pytest.mark.parametrize("detector", [webrtc_voice, energy_voice])
def test_real_speech_is_heard_and_silence_is_not(detector: vad.Detector) -> None:
    pcm = levelled(read_sound(GOLDEN_SPEECH / "445-123857-0000.flac"))
    pcm = pcm[: len(pcm) // HOP * HOP]
    stage = VAD(detector)
    voice, state = stage.step(pcm[None], stage.init_state(1))
    assert voice.mean() > 0.6
    hiss = np.random.default_rng(0).standard_normal((1, 100 * HOP)).astype(np.float32) * 2e-4
    quiet, _ = stage.step(hiss, state)
    assert not quiet[0, CONTEXT:].any()


def test_without_the_package_energy_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vad, "webrtcvad", None)
    voice = VAD().forward(pattern("." * 30 + "x" * 5))
    assert voice[0, -1] and not voice[0, :30].any()


def test_wrong_input_is_named() -> None:
    stage = VAD()
    state: VADState = stage.init_state(1)
    with pytest.raises(AudioError, match="expected"):
        stage.step(np.zeros((1, 100), np.float32), state)
