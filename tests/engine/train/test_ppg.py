"""Export, loss, batches and a minute of training of the phone posterior network."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.eval.recordings import bundled
from engine.eval.rows import Clip, hear
from engine.nets.ppg import LOOK_AHEADS, Evidence, PPGConfig, PPGNet
from engine.runtime import ASSETS, load
from engine.speech.phonemes import CLOSED, viseme_projection
from engine.speech.ppg import PPG
from engine.train import ppg as training
from engine.train.corpus import Shard
from engine.train.crops import Batches, mixture
from engine.train.export import parity
from engine.train.ppg_loss import Weights, loss_of, targets
from tests.contract import assert_streams

SMALL = PPGConfig(channels=(4, 4), width=24, hidden=24)
PROJECTION = torch.from_numpy(viseme_projection())


def small_net() -> PPGNet:
    torch.manual_seed(0)
    return PPGNet(SMALL).eval()


def test_export_equals_torch_and_any_batch(tmp_path: Path) -> None:
    net, path = small_net(), tmp_path / "ppg.onnx"
    assert training.export_ppg(net, path, asdict(training.Recipe()), 0) < 1e-4
    for batch, steps in ((1, 17), (32, 3)):
        assert parity(net, path, torch.randn(batch, steps, 160)) < 1e-4
    graph = load(path)
    assert graph.outputs[:6] == ("y0", "y1", "y3", "aux0", "aux1", "aux3")
    assert graph.config["states"]["gru2"] == [24]
    assert graph.config["aux"] == ["closure", "voicing", "energy"]
    assert b"/site-packages/" not in path.read_bytes()
    rows = np.random.default_rng(0).standard_normal((2, 20, 160), np.float32)
    assert_streams(PPG(20, path), rows)


def perfect(y: torch.Tensor, aux: torch.Tensor) -> Evidence:
    """Scores that say exactly the labels, each head its look-ahead late."""
    phones = torch.zeros(*y.shape, len(LOOK_AHEADS), 40)
    side = torch.zeros(*y.shape, len(LOOK_AHEADS), 3)
    closed = torch.isin(y, torch.tensor(CLOSED)).float() * 40 - 20
    for head, delay in enumerate(LOOK_AHEADS):
        steps = y.shape[1] - delay
        phones[:, delay:, head].scatter_(2, y[:, :steps, None], 20.0)
        side[:, delay:, head, 0] = closed[:, :steps]
        side[:, delay:, head, 1] = aux[:, :steps, 0] * 40 - 20
        side[:, delay:, head, 2] = aux[:, :steps, 1]
    return Evidence(phones, side)


def test_loss_looks_back_and_ignores_the_unknown() -> None:
    y = torch.randint(0, 40, (2, 30))
    aux = torch.stack([torch.randint(0, 2, (2, 30)).float(), -torch.rand(2, 30) * 11], 2)
    evidence, weights = perfect(y, aux), Weights(smoothing=0.0)

    def loss(y: torch.Tensor, aux: torch.Tensor) -> float:
        return float(loss_of(evidence, y, aux, None, weights, PROJECTION))

    assert loss(y, aux) < 1e-3
    assert loss(y.roll(1, 1), aux) > 1.0
    assert loss(y, aux.roll(1, 1)) > 0.05
    some = torch.rand(2, 30) < 0.3
    assert loss(torch.where(some, -1, y), torch.where(some[..., None], torch.nan, aux)) < 1e-3
    assert loss(torch.full_like(y, -1), torch.full_like(aux, torch.nan)) == 0.0


def test_teacher_speaks_where_it_is() -> None:
    """Hard label, both, teacher only, nothing."""
    y = torch.tensor([[3, 3, -1, -1]])
    soft = torch.zeros(1, 4, 40)
    soft[0, 1:3, 5] = 1.0
    goal, counts = targets(y, soft, Weights(smoothing=0.0, teacher=0.6))
    assert counts.tolist() == [[1, 1, 1, 0]]
    assert goal[0, 0, 3] == 1 and goal[0, 2, 5] == 1
    assert goal[0, 1, 3] == pytest.approx(0.4) and goal[0, 1, 5] == pytest.approx(0.6)
    assert targets(y, None, Weights())[1].tolist() == [[1, 1, 0, 0]]


def shard(group: str, soft: bool = False) -> Shard:
    rows = -np.arange(100, dtype=np.float16)[:, None] / 8 * np.ones(160, np.float16)
    aux = np.full((100, 2), np.nan, np.float16)
    teacher = np.full((100, 40), 1 / 40, np.float16)
    labels = np.arange(100, dtype=np.int8) % 40
    return Shard(group, rows.astype(np.float16), labels, aux, teacher if soft else None)


def test_mixture_and_batches() -> None:
    for progress in (0.0, 0.1, 1.0):
        assert sum(mixture(progress).values()) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    plain = Batches([shard("native")], 8, 20).draw(rng, 0.5)
    assert plain.x.shape == (8, 20, 160) and plain.y.shape == (8, 20)
    assert plain.aux.isnan().all() and plain.soft is None
    np.testing.assert_array_equal((plain.x[:, :, 0] * -8).long() % 40, plain.y)
    taught = Batches([shard("native"), shard("languages", soft=True)], 64, 20).draw(rng, 0.5)
    assert taught.soft is not None
    sums = taught.soft.sum(dim=2)
    assert ((sums < 1e-6) | ((sums - 1).abs() < 0.01)).all() and 0 < sums.mean() < 1
    with pytest.raises(ValueError, match="expected some of"):
        Batches([shard("martians")], 8, 20)
    with pytest.raises(ValueError, match="noise only, expected speech"):
        Batches([shard("noise")], 8, 20).statistics()


def test_checkpoint_goes_on_where_it_stopped(tmp_path: Path) -> None:
    recipe = training.Recipe(steps=6, batch=4, crop=12, warmup=1, minutes=60.0)
    batches = Batches([shard("native")], recipe.batch, recipe.crop)
    trainer = training.Trainer(SMALL, recipe)
    trainer.measure(batches)
    for _ in range(2):
        trainer.advance(batches)
    trainer.save(tmp_path / "ppg.checkpoint")
    other = training.Trainer(SMALL, replace(recipe, seed=5))
    other.load(tmp_path / "ppg.checkpoint")
    assert other.step == 2 and other.progress == pytest.approx(2 / 6)
    assert other.seconds == trainer.seconds > 0
    for name, value in trainer.averaged().state_dict().items():
        torch.testing.assert_close(other.averaged().state_dict()[name], value)


def test_the_recipe_of_the_weights_is_exported(tmp_path: Path) -> None:
    recipe, path = training.Recipe(steps=6, batch=4, crop=12), tmp_path / "ppg.checkpoint"
    training.Trainer(SMALL, recipe).save(path)
    other = training.Trainer(SMALL, training.Recipe())
    other.load(path)
    assert other.made_with["steps"] == 6 and other.made_with["batch"] == 4
    saved = torch.load(path, weights_only=True)
    del saved["recipe"]
    torch.save(saved, path)
    other = training.Trainer(SMALL, training.Recipe())
    other.load(path)
    assert other.made_with == asdict(training.Recipe())


def test_a_loss_gone_wild_stops_the_training() -> None:
    recipe = training.Recipe(steps=6, batch=4, crop=12)
    trainer = training.Trainer(SMALL, recipe)
    with torch.no_grad():
        trainer.net.heads.bias.fill_(torch.nan)
    with pytest.raises(RuntimeError, match="non-finite"):
        trainer.advance(Batches([shard("native")], recipe.batch, recipe.crop))


def test_nothing_but_the_graph_lies_in_the_package(tmp_path: Path) -> None:
    assert training.kept(tmp_path / "a.onnx", ".checkpoint") == tmp_path / "a.checkpoint"
    assert training.kept(training.OUT, ".checkpoint") == training.WORK / "ppg.checkpoint"
    assert training.read_options(["--export-only"]).out == ASSETS / "ppg.onnx"


def test_tiny_does_not_overwrite_the_assets(capsys: pytest.CaptureFixture[str]) -> None:
    assert training.read_options(["--tiny"]).out == training.TINY
    with pytest.raises(SystemExit):
        training.read_options(["--tiny", "--out", str(ASSETS / "ppg.onnx")])
    assert "outside the package" in capsys.readouterr().err


def test_tiny_training_learns(tmp_path: Path) -> None:
    """It knows more of each row than how common the phones are: a constant answer cannot."""
    out = tmp_path / "ppg.onnx"
    shards = str(tmp_path / "shards")
    training.main(["--tiny", "--jobs", "2", "--shards", shards, "--out", str(out)])
    clips, ppg = [Clip.of(clip) for clip in bundled()], PPG(20, out)
    y = np.concatenate([clip.labels for clip in clips])
    posteriors = np.concatenate([hear(clip.pcm, ppg).posteriors for clip in clips])
    common = np.bincount(y, minlength=posteriors.shape[1]) / len(y)
    told = -np.log(posteriors[np.arange(len(y)), y] + 1e-6).mean()
    assert told < -np.log(common[y]).mean() - 0.1
    assert out.with_suffix(".checkpoint").is_file()
