"""The network in torch form, its export, and a minute of training without any data folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.eval.recordings import bundled
from engine.eval.speech import measure
from engine.nets.ppg import LOOK_AHEADS, PPGConfig, PPGNet
from engine.runtime import load
from engine.speech.ppg import PPG
from engine.train import ppg as training
from engine.train.corpus import Shard
from engine.train.export import parity
from tests.contract import assert_streams

SMALL = PPGConfig(conv=16, hidden=24)


def small_net() -> PPGNet:
    torch.manual_seed(0)
    return PPGNet(SMALL).eval()


def test_streams() -> None:
    with torch.no_grad():
        assert_streams(small_net(), torch.randn(3, 26, 160), atol=1e-5)


def test_export_equals_torch_and_any_batch(tmp_path: Path) -> None:
    net, path = small_net(), tmp_path / "ppg.onnx"
    assert training.export_ppg(net, path, training.Recipe(), 0) < 1e-4
    for batch, steps in ((1, 17), (5, 3)):
        assert parity(net, path, torch.randn(batch, steps, 160)) < 1e-4
    graph = load(path)
    assert graph.outputs[:3] == tuple(f"y{d}" for d in LOOK_AHEADS)
    assert graph.config["states"]["gru2"] == [24]
    assert b"/site-packages/" not in path.read_bytes()
    assert_streams(
        PPG(20, path), np.random.default_rng(0).standard_normal((2, 20, 160), np.float32)
    )


def test_loss_looks_back_and_ignores_unknown() -> None:
    """Head d is scored against the label d steps back; label -1 weighs nothing."""
    projection = torch.from_numpy(training.viseme_projection())
    y = torch.randint(0, 40, (2, 30))
    perfect = []
    for delay in LOOK_AHEADS:
        scores = torch.zeros(2, 30, 40)
        scores[:, delay:].scatter_(2, y[:, : 30 - delay, None], 20.0)
        perfect.append(scores)
    recipe = training.Recipe(smoothing=0.0)
    good = training.loss_of(tuple(perfect), y, recipe, projection)
    bad = training.loss_of(tuple(perfect), y.roll(1, 1), recipe, projection)
    assert good < 1e-3 < 1.0 < bad
    unknown = torch.where(torch.rand(2, 30) < 0.3, -1, y)
    assert training.loss_of(tuple(perfect), unknown, recipe, projection) < 1e-3


def test_mixture_and_batches() -> None:
    for progress in (0.0, 0.1, 1.0):
        assert sum(training.mixture(progress).values()) == pytest.approx(1.0)
    recipe = training.Recipe(batch=8, crop=20)
    rows = np.arange(100, dtype=np.float16)[:, None] * np.ones(160, np.float16)
    shards = [Shard("native", rows, np.arange(100, dtype=np.int8) % 40)]
    x, y = training.Batches(shards, recipe).draw(np.random.default_rng(0), 0.5)
    assert x.shape == (8, 20, 160) and y.shape == (8, 20)
    np.testing.assert_array_equal(x[:, :, 0].long() % 40, y)


def test_tiny_training_learns(tmp_path: Path) -> None:
    out = tmp_path / "ppg.onnx"
    training.main(["--tiny", "--shards", str(tmp_path / "shards"), "--out", str(out)])
    torch.set_num_threads(1)
    before = tmp_path / "fresh.onnx"
    training.export_ppg(PPGNet(SMALL), before, training.Recipe(), 0)
    clips = bundled()[:3]
    assert measure(clips, PPG(20, out))["phone_all"] > measure(clips, PPG(20, before))["phone_all"]
    assert out.with_suffix(".checkpoint").is_file()
