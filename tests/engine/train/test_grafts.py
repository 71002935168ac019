"""Mirrors are mirrors, grafts stay faces, and a tiny fit runs from renders alone."""

from pathlib import Path

import numpy as np
import pytest

from engine.face.blendshapes import ARKIT, INDEX
from engine.tracker.coefficients import Regressor, features
from engine.train.faces import FLIP, normal
from engine.train.grafts import SWAP, mirrored, table, twins
from engine.train.tracker import correlations


def _points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (3, 478, 3)).astype(np.float32)


def test_weights_change_sides() -> None:
    assert ARKIT[SWAP[INDEX["eyeBlinkLeft"]]] == "eyeBlinkRight"
    assert SWAP[INDEX["jawOpen"]] == INDEX["jawOpen"]
    assert ARKIT[SWAP[INDEX["mouthRight"]]] == "mouthLeft"
    assert (SWAP[SWAP] == np.arange(52)).all()


def test_a_mirror_of_a_mirror_is_the_face() -> None:
    half = np.random.default_rng(0).uniform(0.1, 5, (234, 3)).astype(np.float32)
    shape = np.concatenate([half, half * (-1, 1, 1)]).astype(np.float32)
    twin = twins(shape)
    assert (twin[:468] == np.r_[234:468, 0:234]).all() and (twin[twin] == np.arange(478)).all()
    turns = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3, 3)))[0].astype(np.float32)
    given = normal(_points()), turns, np.eye(3, 52, dtype=np.float32)
    back = mirrored(*mirrored(*given, twin), twin)
    for a, b in zip(given, back, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_training_sees_what_the_tracker_sees() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0].astype(np.float32)
    points = 40 * _points() + 200
    rows = table(normal((points * FLIP) @ turn), np.repeat(turn[None], 3, 0))
    np.testing.assert_allclose(rows, [features(p, turn) for p in points], atol=1e-4)


def test_correlations_say_nan_where_nothing_moves() -> None:
    true = np.zeros((20, 52), np.float32)
    true[:, 3] = np.linspace(0, 1, 20)
    found = correlations([(true, true), (1 - true, true), (true, true)])
    assert found[3] == pytest.approx(1 / 3) and np.isnan(found[4])


def test_a_tiny_fit_writes_weights_that_load(networks: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    from engine.train import tracker

    tracker.main(["--tiny", "--models", str(networks), "--out", str(tmp_path)])
    assert Regressor.load(tmp_path / "tracker.safetensors").mean.shape == (440,)
