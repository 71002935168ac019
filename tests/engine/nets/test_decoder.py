"""The torch decoder: training form equals the ticks, experts are mixed by style, trees match."""

import numpy as np
import torch

from engine.motion import decoder as runtime
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import DecoderConfig, NetState, StyleWeights

CONFIG = DecoderConfig(width=16, hidden=24, heads=2, window=8, experts=3, face=12, head=10, style=8)


def make() -> DecoderNet:
    torch.manual_seed(0)
    net = DecoderNet(CONFIG).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return net


def inputs(ticks: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ppg = torch.rand(batch, ticks, CONFIG.ppg)
    return ppg, torch.rand(batch, ticks, CONFIG.prosody), torch.rand(batch, ticks, CONFIG.noise)


def test_trees_match_the_runtime() -> None:
    assert NetState._fields == runtime.NetState._fields
    assert StyleWeights._fields == runtime.StyleWeights._fields


def test_training_form_equals_ticks() -> None:
    net = make()
    ppg, prosody, noise = inputs(20)
    with torch.no_grad():
        style = net.prepare(torch.randn(2, CONFIG.code))
        state = net.init_state(style)
        past, made = [], []
        for t in range(20):
            past.append(state.lips)
            _, _, state = net.tick(ppg[:, t], prosody[:, t], noise[:, t], state, style)
            made.append(state.lips)
        before = torch.stack(past, 1)
        wanted = net.lips(torch.cat([ppg, prosody], -1), ppg, style).clamp(0, 1)
        slew = CONFIG.slew
        limited = before + ((wanted - before) / slew).clamp(-1, 1) * slew
    torch.testing.assert_close(limited, torch.stack(made, 1), atol=1e-4, rtol=0)


def test_rows_do_not_mix_and_batch_is_free() -> None:
    net = make()
    ppg, prosody, noise = inputs(1, batch=3)
    with torch.no_grad():
        style = net.prepare(torch.randn(3, CONFIG.code))
        whole, pose, _ = net.tick(
            ppg[:, 0], prosody[:, 0], noise[:, 0], net.init_state(style), style
        )
        for i in range(3):
            one = StyleWeights(*(leaf[i : i + 1] for leaf in style))
            alone, turned, _ = net.tick(
                ppg[i : i + 1, 0], prosody[i : i + 1, 0], noise[i : i + 1, 0],
                net.init_state(one), one,
            )  # fmt: skip
            torch.testing.assert_close(alone[0], whole[i], atol=1e-5, rtol=0)
            torch.testing.assert_close(turned[0], pose[i], atol=1e-4, rtol=0)


def test_style_mixes_experts() -> None:
    net = make()
    with torch.no_grad():
        style = net.prepare(torch.randn(2, CONFIG.code))
        expression = style.code[:, : CONFIG.expression]
        share = net.mix(expression).view(2, CONFIG.layers + 1, CONFIG.experts).softmax(-1)
        by_hand = sum(share[1, 0, k] * net.up[k, 0] for k in range(CONFIG.experts))
        last = sum(share[1, -1, k] * net.out[k] for k in range(CONFIG.experts))
    torch.testing.assert_close(style.up[1, 0], by_hand)
    torch.testing.assert_close(style.out[1], last)
    assert not torch.allclose(style.up[0], style.up[1])


def test_only_a_window_is_remembered() -> None:
    net = make()
    ppg, prosody, noise = inputs(60, batch=1)
    style = net.prepare(torch.zeros(1, CONFIG.code))

    def keys(start: int) -> np.ndarray:
        state = net.init_state(style)
        with torch.no_grad():
            for t in range(start, 60):
                _, _, state = net.tick(ppg[:, t], prosody[:, t], noise[:, t], state, style)
        return state.valid.numpy()

    np.testing.assert_array_equal(keys(0), np.ones((1, CONFIG.window)))
    np.testing.assert_array_equal(keys(57)[0, -3:], np.ones(3))
    assert keys(57).sum() == 3


def test_the_head_reads_its_own_part_of_the_code_only() -> None:
    net = make()
    code = torch.randn(1, CONFIG.code)
    other = code.clone()
    other[:, CONFIG.expression :] += 1.0
    with torch.no_grad():
        one, two = net.prepare(code), net.prepare(other)
    pose = slice(-6, None)
    for field in ("up", "down", "out", "query", "face"):
        torch.testing.assert_close(getattr(one, field), getattr(two, field))
    torch.testing.assert_close(one.rest[:, : pose.start], two.rest[:, : pose.start])
    assert not torch.allclose(one.rest[:, pose], two.rest[:, pose])
    assert not torch.allclose(one.head, two.head)
