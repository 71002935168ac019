"""Synthetic voices: names become classes, other languages keep their lips, programs are read."""

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from engine.speech.phonemes import INDEX, PHONES
from engine.train import languages, voices
from engine.train.corpus import SIL, labels, rows_of
from engine.train.espeak import ACCENTS, ENGLISH, Espeak, english_edges, foreign_edges
from engine.train.piper import piper_edges
from engine.train.voices import UNKNOWN


def names_of(edges: tuple[tuple[int, float], ...]) -> list[str]:
    return [PHONES[c] if c != UNKNOWN else "?" for c, _ in edges]


def test_espeak_names() -> None:
    assert all(name in INDEX for names in ENGLISH.values() for name in names)
    phones = [(0, "_"), (100, "h"), (200, "@L"), (300, "aI3"), (400, "A@"), (500, "nonsense")]
    edges = english_edges(phones, 600, 1000, rhotic=True)
    assert names_of(edges) == ["SIL", "HH", "AH", "L", "AY", "ER", "AA", "R", "?"]
    assert [start for _, start in edges] == sorted(start for _, start in edges)
    assert len(english_edges(phones, 600, 1000, rhotic=False)) == len(edges) - 1


@pytest.mark.parametrize(
    ("language", "name", "classes"),
    [
        ("de", "yː", "UW"), ("de", "øː", "OW"), ("de", "pf", "P F"), ("de", "x", "HH"),
        ("de", "ʏ", "UH"), ("fr", "ɑ̃", "AA"), ("fr", "ɔ̃", "AO"), ("fr", "ʁ", "HH"),
        ("es", "β", "V"), ("es", "ɾ", "D"), ("it", "ss", "S"), ("it", "r", "R"),
        ("pt-br", "y", "IY"), ("pt-br", "ɐ̃ʊ̃", "AW"), ("ru", "y", "IH"), ("ru", "mʲ", "M"),
        ("ru", "tʃʲ", "CH"), ("pl", "ʑ", "ZH"), ("nl", "ʋ", "V"), ("nl", "œy", "AO UW"),
        ("tr", "ɯ", "IH"), ("tr", "ø", "OW"), ("hi", "bʰ", "B"), ("hi", "ɟ", "JH"),
        ("cmn-latn-pinyin", "ph", "P"), ("cmn-latn-pinyin", "p", "B"),
        ("cmn-latn-pinyin", "ts.h", "CH"), ("cmn-latn-pinyin", "s.", "SH"),
        ("cmn-latn-pinyin", "uo", "W AO"), ("ja", "ɸ", "F"), ("ja", "ɯᵝ", "UH"),
        ("ko", "p-", "P"), ("ar", "ħ", "HH"), ("ar", "ðˤ", "DH"), ("sv", "sx", "SH"),
        ("sv", "ʉ", "UW"), ("de", "ʲ", ""), ("de", "☃", "?"),
    ],
)  # fmt: skip
def test_lips_of_other_languages(language: str, name: str, classes: str) -> None:
    found = languages.classes_of(name, language)
    assert [c or "?" for c in found] == classes.split()
    assert all(c in INDEX for c in found if c)


def test_a_nameless_event_is_a_pause_only_if_it_lasts() -> None:
    phones = [(0, ""), (100, "ts"), (200, ""), (210, "a"), (300, "")]
    edges = foreign_edges(phones, 400, 1000, "de")
    assert names_of(edges) == ["SIL", "T", "S", "AA", "SIL"]
    assert [start for _, start in edges] == [0, 0.1, 0.15, 0.21, 0.3]


def test_every_language_has_sentences_of_its_own() -> None:
    found = languages.sentences()
    assert len(found) >= 10
    for language, lines in found.items():
        assert len(set(lines)) >= 30, language
        made = list(islice(languages.texts(language, np.random.default_rng(0)), 100))
        words = {w for line in lines for w in line.split()}
        assert all(set(text.split()) <= words for text in made) and len(set(made)) > 80


def test_piper_names_and_times() -> None:
    timed = [("^", 100), ("ˈ", 100), ("a", 100), ("ɪ", 100), (" ", 100), ("t", 100), ("ʃ", 100),
             ("i", 100), ("ː", 100), (".", 100), (" ", 100), ("☃", 100), ("$", 100)]  # fmt: skip
    edges = piper_edges(timed, 1000)
    assert names_of(edges) == ["SIL", "AY", "CH", "IY", "SIL", "?", "SIL"]
    starts = [round(start + 0.025, 4) for _, start in edges[1:]]
    assert starts == [0.15, 0.45, 0.7, 0.9, 1.1, 1.2]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> None:
    """A program of that name, in Python, first on the PATH; it may `tone(path, seconds)`."""
    program = folder / name
    program.write_text(f"#!{sys.executable} -S\n{_TONE}{source}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


_TONE = """
import re, sys, time, wave
def tone(path, seconds):
    with wave.open(path, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(b"\\0\\1" * int(8000 * seconds))
"""

FLITE = """
text = sys.argv[sys.argv.index("-t") + 1]
if text == "bad":
    sys.exit(1)
if text == "stuck":
    time.sleep(600)
tone(sys.argv[sys.argv.index("-o") + 1], 0.5)
print("pau:0.100 ax:0.200 dx:0.300 q9:0.400 pau:0.500")
"""

FESTIVAL = r"""
if sys.argv[2].startswith("("):
    print("(kal_diphone cmu_us_slt_arctic_hts)")
    sys.exit()
for line in open(sys.argv[2], encoding="latin-1"):
    if line.startswith("(voice_ked"):
        sys.exit("unbound variable")
    path = re.search('"(.*)"', line)
    if line.startswith("(utt.save.segs"):
        open(path[1], "w").write("#\n0.1 100 pau\n0.2 100 ax\n0.3 100 q9\n0.5 100 b\n")
    elif line.startswith("(utt.save.wave"):
        tone(path[1], 0.5)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="programs of one script")
def test_flite_is_read_and_what_it_cannot_say_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, monkeypatch, "flite", FLITE)
    spoken = list(voices.flite(["good", "bad", "good"], np.random.default_rng(0)))
    assert len(spoken) == 2
    for s in spoken:
        assert s.voice.startswith("flite/") and len(s.pcm) == 8000
        assert names_of(s.edges) == ["SIL", "AH", "T", "?", "SIL"]
        assert [start for _, start in s.edges] == [0, 0.1, 0.2, 0.3, 0.4]
    monkeypatch.setattr(voices, "_FLITE_S", 0.1)
    assert not list(voices.flite(["stuck"], np.random.default_rng(0)))
    assert "flite gave no answer" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="programs of one script")
def test_festival_is_read_and_absent_voices_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, monkeypatch, "festival", FESTIVAL)
    spoken = list(voices.festival(["One.", "Two."] * 4, np.random.default_rng(0)))
    assert {s.voice for s in spoken} == {"festival/kal_diphone", "festival/cmu_us_slt_arctic_hts"}
    assert len(spoken) == 8 and all(len(s.pcm) == 8000 for s in spoken)
    assert names_of(spoken[0].edges) == ["SIL", "AH", "?", "B"]
    assert [round(start, 3) for _, start in spoken[0].edges] == [0, 0.11, 0.21, 0.31]
    assert capsys.readouterr().out.count("festival has no voice ked_diphone") == 1


def test_absent_programs_say_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for maker in (voices.flite, voices.festival):
        assert not list(maker(["Good morning."], np.random.default_rng(0)))


@pytest.fixture(scope="module")
def engine() -> Espeak:
    found = Espeak.find()
    if found is None:
        pytest.skip("libespeak-ng is not installed")
    return found


def test_espeak_speaks(engine: Espeak) -> None:
    assert Espeak.find() is engine, "the library holds one voice and one callback"
    rng = np.random.default_rng(0)
    spoken = list(engine.speak(["The quick brown fox jumps over it."] * 6, rng))
    assert spoken
    for s in spoken:
        assert s.pcm.dtype == np.float32 and 1.0 < len(s.pcm) / 16000 < 8.0
        assert {"F", "K", "S"} <= {PHONES[c] for c, _ in s.edges if c != UNKNOWN}


@pytest.mark.parametrize("accent", ACCENTS)
def test_espeak_has_every_accent(
    engine: Espeak, accent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.train.espeak.ACCENTS", {accent: 1.0})
    spoken = list(engine.speak(["Bring the warm bread."] * 2, np.random.default_rng(0)))
    assert [s.voice.split("+")[0] for s in spoken] == [f"espeak/{accent}"] * 2


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_espeak_speaks_every_language(engine: Espeak, language: str) -> None:
    """More than 95 % of what is said has a class; lips close where a word begins with m."""
    rng = np.random.default_rng(0)
    texts = list(languages.sentences()[language][:6])
    spoken = list(engine.speak_language(texts, rng, language))
    assert len(spoken) == len(texts)
    y = np.concatenate([labels(s.edges, rows_of(len(s.pcm))) for s in spoken])
    assert np.mean(y[y != SIL] != UNKNOWN) > 0.95
    assert np.mean(y == SIL) < 0.4
    for text, s in zip(texts, spoken, strict=True):
        assert "M" in names_of(s.edges) or not any(w[0] in "mM" for w in text.split())
