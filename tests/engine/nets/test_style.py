"""The three style encoders are Stages behind one interface; what each of them measures."""

import numpy as np
import pytest
import torch

from engine.nets.papers.speech import MOTION, SAID, Reference
from engine.nets.style import (
    StatisticsEncoder,
    StyleEncoder,
    StyleTalkEncoder,
    StyleTalkPair,
    VastEncoder,
)
from engine.style.encoder import statistics
from tests.contract import assert_streams


def reference(ticks: int, batch: int = 2) -> Reference:
    return Reference(torch.rand(batch, ticks, MOTION), torch.rand(batch, ticks, SAID))


@pytest.mark.parametrize(
    "encoder",
    [
        StatisticsEncoder(False),
        StatisticsEncoder(True),
        VastEncoder(8, 12, 0),
        VastEncoder(8, 12, 4),
        VastEncoder(8, 12, 8),
        VastEncoder(8, 12, 4, enhanced=False),
        StyleTalkEncoder((0, 52), 8, 16, window=6),
        StyleTalkPair(8, 4),
    ],
    ids=["eq2", "means", "vast0", "vast4", "vast8", "bare", "expression", "pair"],
)
def test_encoders_stream(encoder: StyleEncoder) -> None:
    torch.manual_seed(1)
    x = reference(20)
    encoder.eval()
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(0.1 * torch.randn_like(p))
        assert_streams(encoder, x)
        code = encoder.encode(x)
    assert code.shape == (2, encoder.face + encoder.head)
    assert torch.equal(code, encoder(x)[:, -1])


def test_statistics_are_those_of_the_runtime() -> None:
    x = reference(40, 1)
    motion = x.motion[0].numpy()
    pose = motion[:, 52:] / np.array([0.1, 0.1, 0.1, 10, 10, 10], np.float32)
    expected = statistics(motion[:, :52], pose)
    code = StatisticsEncoder(True)
    code.scale.fill_(1.0)
    with torch.no_grad():
        found = code.raw(x, code.init_state(1))[0][0, -1].numpy()
    np.testing.assert_allclose(found[:156], expected[:156], atol=1e-5)
    # Eq. 2 takes of the pose its change only: mean and change of 6 are what both know.
    np.testing.assert_allclose(found[156:162], expected[156:162], atol=1e-5)
    np.testing.assert_allclose(found[162:], expected[-6:], atol=1e-5)
    plain = StatisticsEncoder(False)
    with torch.no_grad():
        bare = plain.raw(x, plain.init_state(1))[0][0, -1].numpy()
    np.testing.assert_allclose(bare, np.concatenate([found[52:156], found[162:]]), atol=1e-6)


def test_expression_and_head_codes_come_from_their_own_columns() -> None:
    torch.manual_seed(2)
    pair = StyleTalkPair(8, 4).eval()
    x = reference(30)
    other = torch.cat([x.motion[..., :52], torch.rand(2, 30, 6)], -1)
    with torch.no_grad():
        one, two = pair.encode(x), pair.encode(Reference(other, x.ppg))
    assert torch.equal(one[:, :8], two[:, :8])
    assert not torch.allclose(one[:, 8:], two[:, 8:])


def test_flow_keeps_the_length_and_turns_the_code() -> None:
    torch.manual_seed(3)
    encoder = VastEncoder(8, 12, 4).eval()
    x = reference(12)
    with torch.no_grad():
        q = encoder.posterior(x)
        code = encoder.encode(x)
    torch.testing.assert_close(code.norm(dim=-1), q.mean.norm(dim=-1))
    assert not torch.allclose(code, q.mean)
