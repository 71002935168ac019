"""The critic judges patches, under its condition, of one picture or two."""

import pytest
import torch

from engine.nets.critic import MESH, Critic, CriticConfig
from engine.train.neural.losses import critic_loss


@pytest.mark.parametrize("frames", [1, 2])
def test_scores_patches(frames: int) -> None:
    critic = Critic(CriticConfig(frames=frames))
    mesh, picture = torch.rand(2, MESH, 64, 48), torch.rand(2, 3 * frames, 64, 48)
    scores, features = critic(mesh, picture)
    assert scores.shape == (2, 1, 8, 6) and len(features) == 4
    other, _ = critic(mesh.flip(0), picture)
    assert not torch.allclose(scores, other), "the condition counts"


def test_a_patch_is_local() -> None:
    critic = Critic().eval()
    mesh = torch.rand(1, MESH, 128, 128)
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    scores, _ = critic(mesh, picture)
    scores[0, 0, 8, 8].backward()
    assert picture.grad is not None
    rows = picture.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert 40 <= int(rows[-1] - rows[0]) + 1 <= 60


def test_it_soon_hears_what_a_blurred_picture_lacks() -> None:
    torch.manual_seed(0)
    critic, mesh = Critic(), torch.rand(4, MESH, 48, 48)
    optimiser = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.99))
    for _ in range(40):
        true = 0.5 + 0.1 * torch.randn(4, 3, 48, 48)
        real, _ = critic(mesh, true)
        fake, _ = critic(mesh, torch.nn.functional.avg_pool2d(true, 3, 1, 1))
        loss = critic_loss(real, fake)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5  # 2 ln 2 while it knows nothing
