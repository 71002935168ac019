"""Corpus making: phone times survive augmentation; the tiny corpus needs no data folder."""

from pathlib import Path

import numpy as np
import pytest

from engine.audio.mel import LATENCY
from engine.eval.recordings import bundled
from engine.speech.phonemes import INDEX, PHONES
from engine.train import data
from engine.train.augment import Noises, Recipe, augment
from engine.train.corpus import labels, read_shards, real_clip
from engine.train.voices import ESPEAK, UNKNOWN, Espeak, espeak_edges

CALM = Recipe(
    speed_chance=1.0, reverb_chance=0, eq_chance=1.0, telephone_chance=0, lowpass_chance=0,
    codec_chance=0, noise_chance=0, pause_chance=1.0, clip_chance=0,
)  # fmt: skip


def test_augmentation_reports_where_sound_went() -> None:
    rng = np.random.default_rng(0)
    noises = Noises(rng, [])
    at = np.arange(32000)
    burst = np.exp(-(((at - 12000) / 200.0) ** 2)) * np.sin(at / 3)
    for _ in range(10):
        out, stretch, lead = augment(burst.astype(np.float32), rng, noises, CALM)
        power = out.astype(np.float64) ** 2
        centre = (power * np.arange(len(out))).sum() / power.sum()
        assert abs(centre - (12000 * stretch + lead)) <= 8


@pytest.mark.parametrize("extra", ["reverb_chance", "telephone_chance", "codec_chance"])
def test_rooms_and_codecs_do_not_move_sound(extra: str) -> None:
    rng = np.random.default_rng(1)
    noises = Noises(rng, [])
    recipe = Recipe(**{**{f: getattr(CALM, f) for f in CALM.__slots__}, extra: 1.0})
    voice = bundled()[0].pcm()[:48000]
    out, stretch, lead = augment(voice, rng, noises, recipe)
    where = np.round((np.arange(480, 47000) * stretch) + lead).astype(int)

    def envelope(x: np.ndarray) -> np.ndarray:
        power = np.convolve(x * x, np.ones(320) / 320, "same")
        return np.log(power + 1e-7)

    a, b = envelope(voice)[480:47000], envelope(out)[where]
    scores = [np.corrcoef(a[400:-400], np.roll(b, s)[400:-400])[0, 1] for s in range(-400, 401, 40)]
    assert abs(int(np.argmax(scores)) - 10) * 40 <= 160, "moved by more than 10 ms"


def test_labels_are_taken_in_the_middle_of_the_window() -> None:
    edges = ((INDEX["AA"], LATENCY / 16000), (INDEX["B"], (320 + LATENCY) / 16000 + 1e-4))
    assert labels(edges, 3).tolist() == [INDEX["AA"], INDEX["AA"], INDEX["B"]]


def test_real_clip_ends_in_silence() -> None:
    clip = real_clip(bundled()[0])
    assert clip.edges[-1][0] == INDEX["SIL"]
    assert abs(clip.edges[-1][1] - len(clip.pcm) / 16000) < 0.05


def test_espeak_names() -> None:
    assert all(name in INDEX for names in ESPEAK.values() for name in names)
    phones = [(0, "_"), (100, "h"), (200, "@L"), (300, "aI3"), (400, "A@"), (500, "nonsense")]
    edges = espeak_edges(phones, 600, 1000, rhotic=True)
    names = [PHONES[c] if c != UNKNOWN else "?" for c, _ in edges]
    assert names == ["SIL", "HH", "AH", "L", "AY", "ER", "AA", "R", "?"]
    assert [start for _, start in edges] == sorted(start for _, start in edges)
    assert len(espeak_edges(phones, 600, 1000, rhotic=False)) == len(edges) - 1


def test_espeak_speaks() -> None:
    engine = Espeak.find()
    if engine is None:
        pytest.skip("libespeak-ng is not installed")
    rng = np.random.default_rng(0)
    spoken = list(engine.speak(["The quick brown fox jumps over it."] * 6, rng))
    assert spoken
    for s in spoken:
        assert s.pcm.dtype == np.float32 and 1.0 < len(s.pcm) / 16000 < 8.0
        assert {"F", "K", "S"} <= {PHONES[c] for c, _ in s.edges if c != UNKNOWN}


def test_tiny_corpus(tmp_path: Path) -> None:
    data.main(["--tiny", "--out", str(tmp_path)])
    shards = {s.group: s for s in read_shards(tmp_path)}
    assert {"native", "noise"} <= set(shards)
    native = shards["native"]
    assert native.x.shape == (len(native.y), 160) and np.isfinite(native.x).all()
    assert (shards["noise"].y == INDEX["SIL"]).all()
    for shard in shards.values():
        assert shard.aux.shape == (len(shard.y), 2) and np.isfinite(shard.aux).all()
    assert len(set(native.y.tolist())) > 30
