"""Talk to measure voice activity on: recordings with pauses between them, onsets, disturbances.

Contract: a talk is the recordings, each at -25 dBFS, with 2 s of room tone before, between and
after; onsets are label edges from SIL to speech after 200 ms of SIL. Of many recordings it takes
one of every speaker before it takes a second of any.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.eval import sounds
from engine.eval.recordings import Recording, levelled
from engine.eval.sounds import decibels
from engine.frames import F32, MEL_HOP, SAMPLE_RATE

LONGEST_S = 150.0  # every condition is heard in full
TONE_DBFS = -65.0
_GAP = 2 * SAMPLE_RATE
_AUDIBLE_DBFS = -45.0
Flags = npt.NDArray[np.bool_]
Rng = np.random.Generator
Span = tuple[int, int]  # samples


@dataclass(frozen=True, slots=True)
class Talk:
    """Recordings in a row, clean."""

    pcm: F32  # [S]
    voices: tuple[F32, ...]
    speech: Flags  # [S] labelled as anything but SIL
    onsets: tuple[int, ...]
    gaps: tuple[Span, ...]  # samples of room tone between the recordings

    @property
    def level(self) -> float:
        """Root mean square of the speech."""
        return sounds.rms(self.pcm[self.speech])


def sample(recordings: Sequence[Recording]) -> list[Recording]:
    """Some that last LONGEST_S with their pauses, spread over the speakers, in the given order."""
    turns: Counter[str] = Counter()
    order = []
    for n, recording in enumerate(recordings):
        order.append((turns[recording.speaker], n))
        turns[recording.speaker] += 1
    chosen: list[int] = []
    seconds = 0.0
    for _, n in sorted(order):
        if chosen and seconds + recordings[n].seconds > LONGEST_S:
            break
        chosen.append(n)
        seconds += recordings[n].seconds + _GAP / SAMPLE_RATE
    return [recordings[n] for n in sorted(chosen)]


def talk(recordings: Sequence[Recording], rng: Rng) -> Talk:
    """A sample of the recordings in a row."""
    parts: list[F32] = []
    spans: list[Span] = []
    gaps: list[Span] = []
    at = 0
    for recording in sample(recordings):
        gaps.append((at, at + _GAP))
        parts += [np.zeros(_GAP, np.float32), levelled(recording.pcm())]
        at += _GAP
        spans += [(at + s * MEL_HOP, at + (s + d) * MEL_HOP)
                  for p, s, d in recording.phones if p != "SIL"]  # fmt: skip
        at += len(parts[-1])
    gaps.append((at, at + _GAP))
    joined = np.concatenate([*parts, np.zeros(_GAP, np.float32)])
    speech = np.zeros(len(joined), np.bool_)
    for begin, end in spans:
        speech[begin:end] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    before = np.concatenate([[-SAMPLE_RATE], ends[:-1]])
    tone = sounds.noise("pink", len(joined), rng) * np.float32(decibels(TONE_DBFS))
    onsets = tuple(int(s) for s in starts[starts - before >= SAMPLE_RATE // 5])
    return Talk(joined + tone, tuple(parts[1::2]), speech, onsets, tuple(gaps))


def with_events(kind: str, clean: Talk, rng: Rng) -> tuple[F32, list[Span]]:
    """The talk with events of one kind in its pauses -> (sound, the span of each event)."""
    pcm, spans = clean.pcm.copy(), []
    for begin, end in clean.gaps:
        at = begin + int(rng.uniform(0.5, 0.7) * SAMPLE_RATE)
        while True:
            sound = sounds.event(kind, rng)
            if at + len(sound) + SAMPLE_RATE // 10 > end:
                break
            pcm[at : at + len(sound)] += sound
            spans.append((at, at + len(sound)))
            at += len(sound) + int(rng.uniform(0.2, 0.5) * SAMPLE_RATE)
    return pcm, spans


def audible(clean: Talk, floor: float) -> list[int]:
    """Per onset, the first 10 ms whose level exceeds the floor (an amplitude) and -45 dBFS."""
    bound, out = max(floor, decibels(_AUDIBLE_DBFS)), []
    for onset in clean.onsets:
        frames = clean.pcm[onset : onset + SAMPLE_RATE // 2]
        frames = frames[: len(frames) // MEL_HOP * MEL_HOP].reshape(-1, MEL_HOP)
        loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > bound)
        out.append(onset + (int(loud[0]) * MEL_HOP if len(loud) else 0))
    return out
