"""What a picture says beyond its colours starts at nothing and can be learned."""

import torch

from engine.nets.texture import CHANNELS
from engine.nets.texturer import Texturer


def test_a_fresh_texturer_adds_nothing_and_learns() -> None:
    torch.manual_seed(0)
    texturer, page = Texturer(), torch.rand(1, 4, 64, 64)
    added = texturer(page)
    assert added.shape == (1, CHANNELS, 64, 64)
    assert not added.any()
    (added - 1).square().mean().backward()
    assert texturer.out.weight.grad is not None
    assert texturer.out.weight.grad.any()
