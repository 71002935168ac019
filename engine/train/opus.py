"""Speech through Opus as a call carries it: 20 ms packets, some of them lost and concealed.

Contract: sound comes back sample for sample in time with what went in (the codec's look-ahead is
removed). libopus is called directly, because only its own decoder conceals losses; it comes with
PyAV's wheels, else with the system.
"""

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from engine.errors import AudioError
from engine.frames import F32, HOP, SAMPLE_RATE

_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS = 4002, 4010, 4012, 4014
_GET_LOOKAHEAD = 4027
_PACKET = 1500  # bytes at most
_FLOATS = ctypes.POINTER(ctypes.c_float)


@dataclass(frozen=True, slots=True)
class Call:
    """Settings of one call."""

    bitrate: int = 24_000
    complexity: int = 5
    loss: float = 0.0  # share of packets that never arrive
    burst: float = 1.0  # mean packets lost in a row
    repair: bool = False  # in-band copies of the packet before


@cache
def library() -> ctypes.CDLL | None:
    """libopus, or None where there is none."""
    beside_av = sorted((Path(av.__file__).parents[1] / "av.libs").glob("libopus*.so*"))
    name = str(beside_av[0]) if beside_av else ctypes.util.find_library("opus")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    for make in (lib.opus_encoder_create, lib.opus_decoder_create):
        make.restype = ctypes.c_void_p
    return lib


def lost(rng: np.random.Generator, packets: int, call: Call) -> npt.NDArray[np.bool_]:
    """Which packets are lost: a chain of two states with this share and this mean burst."""
    if call.loss <= 0:
        return np.zeros(packets, np.bool_)
    stop = 1 / max(call.burst, 1.0)
    start = call.loss * stop / (1 - call.loss)
    draws, gone, state = rng.random(packets), np.zeros(packets, np.bool_), False
    for n, draw in enumerate(draws):
        state = draw >= stop if state else draw < start
        gone[n] = state
    return gone


def carry(pcm: F32, call: Call, gone: npt.NDArray[np.bool_] | None = None) -> F32:
    """Sound [S] at 16 kHz after the call; `gone` [packets] says which 20 ms packets are lost."""
    lib = library()
    if lib is None:
        raise AudioError("libopus not found: install PyAV's wheel or apt-get install libopus0")
    packets, delay = _encoded(lib, pcm, call)
    missing = np.zeros(len(packets), np.bool_)
    if gone is not None:
        missing[: len(gone)] = gone[: len(packets)]
    heard = _decoded(lib, packets, missing, call.repair)
    return heard[delay : delay + len(pcm)]


def _encoded(lib: ctypes.CDLL, pcm: F32, call: Call) -> tuple[list[bytes], int]:
    """Packets of 20 ms that cover the sound and the look-ahead; the look-ahead in samples."""
    error = ctypes.c_int()
    encoder = ctypes.c_void_p(lib.opus_encoder_create(SAMPLE_RATE, 1, _VOIP, ctypes.byref(error)))
    if not encoder.value:
        raise AudioError(f"libopus makes no encoder: error {error.value}")
    settings = [(_SET_BITRATE, call.bitrate), (_SET_COMPLEXITY, call.complexity)]
    settings += [(_SET_FEC, int(call.repair)), (_SET_LOSS, round(100 * call.loss))]
    for request, value in settings:
        lib.opus_encoder_ctl(encoder, request, ctypes.c_int(value))
    ahead = ctypes.c_int()
    lib.opus_encoder_ctl(encoder, _GET_LOOKAHEAD, ctypes.byref(ahead))
    count = -(-(len(pcm) + ahead.value) // HOP)
    padded = np.zeros(count * HOP, np.float32)
    padded[: len(pcm)] = pcm
    buffer, packets = ctypes.create_string_buffer(_PACKET), []
    for n in range(count):
        hop = padded[n * HOP :].ctypes.data_as(_FLOATS)
        size = lib.opus_encode_float(encoder, hop, HOP, buffer, _PACKET)
        packets.append(buffer.raw[: max(size, 0)])
    lib.opus_encoder_destroy(encoder)
    return packets, ahead.value


def _decoded(
    lib: ctypes.CDLL, packets: list[bytes], gone: npt.NDArray[np.bool_], repair: bool
) -> F32:
    """Every packet's 20 ms; a lost one is concealed, or repaired from the packet after it."""
    error = ctypes.c_int()
    decoder = ctypes.c_void_p(lib.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error)))
    if not decoder.value:
        raise AudioError(f"libopus makes no decoder: error {error.value}")
    heard = np.zeros(len(packets) * HOP, np.float32)
    for n, packet in enumerate(packets):
        hop = heard[n * HOP :].ctypes.data_as(_FLOATS)
        later = repair and n + 1 < len(packets) and not gone[n + 1]
        if not gone[n]:
            lib.opus_decode_float(decoder, packet, len(packet), hop, HOP, 0)
        elif later:
            lib.opus_decode_float(decoder, packets[n + 1], len(packets[n + 1]), hop, HOP, 1)
        else:
            lib.opus_decode_float(decoder, None, 0, hop, HOP, 0)
    lib.opus_decoder_destroy(decoder)
    return heard
