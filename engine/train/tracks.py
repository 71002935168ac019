"""Tracks: long stretches of one speaker in one manner, heard through our own ears, with the motion
that the teacher (or a recorded person) makes to it.

Contract: arrays on the 25 Hz grid; the noise rows are those the decoder would draw, so sampled
events can be learned; every track carries the style code measured on its own motion.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from tqdm import tqdm

from engine.eval.performances import Performance
from engine.eval.recordings import Recording
from engine.face.blendshapes import INDEX
from engine.frames import BLENDSHAPES, F32, POSE, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion import noise as noises
from engine.motion.prosody import FEATURES, NAMES
from engine.runtime import Graph
from engine.speech.phonemes import PHONES
from engine.style.encoder import statistics
from engine.train.augment import Recipe, augment
from engine.train.corpus import Clip
from engine.train.gestures import BLINK, GLANCE, gestures
from engine.train.lessons import Ticks, hear
from engine.train.manner import Manner
from engine.train.noises import Noises
from engine.train.teacher import Phones, at_samples, lips
from engine.train.voices import UNKNOWN

F16 = np.float16
Source = Recording | Clip
# Some of the sound is cut short by a mute; some is clean, the rest went through rooms and codecs.
_MUTED = 0.35
_CLEAN = 0.4
_ROUGH = Recipe(
    speed=(0.88, 1.14), speed_chance=0.5, tempo_chance=0, rt60_s=(0.08, 0.5), snr_db=(5.0, 38.0),
    event_chance=0, fade_chance=0, clip_chance=0.03, telephone_chance=0.12, codec_chance=0.03,
    loss_chance=0, level_dbfs=(-38.0, -10.0),
)  # fmt: skip
_TO_100_HZ = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class Track:
    """One speaker, one manner. N ticks."""

    name: str
    ppg: np.ndarray  # [look-aheads, N, 80] float16
    prosody: F32  # [N, 2 * FEATURES]
    noise: F32  # [N, WIDTH]
    weights: F32  # [N, 52]
    pose: F32  # [N, 6]
    events: F32  # [N, UNIFORM]
    mask: F32  # [52] channels to learn from
    pose_mask: float
    statistics: F32

    def __len__(self) -> int:
        return len(self.prosody)


def taught(
    name: str, manner: Manner, recordings: Sequence[Source], graph: Graph, noises_: Noises,
    seed: int,
) -> Track:  # fmt: skip
    """The teacher's track: lips from phone times, gestures from prosody and noise."""
    rng = np.random.default_rng(seed)
    heard, mouths = [], []
    for recording in recordings:
        pcm, phones = _spoken(recording, rng, noises_)
        part = hear(pcm, graph)
        heard.append(part)
        mouths.append(_mouth(part, phones, len(pcm) / SAMPLE_RATE, manner))
    # Rooms without a voice: the face must live and the mouth must rest.
    quiet = noises_.draw(rng, SAMPLE_RATE * 5) * np.float32(10 ** (rng.uniform(-75, -38) / 20))
    for room in (quiet, np.zeros(SAMPLE_RATE * 3, np.float32)):
        heard.append(hear(room, graph))
        mouths.append(_mouth(heard[-1], (), len(room) / SAMPLE_RATE, manner))
    ppg = np.concatenate([part.ppg for part in heard], axis=1)
    prosody = np.concatenate([part.prosody for part in heard])
    ticks = np.arange(len(prosody), dtype=np.int64)
    noise = noises.draw(np.full(len(ticks), seed, np.uint64), ticks)
    gesture = gestures(prosody, noise, manner)
    weights = gesture.weights + np.concatenate(mouths)
    return Track(
        name, ppg.astype(F16), prosody, noise, weights, gesture.pose, gesture.events,
        np.ones(BLENDSHAPES, np.float32), 1.0, statistics(weights, gesture.pose),
    )  # fmt: skip


def _phones(source: Source) -> tuple[F32, list[tuple[str, float, float]]]:
    """Sound and phones (name, start s, duration s) of a recording or a synthetic sentence; the
    lips rest on a phone that has no class."""
    if isinstance(source, Recording):
        return source.pcm(), [(p, s / 100, d / 100) for p, s, d in source.phones]
    starts = [start for _, start in source.edges] + [len(source.pcm) / SAMPLE_RATE]
    names = ["SIL" if index == UNKNOWN else PHONES[index] for index, _ in source.edges]
    spans = zip(names, starts[:-1], starts[1:], strict=True)
    return source.pcm, [(name, a, b - a) for name, a, b in spans]


def _spoken(
    source: Source, rng: np.random.Generator, noises_: Noises
) -> tuple[F32, list[tuple[str, float, float]]]:
    (pcm, phones), stretch, lead = _phones(source), 1.0, 0
    if rng.random() > _CLEAN:
        pcm, stretch, lead = augment(pcm, rng, noises_, _ROUGH)
    else:
        level = np.float32(10 ** (rng.normal(-25, 4) / 20))
        pcm = pcm * level / max(float(np.sqrt(np.mean(pcm**2))), 1e-5)
    at = lead / SAMPLE_RATE
    phones = [(p, s * stretch + at, d * stretch) for p, s, d in phones]
    if rng.random() < _MUTED:
        pcm, phones = _mute(pcm, phones, rng)
    pcm = pcm[: len(pcm) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
    return np.clip(pcm, -1, 1).astype(np.float32), phones


def _mute(
    pcm: F32, phones: list[tuple[str, float, float]], rng: np.random.Generator
) -> tuple[F32, list[tuple[str, float, float]]]:
    """A microphone muted in mid-sentence: the lips must close on digital silence, whatever was
    being said."""
    end = float(rng.uniform(0.3, 0.9)) * len(pcm) / SAMPLE_RATE
    silence = np.zeros(int(rng.uniform(0.6, 1.4) * SAMPLE_RATE), np.float32)
    kept = [(p, s, min(d, end - s)) for p, s, d in phones if s < end]
    return np.concatenate([pcm[: int(end * SAMPLE_RATE)], silence]), kept


def _mouth(heard: Ticks, phones: Phones, seconds: float, manner: Manner) -> F32:
    """Teacher's lips on the 25 Hz grid of `heard`."""
    count = int(np.ceil(seconds * 100))
    rows = heard.prosody.reshape(-1, FEATURES)[:, NAMES.index("stress")]
    labels = 320 * np.arange(len(rows)) - 360
    stress = np.interp(np.arange(count) * _TO_100_HZ, labels, rows).astype(np.float32)
    curve = lips(phones, seconds, manner, stress)
    return at_samples(curve, np.arange(len(heard.prosody)) * SAMPLES_PER_FRAME)


def recorded(name: str, clips: Sequence[Performance], graph: Graph, seed: int) -> Track:
    """A person's clips as one track; noise is what the decoder would have to draw to do it."""
    heard = [hear(clip.pcm, graph) for clip in clips]
    ppg = np.concatenate([part.ppg for part in heard], axis=1)
    prosody = np.concatenate([part.prosody for part in heard])
    weights = np.concatenate([clip.weights for clip in clips])
    pose = np.concatenate([clip.pose for clip in clips])
    ticks = np.arange(len(prosody), dtype=np.int64)
    noise = noises.draw(np.full(len(ticks), seed, np.uint64), ticks)
    events = np.zeros((len(ticks), noises.UNIFORM), np.float32)
    if clips[0].has_head:
        events, noise = _inferred(weights, pose, noise)
    mask = clips[0].mask.copy()
    if not clips[0].has_head:
        pose = np.zeros((len(ticks), len(POSE)), np.float32)
    return Track(
        name, ppg.astype(F16), prosody, noise, weights, pose, events, mask,
        float(clips[0].has_head), statistics(weights, pose),
    )  # fmt: skip


def _inferred(weights: F32, pose: F32, noise: F32) -> tuple[F32, F32]:
    """Events and noise that explain a recording: blinks and glances at their onsets, the slow
    columns from the smoothed pose; nothing is invented for raises and shifts."""
    noise = noise.copy()
    events = np.zeros((len(weights), noises.UNIFORM), np.float32)
    lid = weights[:, INDEX["eyeBlinkLeft"]]
    rise = np.diff(lid, prepend=lid[:1])
    x = weights[:, INDEX["eyeLookOutLeft"]] - weights[:, INDEX["eyeLookInLeft"]]
    y = weights[:, INDEX["eyeLookUpLeft"]] - weights[:, INDEX["eyeLookDownLeft"]]
    jump = np.hypot(np.diff(x, prepend=x[:1]), np.diff(y, prepend=y[:1]))
    for kind, strength, least in ((BLINK, rise, 0.15), (GLANCE, jump, 0.08)):
        last = -100
        for t in np.flatnonzero(strength > least):
            if t - last > 5:
                events[t, kind] = 1.0
                last = int(t)
    gaze = np.stack([x, y], 1)
    ahead = np.minimum(np.arange(len(gaze)) + 2, len(gaze) - 1)
    spread = np.maximum(gaze.std(0), 0.02)
    first = noises.UNIFORM
    noise[:, first : first + 2] = np.clip((gaze[ahead] - gaze.mean(0)) / spread, -2.5, 2.5)
    noise[:, first + 7] = 0.0
    slow = noise[:, noises.UNIFORM + noises.NORMAL :]
    slow[:] = 0.0
    smooth = gaussian_filter1d(pose[:, :3], 6.0, axis=0)
    slow[:, 0:3] = np.clip(smooth / np.maximum(0.75 * pose[:, :3].std(0), 0.3), -2.5, 2.5)
    return events, noise


def teach_all(
    manners: Iterable[tuple[str, Manner]], pools: Sequence[tuple[Sequence[Source], int]],
    graph: Graph, seed: int,
) -> list[Track]:  # fmt: skip
    """One track per manner, of `count` recordings from each pool."""
    rng = np.random.default_rng(seed)
    babble = [_phones(source)[0] for source in pools[0][0][:40]]
    bank = Noises(rng, babble)
    tracks = []
    for n, (name, manner) in enumerate(tqdm(list(manners), desc="teacher")):
        chosen = [pool[int(i)] for pool, count in pools for i in rng.permutation(len(pool))[:count]]
        order = rng.permutation(len(chosen))
        tracks.append(
            taught(name, manner, [chosen[i] for i in order], graph, bank, seed * 100_003 + n)
        )
    return tracks
