"""Every loss has a value that can be worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from engine.train.neural import losses


def test_regions_weigh_as_the_paper_says() -> None:
    region = torch.tensor([[[0, 1], [2, 3]]])
    weight = losses.region_weight(region, 2)
    assert weight.shape == (1, 1, 4, 4)
    assert weight[0, 0, ::2, ::2].tolist() == [[0.5, 1.0], [5.0, 3.0]]
    assert torch.equal(weight[..., ::2, :], weight[..., 1::2, :])


def test_pixel_is_a_weighted_mean_of_differences_and_their_squares() -> None:
    ours, truth = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    ours[0, :, 0, 0], ours[0, :, 1, 1] = 0.2, -0.4
    weight = losses.region_weight(torch.tensor([[[2, 0], [0, 1]]]), 1)
    assert losses.pixel(ours, truth, weight) == pytest.approx(
        (5 * (0.2 + 3 * 0.04) + (0.4 + 3 * 0.16)) / 4
    )


def test_perceptual_compares_directions_of_features() -> None:
    def features(x: Tensor) -> list[Tensor]:
        return [x, 3 * x[:, :2]]

    truth = torch.zeros(1, 3, 1, 2)
    truth[0, 0] = 100.0
    ours = torch.zeros(1, 3, 1, 2)
    ours[0, 0, 0, 0], ours[0, 1, 0, 1] = 7.0, 100.0  # the same direction; at right angles
    weight = torch.tensor([[[[1.0, 3.0]]]])
    # |a - b|² of unit vectors at right angles is 2, weighted 3, mean over two places.
    assert float(losses.perceptual(features, ours, truth, weight)) == pytest.approx(3.0, abs=1e-4)
    assert float(losses.perceptual(features, truth, truth, weight)) == 0.0


def test_temporal_asks_for_the_true_change_only() -> None:
    truth = torch.rand(6, 3, 4, 4)
    weight = torch.ones(6, 1, 4, 4)
    ours = truth + 0.3  # wrong, but steady
    assert float(losses.temporal(ours, truth, 3, weight)) == pytest.approx(0, abs=1e-6)
    ours[1] += 0.1  # flickers in the first window: two of its two differences
    assert float(losses.temporal(ours, truth, 3, weight)) == pytest.approx(0.05, abs=1e-6)
    ours = truth.clone()
    ours[3:] += 0.5  # another window may lie anywhere
    assert float(losses.temporal(ours, truth, 3, weight)) == pytest.approx(0, abs=1e-6)
    assert float(losses.temporal(ours, truth, 1, weight)) == 0.0


def test_critic_is_vast_equation_6() -> None:
    real, fake = torch.tensor([1.5]), torch.tensor([-0.5])
    chance = torch.sigmoid
    expected = -math.log(float(chance(real))) - math.log(1 - float(chance(fake)))
    assert float(losses.critic_loss(real, fake)) == pytest.approx(expected, abs=1e-6)
    expected = -math.log(float(chance(fake)))
    assert float(losses.adversarial(fake)) == pytest.approx(expected, abs=1e-6)


def test_matching_is_the_mean_over_layers_and_teaches_only_ours() -> None:
    ours = [torch.zeros(1, 2, requires_grad=True), torch.zeros(1, 4, requires_grad=True)]
    truth = [torch.ones(1, 2, requires_grad=True), torch.full((1, 4), 3.0)]
    loss = losses.matching(ours, truth)
    assert float(loss.detach()) == pytest.approx(2.0)
    loss.backward()
    assert truth[0].grad is None and ours[0].grad is not None
