"""The rival without a mesh: a fresh one leaves the picture as it is, whatever the motion."""

import torch

from engine.nets.warper import MOTION, Warper


def test_a_fresh_warper_keeps_the_picture() -> None:
    torch.manual_seed(0)
    picture = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        found = Warper()(picture, torch.rand(2, MOTION))
    torch.testing.assert_close(found, picture, atol=1e-4, rtol=0)


def test_all_of_it_can_learn() -> None:
    torch.manual_seed(0)
    warper = Warper()
    optimiser = torch.optim.SGD(warper.parameters(), lr=0.1)
    picture, goal, motion = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.rand(1, 58)
    for _ in range(3):
        optimiser.zero_grad()
        (warper(picture, motion) - goal).square().mean().backward()
        optimiser.step()
    still = [name for name, p in warper.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
