"""Every network of the papers is a Stage, styled or not; its parts do what the papers say."""

from typing import Any

import pytest
import torch
from torch import nn

from engine.nets.papers.blocks import AdaptiveFeed
from engine.nets.papers.flow import HouseholderFlow, divergence, reflect
from engine.nets.papers.fusion import FusionDecoder, FusionShape
from engine.nets.papers.head import HeadDecoder, HeadShape
from engine.nets.papers.speech import MOTION, PPG, PROSODY, Speech, join, part
from engine.nets.papers.styletalk import FaceDecoder, FaceShape
from engine.nets.papers.transfer import TransferDecoder, TransferShape
from engine.nets.papers.vast import VastDecoder, VastShape
from tests.contract import assert_streams

DECODERS: list[tuple[str, Any]] = [
    ("vast", lambda: VastDecoder(VastShape(code=6, width=16, hidden=16, cell=12, window=6))),
    ("one branch", lambda: VastDecoder(VastShape(code=6, width=16, autoregressive=False))),
    ("fusion", lambda: FusionDecoder(FusionShape(code=6, width=12))),
    ("face", lambda: FaceDecoder(FaceShape(code=6, width=16, window=6, hidden=12, experts=3))),
    ("undivided", lambda: FaceDecoder(FaceShape(code=6, width=16, experts=1, split=False))),
    ("head", lambda: HeadDecoder(HeadShape(code=6, width=16, window=6, hidden=16))),
    ("transfer", lambda: TransferDecoder(TransferShape(code=6, cell=12, style=4, width=12))),
]


def shaken(net: nn.Module) -> nn.Module:
    """Random weights everywhere, biases too."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return net.eval()


def speech(ticks: int, batch: int = 2) -> Speech:
    return Speech(torch.rand(batch, ticks, PPG), torch.randn(batch, ticks, PROSODY))


class Styled:
    """A decoder that begins in a style and a pose of its own."""

    latency = 0

    def __init__(self, net: Any) -> None:
        self.net = net
        self.code, self.pose = torch.randn(1, net.shape.code), torch.randn(1, 6)

    def init_state(self, batch: int) -> Any:
        return self.net.init_state(batch, self.code.repeat(batch, 1), self.pose.repeat(batch, 1))

    def step(self, x: Speech, state: Any) -> tuple[torch.Tensor, Any]:
        made: tuple[torch.Tensor, Any] = self.net.step(x, state)
        return made

    def forward(self, x: Speech) -> torch.Tensor:
        return self.step(x, self.init_state(len(x.ppg)))[0]


@pytest.mark.parametrize("make", [make for _, make in DECODERS], ids=[name for name, _ in DECODERS])
def test_decoders_stream(make: Any) -> None:
    torch.manual_seed(1)
    net = shaken(make())
    x = speech(20)
    with torch.no_grad():
        assert_streams(net, x)
        styled = Styled(net)
        assert_streams(styled, x)
        apart = (styled.forward(x) - net(x)).abs().max()
    assert apart > 1e-3, "the style changes nothing"


def test_training_form_of_vast_is_its_first_pass() -> None:
    torch.manual_seed(2)
    net = shaken(VastDecoder(VastShape(code=6, width=16, hidden=16, cell=12)))
    x, code = speech(16), torch.randn(2, 6)
    target = torch.rand(2, 16, MOTION)
    with torch.no_grad():
        torch.manual_seed(3)
        taught = net.lesson(x, code, target, target[:, 0], 0.0)
        # The lips hear no past: they are those of the stream, before the clip.
        streamed = net.step(x, net.init_state(2, code))[0]
    lips = list(range(22, 52))
    strong = [i for i in lips if i < 49]
    torch.testing.assert_close(taught[..., strong].clamp(0, 1), streamed[..., strong])


def test_householder_reflections_are_orthogonal() -> None:
    torch.manual_seed(4)
    axis = torch.randn(1, 7).expand(7, -1)
    matrix = reflect(torch.eye(7), axis).double()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(7).double(), atol=1e-6, rtol=0)
    assert torch.linalg.det(matrix).item() == pytest.approx(-1.0, abs=1e-6)
    flow = HouseholderFlow(7, 5, 4)
    hidden = torch.randn(1, 5)
    jacobian = torch.autograd.functional.jacobian(
        lambda z: flow(z[None], hidden)[0], torch.randn(7)
    )
    # Volume kept: the log-determinants of VAST Eq. 2 are 0.
    assert torch.logdet(jacobian.T @ jacobian).item() == pytest.approx(0.0, abs=1e-5)
    z = torch.randn(3, 7)
    torch.testing.assert_close(flow(z, hidden).norm(dim=-1), z.norm(dim=-1))
    assert HouseholderFlow(7, 5, 0)(z, hidden) is z


def test_divergence_from_the_normal() -> None:
    zero = torch.zeros(4, 3)
    assert divergence(zero, zero).item() == 0.0
    assert divergence(zero + 2.0, zero).item() == pytest.approx(3 * 0.5 * 4.0)


def test_one_expert_alone_is_a_plain_layer() -> None:
    torch.manual_seed(5)
    feed = AdaptiveFeed(6, 8, 10, 4)
    shaken(feed)
    x = torch.randn(2, 5, 8)
    made = feed(x, feed.blend(torch.eye(4)[[2, 0]]))
    for row, expert in enumerate((2, 0)):
        inner = torch.relu(x[row] @ feed.up[expert] + feed.up_bias[expert])
        plain = inner @ feed.down[expert] + feed.down_bias[expert]
        torch.testing.assert_close(made[row], plain)
    shares = feed.share(torch.randn(3, 6)).softmax(-1)
    torch.testing.assert_close(shares.sum(-1), torch.ones(3))


def test_head_begins_where_it_is_told() -> None:
    torch.manual_seed(6)
    net, x = shaken(HeadDecoder(HeadShape(code=6, width=16))), speech(4)
    free = shaken(HeadDecoder(HeadShape(code=6, width=16, initial=False)))
    pose = torch.randn(2, 6)
    with torch.no_grad():
        told = net.step(x, net.init_state(2, None, pose))[0]
        assert not torch.allclose(told, net(x), atol=1e-3)
        assert torch.equal(free.step(x, free.init_state(2, None, pose))[0], free(x))


def test_motion_units_and_back() -> None:
    weights, pose = torch.rand(3, 52).numpy(), torch.randn(3, 6).numpy()
    motion = join(weights, pose)
    assert motion.shape == (3, MOTION) and motion[0, 52] == pytest.approx(pose[0, 0] / 10, 1e-5)
    again = part(motion)
    torch.testing.assert_close(torch.from_numpy(again[0]), torch.from_numpy(weights))
    torch.testing.assert_close(torch.from_numpy(again[1]), torch.from_numpy(pose))
