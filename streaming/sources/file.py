"""Sound of any audio or video file that FFmpeg reads, as native-rate blocks; synchronous.

`read` decodes as fast as it is asked; `play` is the same file as an async Source in real time.
Every defect of a file is an AudioError that names the file and the defect.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from engine.errors import AudioError
from engine.frames import SAMPLE_RATE
from streaming.clock import Clock
from streaming.sound import VOICE_BLOCK, VOICE_RATE, Sound

# Formats whose header states the exact number of samples: less sound than that is a torn file.
EXACT_HEADERS = {"w64", "aiff", "au", "flac", "mov", "caf"}
UNKNOWN_SIZE = 0xFFFF_FFFF  # a WAV written to a pipe
TORN_SECONDS = 0.1  # codecs pad their last packet by less than this
MOST_CHANNELS = 8  # more are the tracks of a recorder, not a loudspeaker layout: mixed to one
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

logging.getLogger("libav").setLevel(logging.ERROR)


def read(path: str | Path) -> Iterator[Sound]:
    """Decode `path` to gapless float32 Sounds at its own rate and channel count.

    Raises AudioError if the file is missing, is not media, has no sound, is empty, holds NaN or
    infinite samples, or ends before the length its header promises (after yielding what it has).
    """
    container = _open(Path(path))
    with container:
        stream = container.streams.audio[0]
        position = 0
        if container.format.name == "wav":
            _check_riff(Path(path))
        for sound in _decode(container, stream, path):
            position = sound.end
            yield sound
        if position == 0:
            raise AudioError(f"{path} has a sound track without a single sample; nothing to say")
        _check_length(container, stream, position, path)


async def play(path: str | Path, clock: Clock, *, loop: bool = False) -> AsyncIterator[Sound]:
    """The file as a live microphone: 48 kHz int16 mono or stereo in 20 ms blocks, each released
    when its end is due. `loop`: begin again at the end, without a gap in `start`.
    """
    began, position = clock.now(), 0
    while True:
        for sound in live_blocks(path):  # at least one, or read raises
            position += len(sound.pcm)
            await clock.until(began + position * SAMPLE_RATE // VOICE_RATE)
            yield Sound(position - len(sound.pcm), VOICE_RATE, sound.pcm)
        if not loop:
            return


def live_blocks(path: str | Path) -> Iterator[Sound]:
    """`read` as WebRTC delivers it: 48 kHz int16, at most two channels, whole 20 ms blocks; the
    last one is filled up with silence.
    """
    resampler: AudioResampler | None = None
    for sound in read(path):
        channels = sound.pcm.shape[1]
        layout = LAYOUTS.get(channels, f"{channels}c")
        out = "mono" if channels == 1 else "stereo"
        resampler = resampler or AudioResampler("s16", out, VOICE_RATE, frame_size=VOICE_BLOCK)
        packed = np.ascontiguousarray(sound.pcm).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = sound.rate
        frame.pts = sound.start
        for ready in resampler.resample(frame):
            yield _live_block(ready)
    for ready in resampler.resample(None) if resampler else ():
        yield _live_block(ready)


def _live_block(frame: av.AudioFrame) -> Sound:
    pcm = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
    return Sound(0, VOICE_RATE, np.pad(pcm, ((0, VOICE_BLOCK - len(pcm)), (0, 0))))


def blocks(path: str | Path, length_ms: int) -> Iterator[Sound]:
    """`read` cut into blocks of `length_ms`; the last one may be shorter."""
    held: list[Sound] = []
    for sound in read(path):
        held.append(sound)
        size = sound.rate * length_ms // 1000
        start = held[0].start
        pcm = np.concatenate([s.pcm for s in held]) if len(held) > 1 else sound.pcm
        whole = len(pcm) // size * size
        for i in range(0, whole, size):
            yield Sound(start + i, sound.rate, pcm[i : i + size])
        held = [Sound(start + whole, sound.rate, pcm[whole:])] if whole < len(pcm) else []
    yield from held


def duration(path: str | Path) -> float | None:
    """Seconds of sound the file claims to hold, None where its header does not tell.

    Raises AudioError like `read`.
    """
    with _open(Path(path)) as container:
        stream = container.streams.audio[0]
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return None if container.duration is None else container.duration / av.time_base


def open_media(path: Path, wanted: str) -> InputContainer:
    """The container of a file that should be `wanted` ("a video"). Raises AudioError for one that
    is missing, empty or unreadable."""
    if not path.is_file():
        raise AudioError(f"{path} is not a file; give the path of {wanted}")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes), expected {wanted}")
    try:
        return av.open(str(path), mode="r", metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"{path} is not {wanted} that FFmpeg can read ({error}); "
            "it may be damaged or cut off inside its header"
        ) from error


def _open(path: Path) -> InputContainer:
    container = open_media(path, "an audio or video file")
    if not container.streams.audio:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "no streams"
        container.close()
        raise AudioError(f"{path} has no sound track (found {kinds}); choose a file with sound")
    return container


def _decode(container: InputContainer, stream: AudioStream, path: str | Path) -> Iterator[Sound]:
    if not stream.codec_context.sample_rate:
        raise AudioError(f"{path} has a sound track without a sample rate; it is damaged")
    position = 0
    resampler: AudioResampler | None = None
    shape: tuple[int, str] | None = None
    try:
        for frame in container.decode(stream):
            if (frame.sample_rate, frame.layout.name) != shape:
                if shape is not None:
                    raise AudioError(
                        f"{path} changes from {shape[0]} Hz {shape[1]} to {frame.sample_rate} Hz "
                        f"{frame.layout.name} midway; convert it to one format first"
                    )
                shape = (frame.sample_rate, frame.layout.name)
                # Packed: PyAV's planar frames hold no more than eight channels.
                resampler = AudioResampler("flt", frame.layout, frame.sample_rate)
            assert resampler is not None
            channels = len(frame.layout.channels)
            for packed in resampler.resample(frame):
                pcm = packed.to_ndarray().reshape(-1, channels)
                if channels > MOST_CHANNELS:
                    pcm = pcm.mean(axis=1, keepdims=True)
                if not np.isfinite(pcm).all():
                    at = position + int(np.argmin(np.isfinite(pcm).all(axis=1)))
                    raise AudioError(
                        f"{path} holds NaN or infinite samples, the first at "
                        f"{at / frame.sample_rate:.3f} s; export it again"
                    )
                yield Sound(position, packed.sample_rate, pcm)
                position += len(pcm)
    except av.FFmpegError as error:
        raise AudioError(
            f"{path} cannot be decoded after {position / (stream.sample_rate or 1):.2f} s of "
            f"sound ({error}); it is truncated or damaged"
        ) from error


def _check_length(
    container: InputContainer, stream: AudioStream, samples: int, path: str | Path
) -> None:
    if not EXACT_HEADERS & set(container.format.name.split(",")) or stream.duration is None:
        return
    promised = float(stream.duration * (stream.time_base or 0))
    held = samples / stream.sample_rate
    if held < promised - TORN_SECONDS:
        raise AudioError(
            f"{path} is truncated: its header promises {promised:.2f} s of sound, "
            f"it holds {held:.2f} s"
        )


def _check_riff(path: Path) -> None:
    """FFmpeg shortens a torn WAV silently, so compare its data chunk with the file ourselves."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return
        file.seek(12)
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                held = size - file.tell()
                if held < length < UNKNOWN_SIZE:
                    raise AudioError(
                        f"{path} is truncated: its header promises {length} bytes of sound, "
                        f"it holds {held}"
                    )
                return
            file.seek(length + length % 2, 1)
