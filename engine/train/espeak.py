"""espeak-ng through ctypes: any of its languages, with the sample where every phone starts.

Contract: English is spoken with espeak's own phone names (`ENGLISH` maps them), other languages
with IPA names, which `engine.train.languages` maps. Absent library: `find` gives None.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from functools import cache

import numpy as np

from engine.errors import AudioError
from engine.frames import F32
from engine.speech.phonemes import INDEX
from engine.train.languages import classes_of
from engine.train.voices import UNKNOWN, Edge, Spoken, resampled

# espeak mnemonics -> ARPAbet; two names share the stretch (the first 60 %).
ENGLISH: dict[str, tuple[str, ...]] = {
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
_PAUSE_S = 0.04

# Weights of the accents ("en" is British): General American is most like the aim.
ACCENTS = {"en-us": 4.0, "en": 1.5, "en-us-nyc": 1.0, "en-gb-x-rp": 1.0, "en-gb-scotland": 1.0,
           "en-029": 0.7, "en-gb-x-gbclan": 0.5, "en-gb-x-gbcwmd": 0.5}  # fmt: skip
_SAYS_R = ("en-us", "en-gb-scotland")
VARIANTS = tuple(
    "adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb david Denis "
    "Diogo Ed edward edward2 Gene Gene2 Gustave Henrique Hugo iven iven2 iven3 iven4 Jacky john "
    "kaukovalta Lee linda marcelo Marco Mario Max Michael michel miguel mike Mr Nguyen pablo paul "
    "pedro quincy RicishayMax RicishayMax2 RicishayMax3 rob robert steph steph2 steph3 Storm "
    "victor zac anika f1 f2 f3 f4 f5 grandma grandpa klatt klatt2 klatt3 klatt4 m1 m2 m3 m4 m5 m6 "
    "m7 m8 norbert sandro shelby travis".split()
)


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
    """libespeak-ng; one object per process, for the library holds one voice."""

    _PHONEME_EVENT = 7
    _SYNCHRONOUS = 2
    _EVENTS, _IPA = 1, 2
    _RATE, _PITCH, _RANGE, _GAP = 1, 3, 4, 7

    def __init__(self, library: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._options = 0
        self._rate = 0
        self._pcm: list[bytes] = []
        self._phones: list[tuple[int, str]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = kind(self._receive)  # kept: the library holds only a pointer
        self._open(self._EVENTS)

    @staticmethod
    @cache
    def find() -> "Espeak | None":
        """The installed library, always the same object, or None."""
        name = ctypes.util.find_library("espeak-ng")
        return Espeak(name) if name else None

    def _open(self, options: int) -> None:
        if options != self._options:
            self._rate = int(self._lib.espeak_Initialize(self._SYNCHRONOUS, 0, None, options))
            if self._rate <= 0:
                raise AudioError("espeak-ng finds no voices: apt-get install espeak-ng-data")
            self._lib.espeak_SetSynthCallback(self._callback)
            self._options = options

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
        """Each English text with a random accent, voice variant, rate and pitch."""
        accents, weights = list(ACCENTS), np.array(list(ACCENTS.values()))
        for text in texts:
            accent = str(rng.choice(accents, p=weights / weights.sum()))
            said = self._say(text, accent, self._EVENTS, rng)
            if said is not None:
                voice, pcm = said
                edges = english_edges(self._phones, self._count(), self._rate, accent in _SAYS_R)
                yield Spoken(f"espeak/{voice}", pcm, edges)

    def speak_language(
        self, texts: list[str], rng: np.random.Generator, language: str
    ) -> Iterator[Spoken]:
        """Each text of a language by random voices; what it says in English is left out."""
        for text in texts:
            said = self._say(text, language, self._EVENTS | self._IPA, rng)
            if said is not None and not any("(" in name for _, name in self._phones):
                voice, pcm = said
                edges = foreign_edges(self._phones, self._count(), self._rate, language)
                yield Spoken(f"espeak/{voice}", pcm, edges)

    def _count(self) -> int:
        return sum(len(part) for part in self._pcm) // 2

    def _say(
        self, text: str, accent: str, options: int, rng: np.random.Generator
    ) -> tuple[str, F32] | None:
        """The voice and its sound at 16 kHz; the phones lie in self._phones."""
        self._open(options)
        voice = f"{accent}+{rng.choice(VARIANTS)}"
        if self._lib.espeak_SetVoiceByName(voice.encode()):
            return None
        for parameter, low, high in ((self._RATE, 115, 230), (self._PITCH, 25, 75),
                                     (self._RANGE, 25, 80), (self._GAP, -3, 4)):  # fmt: skip
            value = max(int(rng.integers(low, high)), 0)
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._pcm.clear()
        self._phones.clear()
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        self._lib.espeak_Synchronize()
        if self._count() < self._rate // 2:
            return None
        wave = np.frombuffer(b"".join(self._pcm), np.int16) / 32768
        return voice, resampled(wave.astype(np.float32), self._rate)


def _events(events: object) -> Iterator[_Event]:
    index = 0
    while events and events[index].type:  # type: ignore[index]
        yield events[index]  # type: ignore[index]
        index += 1


def english_edges(
    phones: list[tuple[int, str]], samples: int, rate: int, rhotic: bool
) -> tuple[Edge, ...]:
    """Events (start sample, mnemonic) -> edges in seconds; zero-length events vanish in look-up."""
    edges: list[Edge] = []
    starts = [start for start, _ in phones] + [samples]
    names = [name for _, name in phones] + ["_"]
    for i, (start, name) in enumerate(phones):
        if name == ";":  # palatalisation mark: belongs to the phone before
            continue
        classes = ENGLISH.get(name)
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


def foreign_edges(
    phones: list[tuple[int, str]], samples: int, rate: int, language: str
) -> tuple[Edge, ...]:
    """Events (start sample, IPA) -> edges in seconds; the classes of one event share it evenly.
    An event without a name is a pause if it lasts, else part of the phone before."""
    edges: list[Edge] = []
    starts = [start for start, _ in phones] + [samples]
    for i, (start, name) in enumerate(phones):
        length = starts[i + 1] - start
        paused = not name and length >= _PAUSE_S * rate
        classes = ("SIL",) if paused else classes_of(name, language)
        for n, c in enumerate(classes):
            at = (start + n * length / len(classes)) / rate
            edges.append((UNKNOWN if c is None else INDEX[c], at))
    return tuple(edges)
