"""What lies in a folder to be measured: speech with phones, motion with sound, or both.

Contract: a folder laid out like the training data (speech/*.jsonl, motion/manifest.json), or any
flat folder of sound and video files with, where there are some, NAME.npz or NAME.csv (motion,
engine.motion.curves), NAME.json ({"phones": [[phone, start, duration in 10 ms frames], ...],
"speaker", "fps", "shift_video"}, or the list alone) and a manifest.jsonl of such rows with `audio`.
Whatever is there is taken; whatever is not, or cannot be read, is named. Speakers and recordings
on the roster of training, and children, are left out unless everything is asked for: in a flat
folder they are known by "speaker" and "corpus" of NAME.json, or by a NAME as the corpora give them.
Who is not known by any name counts as unseen.
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
    parts,
    person_of,
    read_performances,
    settled,
)
from engine.eval.recordings import (
    ADULT,
    CORPORA,
    Phone,
    Recording,
    bundled,
    levelled,
    read_manifest,
    read_sound,
)
from engine.eval.roster import clip_trained, corpus_of, sound_trained, speaker_trained
from engine.eval.synchrony import Clip, prepare
from engine.frames import F32, SAMPLE_RATE
from engine.motion.channels import OPENNESS
from engine.motion.curves import SUFFIXES, read_curves

GROUPS = {"librispeech": "native", "speechocean762": "accented"}
_LEAST_S = 0.5  # a shorter sound says nothing about following
_MOST_FRAMES = 100 * 3600 * 24  # a day of 10 ms
_SILENT = {"", "SIL", "SP", "SPN", "PAU", "H#", "<EPS>"}


@dataclass
class Material:
    """What is measured, and what is not."""

    clips: list[Clip] = field(default_factory=list)  # sound with aligned phones
    performances: list[Performance] = field(default_factory=list)  # motion with sound
    others: list[Performance] = field(default_factory=list)  # same people, for styles only
    skipped: list[str] = field(default_factory=list)
    left_out: int = 0  # clips that training may have heard
    flat: bool = False  # nobody says where the clips come from but their names

    def notes(self) -> list[str]:
        """Lines for people about what is missing."""
        lines = [f"skipped: {text}" for text in self.skipped]
        if self.left_out:
            lines.append(
                f"left out: {self.left_out} clips of children, or of speakers and recordings that "
                "training may have used; --all measures them too"
            )
        if self.flat:
            lines.append(
                "note: a flat folder: trained speakers and recordings are known by their names or "
                "by speaker and corpus in NAME.json; everything else counts as unseen"
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
            with _guarded(found, path.name):
                _speech(read_manifest(path), found, everything, limit)
    if (data / "motion" / "manifest.json").is_file():
        known = True
        with _guarded(found, "motion/manifest.json"):
            _motion(read_performances(data, found.skipped), found, everything, limit)
    if not known:
        _flat(data, found, everything, limit)
    if not (found.clips or found.performances):
        what = "; ".join(found.notes()[:5]) or "no sound with phones and none with motion"
        raise AudioError(f"{data.name} has nothing to measure: {what}")
    return found


@contextmanager
def _guarded(found: Material, what: str = "a row") -> Iterator[None]:
    """What cannot be read is named and gone without."""
    try:
        yield
    except (AudioError, TrackingError) as error:
        found.skipped.append(str(error))
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError, OSError,
            RecursionError) as error:  # fmt: skip
        found.skipped.append(f"{what}: {type(error).__name__}: {error}")


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
            with _guarded(found, recording.path.name):
                clip = prepare(recording, group)
                _long_enough(clip.pcm, recording.path.name)
                found.clips.append(clip)
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
        if not 0 <= start <= _MOST_FRAMES or not 0 <= duration <= _MOST_FRAMES:
            raise AudioError(
                f"phone {str(name)[:20]!r} lies at {start} for {duration}, expected 10 ms frames "
                "from the beginning of the sound"
            )
        plain = str(name).upper().rstrip("0123456789")
        plain = "SIL" if plain in _SILENT else plain
        if plain not in OPENNESS:
            raise AudioError(f"phone {str(name)[:20]!r} is no ARPAbet phone or SIL")
        phones.append((plain, int(start), int(duration)))
    return tuple(phones)


def _long_enough(pcm: F32, name: str) -> None:
    if len(pcm) < _LEAST_S * SAMPLE_RATE:
        raise AudioError(
            f"{name} lasts {len(pcm) / SAMPLE_RATE:.2f} s, expected at least {_LEAST_S} s"
        )


def _flat(folder: Path, found: Material, everything: bool, limit: int | None) -> None:
    found.flat = True
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        with _guarded(found, path.name):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                with _guarded(found, f"{path.name}, line {number}"):
                    row = read_row(line)
                    rows[Path(str(row.get("audio", row.get("id", "")))).stem] = row
    performances: list[Performance] = []
    sounds = [path for path in folder.iterdir() if path.suffix.lower() in SOUNDS]
    sounds.sort(key=lambda path: (path.stem, SOUNDS.index(path.suffix.lower())))
    for path in list({path.stem: path for path in reversed(sounds)}.values())[::-1][:limit]:
        with _guarded(found, path.name):
            beside = path.with_suffix(".json")
            row = rows.get(path.stem, {})
            with _guarded(found, beside.name):
                row = read_row(beside.read_text()) if beside.is_file() else row
            _one(path, row, found, everything, performances)
    _motion(settled(performances), found, everything, None)


def read_row(text: str) -> dict[str, Any]:
    """What a NAME.json or a line of a manifest says; a list is its phones. Raises ValueError for
    text that is no JSON, AudioError for JSON that says nothing about a clip."""
    row: Any = json.loads(text) if text.strip() else {}
    row = {"phones": row} if isinstance(row, list) and all(map(_is_phone, row)) else row
    if not isinstance(row, dict):
        raise AudioError(
            f"{text[:40]!r} is no row about a clip, expected "
            '{"phones": [[phone, start, duration], ...], "speaker": ...} or that list'
        )
    return row


def _is_phone(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 3


def _one(
    path: Path, row: dict[str, Any], found: Material, everything: bool,
    performances: list[Performance],
) -> None:  # fmt: skip
    """One sound of a flat folder with whatever lies beside it."""
    name, corpus, speaker = path.stem, _text(row, "corpus"), _text(row, "speaker")
    phones = phones_of(row.get("phones") or ())
    motion = next((m for s in SUFFIXES if (m := path.with_suffix(s)).is_file()), None)
    pcm = read_sound(path)
    _long_enough(pcm, path.name)
    pcm = levelled(pcm)
    group = _text(row, "group") or corpus or path.parent.name
    child = corpus in CORPORA and int(row.get("age") or ADULT) < ADULT
    if phones and not everything and (child or sound_trained(name, corpus, speaker)):
        found.left_out += not motion  # a recording of motion is counted as such
    elif phones:
        found.clips.append(Clip(name, group, pcm, phones))
    if motion:
        curves = read_curves(motion)
        known = corpus_of(name)
        shift = float(row.get("shift_video", row.get("shift", 0))) / float(row.get("fps", 25))
        person = speaker or (person_of({"name": name, "folder": known}) if known else name)
        clip = on_grid(curves, pcm, name, person, known or group, shift, phones)
        performances += parts(clip) if known else [clip]
    if not (phones or motion):
        found.skipped.append(f"{path.name} has neither phones nor motion beside it")


def _text(row: dict[str, Any], key: str) -> str | None:
    return None if row.get(key) is None else str(row[key])
