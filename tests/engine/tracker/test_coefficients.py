"""Names map by name, features do not see where the head is, broken weights are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.errors import WeightsError
from engine.face.blendshapes import ARKIT
from engine.face.camera import rotation
from engine.tracker.coefficients import BUNDLED, MEDIAPIPE, SUBSET, VERSION, Regressor, features


def test_mediapipes_names_are_ours_but_two() -> None:
    assert set(MEDIAPIPE) ^ set(ARKIT) == {"_neutral", "tongueOut"} and len(MEDIAPIPE) == 52
    assert len(SUBSET) == 146 and (np.diff(SUBSET) > 0).all() and SUBSET[-1] == 477


def test_features_do_not_see_place_and_size() -> None:
    points = np.random.default_rng(0).normal(0, 40, (478, 3)).astype(np.float32)
    turn = rotation(20, 5, -8)
    moved = 2.5 * points + np.array([300, 80, 10], np.float32)
    np.testing.assert_allclose(features(moved, turn), features(points, turn), atol=1e-4)
    # A face that turns with its head looks the same, but for the last two: where it is turned to.
    face = points * np.array([1, -1, -1], np.float32)
    turned = (face @ turn.T) * np.array([1, -1, -1], np.float32)
    straight = features(points, np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(features(turned, turn)[:-2], straight[:-2], atol=1e-4)


def test_bundled_weights_are_small_finite_and_masked() -> None:
    regressor = Regressor.load()
    assert BUNDLED.stat().st_size < 1_000_000
    assert all(np.isfinite(w).all() and np.isfinite(b).all() for w, b in regressor.layers)
    wild = np.random.default_rng(0).normal(0, 99, (478, 3)).astype(np.float32)
    weights = regressor.weights(wild, np.eye(3, dtype=np.float32))
    assert weights.shape == (52,) and (weights >= 0).all() and (weights <= 1).all()
    assert not weights[regressor.mask == 0].any()


def test_missing_torn_old_and_incomplete_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracker.safetensors"
    with pytest.raises(WeightsError, match="not found"):
        Regressor.load(path)
    path.write_bytes(BUNDLED.read_bytes()[:999])
    with pytest.raises(WeightsError, match="cannot be read"):
        Regressor.load(path)
    tensors = load_file(BUNDLED)
    save_file(tensors, path, {"vivify": json.dumps({"version": "landmarks-0"})})
    with pytest.raises(WeightsError, match="'landmarks-0', expected 'landmarks-1'"):
        Regressor.load(path)
    del tensors["mean"]
    save_file(tensors, path, {"vivify": json.dumps({"version": VERSION})})
    with pytest.raises(WeightsError, match="lack 'mean'"):
        Regressor.load(path)
