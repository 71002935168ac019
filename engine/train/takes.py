"""Takes: speech with phone times as it comes out of rooms, microphones and calls, and tapes: some
minutes of takes heard through our own ears, for many manners to perform.

Contract: all a tape knows lies on the 25 Hz grid of its sound except the phones, which are in
seconds from its beginning; every tape ends with a room without a voice and with digital silence.
Made of speakers that may be trained on; the caller chooses them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from engine.eval.recordings import Recording
from engine.frames import F32, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.channels import OPENNESS_ROW
from engine.runtime import Graph
from engine.speech.phonemes import PHONES
from engine.train.augment import Recipe, augment
from engine.train.corpus import Clip
from engine.train.lessons import Ticks, hear
from engine.train.noises import Noises
from engine.train.teacher import RATE, Phones, at_samples, grid
from engine.train.voices import UNKNOWN

Source = Recording | Clip
# Some of the sound is cut short by a mute.
_MUTED = 0.3
_WINDOW = np.hanning(11)[1:-1] / np.hanning(11).sum()  # 90 ms at 100 Hz, as in engine.eval.lips
# Our ears know the training voices: what makes them strangers is size, rate, rooms, noise, calls.
ROUGH = Recipe(
    speed=(0.8, 1.25), speed_chance=0.85, tempo_chance=0.1, rt60_s=(0.08, 0.6),
    snr_db=(4.0, 34.0), noise_chance=0.7, event_chance=0.05, fade_chance=0.1, clip_chance=0.04,
    telephone_chance=0.12, codec_chance=0.15, loss_chance=0.3, level_dbfs=(-38.0, -10.0),
)  # fmt: skip
# Where speed must stay: the motion of a person belongs to it.
STILL = replace(ROUGH, speed_chance=0.0, tempo_chance=0.0, pause_chance=0.0)


@dataclass(frozen=True, slots=True)
class Tape:
    """Some minutes of speech, N ticks."""

    ticks: Ticks  # in float16
    phones: Phones  # name, start s, duration s, ascending
    opening: F32  # [N] openness of the phones (engine.motion.channels) in the 90 ms window

    def __len__(self) -> int:
        return len(self.ticks.prosody)


@dataclass(frozen=True, slots=True)
class Take:
    """One sentence as it is heard."""

    pcm: F32  # [S], S a multiple of 640
    phones: Phones


def phones_of(source: Source) -> tuple[F32, list[tuple[str, float, float]]]:
    """Sound and phones (name, start s, duration s) of a recording or a synthetic sentence; the
    lips rest on a phone that has no class."""
    if isinstance(source, Recording):
        return source.pcm(), [(p, s / 100, d / 100) for p, s, d in source.phones]
    starts = [start for _, start in source.edges] + [len(source.pcm) / SAMPLE_RATE]
    names = ["SIL" if index == UNKNOWN else PHONES[index] for index, _ in source.edges]
    spans = zip(names, starts[:-1], starts[1:], strict=True)
    return source.pcm, [(name, a, b - a) for name, a, b in spans]


def take(source: Source, rough: bool, rng: np.random.Generator, noises: Noises) -> Take:
    """A sentence, `rough` through a random path from mouth to model, else only levelled."""
    pcm, phones = phones_of(source)
    if rough:
        pcm, stretch, lead = augment(pcm, rng, noises, ROUGH)
        at = lead / SAMPLE_RATE
        phones = [(p, s * stretch + at, d * stretch) for p, s, d in phones]
    else:
        level = np.float32(10 ** (rng.normal(-25, 4) / 20))
        pcm = pcm * level / max(float(np.sqrt(np.mean(pcm**2))), 1e-5)
    if rng.random() < _MUTED:
        pcm, phones = _mute(pcm, phones, rng)
    return Take(framed(pcm), phones)


def framed(pcm: F32) -> F32:
    """Whole ticks of the sound, in [-1, 1]."""
    whole = pcm[: len(pcm) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
    return np.clip(whole, -1, 1).astype(np.float32)


def _mute(
    pcm: F32, phones: list[tuple[str, float, float]], rng: np.random.Generator
) -> tuple[F32, list[tuple[str, float, float]]]:
    """A microphone muted in mid-sentence: the lips must close on digital silence, whatever was
    being said."""
    end = float(rng.uniform(0.3, 0.9)) * len(pcm) / SAMPLE_RATE
    silence = np.zeros(int(rng.uniform(0.6, 1.4) * SAMPLE_RATE), np.float32)
    kept = [(p, s, min(d, end - s)) for p, s, d in phones if s < end]
    return np.concatenate([pcm[: int(end * SAMPLE_RATE)], silence]), kept


def rooms(rng: np.random.Generator, noises: Noises) -> list[Take]:
    """Rooms without a voice: the face must live and the mouth must rest."""
    noise = noises.draw(rng, SAMPLE_RATE * 5) * np.float32(10 ** (rng.uniform(-75, -38) / 20))
    silence = np.zeros(int(rng.uniform(2.0, 5.0) * 25) * SAMPLES_PER_FRAME, np.float32)
    return [Take(framed(noise), ()), Take(silence, ())]


def openness(phones: Phones, ticks: int) -> F32:
    """[ticks] openness of the phones in the 90 ms window, at sample 640 n of tick n."""
    index, _ = grid(phones, ticks * SAMPLES_PER_FRAME / SAMPLE_RATE)
    curve = np.convolve(OPENNESS_ROW[index], _WINDOW, "same").astype(np.float32)
    return at_samples(curve[:, None], np.arange(ticks) * SAMPLES_PER_FRAME)[:, 0]


def record(takes: Iterable[Take], graph: Graph) -> Tape:
    """Hear the takes one after the other; each begins with fresh ears."""
    parts: list[Ticks] = []
    phones: list[tuple[str, float, float]] = []
    at = 0
    for one in takes:
        parts.append(hear(one.pcm, graph))
        begin, end = at / SAMPLE_RATE, (at + len(one.pcm)) / SAMPLE_RATE
        for name, start, duration in one.phones:
            if begin + start < end:
                phones.append((name, begin + start, min(duration, end - begin - start)))
        at += len(one.pcm)
    ticks = Ticks(
        np.concatenate([part.ppg for part in parts], axis=1).astype(np.float16),
        np.concatenate([part.aux for part in parts], axis=1).astype(np.float16),
        np.concatenate([part.prosody for part in parts]).astype(np.float16),
    )
    return Tape(ticks, phones, openness(phones, at // SAMPLES_PER_FRAME))


def tapes(
    sources: Sequence[tuple[Source, bool]], minutes: float, graph: Graph, noises: Noises, seed: int
) -> Iterator[Tape]:
    """All sources (with whether they are rough) in random order on tapes of about `minutes`."""
    rng = np.random.default_rng(seed)
    lot: list[Take] = []
    spent = 0.0
    order = rng.permutation(len(sources))
    for n, i in enumerate(tqdm(order, desc="tapes", unit="take")):
        source, rough = sources[i]
        lot.append(take(source, rough, rng, noises))
        spent += len(lot[-1].pcm) / SAMPLE_RATE / 60
        if spent >= minutes or n + 1 == len(order):
            yield record(lot + rooms(rng, noises), graph)
            lot, spent = [], 0.0


assert RATE == 100
