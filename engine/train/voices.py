"""Synthetic speech with exact phone times: espeak-ng, flite and festival, whichever is installed.

Contract: every voice turns sentences into `Spoken` clips at 16 kHz; absent programs are skipped by
name, never an error. The programs are GPL or BSD tools used at data-making time only.
"""

import ctypes
import ctypes.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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


# espeak mnemonics -> ARPAbet; two names share the stretch equally (the first 60 %).
ESPEAK: dict[str, tuple[str, ...]] = {
    **{name: ("SIL",) for name in ("_", "_:", "_!", "_|", "_^_")},
    **{name: ("T",) for name in ("t", "t#", "t2", "t[", "?")},
    **{name: ("N",) for name in ("n", "n-", "n^")},
    **{name: ("R",) for name in ("r", "r-", "r/")},
    **{name: ("W",) for name in ("w", "w#")},
    **{name: ("IH",) for name in ("I", "I2", "I#", "IR", "I2#")},
    **{name: ("AH",) for name in ("@", "@2", "@5", "@-", "V", "a#", "@#")},
    **{name: ("ER",) for name in ("3:", "VR", "@r")},
    **{name: ("AE",) for name in ("a", "aa")},
    **{name: ("IY",) for name in ("i", "i:")},
    **{name: ("AA",) for name in ("0", "A:", "A", "A#")},
    **{name: ("AO",) for name in ("O2", "O:", "O")},
    **{name: ("AY",) for name in ("aI", "aI2")},
    "d": ("D",), "s": ("S",), "z": ("Z",), "l": ("L",), "k": ("K",), "b": ("B",), "m": ("M",),
    "f": ("F",), "p": ("P",), "v": ("V",), "h": ("HH",), "g": ("G",), "N": ("NG",),
    "S": ("SH",), "Z": ("ZH",), "j": ("Y",), "tS": ("CH",), "dZ": ("JH",), "T": ("TH",),
    "D": ("DH",), "E": ("EH",), "eI": ("EY",), "oU": ("OW",), "u:": ("UW",), "u": ("UW",),
    "U": ("UH",), "aU": ("AW",), "OI": ("OY",), "@L": ("AH", "L"), "aI@": ("AY", "AH"),
    "aI3": ("AY", "ER"), "i@3": ("IH", "R"),
}  # fmt: skip
# Vowels that carry the following r in rhotic accents and lengthen in the others.
_RHOTIC = {"A@": "AA", "e@": "EH", "O@": "AO", "o@": "AO", "U@": "UH", "i@": "IH"}
_SPLIT = 0.6

ACCENTS = ("en-us", "en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-gb-scotland")
VARIANTS = tuple(
    "adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb david Denis "
    "Diogo Ed edward edward2 Gene Gene2 Gustave Henrique Hugo iven iven2 iven3 iven4 Jacky john "
    "kaukovalta Lee linda marcelo Marco Mario Max Michael michel miguel mike Mr Nguyen pablo paul "
    "pedro quincy RicishayMax RicishayMax2 RicishayMax3 rob robert steph steph2 steph3 Storm "
    "victor zac anika f1 f2 f3 f4 f5 grandma grandpa klatt klatt2 klatt3 klatt4 m1 m2 m3 m4 m5 m6 "
    "m7 m8 norbert sandro shelby travis".split()
)

# Names of flite and festival that differ from ARPAbet.
_FOLDED = {
    "ax": "AH", "axr": "ER", "dx": "T", "el": "L", "em": "M", "en": "N", "hv": "HH", "nx": "N",
    "pau": "SIL", "h#": "SIL", "brth": "SIL", "ssil": "SIL", "#": "SIL",
}  # fmt: skip


def _class(name: str) -> int:
    return INDEX.get(_FOLDED.get(name, name.upper()), UNKNOWN)


def _resampled(pcm: F32, rate: int) -> F32:
    if rate == SAMPLE_RATE:
        return pcm
    return np.asarray(soxr.resample(pcm, rate, SAMPLE_RATE, quality="HQ"), np.float32)


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


class Espeak:
    """libespeak-ng through ctypes; phone events carry the sample where each phone starts."""

    _PHONEME_EVENT = 7
    _SYNCHRONOUS = 2
    _RATE, _PITCH, _RANGE = 1, 3, 4

    def __init__(self, library: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._rate = int(self._lib.espeak_Initialize(self._SYNCHRONOUS, 0, None, 1))
        self._pcm: list[bytes] = []
        self._phones: list[tuple[int, str]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = kind(self._receive)  # kept: the library holds only a pointer
        self._lib.espeak_SetSynthCallback(self._callback)

    @staticmethod
    def find() -> "Espeak | None":
        """The installed library, or None."""
        name = ctypes.util.find_library("espeak-ng")
        return Espeak(name) if name else None

    def _receive(self, samples: object, count: int, events: object) -> int:
        if samples and count > 0:
            self._pcm.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        for event in _events(events):
            if event.type == self._PHONEME_EVENT:
                raw = ctypes.string_at(ctypes.addressof(event) + _Event.name.offset, 8)
                name = raw.split(b"\0")[0].decode("utf-8", "replace")
                self._phones.append((event.sample, name))
        return 0

    def speak(self, texts: list[str], rng: np.random.Generator) -> Iterator[Spoken]:
        """Each text with a random accent, voice variant, rate and pitch."""
        for text in texts:
            accent, variant = str(rng.choice(ACCENTS)), str(rng.choice(VARIANTS))
            if self._lib.espeak_SetVoiceByName(f"{accent}+{variant}".encode()):
                continue
            self._lib.espeak_SetParameter(self._RATE, int(rng.integers(125, 215)), 0)
            self._lib.espeak_SetParameter(self._PITCH, int(rng.integers(25, 75)), 0)
            self._lib.espeak_SetParameter(self._RANGE, int(rng.integers(25, 80)), 0)
            self._pcm.clear()
            self._phones.clear()
            data = text.encode()
            self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
            self._lib.espeak_Synchronize()
            wave = np.frombuffer(b"".join(self._pcm), np.int16) / 32768
            pcm: F32 = wave.astype(np.float32)
            if len(pcm) < self._rate // 2:
                continue
            rhotic = accent in ("en-us", "en-gb-scotland")
            edges = espeak_edges(self._phones, len(pcm), self._rate, rhotic)
            yield Spoken(f"espeak/{accent}+{variant}", _resampled(pcm, self._rate), edges)


def _events(events: object) -> Iterator[_Event]:
    index = 0
    while events and events[index].type:  # type: ignore[index]
        yield events[index]  # type: ignore[index]
        index += 1


def espeak_edges(
    phones: list[tuple[int, str]], samples: int, rate: int, rhotic: bool
) -> tuple[Edge, ...]:
    """Events (start sample, mnemonic) -> edges in seconds; zero-length events vanish in look-up."""
    edges: list[Edge] = []
    starts = [start for start, _ in phones] + [samples]
    names = [name for _, name in phones] + ["_"]
    for i, (start, name) in enumerate(phones):
        if name == ";":  # palatalisation mark: belongs to the phone before
            continue
        classes = ESPEAK.get(name)
        if name == "3":
            classes = ("ER",) if rhotic else ("AH",)
        if name in _RHOTIC:
            follows = names[i + 1].startswith("r")
            classes = (_RHOTIC[name], "R") if rhotic and not follows else (_RHOTIC[name],)
        if classes is None:
            edges.append((UNKNOWN, start / rate))
            continue
        edges.append((INDEX[classes[0]], start / rate))
        if len(classes) == 2:
            middle = start + _SPLIT * (starts[i + 1] - start)
            edges.append((INDEX[classes[1]], middle / rate))
    return tuple(edges)


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
            done = subprocess.run([*command, "-o", str(path)], capture_output=True, check=False)
            if done.returncode:
                continue
            edges, at = [], 0.0
            for token in done.stdout.decode("utf-8", "replace").split():
                name, _, end = token.rpartition(":")
                edges.append((_class(name), at))
                at = float(end)
            pcm, rate = soundfile.read(path, dtype="float32")
            yield Spoken(f"flite/{voice}", _resampled(pcm, rate), tuple(edges))


FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")


def festival(texts: list[str], rng: np.random.Generator) -> Iterator[Spoken]:
    """festival's segments of diphone and HTS voices. Nothing if festival is absent."""
    program = shutil.which("festival")
    if program is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "make.scm"
        lines, voices = [], []
        for i, text in enumerate(texts):
            voices.append(str(rng.choice(FESTIVAL_VOICES)))
            clean = text.replace("\\", "").replace('"', "")
            lines.append(f"(voice_{voices[-1]})")
            lines.append(f"(Parameter.set 'Duration_Stretch {rng.uniform(0.85, 1.2):.3f})")
            lines.append(f'(set! u (SynthText "{clean}"))')
            lines.append(f'(utt.save.segs u "{folder}/{i}.seg")')
            lines.append(f'(utt.save.wave u "{folder}/{i}.wav" \'riff)')
        script.write_text("\n".join(lines), encoding="latin-1", errors="ignore")
        subprocess.run([program, "-b", str(script)], capture_output=True, check=False)
        for i, voice in enumerate(voices):
            wave, segments = Path(folder) / f"{i}.wav", Path(folder) / f"{i}.seg"
            if not (wave.exists() and segments.exists()):
                continue
            edges, at = [], 0.0
            for line in segments.read_text(errors="replace").splitlines():
                parts = line.split()
                if len(parts) == 3:
                    edges.append((_class(parts[2]), at))
                    at = float(parts[0])
            pcm, rate = soundfile.read(wave, dtype="float32")
            yield Spoken(f"festival/{voice}", _resampled(pcm, rate), tuple(edges))
