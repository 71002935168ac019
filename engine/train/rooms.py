"""Synthetic rooms: the walls' early reflections by mirror images, then a diffuse tail.

Contract: an impulse response begins with the direct sound at sample 0 and gain 1, so a room never
moves a voice in time.
"""

import numpy as np
from scipy import signal

from engine.frames import F32, SAMPLE_RATE

_SPEED = 343.0  # metres a second
_SMALLEST, _LARGEST = np.array([2.2, 2.2, 2.2]), np.array([9.0, 7.0, 3.6])  # metres
_ORDER = 2  # mirror images each way along each axis
_TAIL_FROM_S = 0.025  # images alone until here: later they merge into the tail


def impulse(rng: np.random.Generator, rt60_s: float) -> F32:
    """Impulse response [S] of a random box with this reverberation time."""
    size = rng.uniform(_SMALLEST, _LARGEST)
    mouth, microphone = (size * rng.uniform(0.15, 0.85, 3) for _ in range(2))
    apart = float(np.exp(rng.uniform(np.log(0.2), np.log(2.0))))  # headset to across the table
    towards = (microphone - mouth) / max(float(np.linalg.norm(microphone - mouth)), 1e-3)
    microphone = np.clip(mouth + apart * towards, 0.05 * size, 0.95 * size)
    apart = max(float(np.linalg.norm(microphone - mouth)), 0.1)
    volume, walls = float(size.prod()), 2 * float(size @ np.roll(size, 1))
    absorbed = 1 - np.exp(-0.161 * volume / (walls * rt60_s))
    response = np.zeros(int((rt60_s + 0.1) * SAMPLE_RATE), np.float32)
    _images(response, size, mouth, microphone, float(np.sqrt(1 - absorbed)))
    # Where direct and diffuse sound are equally strong.
    critical = 0.057 * np.sqrt(volume / rt60_s)
    _tail(response, rng, rt60_s, apart / critical)
    return response


def _images(
    response: F32, size: np.ndarray, mouth: np.ndarray, microphone: np.ndarray, wall: float
) -> None:
    """Add every mirror image's delay and strength relative to the direct sound."""
    n = np.arange(-_ORDER, _ORDER + 1)
    cells = np.stack(np.meshgrid(n, n, n, indexing="ij"), -1).reshape(-1, 3)
    mirrored = np.where(cells % 2 == 0, mouth, size - mouth) + cells * size
    away = np.linalg.norm(mirrored - microphone, axis=1)
    direct = max(float(np.linalg.norm(mouth - microphone)), 0.1)
    delay = np.round((away - direct) / _SPEED * SAMPLE_RATE).astype(int)
    gain = direct / np.maximum(away, 0.1) * wall ** np.abs(cells).sum(axis=1)
    used = (delay >= 0) & (delay < len(response))
    np.add.at(response, delay[used], gain[used].astype(np.float32))
    response[0] = 1.0


def _tail(response: F32, rng: np.random.Generator, rt60_s: float, ratio: float) -> None:
    """Add decaying noise of the diffuse field's power, `ratio` squared of the direct sound's;
    high tones die sooner than low ones."""
    time = np.arange(len(response)) / SAMPLE_RATE
    noise = rng.standard_normal(len(response))
    low = signal.lfilter([0.3], [1, -0.7], noise)
    decay = 10 ** (-3 * time / rt60_s)
    tail = low * decay + 0.5 * (noise - low) * decay ** rng.uniform(1.2, 2.0)
    tail *= ratio / np.sqrt(np.sum(tail**2))
    tail[: int(_TAIL_FROM_S * SAMPLE_RATE)] *= 0.2
    tail[0] = 0.0  # there is the direct sound
    response += tail.astype(np.float32)
