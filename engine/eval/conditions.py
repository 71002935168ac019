"""What a call does to a voice, each on its own and always the same: noise, codec, level, room.

Contract: a condition maps a clip [S] at 16 kHz, -25 dBFS, to a clip [S] whose phones lie at the
same samples; the same clip and seed give the same sound. Noise is added to the clip as it is (the
ratio is of mean powers over the clip); room and band are brought back to the level they found;
`level` scales without limit, `clipped` stops at full scale as a converter does.

Nothing here is shared with what engine.train adds to its recordings (noises, rooms, Opus): a model
is measured by noises and rooms that are made another way than those it has learned from.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import av
import numpy as np
import soxr
from scipy import signal

from engine.eval.recordings import bundled, levelled
from engine.eval.sounds import decibels, noise, rms
from engine.frames import F32, SAMPLE_RATE

SPEED_OF_SOUND = 343.0  # m/s
COLOURS = ("white", "pink", "brown")
_CALL_HZ = 48_000
_PACKET = _CALL_HZ // 50
_ROOM = (5.2, 3.9, 2.7)  # m, an office
_EYRING = 0.865  # the decay of `room_response` (-5 to -25 dB) is then as asked, within 5 %


@dataclass(frozen=True, slots=True)
class Condition:
    """One change of a clip and the viseme points it may cost."""

    name: str
    limit: float | None  # points of vis14_sp; None: shown, not judged
    apply: Callable[[F32, int], F32]  # (clip [S], seed) -> [S]


def seed_of(name: str) -> int:
    """A number that is the clip's own on every machine."""
    return zlib.crc32(name.encode())


def _like(changed: np.ndarray, pcm: F32) -> F32:
    wet = np.asarray(changed, np.float32)
    return np.asarray(wet * np.float32(rms(pcm) / rms(wet)), np.float32)


@lru_cache
def _strangers() -> tuple[F32, ...]:
    """Six of the bundled voices, backwards so that no words of the clip itself help."""
    return tuple(levelled(clip.pcm())[::-1] for clip in bundled()[:6])


def noisy(pcm: F32, seed: int, kind: str, snr_db: float) -> F32:
    """`kind` is white, pink, brown, babble or coloured: one of the first three, by the clip."""
    rng = np.random.default_rng(seed)
    if kind == "coloured":
        kind = str(rng.choice(COLOURS))
    sound = noise(kind, len(pcm), rng, _strangers() if kind == "babble" else ())
    return np.asarray(pcm + np.float32(rms(pcm) * decibels(-snr_db)) * sound, np.float32)


def opus(pcm: F32, seed: int, bit_rate: int, loss: float) -> F32:
    """libopus as a call uses it: 48 kHz mono, 20 ms packets, speech mode. A lost packet (chosen by
    `seed`) is 20 ms of silence, as the receiver's chunker fills it. The codec's delay is
    taken off."""
    lost = np.random.default_rng(seed)
    encoder = _encoder(bit_rate)
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = _CALL_HZ, "mono"
    up = np.asarray(soxr.resample(pcm, SAMPLE_RATE, _CALL_HZ), np.float32)
    spare = -len(up) % _PACKET + 2 * _PACKET
    whole = np.clip(np.concatenate([up, np.zeros(spare, np.float32)]), -1, 1)
    out = []
    for at in range(0, len(whole), _PACKET):
        block = (whole[None, at : at + _PACKET] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
        frame.sample_rate, frame.pts = _CALL_HZ, at
        for packet in encoder.encode(frame):
            if lost.random() < loss:
                out.append(np.zeros(_PACKET, np.float32))
            else:
                out += [_mono(part) for part in decoder.decode(packet)]
    heard = np.concatenate(out)[_pre_skip(encoder) :]
    down = np.asarray(soxr.resample(heard, _CALL_HZ, SAMPLE_RATE), np.float32)
    return down[: len(pcm)]


def _encoder(bit_rate: int) -> Any:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = _CALL_HZ, "mono", "s16"
    encoder.bit_rate = bit_rate
    encoder.options = {"application": "voip", "frame_duration": "20"}
    return encoder


def _pre_skip(encoder: Any) -> int:
    """Samples at 48 kHz by which the codec is late: bytes 10 and 11 of its OpusHead."""
    return int.from_bytes(encoder.extradata[10:12], "little")


def _mono(frame: Any) -> F32:
    samples = frame.to_ndarray().reshape(-1)
    scale = 32768 if samples.dtype == np.int16 else 1
    return np.asarray(samples / np.float32(scale), np.float32)


@lru_cache
def room_response(rt60_s: float, distance_m: float) -> F32:
    """Impulse response of an office by its mirror images (Allen and Berkley 1979), the talker
    `distance_m` from the microphone; sample 0 is the direct sound, of size 1."""
    size = np.array(_ROOM)
    talker = size * (0.42, 0.55, 0.45)
    towards = np.array([0.80, 0.59, -0.12])
    microphone = talker + distance_m * towards / np.linalg.norm(towards)
    surface = 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    # Eyring's absorption for this reverberation time; an oblong room rings longer than he says.
    absorbed = 1 - np.exp(-0.161 * np.prod(size) / (surface * rt60_s * _EYRING))
    reach = SPEED_OF_SOUND * rt60_s
    axes = []
    for axis in range(3):
        n = np.arange(-int(reach / size[axis] / 2) - 1, int(reach / size[axis] / 2) + 2)
        even = 2 * n * size[axis] + talker[axis] - microphone[axis]
        odd = 2 * n * size[axis] - talker[axis] - microphone[axis]
        hits = np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)])
        axes.append((np.concatenate([even, odd]), hits))
    x, y, z = (axes[i][0] for i in range(3))
    away = np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2)
    bounces = axes[0][1][:, None, None] + axes[1][1][None, :, None] + axes[2][1][None, None, :]
    heard = away < reach
    size_of = (1 - absorbed) ** (bounces[heard] / 2) * distance_m / away[heard]
    late = np.round((away[heard] - distance_m) / SPEED_OF_SOUND * SAMPLE_RATE).astype(int)
    echoes = np.bincount(late, np.where(late > 0, size_of, 0.0))
    # Mirror images all add up at the lowest frequencies, which walls and microphones do not do.
    echoes = signal.sosfilt(signal.butter(2, 80, "highpass", fs=SAMPLE_RATE, output="sos"), echoes)
    echoes[0] = 1.0
    return np.asarray(echoes, np.float32)


def in_room(pcm: F32, seed: int, rt60_s: float, distance_m: float) -> F32:
    """The clip said `distance_m` from the microphone; the direct sound does not move."""
    wet = signal.oaconvolve(pcm, room_response(rt60_s, distance_m))[: len(pcm)]
    return _like(wet, pcm)


def level(pcm: F32, seed: int, dbfs: float) -> F32:
    """Louder or softer, without limit."""
    return levelled(pcm, dbfs)


def clipped(pcm: F32, seed: int, dbfs: float) -> F32:
    """Louder, stopped at full scale."""
    return np.clip(levelled(pcm, dbfs), -1, 1)


def narrow(pcm: F32, seed: int) -> F32:
    """Sampled at 8 kHz on the way, as on a telephone line."""
    down = soxr.resample(pcm, SAMPLE_RATE, 8000)
    return _like(np.resize(soxr.resample(down, 8000, SAMPLE_RATE), len(pcm)), pcm)


CONDITIONS: tuple[Condition, ...] = (
    Condition("coloured noise 10 dB", 6, partial(noisy, kind="coloured", snr_db=10)),
    Condition("coloured noise 20 dB", None, partial(noisy, kind="coloured", snr_db=20)),
    Condition("coloured noise 5 dB", None, partial(noisy, kind="coloured", snr_db=5)),
    Condition("white noise 10 dB", None, partial(noisy, kind="white", snr_db=10)),
    Condition("pink noise 10 dB", 6, partial(noisy, kind="pink", snr_db=10)),
    Condition("brown noise 10 dB", 6, partial(noisy, kind="brown", snr_db=10)),
    Condition("babble 10 dB", None, partial(noisy, kind="babble", snr_db=10)),
    Condition("Opus 24 kbit/s", 2, partial(opus, bit_rate=24_000, loss=0.0)),
    Condition("Opus, 5 % lost", None, partial(opus, bit_rate=24_000, loss=0.05)),
    Condition("level -35 dBFS", 2, partial(level, dbfs=-35)),
    Condition("level -10 dBFS", 2, partial(level, dbfs=-10)),
    Condition("level -10, clipped", 2, partial(clipped, dbfs=-10)),
    Condition("room .3 s, .5 m", 2, partial(in_room, rt60_s=0.3, distance_m=0.5)),
    Condition("room .4 s, .7 m", 2, partial(in_room, rt60_s=0.4, distance_m=0.7)),
    Condition("room .6 s, 1 m", 2, partial(in_room, rt60_s=0.6, distance_m=1.0)),
    Condition("8 kHz telephone", None, narrow),
)
