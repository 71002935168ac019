"""The portraits' model: fresh it says nothing beyond the picture; weights come back as saved."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.errors import WeightsError
from engine.train.neural import sharp
from engine.train.neural.texturer import Joint, laid_out, shipped


def test_a_fresh_one_keeps_the_pictures_texture() -> None:
    page = np.random.default_rng(0).integers(0, 255, (32, 32, 4), np.uint8)
    with torch.no_grad():
        texture = Joint().texture(page)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(
        texture, sharp.texture(np.asarray(page / np.float32(255), np.float32)), atol=1e-6
    )


def test_the_shipped_one_adds_something_sane() -> None:
    joint, about = shipped()
    assert about["steps"] > 0 and joint.size == "small"
    page = np.random.default_rng(0).integers(0, 255, (64, 64, 4), np.uint8)
    with torch.no_grad():
        added = joint.texture(page) - laid_out(page)[1]
    assert 0 < float(added.abs().max()) < 2 and bool(torch.isfinite(added).all())


def test_weights_come_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    joint = Joint()
    torch.nn.init.normal_(joint.texturer.out.weight)
    save_file({k: v.half() for k, v in joint.state_dict().items()}, tmp_path / "a.safetensors")
    page = np.full((32, 32, 4), 90, np.uint8)
    with torch.no_grad():
        found = Joint.load(tmp_path / "a.safetensors").texture(page)
        torch.testing.assert_close(found, joint.texture(page), atol=2e-2, rtol=1e-2)
    with pytest.raises(WeightsError, match="no weights"):
        Joint.load(tmp_path / "b.safetensors")
    save_file({"x": torch.zeros(2)}, tmp_path / "c.safetensors")
    with pytest.raises(WeightsError, match="no weights"):
        Joint.load(tmp_path / "c.safetensors")
