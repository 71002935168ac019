"""Other languages through espeak-ng: IPA names onto the 40 classes by how the lips look.

Contract: `classes_of` never fails; None stands for a stretch that has no place among the 40. The
lips decide a doubtful case (rounded stays rounded, spread stays spread, both lips stay both lips),
then the ear. `sentences.txt` holds our own sentences, a block a language.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from engine.errors import AudioError

# espeak's names; Mandarin is written in pinyin, Japanese in kana, Arabic with its vowels, because
# espeak's own dictionaries do not read the usual scripts.
LANGUAGES = ("de", "fr", "es", "it", "pt-br", "ru", "pl", "nl", "tr", "hi", "cmn-latn-pinyin",
             "ja", "ko", "ar", "sv")  # fmt: skip
SENTENCES = Path(__file__).with_name("sentences.txt")

_LETTERS = (15, 60)  # of a sentence made of words

# The longest token wins: "tʃ" before "t".
_IPA: dict[str, str] = {
    # Lips.
    "p": "P", "ph": "P", "b": "B", "m": "M", "ɱ": "M", "f": "F", "ɸ": "F", "v": "V", "ʋ": "V",
    "β": "V", "pf": "P F", "w": "W", "ʍ": "W", "ɥ": "W",
    # Tip of the tongue. A tap is the t of American "water", a trill or an approximant an R.
    "t": "T", "th": "T", "ʈ": "T", "d": "D", "ɖ": "D", "ɾ": "D", "ɽ": "D", "r.": "D", "n": "N",
    "ɳ": "N", "ɲ": "N", "l": "L", "ɭ": "L", "ɫ": "L", "ʎ": "L", "ɬ": "L", "θ": "TH", "ð": "DH",
    "s": "S", "z": "Z", "ts": "T S", "tsh": "T S", "dz": "D Z", "r": "R", "ɹ": "R", "ɻ": "R",
    "ʀ": "R",
    # Protruded lips.
    "ʃ": "SH", "ʂ": "SH", "ɕ": "SH", "s.": "SH", "sx": "SH", "ɧ": "SH", "ʒ": "ZH", "ʐ": "ZH",
    "ʑ": "ZH", "tʃ": "CH", "tɕ": "CH", "tɕh": "CH", "ts.": "CH", "ts.h": "CH", "dʒ": "JH",
    "dʑ": "JH",
    # Back of the mouth: nothing to see.
    "k": "K", "kh": "K", "q": "K", "c": "K", "ʔ": "K", "g": "G", "ɡ": "G", "ɟ": "G", "ɣ": "G",
    "ŋ": "NG", "ɴ": "NG", "h": "HH", "ɦ": "HH", "x": "HH", "χ": "HH", "ʁ": "HH", "ħ": "HH",
    "ʕ": "HH", "ç": "HH", "j": "Y", "ʝ": "Y",
    # Spread and open vowels.
    "i": "IY", "i.": "IH", "ɪ": "IH", "ɨ": "IH", "ɯ": "IH", "e": "EH", "eː": "EY", "ɛ": "EH",
    "æ": "AE", "a": "AA", "a.": "AA", "ɑ": "AA", "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ɜ": "AH",
    "ɤ": "AH", "ɚ": "ER", "ɝ": "ER", "ər": "ER",
    # Rounded vowels, front or back. Japanese u is rounded by pressing the lips together.
    "y": "UW", "ʏ": "UH", "ø": "OW", "œ": "AO", "ɵ": "UH", "ʉ": "UW", "u": "UW", "u.": "UW",
    "ɯᵝ": "UH", "ʊ": "UH", "o": "OW", "ɔ": "AO", "ɒ": "AO",
    # Diphthongs.
    "ai": "AY", "aɪ": "AY", "ɑɪ": "AY", "au": "AW", "aʊ": "AW", "ɑu": "AW", "ɑʊ": "AW",
    "ɐʊ": "AW", "ʌʊ": "AW", "ei": "EY", "eɪ": "EY", "ɛi": "EY", "ɛɪ": "EY", "oi": "OY",
    "oɪ": "OY", "ɔi": "OY", "ɔɪ": "OY", "ɔʏ": "OY", "ɔø": "OY", "ou": "OW", "oʊ": "OW",
    "əʊ": "OW", "œy": "AO UW", "iɛ": "Y EH", "iɑ": "Y AA", "iou": "Y OW", "uo": "W AO",
    "ua": "W AA", "uə": "W AH", "uei": "W EY", "yɛ": "UW EH", "yæ": "UW AE", "yə": "UW AH",
    "onɡ": "UH NG", "ja": "Y AA", "ju": "Y UW",
}  # fmt: skip
_LONGEST = max(len(token) for token in _IPA)

# Names that mean something else in one language.
_OWN: dict[str, dict[str, str]] = {
    "ar": {"a": "AE", "i.": "IY"},
    "cmn-latn-pinyin": {"p": "B", "t": "D", "k": "G", "tɕ": "JH", "ts.": "JH", "ʐ": "R",
                        "o-": "AH", "o": "AO"},
    "de": {"ɾ": "R", "??": "UH AH"},
    "fr": {"ə": "UH", "ə-": "UH"},
    "hi": {"c": "CH", "cʰ": "CH", "ɟ": "JH", "ɟʰ": "JH"},
    "ja": {"ũ": "NG"},
    "ko": {"ɐ": "AA", "ɯ": "IH"},
    "pt-br": {"y": "IY", "ɐ̃ʊ̃": "AW"},
    "ru": {"y": "IH", "ɵ": "OW"},
}  # fmt: skip
# Length, stress, secondary articulation: they leave the class alone.
_MARKS = frozenset("ːˑˈˌʰʲˤˠʷᵝ-\"'~`")


@cache
def classes_of(name: str, language: str) -> tuple[str | None, ...]:
    """Classes of one IPA name, in order; empty where it only prolongs the phone before."""
    own = _OWN.get(language, {}).get(name) or _IPA.get(name)
    if own:
        return tuple(own.split())
    bare = _bare(name)
    found: list[str | None] = []
    while bare:
        for size in range(min(_LONGEST, len(bare)), 0, -1):
            token = bare[:size]
            classes = _OWN.get(language, {}).get(token) or _IPA.get(token)
            if classes:
                found += classes.split()
                break
        else:
            found.append(None)
            size = 1
        bare = bare[size:]
    kept = [c for n, c in enumerate(found) if n == 0 or c != found[n - 1]]
    return tuple(kept)


def _bare(name: str) -> str:
    """The name without marks; a long e keeps its length, which makes it another vowel."""
    if name.startswith("eː"):
        return "eː"
    letters = "".join(c if c in _IPA else unicodedata.normalize("NFD", c) for c in name)
    return "".join(c for c in letters if c not in _MARKS and not unicodedata.combining(c))


@cache
def sentences() -> dict[str, tuple[str, ...]]:
    """Our sentences of each language. Raises AudioError where the file is not as it should be."""
    found: dict[str, list[str]] = {}
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            found[line[2:].strip()] = []
        elif line.strip():
            found[next(reversed(found))].append(line.strip())
    if tuple(found) != LANGUAGES:
        raise AudioError(f"{SENTENCES.name} has {list(found)}, expected blocks {list(LANGUAGES)}")
    return {language: tuple(lines) for language, lines in found.items()}


def texts(language: str, rng: np.random.Generator) -> Iterator[str]:
    """The language's sentences in random order, then its words in other company, without end."""
    lines = sentences()[language]
    yield from (lines[i] for i in rng.permutation(len(lines)))
    words = [word for line in lines for word in line.split()]
    while True:
        said, most = "", rng.integers(*_LETTERS)
        for word in (words[i] for i in rng.permutation(len(words))):
            said = f"{said} {word}".strip()
            if len(said) >= most:
                yield said
                said, most = "", rng.integers(*_LETTERS)
