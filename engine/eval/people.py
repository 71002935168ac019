"""Persons of a folder as style references: some of what each shows makes a style, the rest judges.

Contract: motion files only (engine.motion.curves), read as a user's reference clips are
(engine.style.reference). Who has clips on the roster of training and clips off it is judged by
those off it, the style comes from the others; everybody else is cut in halves, which share no clip,
or no second where there is one clip only. A mouth-only rig, which has no face to recognise, is left
out, and so is who shows less than two seconds to either side.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import AudioError, VivifyError
from engine.eval.likeness import manner
from engine.eval.material import read_row
from engine.eval.performances import person_of, trained_seconds
from engine.eval.roster import corpus_of, motion_trained
from engine.frames import F32, FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.motion.curves import SUFFIXES
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.reference import MIN_SECONDS, Reference, read, style_of

_LEAST = int(MIN_SECONDS * FPS)  # frames that make a style, and frames that judge one
_FACE = 0.6  # share of the 52 channels that a face to recognise has


@dataclass(frozen=True, slots=True)
class Person:
    """One person in two parts."""

    name: str
    seconds: float
    style: Style  # of the first part
    reference: F32  # [156] manner of the second part
    trained: bool  # training may have seen this person
    kept_back: bool  # training has not seen what judges

    @property
    def known(self) -> str:
        """What training knows, for people."""
        if not self.trained:
            return "never trained on"
        return "judged by clips kept back" if self.kept_back else "trained on"


@dataclass(frozen=True, slots=True)
class _Shown:
    clip: MotionClip
    of: Reference
    trained: bool


@dataclass(frozen=True, slots=True)
class _File:
    person: str
    path: Path
    trained: bool


def read_people(data: Path) -> list[Person]:
    """Everybody with four seconds of face or more: those judged by what training has not seen
    first, then by seconds."""
    clips: dict[str, list[_Shown]] = {}
    for file in _files(data):
        try:
            clip = read(file.path)
        except VivifyError:
            continue  # too short or broken: the lips suite names such files
        if clip.mask.mean() >= _FACE:
            clips.setdefault(file.person, []).extend(_parts(file, clip))
    people = [_person(name, own) for name, own in clips.items()]
    return sorted((p for p in people if p), key=lambda p: (not p.kept_back, -p.seconds))


def _files(data: Path) -> list[_File]:
    """Motion files of either layout."""
    folder = data / "motion"
    if (folder / "manifest.json").is_file():
        found = []
        try:
            for row in json.loads((folder / "manifest.json").read_text()):
                corpus, name = str(row["folder"]), str(row["name"])
                path = folder / corpus / f"{name}.npz"
                found.append(_File(person_of(row), path, motion_trained(corpus, name)))
        except (ValueError, KeyError, TypeError) as error:
            raise AudioError(
                f"motion/manifest.json of {data.name} cannot be used ({error!r}), expected a list "
                "of rows with name and folder"
            ) from error
        return found
    paths = sorted(p for p in data.iterdir() if p.suffix.lower() in SUFFIXES)
    return [_File(_speaker(p), p, corpus_of(p.stem) is not None) for p in paths]


def _speaker(path: Path) -> str:
    """Whose file it is in a flat folder; the file's own name where nobody says so."""
    corpus, beside = corpus_of(path.stem), path.with_suffix(".json")
    plain = person_of({"name": path.stem, "folder": corpus}) if corpus else path.stem
    try:
        row = read_row(beside.read_text()) if beside.is_file() else {}
    except (AudioError, ValueError, OSError, RecursionError):
        return plain  # the lips suite says what is wrong with it
    return str(row.get("speaker") or plain)


def _parts(file: _File, shown: Reference) -> list[_Shown]:
    """A file; the two parts of one of which training has seen the beginning."""
    clip, seconds = shown.clip, trained_seconds(file.path.stem)
    if not file.trained or seconds is None:
        return [_Shown(clip, shown, file.trained)]
    middle = int(np.searchsorted(clip.start, seconds * SAMPLE_RATE))
    ends = ((0, middle, True), (middle, len(clip.start), False))
    return [_Shown(_cut(clip, a, b), shown, seen) for a, b, seen in ends if b > a]


def _person(name: str, clips: Sequence[_Shown]) -> Person | None:
    seen, rest = ([c for c in clips if c.trained is which] for which in (True, False))
    chosen, kept_back = (seen, rest), True
    if not all(sum(len(c.clip.start) for c in part) >= _LEAST for part in chosen):
        larger = max(seen, rest, key=lambda part: sum(len(c.clip.start) for c in part))
        chosen, kept_back = _halves(larger), larger is rest
    if not all(chosen):
        return None
    first, second = (_joined([c.clip for c in part]) for part in chosen)
    if min(len(first.start), len(second.start)) < _LEAST:
        return None
    made = f"some of the clips of {name}"
    plain = "".join(c if c.isalnum() or c in " _.-" else "-" for c in name.lower())[:60]
    of = chosen[0][0].of
    try:
        style = style_of(plain or "person", first, made, of.mask, of.has_head)
    except VivifyError:
        return None  # without a second in one piece, or a name that no style can have
    seconds = (len(first.start) + len(second.start)) / FPS
    return Person(name, seconds, style, manner(second.weights), bool(seen), kept_back)


def _halves(clips: Sequence[_Shown]) -> tuple[list[_Shown], list[_Shown]]:
    if len(clips) != 1:
        return list(clips[0::2]), list(clips[1::2])
    (one,) = clips
    middle = len(one.clip.start) // 2
    ends = ((0, middle), (middle, len(one.clip.start)))
    first, second = (_Shown(_cut(one.clip, a, b), one.of, one.trained) for a, b in ends)
    return [first], [second]


def _cut(clip: MotionClip, begin: int, end: int) -> MotionClip:
    return MotionClip(clip.start[begin:end], clip.weights[begin:end], clip.pose[begin:end])


def _joined(clips: Sequence[MotionClip]) -> MotionClip:
    """Clips one after the other, with a jump in `start` between them."""
    starts, begin = [], 0
    for clip in clips:
        starts.append(clip.start - clip.start[0] + begin)
        begin = int(starts[-1][-1]) + 2 * SAMPLES_PER_FRAME
    return MotionClip(
        np.concatenate(starts),
        np.concatenate([c.weights for c in clips]),
        np.concatenate([c.pose for c in clips]),
    )
