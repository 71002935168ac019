"""The network in torch form: it streams, forgets, and stays finite whatever it hears."""

import numpy as np
import pytest
import torch

from engine.audio.mel import FLOOR, Mel
from engine.nets.layers import RunningMean
from engine.nets.ppg import PPGConfig, PPGNet, PPGState
from engine.speech.phonemes import CLOSED
from tests.contract import assert_streams

SMALL = PPGConfig(channels=(4, 4), width=24, hidden=24)
SILENCE = float(np.log(FLOOR))


def small_net() -> PPGNet:
    torch.manual_seed(0)
    net = PPGNet(SMALL)
    net.mean.fill_(-4.0)
    net.scale.fill_(0.25)
    return net.eval()


@torch.no_grad()
def test_streams() -> None:
    assert_streams(small_net(), torch.randn(3, 26, 160) * 3 - 4, atol=1e-5)


@torch.no_grad()
def test_batch_of_32_equals_single_rows() -> None:
    net, x = small_net(), torch.randn(32, 9, 160) * 3 - 4
    together = net.forward(x)
    for row in range(32):
        for one, many in zip(net.forward(x[row : row + 1]), together, strict=True):
            torch.testing.assert_close(one[0], many[row], atol=1e-5, rtol=0)


@torch.no_grad()
def test_future_is_not_seen() -> None:
    net, x = small_net(), torch.randn(2, 60, 160) * 3 - 4
    whole = net.forward(x)
    for cut in (1, 7, 31, 59):
        other = x.clone()
        other[:, cut:] = torch.randn(2, 60 - cut, 160) * 9
        for a, b in zip(whole, net.forward(other), strict=True):
            torch.testing.assert_close(a[:, :cut], b[:, :cut], atol=1e-5, rtol=0)
            assert (a[:, cut:] - b[:, cut:]).abs().max() > 1e-4


@torch.no_grad()
def test_phones_sum_to_one_and_chances_are_chances() -> None:
    heard = small_net().forward(torch.randn(2, 20, 160) * 5 - 4)
    for phones, aux in zip(heard[:3], heard[3:], strict=True):
        torch.testing.assert_close(phones.sum(2), torch.ones(2, 20), atol=1e-5, rtol=0)
        assert phones.shape == (2, 20, 40) and aux.shape == (2, 20, 3)
        assert (aux[..., :2] >= 0).all() and (aux[..., :2] <= 1).all()


@torch.no_grad()
def test_closure_evidence_reaches_p_b_m() -> None:
    """The closure head moves P, B and M together and leaves all other odds."""
    net = small_net()
    phones, closure = torch.randn(1, 1, 3, 40), torch.full((1, 1, 3), 4.0)
    before, after = torch.softmax(phones, 3), torch.softmax(net._fused(phones, closure), 3)
    shut, rest = list(CLOSED), [i for i in range(40) if i not in CLOSED]
    p, q = before[..., shut].sum(3), after[..., shut].sum(3)
    # Half way between the two log odds: the share starts at one half.
    torch.testing.assert_close(torch.logit(q), (torch.logit(p) + closure) / 2)
    for group in (shut, rest):
        a, b = before[..., group], after[..., group]
        torch.testing.assert_close(a / a.sum(3, keepdim=True), b / b.sum(3, keepdim=True))


@torch.no_grad()
def test_running_mean_follows_and_forgets() -> None:
    running = RunningMean(2, memory=20.0, prior=5.0)
    x = torch.cat([torch.full((1, 200, 2), 3.0), torch.full((1, 200, 2), -1.0)], dim=1)
    mean, _ = running(x, torch.ones(1, 400, 1), running.init_state(1))
    assert 0 < mean[0, 0, 0] < 0.6  # the prior holds at first
    assert mean[0, 199, 0] == pytest.approx(3.0 * 20.5 / 25.5, abs=0.05)
    assert mean[0, 399, 0] == pytest.approx(-1.0 * 20.5 / 25.5, abs=0.05)
    still, _ = running(x, torch.zeros(1, 400, 1), running.init_state(1))
    assert still.abs().max() == 0


def sounds() -> dict[str, np.ndarray]:
    rng, hops = np.random.default_rng(0), 40
    noise = rng.standard_normal(hops * 320).astype(np.float32)
    return {
        "silence": np.zeros(hops * 320, np.float32),
        "clipping": np.sign(noise),
        "DC": np.full(hops * 320, 0.9, np.float32),
        "far too loud": noise * 1e4,
        "clicks": (np.arange(hops * 320) % 4000 == 0).astype(np.float32),
    }


@pytest.mark.parametrize("name", sorted(sounds()))
@torch.no_grad()
def test_any_sound_is_finite(name: str) -> None:
    x = torch.from_numpy(Mel().forward(sounds()[name][None]))
    for part in small_net().forward(x):
        assert torch.isfinite(part).all(), name


@torch.no_grad()
def test_state_stays_bounded() -> None:
    """100,000 steps, over half an hour, of loud noise and of silence."""
    net = small_net()
    state = net.init_state(2)
    largest: list[float] = []
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        x = torch.randn(2, 500, 160, generator=generator) * 4 + 2
        x[1] = SILENCE
        heard, state = net.step(x, state)
        assert all(torch.isfinite(part).all() for part in heard)
        largest.append(max(float(field.abs().max()) for field in state))
    assert isinstance(state, PPGState)
    assert max(largest) < 2 * largest[0] + 10
    assert max(largest) < 1.1 * SMALL.memory * 0.25 * 30
