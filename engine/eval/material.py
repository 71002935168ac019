"""What lies in a folder to be measured: speech with phones, motion with sound, or both.

Contract: a folder laid out like the training data (speech/*.jsonl, motion/manifest.json), or any
flat folder of sound and video files with, where there are some, NAME.npz or NAME.csv (motion,
engine.motion.curves), NAME.json ({"phones": [[phone, start, duration in 10 ms frames], ...],
"speaker", "fps", "shift_video"}, or the list alone) and a manifest.jsonl of such rows with `audio`.
Whatever is there is taken; whatever is not, or cannot be read, is named. Speakers and recordings
on the roster of training, and children, are left out unless everything is asked for.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import AudioError, TrackingError
from engine.eval.performances import (
    SOUNDS,
    Performance,
    on_grid,
    read_performances,
    settled,
)
from engine.eval.recordings import (
    CORPORA,
    Phone,
    Recording,
    bundled,
    levelled,
    read_manifest,
    read_sound,
)
from engine.eval.roster import clip_trained, speaker_trained
from engine.eval.synchrony import Clip, prepare
from engine.motion.channels import OPENNESS
from engine.motion.curves import SUFFIXES, read_curves

GROUPS = {"librispeech": "native", "speechocean762": "accented"}
_SILENT = {"", "SIL", "SP", "SPN", "PAU", "H#", "<EPS>"}


@dataclass
class Material:
    """What is measured, and what is not."""

    clips: list[Clip] = field(default_factory=list)  # sound with aligned phones
    performances: list[Performance] = field(default_factory=list)  # motion with sound
    others: list[Performance] = field(default_factory=list)  # same people, for styles only
    skipped: list[str] = field(default_factory=list)
    left_out: int = 0  # clips that training may have heard

    def notes(self) -> list[str]:
        """Lines for people about what is missing."""
        lines = [f"skipped: {text}" for text in self.skipped]
        if self.left_out:
            lines.append(
                f"left out: {self.left_out} clips of children, or of speakers and recordings that "
                "training may have used; --all measures them too"
            )
        return lines


def gather(data: Path | None, everything: bool = False, limit: int | None = None) -> Material:
    """The material of a folder; the bundled clips without one. Raises AudioError when a folder
    has nothing to measure."""
    found = Material()
    if data is None:
        _speech(bundled(), found, everything, limit)
        return found
    if not data.is_dir():
        raise AudioError(f"{data} is no folder; expected one with clips to measure")
    known = False
    if (data / "speech").is_dir():
        known = True
        for path in sorted((data / "speech").glob("*.jsonl")):
            with _guarded(found):
                _speech(read_manifest(path), found, everything, limit)
    if (data / "motion" / "manifest.json").is_file():
        known = True
        _motion(read_performances(data, found.skipped), found, everything, limit)
    if not known:
        _flat(data, found, limit)
    if not (found.clips or found.performances):
        what = "; ".join(found.notes()[:5]) or "no sound with phones and none with motion"
        raise AudioError(f"{data.name} has nothing to measure: {what}")
    return found


@contextmanager
def _guarded(found: Material) -> Iterator[None]:
    """What cannot be read is named and gone without."""
    try:
        yield
    except (AudioError, TrackingError, KeyError, ValueError, TypeError) as error:
        found.skipped.append(f"{type(error).__name__}: {error}")


def _speech(
    recordings: Iterable[Recording], found: Material, everything: bool, limit: int | None
) -> None:
    without, taken = 0, 0
    for recording in recordings:
        corpus = recording.corpus
        unknown = not speaker_trained(corpus, recording.speaker)
        free = unknown and (recording.adult or corpus not in CORPORA)
        if not recording.phones:
            without += 1
        elif not (free or everything):
            found.left_out += 1
        elif limit is None or taken < limit:
            group = GROUPS.get(corpus, corpus) if recording.adult else "children"
            with _guarded(found):
                found.clips.append(prepare(recording, group))
                taken += 1
    if without:
        found.skipped.append(f"{without} recordings without aligned phones")


def _motion(every: list[Performance], found: Material, everything: bool, limit: int | None) -> None:
    rest = [clip for clip in every if not everything and clip_trained(clip)]
    chosen = [clip for clip in every if everything or not clip_trained(clip)]
    found.performances += chosen[:limit]
    found.others += rest
    found.left_out += len(rest)


def phones_of(row: Any) -> tuple[Phone, ...]:
    """Phones of a manifest's row, with stress digits and other names of silence allowed. Raises
    AudioError for a phone without openness."""
    phones = []
    for name, start, duration in row:
        plain = str(name).upper().rstrip("0123456789")
        plain = "SIL" if plain in _SILENT else plain
        if plain not in OPENNESS:
            raise AudioError(f"phone {str(name)[:20]!r} is no ARPAbet phone or SIL")
        phones.append((plain, int(start), int(duration)))
    return tuple(phones)


def _flat(folder: Path, found: Material, limit: int | None) -> None:
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            rows[Path(str(row.get("audio", row.get("id", "")))).stem] = row
    performances: list[Performance] = []
    sounds = [path for path in folder.iterdir() if path.suffix.lower() in SOUNDS]
    sounds.sort(key=lambda path: (path.stem, SOUNDS.index(path.suffix.lower())))
    for path in list({path.stem: path for path in reversed(sounds)}.values())[::-1][:limit]:
        with _guarded(found):
            _one(path, rows, found, performances)
    found.performances += settled(performances)


def _one(
    path: Path, rows: dict[str, dict[str, Any]], found: Material, performances: list[Performance]
) -> None:
    """One sound of a flat folder with whatever lies beside it."""
    beside = path.with_suffix(".json")
    row: Any = json.loads(beside.read_text()) if beside.is_file() else rows.get(path.stem, {})
    row = {"phones": row} if isinstance(row, list) else row
    phones = phones_of(row.get("phones") or ())
    motion = next((m for s in SUFFIXES if (m := path.with_suffix(s)).is_file()), None)
    pcm = levelled(read_sound(path))
    group = str(row.get("group", row.get("corpus", path.parent.name)))
    if phones:
        found.clips.append(Clip(path.stem, group, pcm, phones))
    if motion:
        curves = read_curves(motion)
        shift = float(row.get("shift_video", row.get("shift", 0))) / float(row.get("fps", 25))
        person = str(row.get("speaker", path.stem))
        performances.append(on_grid(curves, pcm, path.stem, person, group, shift, phones))
    if not (phones or motion):
        found.skipped.append(f"{path.name} has neither phones nor motion beside it")
