"""A picture comes back from the untrained renderer as sharp as it was."""

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.frames import F32
from engine.nets.texture import sample
from engine.train.neural import sharp

SIDE = 64  # px of the page
_GRID = 16


def _page() -> F32:
    """All of one part; grey stripes and noise: fine detail in light, none in colour."""
    rng = np.random.default_rng(0)
    grey = 0.3 + 0.4 * rng.random((SIDE, SIDE, 1), np.float32)
    part = np.zeros((SIDE, SIDE, 1), np.float32)
    return np.concatenate([grey, grey, grey, part], 2)


def _image(page: F32) -> Tensor:
    """The network's input for the page's pixels 16 to 48, two of them a cell."""
    texture = torch.from_numpy(sharp.texture(page)).permute(2, 0, 1)[None]
    at = (torch.arange(_GRID) * 2 + 16 + 1 + 0.5) / SIDE
    uv = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)[None]
    image = torch.zeros(1, 16, _GRID, _GRID)
    image[:, :8], image[:, 12] = sample(texture, uv), 1
    return image


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_picture_comes_back_as_it_was(size: str) -> None:
    page = _page()
    with torch.no_grad():
        _, double, _ = sharp.network(size)(_image(page), torch.zeros(1, 40, 8))
    assert double is not None
    inner = double[0, :3, 2:-2, 2:-2].permute(1, 2, 0).numpy()  # the cells' border has no cells
    np.testing.assert_allclose(inner, page[18:46, 18:46, :3], atol=2e-3)


@pytest.mark.parametrize("size", ["small", "large"])
def test_all_of_it_can_learn(size: str) -> None:
    torch.manual_seed(0)
    net, image = sharp.network(size), _image(_page())
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(3):  # what starts at nothing lets others learn from the next step on
        optimiser.zero_grad()
        plain, double, _ = net(image, torch.rand(1, 40, 8))
        assert double is not None
        ((plain - 0.9).square().mean() + (double - 0.1).square().mean()).backward()
        optimiser.step()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
