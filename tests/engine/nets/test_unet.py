"""The renderer's network: its cost, its start from the texture, its memory, its heads."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import WeightsError
from engine.eval.network import DOUBLING, gflop
from engine.nets.recurrent import Recurrent, Seen
from engine.nets.unet import UNet, UNetConfig
from engine.train.renderer_export import scrambled
from tests.contract import assert_streams


@pytest.mark.parametrize(("size", "least", "most"), [("small", 0.35, 0.45), ("large", 1.1, 1.4)])
def test_costs_what_it_may(size: str, least: float, most: float) -> None:
    net = UNet(UNetConfig.of(size))
    cost = gflop(net)
    plain = sum(value for name, value in cost.items() if name not in DOUBLING)
    print(f"{size}: {plain:.3f} GFLOP at 256 x 256, {sum(cost.values()):.3f} with the x2 head")
    assert least <= plain <= most
    assert all(isinstance(m, nn.Conv2d) for m in net.modules() if list(m.parameters(False)))


@pytest.mark.parametrize("size", ["small", "large"])
def test_fresh_weights_draw_the_texture(size: str) -> None:
    net = UNet(UNetConfig.of(size))
    image = torch.rand(2, 16, 48, 80)
    rgba, double, hidden = net(image, torch.zeros(2, 40, 8))
    assert double is not None and hidden is None
    truth = torch.cat([image[:, :3], image[:, 12:13]], 1)
    torch.testing.assert_close(rgba, truth)
    bilinear = nn.functional.interpolate(truth, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(double, bilinear)
    assert UNet(UNetConfig.of(size, x2=False))(image, torch.zeros(2, 40, 8))[1] is None


def test_every_weight_and_every_input_counts() -> None:
    net = scrambled(UNetConfig.of("small", recurrent=True))
    image = torch.rand(1, 16, 32, 48, requires_grad=True)
    ppg = torch.rand(1, 40, 8, requires_grad=True)
    rgba, double, _ = net(image, ppg, net.init_hidden(image) + 0.5)
    assert double is not None
    ((rgba - 0.5).square().mean() + (double - 0.5).square().mean()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
    assert image.grad is not None and (image.grad.abs().amax((0, 2, 3)) > 0).all()
    assert ppg.grad is not None and (ppg.grad != 0).all()


def test_clamping_lets_through_the_way_back() -> None:
    net = UNet(UNetConfig.of("small"))
    image = torch.full((1, 16, 16, 16), 1.5)  # a texture outside of colours
    for target, moves in ((0.0, True), (3.0, False)):
        net.zero_grad()
        rgba, _, _ = net(image, torch.zeros(1, 40, 8))
        assert float(rgba.detach().max()) == 1.0
        ((rgba - target) ** 2).mean().backward()
        assert net.out.bias.grad is not None and bool(net.out.bias.grad.any()) == moves


def test_config_travels_as_json() -> None:
    for config in (UNetConfig.of("large"), UNetConfig.of("small", x2=False, recurrent=True)):
        assert UNetConfig.from_json(config.to_json()) == config
    with pytest.raises(WeightsError, match="expected small or large"):
        UNetConfig.of("huge")


@torch.no_grad()
def test_the_recurrent_form_streams() -> None:
    net = scrambled(UNetConfig.of("small", recurrent=True))
    clip = Seen(torch.rand(2, 13, 16, 32, 32), torch.rand(2, 13, 40, 8))
    stage = Recurrent(net, (32, 32))
    assert_streams(stage, clip)
    # It does remember: another past gives another picture.
    drawn = stage.forward(clip).rgba
    alone = stage.forward(Seen(*(x[:, -1:] for x in clip))).rgba
    assert float((drawn[:, -1:] - alone).abs().max()) > 1e-3
    assert np.isfinite(drawn.numpy()).all()
