"""Persons of a folder as style references: half of what each shows makes a style, half judges it.

Contract: motion files only (engine.motion.curves), read as a user's reference clips are
(engine.style.reference); the two halves share no clip, or no second where there is one clip only.
A mouth-only rig, which has no face to recognise, is left out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import VivifyError
from engine.eval.likeness import manner
from engine.eval.performances import person_of
from engine.frames import F32, FPS, SAMPLES_PER_FRAME
from engine.motion.curves import SUFFIXES
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.reference import Reference, read, style_of

_HALF = 35  # frames that a half has at least: GRID's sentences are 74 long
_FACE = 0.6  # share of the 52 channels that a face to recognise has


@dataclass(frozen=True, slots=True)
class Person:
    """One person in two halves."""

    name: str
    seconds: float
    style: Style  # of the first half
    reference: F32  # [156] manner of the second half


def read_people(data: Path) -> list[Person]:
    """Everybody with nearly three seconds of face or more, most seconds first."""
    clips: dict[str, list[Reference]] = {}
    for name, path in _files(data):
        try:
            clip = read(path)
        except VivifyError:
            continue  # too short or broken: the lips suite names such files
        if clip.mask.mean() >= _FACE:
            clips.setdefault(name, []).append(clip)
    people = [_person(name, own) for name, own in clips.items()]
    return sorted((p for p in people if p), key=lambda p: -p.seconds)


def _files(data: Path) -> list[tuple[str, Path]]:
    """(person, motion file) of either layout."""
    folder = data / "motion"
    if (folder / "manifest.json").is_file():
        rows = json.loads((folder / "manifest.json").read_text())
        return [(person_of(r), folder / r["folder"] / f"{r['name']}.npz") for r in rows]
    found = []
    for path in sorted(p for p in data.iterdir() if p.suffix.lower() in SUFFIXES):
        beside = path.with_suffix(".json")
        row = json.loads(beside.read_text()) if beside.is_file() else {}
        speaker = row.get("speaker") if isinstance(row, dict) else None
        found.append((str(speaker or path.stem), path))
    return found


def _person(name: str, clips: Sequence[Reference]) -> Person | None:
    if len(clips) == 1:
        clip = clips[0].clip
        middle = len(clip.start) // 2
        parts = [_cut(clip, 0, middle), _cut(clip, middle, len(clip.start))]
    else:
        parts = [_joined([c.clip for c in clips[k::2]]) for k in (0, 1)]
    if min(len(part.start) for part in parts) < _HALF:
        return None
    first, second = parts
    made = f"half of the clips of {name}"
    plain = "".join(c if c.isalnum() or c in " _.-" else "-" for c in name.lower())[:60]
    style = style_of(plain or "person", first, made, clips[0].mask, clips[0].has_head)
    seconds = sum(len(c.clip.start) for c in clips) / FPS
    return Person(name, seconds, style, manner(second.weights))


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
