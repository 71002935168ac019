"""Labelled recordings: manifests of one utterance a line, phone labels per PPG row, and the split.

Contract: a speaker for whom `kept_out` is true is never trained on, in any part of Vivify; only
the toys of `--tiny`, which try the programs on the bundled clips, hear such speakers.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from engine.audio.mel import LABEL_AT
from engine.errors import AudioError
from engine.frames import F32, HOP, MEL_HOP, SAMPLE_RATE
from engine.speech.phonemes import INDEX

DATA = Path("../shared/data")
BUNDLED = Path(__file__).parents[2] / "tests" / "golden" / "speech" / "clips.jsonl"
ADULT = 15  # years; speechocean762 is half children
# One speaker in so many is kept out, by corpus: 16 of 256 native (14 of them aligned), 18 of 117
# accented adults, 11 of 109 accented children.
_KEPT_OUT = {"librispeech": 17, "speechocean762": 6}
CORPORA = tuple(_KEPT_OUT)  # what the split knows; nothing else is ever trained on

_MOST_LATE = 3600 * SAMPLE_RATE  # samples that a video's sound may begin after its picture

Phone = tuple[str, int, int]  # ARPAbet or SIL, start, duration in 10 ms frames


@dataclass(frozen=True, slots=True)
class Recording:
    """One utterance."""

    corpus: str
    id: str
    speaker: str
    path: Path
    seconds: float
    phones: tuple[Phone, ...]  # empty where alignment failed
    text: str
    age: int | None = None

    @property
    def adult(self) -> bool:
        return self.age is None or self.age >= ADULT

    def pcm(self) -> F32:
        """Mono float32 [S] at 16 kHz."""
        return read_sound(self.path)


def kept_out(corpus: str, speaker: str) -> bool:
    """Whether a speaker is for measuring only. By hash, so that the list never depends on order."""
    digest = hashlib.sha256(f"{corpus}/{speaker}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % _KEPT_OUT[corpus] == 0


def read_sound(path: Path) -> F32:
    """Any file FFmpeg reads -> mono float32 [S] at 16 kHz; of a video from its first picture on,
    silence where the sound begins later. Raises AudioError."""
    late = 0
    try:
        with av.open(str(path)) as file:
            resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
            frames: list[av.AudioFrame] = []
            for frame in file.decode(audio=0):
                if not frames and file.streams.video and frame.time is not None:
                    seconds = frame.time - (file.start_time or 0) / av.time_base
                    late = round(max(seconds, 0) * SAMPLE_RATE)
                frames += resampler.resample(frame)
            frames += resampler.resample(None)
    except (av.FFmpegError, IndexError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}") from error
    parts = [frame.to_ndarray()[0] for frame in frames]
    pcm = np.concatenate([np.zeros(min(late, _MOST_LATE), np.float32), *parts]).astype(np.float32)
    if not any(map(len, parts)) or not np.isfinite(pcm).all():
        found = "NaN or infinite samples" if any(map(len, parts)) else "no samples"
        raise AudioError(f"{path.name} holds {found}, expected sound; export it again")
    return pcm


def read_manifest(path: Path, corpus: str | None = None) -> list[Recording]:
    """All utterances of `CORPUS.jsonl`; sound paths are relative to the manifest."""
    name = corpus or path.stem
    recordings = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        recordings.append(
            Recording(
                corpus=name,
                id=row["id"],
                speaker=row["speaker"],
                path=path.parent / row["audio"],
                seconds=row["seconds"],
                phones=tuple((p[0], p[1], p[2]) for p in row["phones"] or ()),
                text=row["text"],
                age=row.get("age"),
            )
        )
    return recordings


def read_data(data: Path) -> list[Recording]:
    """Both corpora of the data folder."""
    speech = data / "speech"
    return [r for name in _KEPT_OUT for r in read_manifest(speech / f"{name}.jsonl")]


def bundled() -> list[Recording]:
    """The ten clips of the checkout: native speakers never trained on."""
    if not BUNDLED.is_file():
        raise AudioError(f"{BUNDLED.name} not found in {BUNDLED.parent}: run from a checkout")
    return read_manifest(BUNDLED, "librispeech")


def training_set(recordings: Iterable[Recording]) -> list[Recording]:
    """Labelled utterances of speakers who may be trained on."""
    return [r for r in recordings if r.phones and not kept_out(r.corpus, r.speaker)]


def measuring_set(recordings: Iterable[Recording]) -> list[Recording]:
    """Labelled utterances of adult speakers who are kept out."""
    return [r for r in recordings if r.phones and r.adult and kept_out(r.corpus, r.speaker)]


def row_labels(phones: Iterable[Phone], rows: int) -> npt.NDArray[np.int64]:
    """Class of PHONES at the label time 320 k + 280 of PPG rows 0 .. rows; SIL after the last."""
    phones = list(phones)
    starts = np.array([p[1] for p in phones]) * MEL_HOP
    classes = np.array([INDEX[p[0]] for p in phones] + [INDEX["SIL"]])
    ends = (phones[-1][1] + phones[-1][2]) * MEL_HOP
    at = np.arange(rows) * HOP + LABEL_AT
    index = np.searchsorted(starts, at, side="right") - 1
    return np.asarray(np.where(at < ends, classes[np.maximum(index, 0)], INDEX["SIL"]), np.int64)


def levelled(pcm: F32, dbfs: float = -25.0) -> F32:
    """The clip scaled to a root-mean-square level: a convention of measuring, never done live."""
    rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))
    return np.asarray(pcm * np.float32(10 ** (dbfs / 20) / max(rms, 1e-9)), np.float32)
