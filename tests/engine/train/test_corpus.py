"""Clips to rows: labels, clean targets and soft labels move with the sound; shards are whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.audio.mel import LATENCY
from engine.errors import AudioError
from engine.eval.recordings import bundled, row_labels
from engine.speech.phonemes import INDEX
from engine.train.augment import Recipe
from engine.train.corpus import (
    Rows,
    features,
    label_samples,
    labels,
    moved,
    read_shards,
    real_clip,
    rows_of,
    silent_rows,
    write_shard,
)
from engine.train.noises import Noises
from engine.train.voices import UNKNOWN

SIL = INDEX["SIL"]


def test_labels_are_taken_in_the_middle_of_the_window() -> None:
    edges = ((INDEX["AA"], LATENCY / 16000), (INDEX["B"], (320 + LATENCY) / 16000 + 1e-4))
    assert labels(edges, 3).tolist() == [INDEX["AA"], INDEX["AA"], INDEX["B"]]


def test_labels_are_those_of_the_measurement() -> None:
    recording = bundled()[0]
    rows = rows_of(len(recording.pcm()))
    np.testing.assert_array_equal(
        labels(real_clip(recording).edges, rows), row_labels(recording.phones, rows)
    )


def test_real_clip_ends_in_silence() -> None:
    clip = real_clip(bundled()[0])
    assert clip.edges[-1][0] == SIL
    assert abs(clip.edges[-1][1] - len(clip.pcm) / 16000) < 0.05


def soft_of(y: np.ndarray) -> np.ndarray:
    return np.eye(40, dtype=np.float16)[np.maximum(y, 0)]


def test_soft_labels_move_with_the_sound(tmp_path: Path) -> None:
    """Posteriors that agree with the labels agree with them after any augmentation."""
    recording = bundled()[0]
    y = labels(real_clip(recording).edges, rows_of(len(recording.pcm())))
    np.save(tmp_path / f"{recording.id}.npy", soft_of(y))
    clip = real_clip(recording, tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(4):
        rows = features(clip, rng, Noises(rng, [clip.pcm]), Recipe())
        assert rows.soft is not None and rows.soft.shape == (len(rows.y), 40)
        np.testing.assert_allclose(rows.soft.astype(np.float32).sum(1), 1, atol=2e-3)
        assert (rows.soft.argmax(1) == rows.y).mean() > 0.85
    np.save(tmp_path / f"{recording.id}.npy", soft_of(y[:-9]))
    with pytest.raises(AudioError, match="one row a 20 ms step"):
        real_clip(recording, tmp_path)


def test_moved_is_the_same_in_place_and_silent_outside() -> None:
    soft = np.random.default_rng(0).dirichlet(np.ones(40), 50).astype(np.float16)
    np.testing.assert_allclose(moved(soft, label_samples(50)), soft, atol=1e-3)
    outside = moved(soft, np.array([-16000.0, 320 * 60.0]))
    assert (outside[:, SIL] == 1).all() and outside.sum() == 2


def test_a_recording_without_phones_teaches_only_softly(tmp_path: Path) -> None:
    recording = replace(bundled()[0], phones=())
    rows = rows_of(len(recording.pcm()))
    np.save(tmp_path / f"{recording.id}.npy", soft_of(np.full(rows, 3)))
    clip = real_clip(recording, tmp_path)
    assert (labels(clip.edges, rows) == UNKNOWN).all() and clip.soft is not None


def test_clean_targets_do_not_hear_the_noise() -> None:
    """Energy and voicing of an augmented clip are those of the clean one at the same moments."""
    clip = real_clip(bundled()[0])
    rng = np.random.default_rng(1)
    noises = Noises(rng, [])
    silent = {n: 0.0 for n in Recipe.__slots__ if n.endswith("_chance")}
    plain = features(clip, rng, noises, Recipe(**silent))
    loud = Recipe(**{**silent, "noise_chance": 1.0}, snr_db=(0.0, 1.0))
    noisy = features(clip, rng, noises, loud)
    np.testing.assert_array_equal(plain.aux, noisy.aux)
    # Without augmentation, energy is the mean of the row itself at another level.
    inner = np.abs(plain.aux[:, 1].astype(np.float32) - plain.x.astype(np.float32).mean(1))
    assert np.std(inner[plain.y != SIL]) < 0.6


def rows(count: int, soft: bool) -> Rows:
    quiet = silent_rows(np.zeros(240 + 320 * count, np.float32))
    return replace(quiet, soft=soft_of(quiet.y)) if soft else quiet


def test_shards_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_shard(tmp_path, "native-00", [rows(7, True), rows(5, False)])
    write_shard(tmp_path, "noise-00", [rows(4, False)])
    native, noise = read_shards(tmp_path)
    assert native.group == "native" and noise.group == "noise" and noise.soft is None
    assert native.soft is not None and native.soft.sum(1).tolist() == [1] * 7 + [0] * 5
    assert native.x.shape == (12, 160) and native.aux.shape == (12, 2)
    assert (native.aux[:, 0] == 0).all() and (native.aux[:, 1] < -11).all()


def test_a_torn_shard_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, "native-00", [rows(7, False)])
    np.save(tmp_path / "native-00.y.npy", np.zeros(3, np.int8))
    with pytest.raises(AudioError, match="native-00 is torn"):
        read_shards(tmp_path)
