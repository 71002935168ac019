"""Mandarin: does the openness of what is heard follow the recorded jaw of FACEGOOD's two voices.

Definition: openness of a row = posteriors @ OPENNESS_ROW (engine.motion.channels, fixed before any
training and the same everywhere), as heard and without smoothing; "likeliest" takes the openness of
the likeliest phone alone. The jaw is `mouth_stretch_c` at the row's label time. r is Pearson's, by
recording, at zero lag and at the one lag within 120 ms that is best for the mean. The phone
posteriors never saw these recordings, nor any Mandarin that is not synthetic.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from engine.audio.mel import LABEL_AT
from engine.eval.baselines import amplitude
from engine.eval.recordings import levelled, read_sound
from engine.eval.rivals import pearson
from engine.eval.rows import hear
from engine.frames import F32, HOP, SAMPLE_RATE
from engine.motion.channels import OPENNESS_ROW
from engine.speech.ppg import PPG

LAGS_MS = tuple(range(-120, 121, 10))  # > 0: the jaw moves after the sound
JAW = "mouth_stretch_c"

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jaw:
    """One recording."""

    name: str
    pcm: F32  # [S] at 16 kHz
    times: F64  # [N] seconds of the sound at which the jaw was seen
    opening: F64  # [N]


def read(data: Path) -> list[Jaw]:
    """FACEGOOD's recordings in DATA/motion; empty where the folder is not there."""
    folder = data / "motion"
    if not (folder / "manifest.json").is_file():
        return []
    found = []
    for row in json.loads((folder / "manifest.json").read_text()):
        if row["folder"] != "facegood":
            continue
        with np.load(folder / "facegood" / f"{row['name']}.npz") as arrays:
            column = list(arrays["names"]).index(JAW)
            opening = np.asarray(arrays["weights"][:, column], np.float64)
            seen = np.arange(len(opening), dtype=np.float64) + float(row["shift"])
            times = np.asarray(seen / float(arrays["fps"]), np.float64)
        pcm = read_sound(folder / "facegood" / f"{row['name']}.flac")
        found.append(Jaw(row["name"], levelled(pcm), times, opening))
    return found


def follow(curve: F32, jaw: Jaw) -> F64:
    """r [len(LAGS_MS)] of a curve [T] over the clip's rows with the jaw."""
    at = (np.arange(len(curve)) * HOP + LABEL_AT) / SAMPLE_RATE
    reach = max(LAGS_MS) / 1000
    inside = (at >= jaw.times[0] + reach) & (at <= jaw.times[-1] - reach)
    later = (np.interp(at[inside] + lag / 1000, jaw.times, jaw.opening) for lag in LAGS_MS)
    return np.array([pearson(curve[inside], moved) for moved in later])


def measure(jaws: Iterable[Jaw], ppg: PPG) -> dict[str, dict[str, float]]:
    """r of the model's openness, of its likeliest phone, and of loudness."""
    curves: dict[str, list[F64]] = {"openness": [], "likeliest": [], "loudness": []}
    names = []
    for jaw in tqdm(list(jaws), desc="Mandarin", leave=False):
        posteriors = hear(jaw.pcm, ppg).posteriors
        curves["openness"].append(follow(posteriors @ OPENNESS_ROW, jaw))
        curves["likeliest"].append(follow(OPENNESS_ROW[posteriors.argmax(1)], jaw))
        curves["loudness"].append(follow(amplitude(jaw.pcm), jaw))
        names.append(jaw.name)
    result = {}
    for name, rows in curves.items():
        table = np.array(rows)
        best = int(table.mean(0).argmax())
        zero = table[:, LAGS_MS.index(0)]
        result[name] = {
            "r": float(table[:, best].mean()),
            "lag_ms": float(LAGS_MS[best]),
            "r_at_0": float(zero.mean()),
            **{f"r_at_0 {clip}": float(r) for clip, r in zip(names, zero, strict=True)},
        }
    return result
