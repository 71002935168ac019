"""WAVs for Chromium's fake microphone: real speech with pauses, and beeps."""

import wave
from pathlib import Path

import numpy as np

from streaming.sound import VOICE_RATE
from streaming.sources.file import live_blocks

CLIPS = Path(__file__).parents[1] / "golden" / "speech"
SPEECH_S = (("103-1240-0000", 1.4, 4.2), ("458-126290-0000", 0.0, 3.0))
PAUSE_S = 1.3


def write(path: Path, pcm: np.ndarray) -> Path:
    """Mono float [S] at 48 kHz."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(VOICE_RATE)
        out.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def speech(path: Path) -> Path:
    """Pieces of the golden clips with silence after each: about ten seconds."""
    parts = []
    for clip, start, end in SPEECH_S:
        pcm = np.concatenate([s.pcm[:, 0] for s in live_blocks(CLIPS / f"{clip}.flac")]) / 32768
        piece = pcm[int(start * VOICE_RATE) : int(end * VOICE_RATE)]
        fade = np.minimum(1, np.arange(len(piece)) / 480)
        parts += [0.6 * piece / np.abs(piece).max() * fade * fade[::-1]]
        parts += [np.zeros(int(PAUSE_S * VOICE_RATE))]
    return write(path, np.concatenate(parts))


def beeps(path: Path) -> Path:
    """0.3 s of 1 kHz about once a second, at instants that walk through a picture's length."""
    t = np.arange(8 * VOICE_RATE) / VOICE_RATE
    pcm = np.zeros_like(t)
    for k in range(8):
        start = k + 0.137 + 0.021 * k
        inside = (t >= start) & (t < start + 0.3)
        pcm[inside] = 0.5 * np.sin(2 * np.pi * 1000 * t[inside])
    return write(path, pcm)
