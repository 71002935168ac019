"""Real motion: tracked video and rig curves -> ARKit-52 and pose on the 25 Hz grid of their sound.

Contract: the sync shift of every clip is applied, each person's face at rest is taken off, the
opening is brought to our rig's range, by what recorded it; channels that a source does not have
are masked out. What `kept_back` names is never trained on, nor does it decide what is taken off and
scaled where the person has clips that may be trained on.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import AudioError, TrackingError
from engine.eval.recordings import Phone, read_sound
from engine.face.blendshapes import INDEX
from engine.face.rigs import raised
from engine.frames import BLENDSHAPES, F32, FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.curves import Curves, at_moments, read_curves

# 98th percentile a moving channel is brought to: the range of the teacher's neutral manner.
_REACH = {"jawOpen": 0.56, "mouthFunnel": 0.35, "mouthPucker": 0.5, "mouthLowerDownLeft": 0.16,
          "mouthLowerDownRight": 0.16, "mouthUpperUpLeft": 0.13,
          "mouthUpperUpRight": 0.13}  # fmt: skip
_MOVES = 0.02  # a channel whose 98th percentile is lower is noise and keeps its size
SOUNDS = (".flac", ".wav", ".opus", ".ogg", ".mp3", ".m4a", ".mp4", ".mov", ".webm", ".mkv",
          ".avi", ".mpg")  # fmt: skip
BACK = "/back"  # ends the name of the kept-back part of a clip that is cut in two
# Seconds trained on; the rest of the clip is kept back.
_CUT = {"3_15": 33, "Obama_clip2": 20}
_CLIPS = {"2_04", "ob_4", "ob_5"}
_PEOPLE = {"grid_s33"}
_GRID_S1, _GRID = 6, 3  # one clip of s1, one of the other GRID speakers in so many


@dataclass(frozen=True, slots=True)
class Performance:
    """One recorded clip."""

    name: str
    person: str
    pcm: F32  # [S] at 16 kHz
    weights: F32  # [N, 52] at samples 640 n, neutral removed
    pose: F32  # [N, 6], median removed
    mask: F32  # [52] 1 where the source has the channel
    has_head: bool
    corpus: str = ""  # folder it came from
    kind: str = "mediapipe"  # of curves (engine.motion.curves)
    phones: tuple[Phone, ...] = ()  # aligned phones, where there are some
    aperture: F32 | None = None  # [N] inner lip gap over eye distance, where it was tracked

    @property
    def rig(self) -> bool:
        """Curves of an animator's rig, not of a tracked person."""
        return self.kind == "rig"

    def part(self, begin: int, end: int | None, name: str) -> "Performance":
        """Seconds [begin, end) as a clip of its own; the aligned phones do not come along."""
        sound = slice(begin * SAMPLE_RATE, end * SAMPLE_RATE if end else None)
        rows = slice(begin * FPS, end * FPS if end else None)
        gap = None if self.aperture is None else self.aperture[rows]
        return replace(
            self, name=name, pcm=self.pcm[sound], weights=self.weights[rows], pose=self.pose[rows],
            phones=(), aperture=gap,
        )  # fmt: skip


def kept_back(clip: Performance) -> bool:
    """Whether a clip is for measuring only. By name or hash, never by order."""
    if clip.name in _CLIPS or clip.name.endswith(BACK) or clip.person in _PEOPLE:
        return True
    if clip.person == "grid_s1":
        return _digest(clip.name) % _GRID_S1 == 0
    return clip.corpus == "grid" and _digest(clip.person) % _GRID == 0


def trained_seconds(name: str) -> int | None:
    """Where a clip that is cut in two is cut; None for every other clip."""
    return _CUT.get(name)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def read_performances(data: Path, skipped: list[str] | None = None) -> list[Performance]:
    """All clips of DATA/motion, person by person scaled to our rig; kept-back ones among them.

    A file that cannot be read raises AudioError or TrackingError; where `skipped` is given, what is
    wrong with it is added there instead.
    """
    folder, clips = data / "motion", []
    for row in json.loads((folder / "manifest.json").read_text()):
        try:
            clips += parts(_read(folder, row))
        except (AudioError, TrackingError) as error:
            if skipped is None:
                raise
            skipped.append(str(error))
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            what = f"a row of manifest.json cannot be used ({type(error).__name__}: {error})"
            if skipped is None:
                raise TrackingError(
                    f"{what}; expected name, folder, fps: {str(row)[:80]}"
                ) from error
            skipped.append(f"{what}: {str(row)[:80]}")
    return settled(clips)


def settled(clips: Iterable[Performance]) -> list[Performance]:
    """Clips as recorded -> neutral removed and scaled, for each person and kind of recording."""
    people: dict[tuple[str, str], list[Performance]] = {}
    for clip in clips:
        people.setdefault((clip.person, clip.kind), []).append(clip)
    return [scaled for group in people.values() for scaled in _settle(group)]


def sound_of(folder: Path, name: str) -> Path:
    """The sound or video file of a clip. Raises AudioError when there is none."""
    for suffix in SOUNDS:
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise AudioError(f"{name} has no sound in {folder.name}, expected one of {', '.join(SOUNDS)}")


def person_of(row: dict[str, Any]) -> str:
    """Who is shown by a clip of the manifest; GRID's names without a speaker begin with one."""
    name, corpus = str(row["name"]), str(row["folder"])
    return str(row.get("speaker") or (name[:9] if corpus == "grid" else corpus))


def _read(folder: Path, row: dict[str, Any]) -> Performance:
    name, corpus = str(row["name"]), str(row["folder"])
    curves = read_curves(folder / corpus / f"{name}.npz")
    shift = float(row.get("shift" if curves.rig else "shift_video", 0)) / float(row["fps"])
    phones = tuple((str(p), int(s), int(d)) for p, s, d in row.get("phones") or ())
    pcm = read_sound(sound_of(folder / corpus, name))
    return on_grid(curves, pcm, name, person_of(row), corpus, shift, phones)


def on_grid(
    curves: Curves, pcm: F32, name: str, person: str, corpus: str = "", shift: float = 0.0,
    phones: tuple[Phone, ...] = (),
) -> Performance:  # fmt: skip
    """A recorded clip on the grid of its sound [S]; `shift` in seconds is added to its times.

    Raises AudioError when the shift leaves nothing of the motion with the sound.
    """
    moments = np.arange(len(pcm) // SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME / SAMPLE_RATE
    times = curves.times + shift
    if not (times[0] < len(pcm) / SAMPLE_RATE and times[-1] > 0):
        raise AudioError(
            f"{name}: its motion lies from {times[0]:.2f} to {times[-1]:.2f} s, its sound lasts "
            f"{len(pcm) / SAMPLE_RATE:.2f} s; expected them to overlap: correct the times or the "
            "shift"
        )
    gap = curves.aperture
    return Performance(
        name, person, pcm, at_moments(curves.weights, times, moments),
        at_moments(curves.pose, times, moments), curves.mask, curves.has_head, corpus, curves.kind,
        phones, None if gap is None else at_moments(gap[:, None], times, moments)[:, 0],
    )  # fmt: skip


def parts(clip: Performance) -> list[Performance]:
    """The clip, or its trained and its kept-back part."""
    at = trained_seconds(clip.name)
    if at is None or len(clip.weights) <= at * FPS:
        return [clip]
    return [clip.part(0, at, clip.name), clip.part(at, None, clip.name + BACK)]


def _reach(weights: F32) -> F32:
    gain = np.ones(BLENDSHAPES, np.float32)
    high = np.percentile(weights, 98, axis=0)
    for name, reach in _REACH.items():
        i = INDEX[name]
        if high[i] > _MOVES:
            gain[i] = np.clip(reach / high[i], 0.4, 2.5)
    return gain


def _settle(group: list[Performance]) -> list[Performance]:
    """Take the rest off and bring the mouth to our rig's range, by what recorded the curves: as a
    user's clip where there is no rig (engine.style.reference), a rig by how far it reaches. Motion
    of ours stays as it is; ARKit curves are taken from rest and have our range already."""
    kind = group[0].kind
    if kind == "motion":
        return group
    trained = [clip for clip in group if not kept_back(clip)]
    every = np.concatenate([clip.weights for clip in trained or group])
    rest = np.percentile(every, 10, axis=0)
    gain = _reach(np.clip(every - rest, 0, 1)) if kind == "rig" else np.ones(BLENDSHAPES)
    out = []
    for clip in group:
        weights = (np.clip(clip.weights - rest, 0, 1) * gain).clip(0, 1).astype(np.float32)
        weights = raised(weights) if kind == "mediapipe" else weights
        pose = (clip.pose - np.median(clip.pose, axis=0)).astype(np.float32)
        out.append(replace(clip, weights=weights, pose=pose))
    return out
