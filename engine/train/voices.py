"""Synthetic English with exact phone times: flite and festival, whichever is installed.

Contract: every voice turns sentences into `Spoken` clips at 16 kHz; absent programs are skipped by
name, never an error. The programs are GPL or BSD tools used at data-making time only.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from engine.frames import F32, SAMPLE_RATE
from engine.speech.phonemes import INDEX

UNKNOWN = -1  # a stretch whose phone has no place among the 40: not trained on

Edge = tuple[int, float]  # (class of PHONES or UNKNOWN, start in seconds)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One synthesised sentence."""

    voice: str
    pcm: F32  # [S] at 16 kHz
    edges: tuple[Edge, ...]  # starts, ascending; the last class holds to the end


# Names of flite and festival that differ from ARPAbet.
_FOLDED = {
    "ax": "AH", "axr": "ER", "dx": "T", "el": "L", "em": "M", "en": "N", "hv": "HH", "nx": "N",
    "pau": "SIL", "h#": "SIL", "brth": "SIL", "ssil": "SIL", "#": "SIL",
}  # fmt: skip


def _class(name: str) -> int:
    return INDEX.get(_FOLDED.get(name, name.upper()), UNKNOWN)


def resampled(pcm: F32, rate: int) -> F32:
    """The sound at 16 kHz."""
    if rate == SAMPLE_RATE:
        return pcm
    return np.asarray(soxr.resample(pcm, rate, SAMPLE_RATE, quality="HQ"), np.float32)


def _ran(command: list[str], seconds: float) -> subprocess.CompletedProcess[bytes] | None:
    """The program's answer, or None, said, where it gives none in time."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        name = Path(command[0]).name
        print(f"{name} gave no answer in {seconds:g} s: gone without it", flush=True)
        return None


_FLITE_S = 30.0  # for a sentence; some milliseconds are usual
FLITE_VOICES = ("awb", "rms", "slt", "kal16")


def flite(texts: list[str], rng: np.random.Generator) -> Iterator[Spoken]:
    """flite -psdur: prints `phone:end_time` of every segment. Nothing if flite is absent."""
    program = shutil.which("flite")
    if program is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.wav"
        for text in texts:
            voice = str(rng.choice(FLITE_VOICES))
            stretch = f"duration_stretch={rng.uniform(0.85, 1.2):.3f}"
            command = [program, "-psdur", "-voice", voice, "--setf", stretch, "-t", text]
            done = _ran([*command, "-o", str(path)], _FLITE_S)
            if done is None or done.returncode:
                continue
            edges, at = [], 0.0
            for token in done.stdout.decode("utf-8", "replace").split():
                name, _, end = token.rpartition(":")
                edges.append((_class(name), at))
                at = float(end)
            pcm, rate = soundfile.read(path, dtype="float32")
            yield Spoken(f"flite/{voice}", resampled(pcm, rate), tuple(edges))


# Against voicing, festival's segments begin this much before their sound.
_FESTIVAL_EARLY_S = 0.01
_FESTIVAL_S = 600.0  # for twenty sentences; some seconds are usual
FESTIVAL_VOICES = {"kal_diphone": "festvox-kallpc16k", "ked_diphone": "festvox-kdlpc16k",
                   "cmu_us_slt_arctic_hts": "festvox-us-slt-hts"}  # fmt: skip


@cache
def _festival_voices(program: str) -> tuple[str, ...]:
    """Those of FESTIVAL_VOICES that are installed: any other would end the script. The absent ones
    are named once."""
    done = _ran([program, "-b", "(print (voice.list))"], _FESTIVAL_S)
    answer = done.stdout.decode("utf-8", "replace") if done else ""
    listed = answer.replace("(", " ").replace(")", " ").split()
    for voice, package in FESTIVAL_VOICES.items():
        if voice not in listed:
            print(f"festival has no voice {voice} (apt-get install {package})", flush=True)
    return tuple(voice for voice in FESTIVAL_VOICES if voice in listed)


def festival(texts: list[str], rng: np.random.Generator) -> Iterator[Spoken]:
    """festival's segments of diphone and HTS voices. Nothing if festival is absent."""
    program = shutil.which("festival")
    installed = _festival_voices(program) if program else ()
    if program is None or not installed:
        return
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "make.scm"
        lines, voices = [], []
        for i, text in enumerate(texts):
            voices.append(str(rng.choice(installed)))
            clean = text.replace("\\", "").replace('"', "")
            lines.append(f"(voice_{voices[-1]})")
            lines.append(f"(Parameter.set 'Duration_Stretch {rng.uniform(0.85, 1.2):.3f})")
            lines.append(f'(set! u (SynthText "{clean}"))')
            lines.append(f'(utt.save.segs u "{folder}/{i}.seg")')
            lines.append(f'(utt.save.wave u "{folder}/{i}.wav" \'riff)')
        script.write_text("\n".join(lines), encoding="latin-1", errors="ignore")
        if _ran([program, "-b", str(script)], _FESTIVAL_S) is None:
            return
        for i, voice in enumerate(voices):
            wave, segments = Path(folder) / f"{i}.wav", Path(folder) / f"{i}.seg"
            if not (wave.exists() and segments.exists()):
                continue
            edges, at = [], 0.0
            for line in segments.read_text(errors="replace").splitlines():
                parts = line.split()
                if len(parts) == 3:
                    edges.append((_class(parts[2]), at))
                    at = float(parts[0]) + _FESTIVAL_EARLY_S
            pcm, rate = soundfile.read(wave, dtype="float32")
            yield Spoken(f"festival/{voice}", resampled(pcm, rate), tuple(edges))
