"""Tracks: long stretches of one speaker in one manner, heard through our own ears, with the motion
that the teacher (or a recorded person) makes to it; and the folder that keeps them.

Contract: arrays on the 25 Hz grid; the noise rows are those the decoder would draw, so sampled
events can be learned; every track carries the statistics measured on its own motion. A saved
folder holds what many tracks hear once, in float16, and is read memory-mapped.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.errors import WeightsError
from engine.frames import BLENDSHAPES, F32, SAMPLES_PER_FRAME
from engine.motion import noise as noises
from engine.motion.prosody import FEATURES, NAMES
from engine.style.encoder import VERSION as ENCODER
from engine.style.encoder import pieced, statistics
from engine.train.gestures import gestures
from engine.train.manner import Manner
from engine.train.takes import Tape
from engine.train.teacher import at_samples, lips

F16 = np.float16
VERSION = 2
_INDEX = "tracks.json"
_HEARD = ("ppg", "aux", "prosody", "opening")  # shared by the tracks of one tape
_MADE = ("noise", "weights", "pose", "events")
_TO_100_HZ = 160  # samples


@dataclass(frozen=True, slots=True)
class Track:
    """One speaker, one manner. N ticks. Arrays may be read-only views of mapped files."""

    name: str  # of a bundled manner; "random"; "real PERSON"
    person: str  # one way to move: tracks of one person show the same style
    ppg: np.ndarray  # [look-aheads, N, 80] float16
    aux: np.ndarray  # [look-aheads, N, 6] float16: closure, voicing, energy of the two rows
    prosody: np.ndarray  # [N, 2 * FEATURES] float16
    opening: F32  # [N] openness of the aligned phones, NaN where there are none
    noise: np.ndarray  # [N, WIDTH] float16
    weights: np.ndarray  # [N, 52] float16
    pose: F32  # [N, 6]
    events: np.ndarray  # [N, UNIFORM] uint8
    mask: F32  # [52] channels to learn from
    pose_mask: float
    statistics: F32
    edges: tuple[int, ...] = ()  # ticks at which another recording begins

    def __len__(self) -> int:
        return len(self.prosody)


def taught(name: str, person: str, manner: Manner, tape: Tape, seed: int) -> Track:
    """The teacher's track: lips from phone times, gestures from prosody and noise."""
    ticks = np.arange(len(tape), dtype=np.int64)
    noise = noises.draw(np.full(len(ticks), seed, np.uint64), ticks)
    gesture = gestures(tape.ticks.prosody.astype(np.float32), noise, manner)
    weights = gesture.weights + mouth(tape, manner)
    return Track(
        name, person, tape.ticks.ppg, tape.ticks.aux, tape.ticks.prosody, tape.opening,
        noise.astype(F16), weights.astype(F16), gesture.pose, gesture.events.astype(np.uint8),
        np.ones(BLENDSHAPES, np.float32), 1.0, statistics(weights, gesture.pose),
    )  # fmt: skip


def mouth(tape: Tape, manner: Manner) -> F32:
    """Teacher's lips on the 25 Hz grid of the tape: [N, 52]."""
    count = len(tape) * SAMPLES_PER_FRAME // _TO_100_HZ
    rows = tape.ticks.prosody.astype(np.float32).reshape(-1, FEATURES)[:, NAMES.index("stress")]
    labels = 320 * np.arange(len(rows)) - 360
    stress = np.interp(np.arange(count) * _TO_100_HZ, labels, rows).astype(np.float32)
    curve = lips(tape.phones, count / 100, manner, stress)
    return at_samples(curve, np.arange(len(tape)) * SAMPLES_PER_FRAME)


def save(tracks: Sequence[Track], folder: Path) -> None:
    """Write the folder: `tracks.json` last, so that a folder with it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _INDEX).unlink(missing_ok=True)
    tapes: dict[int, tuple[int, Track]] = {}  # id of the ppg array -> begin, a track with it
    heard = made = 0
    rows = []
    for track in tracks:
        if id(track.ppg) not in tapes:
            tapes[id(track.ppg)] = heard, track
            heard += len(track)
        rows.append({
            "name": track.name, "person": track.person, "ticks": len(track),
            "heard": tapes[id(track.ppg)][0], "made": made, "pose_mask": track.pose_mask,
            "edges": list(track.edges),
        })  # fmt: skip
        made += len(track)
    for field in _HEARD:
        parts = [np.asarray(getattr(track, field)) for _, track in tapes.values()]
        axis = parts[0].ndim - 2 if parts[0].ndim == 3 else 0
        kind = np.float32 if field == "opening" else F16
        _write(folder, field, np.concatenate(parts, axis=axis).astype(kind))
    for field in _MADE:
        _write(folder, field, np.concatenate([getattr(track, field) for track in tracks]))
    _write(folder, "mask", np.stack([track.mask for track in tracks]))
    _write(folder, "statistics", np.stack([track.statistics for track in tracks]))
    about = {"version": VERSION, "encoder": ENCODER, "heard": heard, "made": made, "tracks": rows}
    (folder / _INDEX).write_text(json.dumps(about))


def _write(folder: Path, field: str, array: np.ndarray) -> None:
    """A fresh file: whoever has mapped the old one keeps it."""
    path = folder / f"{field}.npy"
    path.unlink(missing_ok=True)
    np.save(path, array)


def load(folder: Path) -> list[Track]:
    """All tracks of a folder, memory-mapped. Raises WeightsError for a folder that is not whole."""
    index = folder / _INDEX
    if not index.is_file():
        raise WeightsError(
            f"{folder.name} has no {_INDEX}: make it with python -m engine.train tracks --out"
        )
    about = json.loads(index.read_text())
    if about.get("version") != VERSION:
        raise WeightsError(
            f"{folder.name} has tracks of version {about.get('version')}, expected {VERSION}; make "
            "it again with python -m engine.train tracks"
        )
    arrays = {f: np.load(folder / f"{f}.npy", mmap_mode="r") for f in (*_HEARD, *_MADE)}
    for field, array in arrays.items():
        wanted = about["heard" if field in _HEARD else "made"]
        if wanted not in array.shape:
            raise WeightsError(f"{field}.npy is {array.shape}, expected {wanted} ticks: torn")
    masks, rows = np.load(folder / "mask.npy"), np.load(folder / "statistics.npy")
    stale = about["encoder"] != ENCODER
    return [
        _track(row, arrays, masks[n], None if stale else rows[n])
        for n, row in enumerate(tqdm(about["tracks"], desc="tracks", disable=not stale))
    ]


def _track(
    row: dict[str, Any], arrays: dict[str, np.ndarray], mask: F32, stats: F32 | None
) -> Track:
    ticks = int(str(row["ticks"]))
    own = {}
    for field, array in arrays.items():
        at = int(str(row["heard" if field in _HEARD else "made"]))
        cut = slice(at, at + ticks)
        own[field] = array[:, cut] if array.ndim == 3 else array[cut]
    edges = tuple(int(edge) for edge in row["edges"])
    if stats is None:  # of another version of the encoder
        stats = pieced(own["weights"].astype(np.float32), own["pose"], edges)
    return Track(
        name=str(row["name"]), person=str(row["person"]), mask=mask,
        pose_mask=float(str(row["pose_mask"])), statistics=stats, edges=edges, **own,
    )  # fmt: skip
