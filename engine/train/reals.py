"""Recorded people as tracks: their own motion, their sound clean, through rooms and calls, and at
other speeds, so that a person is more than a few clips that our ears know by heart.

Contract: kept-back clips are refused; the noise of a track is what the decoder would have had to
draw to do what the person did; channels that the source lacks stay masked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
from scipy.ndimage import gaussian_filter1d

from engine.errors import TrackingError
from engine.eval.performances import Performance, kept_back
from engine.face.blendshapes import INDEX
from engine.frames import F32, POSE, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion import noise as noises
from engine.motion.curves import at_moments
from engine.runtime import Graph
from engine.style.encoder import pieced
from engine.train.augment import augment
from engine.train.gestures import BLINK, GLANCE
from engine.train.noises import Noises
from engine.train.takes import STILL, Take, framed, openness, record
from engine.train.tracks import F16, Track

STUDIO = "studio"
# Ticks. This performer's mouth trails the sound by 33 ms, which the manifest's shift takes off; 20
# of them stay, because they are his way to speak and a causal decoder can follow them.
_STUDIO_TRAILS = 0.5
# Corpora whose sync shift is known to a frame only.
_LOOSE = ("obama", "address")


@dataclass(frozen=True, slots=True)
class Version:
    """One way to hear a person again."""

    rough: bool = False
    speed: float = 1.0  # > 1: longer, lower
    shift: float = 0.0  # ticks the motion comes late


_VERSIONS = (Version(), Version(rough=True), Version(speed=0.92), Version(True, 1.08))
_SHIFTED = (Version(shift=-1), Version(rough=True, shift=1))


def person_of(clip: Performance) -> str:
    """The person's name among the tracks: `studio` for the recordings of FACEGOOD."""
    return STUDIO if clip.corpus == "facegood" else clip.person


def people(
    clips: Sequence[Performance], graph: Graph, noises_: Noises, seed: int, fewest: bool = False
) -> list[Track]:
    """Every person's tracks; `fewest`: one each."""
    groups: dict[str, list[Performance]] = {}
    for clip in clips:
        if not kept_back(clip):
            groups.setdefault(person_of(clip), []).append(clip)
    tracks: list[Track] = []
    for person, group in groups.items():
        versions = _VERSIONS + (_SHIFTED if group[0].corpus in _LOOSE else ())
        if person == STUDIO:
            versions = tuple(replace(v, shift=v.shift + _STUDIO_TRAILS) for v in versions)
        for version in versions[: 1 if fewest else None]:
            tracks.append(recorded(person, group, version, graph, noises_, seed + len(tracks)))
    return tracks


def recorded(
    person: str, clips: Sequence[Performance], version: Version, graph: Graph, noises_: Noises,
    seed: int,
) -> Track:  # fmt: skip
    """A person's clips as one track, named `real PERSON`. Raises TrackingError for a clip that is
    kept back."""
    back = [clip.name for clip in clips if kept_back(clip)]
    if back:
        raise TrackingError(f"clips {back[:5]} are kept back for measuring; train on the others")
    rng = np.random.default_rng(seed)
    clips = [_changed(clip, version, rng, noises_) for clip in clips]
    takes = [Take(framed(clip.pcm), _seconds(clip)) for clip in clips]
    tape = record(takes, graph)
    lengths = [len(take.pcm) // SAMPLES_PER_FRAME for take in takes]
    weights = np.concatenate([c.weights[:n] for c, n in zip(clips, lengths, strict=True)])
    pose = np.concatenate([c.pose[:n] for c, n in zip(clips, lengths, strict=True)])
    opening = np.concatenate(
        [openness(take.phones, n) if take.phones else np.full(n, np.nan, np.float32)
         for take, n in zip(takes, lengths, strict=True)]
    )  # fmt: skip
    ticks = np.arange(len(tape), dtype=np.int64)
    noise = noises.draw(np.full(len(ticks), seed, np.uint64), ticks)
    events = np.zeros((len(ticks), noises.UNIFORM), np.float32)
    has_head = clips[0].has_head
    edges = tuple(int(edge) for edge in np.cumsum(lengths)[:-1])
    if has_head:
        events, noise = inferred(weights, pose, noise)
    else:
        pose = np.zeros((len(ticks), len(POSE)), np.float32)
    return Track(
        f"real {person}", person, tape.ticks.ppg, tape.ticks.aux, tape.ticks.prosody, opening,
        noise.astype(F16), weights.astype(F16), pose, events.astype(np.uint8),
        clips[0].mask.astype(np.float32), float(has_head), pieced(weights, pose, edges), edges,
    )  # fmt: skip


def _seconds(clip: Performance) -> list[tuple[str, float, float]]:
    return [(name, start / 100, duration / 100) for name, start, duration in clip.phones]


def _changed(
    clip: Performance, version: Version, rng: np.random.Generator, noises_: Noises
) -> Performance:
    """The clip as this version has it: sound, motion and phones move together."""
    pcm, weights, pose = clip.pcm, clip.weights, clip.pose
    if version.speed != 1.0:
        rate = SAMPLE_RATE * version.speed
        pcm = np.asarray(soxr.resample(pcm, SAMPLE_RATE, rate, quality="HQ"), np.float32)
    if version.rough:
        pcm, _, _ = augment(pcm, rng, noises_, STILL)
    ticks = len(pcm) // SAMPLES_PER_FRAME
    source = np.clip(np.arange(ticks) / version.speed - version.shift, 0, len(weights) - 1)
    rows = np.arange(len(weights))
    weights, pose = at_moments(weights, rows, source), at_moments(pose, rows, source)
    stretch = version.speed
    phones = tuple(
        (p, round(s * stretch), round((s + d) * stretch) - round(s * stretch))
        for p, s, d in clip.phones
    )
    return replace(clip, pcm=pcm, weights=weights, pose=pose, phones=phones, aperture=None)


def inferred(weights: F32, pose: F32, noise: F32) -> tuple[F32, F32]:
    """Events and noise that explain a recording: blinks and glances at their onsets, the first slow
    columns from the smoothed pose; the others stay as drawn, for what nothing explains; nothing is
    invented for raises and shifts."""
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
    smooth = gaussian_filter1d(pose[:, :3], 6.0, axis=0)
    slow[:, 0:3] = np.clip(smooth / np.maximum(0.75 * pose[:, :3].std(0), 0.3), -2.5, 2.5)
    return events, noise
