"""The papers' objectives against values worked out by hand."""

import math

import pytest
import torch
from torch import nn

from engine.face.blendshapes import INDEX
from engine.nets.papers.speech import MOTION
from engine.train.paper_losses import (
    asymmetric,
    constraint,
    in_step,
    judged,
    l1,
    matched,
    region_weights,
    regulariser,
    ssim,
    triplet,
)


def test_asymmetric_punishes_falling_short_three_times() -> None:
    mean, mask = torch.tensor([0.5]), torch.ones(1, 1)
    target = torch.tensor([[[0.9]]])
    beyond = asymmetric(torch.tensor([[[1.0]]]), target, mean, mask)
    short = asymmetric(torch.tensor([[[0.8]]]), target, mean, mask)
    assert beyond.item() == pytest.approx(0.01) and short.item() == pytest.approx(0.03)
    # Below the mean the other way round.
    low = torch.tensor([[[0.1]]])
    assert asymmetric(torch.tensor([[[0.0]]]), low, mean, mask).item() == pytest.approx(0.01)
    assert asymmetric(torch.tensor([[[0.2]]]), low, mean, mask).item() == pytest.approx(0.03)


def test_masked_columns_do_not_count() -> None:
    made, target = torch.tensor([[[1.0, 5.0]]]), torch.zeros(1, 1, 2)
    assert l1(made, target, torch.tensor([[1.0, 0.0]])).item() == 1.0


def test_ssim_of_equal_shifted_and_opposite() -> None:
    wave = torch.sin(torch.arange(50) / 3.0)[None, :, None]
    mask = torch.ones(1, 1)
    assert ssim(wave, wave, mask).item() == pytest.approx(0.0, abs=1e-6)
    centred = wave - wave.mean()
    assert ssim(-centred, centred, mask).item() == pytest.approx(2.0, abs=0.02)
    m, s = 1.0, float(centred.square().mean())
    moved = ssim(centred + m, centred, mask).item()
    brightness = 1e-3 / (m * m + 1e-3)
    assert moved == pytest.approx(1 - brightness * (2 * s + 2e-3) / (2 * s + 2e-3), abs=1e-5)


def test_triplet_margin() -> None:
    zero = torch.zeros(1, 2)
    near, far = torch.tensor([[3.0, 4.0]]), torch.tensor([[6.0, 8.0]])
    assert triplet(zero, near, far).item() == pytest.approx(0.0)
    assert triplet(zero, near, torch.tensor([[0.0, 7.0]])).item() == pytest.approx(3.0)
    assert triplet(zero, far, near).item() == pytest.approx(10.0)


def test_judged_and_in_step() -> None:
    assert judged(torch.tensor([1.0, 0.0]), 1.0).item() == 0.5
    assert in_step(torch.tensor([0.5, 0.25])).item() == pytest.approx(1.5 * math.log(2))


def test_region_weights_of_the_paper() -> None:
    row = region_weights()
    assert row[INDEX["jawOpen"]] == 5 and row[INDEX["eyeBlinkLeft"]] == 3
    assert row[INDEX["browInnerUp"]] == 1 and row[52:].abs().sum() == 0


def test_matched_takes_the_nearest_frame() -> None:
    weights = region_weights()
    frames = torch.zeros(1, 2, MOTION)
    frames[0, 1, INDEX["jawOpen"]] = 1.0
    made = torch.zeros(1, 1, MOTION)
    made[0, 0, INDEX["jawOpen"]] = 0.9
    expected = 0.1 * 5 / weights.sum()
    assert matched(made, frames, weights).item() == pytest.approx(float(expected), rel=1e-4)


def test_regulariser_of_a_linear_function_is_its_slope() -> None:
    f = nn.Linear(MOTION, 1, bias=False)
    with torch.no_grad():
        f.weight.zero_()
        f.weight[0, :2] = torch.tensor([3.0, 4.0])
    made, style = torch.rand(2, 3, MOTION), torch.rand(2, 3, MOTION)
    assert regulariser(f, made, style, 0.3).item() == pytest.approx(16.0, rel=1e-5)
    with torch.no_grad():
        f.weight /= 5.0
    assert regulariser(f, made, style, 0.3).item() == pytest.approx(0.0, abs=1e-6)
    apart = constraint(f, style + torch.eye(MOTION)[0], style).item()
    assert apart == pytest.approx(0.36, rel=1e-4)
