"""The perceptual features: small, frozen, blind to nothing that a blurred picture lacks."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from engine.errors import WeightsError
from engine.train.neural import losses, sight
from engine.train.neural.features import PATH, Eye


def test_a_toy_is_trained_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "eye.safetensors"
    assert sight.main(["--tiny", "--out", str(path)]) == 0
    eye = Eye.load(path)
    found = eye(torch.rand(2, 3, 32, 48))
    assert [x.shape[2:] for x in found] == [(16, 24), (8, 12), (4, 6)]
    assert not any(p.requires_grad for p in eye.parameters())


def test_other_shapes_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is missing"):
        Eye.load(tmp_path / "none.safetensors")
    eye = Eye()
    eye.layers[0] = torch.nn.Conv2d(3, 8, 5)
    eye.save(tmp_path / "eye.safetensors", {})
    with pytest.raises(WeightsError, match="other layers"):
        Eye.load(tmp_path / "eye.safetensors")


def test_shipped_features_mind_blur_more_than_brightness() -> None:
    assert PATH.stat().st_size < 1 << 20
    eye = Eye.load()
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(1, 3, 12, 12, generator=generator)
    truth = F.interpolate(truth, scale_factor=8.0, mode="bicubic").clamp(0, 1)
    truth[..., 40:60, 30:70] = 0.1
    blurred = F.avg_pool2d(F.pad(truth, (3, 3, 3, 3), mode="replicate"), 7, 1)
    weight = torch.ones(1, 1, 96, 96)
    blur = float((blurred - truth).abs().mean())
    brighter = truth + blur  # the same mean absolute difference
    assert losses.perceptual(eye, blurred, truth, weight) > 2 * losses.perceptual(
        eye, brighter, truth, weight
    )
