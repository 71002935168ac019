"""Pictures and their sound into one MP4 (H.264 + AAC, playable while it downloads); synchronous.

The sound keeps its own rate and band. Both tracks end within one picture of each other: pictures
that start after the end of the sound are left out, missing ones hold the last.
"""

from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from engine.errors import AudioError, FrameError
from engine.frames import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Video
from streaming.errors import TransportError
from streaming.sound import Sound

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OTHER_RATE = 48_000  # what a rate that AAC lacks becomes
AAC_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}  # other channel counts become stereo
AAC_BITS_PER_CHANNEL = 96_000


class Mp4Writer:
    """`with Mp4Writer("out.mp4", 512, 512) as out: out.hear(sound); out.write(video)`.

    Sounds must be gapless and of one rate and channel count, pictures in order. Pictures wait in
    memory for their sound, so feed both alongside. The film appears under its name when it is
    whole; leaving the block by an exception leaves what was there before. Raises TransportError if
    the file cannot be written.
    """

    def __init__(
        self, path: str | Path, width: int, height: int, *, sound: bool = True,
        about: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """`width`, `height`: even pixels. `sound=False`: a silent film. `about`: tags of any name,
        see streaming.provenance."""
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.part")
        self._size = (width, height)
        self._sound = sound
        if self._path.exists() and not self._path.is_file():
            raise TransportError(f"cannot write {self._path}: it is not a regular file")
        try:
            self._part.open("wb").close()  # PyAV itself would only fail at the first packet
        except OSError as error:
            raise TransportError(
                f"cannot write {self._path} ({error}); choose a folder that exists and is writable"
            ) from error
        # Without use_metadata_tags the format keeps no tags but those it knows.
        flags = "+faststart+use_metadata_tags" if about else "+faststart"
        self._file = av.open(str(self._part), mode="w", format="mp4", options={"movflags": flags})
        self._file.metadata.update(about or {})
        self._video = self._add_video()
        self._audio: AudioStream | None = None
        self._resampler: AudioResampler | None = None
        self._shape: tuple[int, int] | None = None  # rate, channels
        self._samples = 0  # of sound, at its own rate
        self._early: deque[Video] = deque()
        self._last: Video | None = None
        self._tick = 0  # number of the next picture

    def write(self, video: Video) -> None:
        """Append a picture of the announced size; a jump in `start` holds the one before."""
        if (video.width, video.height) != self._size:
            raise FrameError(
                f"picture is {video.width}x{video.height}, the film is "
                f"{self._size[0]}x{self._size[1]}; a film has one size"
            )
        self._early.append(video)
        self._drain()

    def hear(self, sound: Sound) -> None:
        """Append sound."""
        shape = (sound.rate, sound.pcm.shape[1])
        if self._audio is None:
            self._shape = shape
            self._audio = self._add_audio(*shape)
        if shape != self._shape or sound.start != self._samples:
            raise AudioError(
                f"{sound} does not continue the film's sound ({self._shape}, sample "
                f"{self._samples}); feed gapless sound of one format"
            )
        self._samples = sound.end
        packed = np.ascontiguousarray(sound.pcm).reshape(1, -1)
        name = "s16" if packed.dtype == np.int16 else "flt"
        layout = AAC_LAYOUTS.get(shape[1], f"{shape[1]}c")
        frame = av.AudioFrame.from_ndarray(packed, format=name, layout=layout)
        frame.sample_rate = sound.rate
        frame.pts = sound.start
        frame.time_base = Fraction(1, sound.rate)
        self._encode_sound(frame)
        self._drain()

    def close(self) -> None:
        """Level the lengths, flush both encoders and write the index."""
        if self._audio is None:
            while self._early:
                self._show(self._early.popleft())
        elif self._last is not None:
            self._hold(-(-self._heard * FPS // SAMPLE_RATE))
        if self._tick:
            self._file.mux(self._video.encode(None))
        if self._audio is not None:
            self._encode_sound(None)
            self._file.mux(self._audio.encode(None))
        self._file.close()
        self._part.replace(self._path)

    def __enter__(self) -> "Mp4Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self.close()
            finally:
                self._part.unlink(missing_ok=True)
            return
        self._early.clear()
        self._file.close()
        self._part.unlink(missing_ok=True)  # half a film is worse than none

    @property
    def _heard(self) -> int:
        """End of the sound so far, in samples at 16 kHz."""
        return self._samples * SAMPLE_RATE // self._shape[0] if self._shape else 0

    def _drain(self) -> None:
        while self._early and (not self._sound or self._early[0].start < self._heard):
            self._show(self._early.popleft())

    def _show(self, video: Video) -> None:
        tick = video.start // SAMPLES_PER_FRAME
        if tick < self._tick:
            return
        if self._last is None:
            self._last = video
        self._hold(tick)
        self._encode(video)

    def _hold(self, tick: int) -> None:
        while self._tick < tick:
            assert self._last is not None
            self._encode(self._last)

    def _encode(self, video: Video) -> None:
        frame = av.VideoFrame.from_ndarray(video.i420, format="yuv420p")
        frame.pts = self._tick
        frame.time_base = Fraction(1, FPS)
        self._file.mux(self._video.encode(frame))
        self._last = video
        self._tick += 1

    def _encode_sound(self, frame: av.AudioFrame | None) -> None:
        assert self._audio is not None and self._resampler is not None
        for ready in self._resampler.resample(frame):
            self._file.mux(self._audio.encode(ready))

    def _add_video(self) -> VideoStream:
        stream = self._file.add_stream("libx264", rate=FPS)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "18", "threads": "1"}
        context = stream.codec_context
        context.time_base = Fraction(1, FPS)
        context.color_range = 1  # limited
        context.colorspace = 6  # BT.601, as engine pictures are
        return stream

    def _add_audio(self, rate: int, channels: int) -> AudioStream:
        out_rate = rate if rate in AAC_RATES else OTHER_RATE
        layout = AAC_LAYOUTS.get(channels, "stereo")
        stream = self._file.add_stream("aac", rate=out_rate, layout=layout)
        stream.bit_rate = AAC_BITS_PER_CHANNEL * channels
        self._resampler = AudioResampler("fltp", layout, out_rate, frame_size=1024)
        return stream
