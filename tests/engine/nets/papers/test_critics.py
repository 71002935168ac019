"""The discriminators judge stretches; the lip-sync one sees and hears the same few ticks."""

import torch

from engine.nets.papers.critics import (
    SYNC_TICKS,
    Patches,
    StyleClassifier,
    StylePatches,
    SyncCritic,
)
from engine.nets.papers.speech import PPG


def test_patches_judge_windows() -> None:
    torch.manual_seed(1)
    x = torch.rand(2, 64, 6)
    assert Patches(6)(x).shape[:2] == (2, 1)
    code = torch.randn(2, 4)
    judge = StylePatches(6, 4)
    assert not torch.allclose(judge(x, code), judge(x, code.roll(1, 0)))
    log = StyleClassifier(5)(torch.rand(2, 64, 52))
    torch.testing.assert_close(log.exp().sum(-1), torch.ones(2))


def test_sync_sees_vertices_only_and_in_its_window() -> None:
    torch.manual_seed(2)
    basis = torch.zeros(52, 7, 3)
    basis[24] = torch.randn(7, 3)  # one channel moves the mouth, the others don't
    critic = SyncCritic(basis, torch.randn(7, 3))
    weights, ppg = torch.rand(2, 20, 52), torch.rand(2, 20, PPG)
    cosine = critic(weights, ppg)
    assert cosine.shape == (2, 20 - SYNC_TICKS + 1)
    assert (cosine >= 0).all() and (cosine <= 1 + 1e-5).all()
    other = weights.clone()
    other[..., 0] = 0.0
    torch.testing.assert_close(critic(other, ppg), cosine)
    other[:, 12, 24] = 1.0
    changed = (critic(other, ppg) - cosine).abs().amax(0) > 1e-7
    assert not changed[:8].any() and not changed[13:].any()
