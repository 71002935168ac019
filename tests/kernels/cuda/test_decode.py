"""The decoder's tick as one CUDA kernel, run on the CPU, against the network in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.motion import noise as noises
from engine.motion.decoder import Decoder, DecoderInput
from engine.motion.tick import parameters
from engine.motion.tick import shares as shares_of
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import DecoderConfig, StyleWeights
from engine.style.library import StyleLibrary
from kernels.cuda import decoding
from kernels.cuda.launches import TABLE
from tests.kernels.cuda.shim import Shim, sanitized
from tests.kernels.cuda.ticks import INTERRUPT, INTERRUPTED, KEPT, Sessions, replay

BATCH = 6  # one whole block, one with two sessions
_PRODUCTS = ("embed", "attend", "merge", "event", "face_ppg", "face_x", "face_r", "face_out",
             "head_x", "head_r", "head_out")  # fmt: skip


class Halved(DecoderNet):
    """The network whose matrices are in float16 and whose context is remembered so."""

    def _project(self, x: Tensor, layer: int, style: StyleWeights) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = super()._project(x, layer, style)
        return q, k.half().to(k.dtype), v.half().to(v.dtype)


def network() -> DecoderNet:
    """Every parameter counts, as after a training; float64."""
    torch.manual_seed(3)
    net = Halved(DecoderConfig()).eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if value.dim() == 1 or name == "near":
                value.add_(torch.randn_like(value) * 0.2)
            if name in ("up", "down", "out") or (
                name.split(".")[0] in _PRODUCTS and value.dim() == 2
            ):
                value.copy_(value.half())
    return net.double()


def arrays(net: DecoderNet) -> dict[str, np.ndarray]:
    named = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return {name: value.detach().numpy() for name, value in named.items()}


def shares(net: DecoderNet, code: Tensor) -> np.ndarray:
    """[B, layers + 1, experts] of a style."""
    c = net.config
    mixed = net.mix(code[:, : c.expression]).view(len(code), c.layers + 1, c.experts)
    return np.asarray(mixed.softmax(-1))


def heard(rng: np.random.Generator, tick: int) -> dict[str, np.ndarray]:
    ppg = rng.dirichlet(np.full(40, 0.05), (BATCH, 3)).reshape(BATCH, 120)
    seeds = np.arange(BATCH, dtype=np.uint64)
    noise = noises.draw(seeds, np.full(BATCH, tick, np.int64))
    noise[:, 0] /= 20  # blinks, glances and the like happen within these ticks
    return {"ppg": ppg, "prosody": rng.random((BATCH, 12)), "noise": noise}


@torch.no_grad()
def told(ticks: int) -> dict[str, np.ndarray]:
    """What the network says in so many ticks, all that `ticks.replay` asks for."""
    net, rng = network(), np.random.default_rng(0)
    code = torch.randn(BATCH, net.config.code, dtype=torch.float64)
    style = net.prepare(code)
    state = net.init_state(style)
    record: dict[str, Any] = {f"net/{name}": a for name, a in arrays(net).items()}
    record |= {f"style/{name}": a.numpy() for name, a in style._asdict().items()}
    record |= {f"state/{name}": a.numpy() for name, a in state._asdict().items()}
    record["style/share"] = shares(net, code)
    steps: dict[str, list[np.ndarray]] = {}
    for tick in range(ticks):
        given = {name: a.astype(np.float32) for name, a in heard(rng, tick).items()}
        if tick == INTERRUPT:
            forgotten = ("keys", "values", "valid")
            state = state._replace(**{name: _forgotten(getattr(state, name)) for name in forgotten})
        x = (torch.from_numpy(given[name]).double() for name in ("ppg", "prosody", "noise"))
        weights, pose, state = net.tick(*x, state, style)
        made = {"answer/weights": weights, "answer/pose": pose}
        made |= {f"kept/{name}": getattr(state, name) for name in KEPT}
        for name, value in made.items():
            steps.setdefault(name, []).append(value.numpy())
        for name, array in given.items():
            steps.setdefault(f"given/{name}", []).append(array)
    record |= {name: np.stack(values) for name, values in steps.items()}
    assert ticks < 3 or np.ptp(record["kept/held"], axis=0).max() > 0, "something happened"
    return {**record, "last/keys": state.keys.numpy(), "last/values": state.values.numpy()}


def _forgotten(value: Tensor) -> Tensor:
    value = value.clone()
    value[INTERRUPTED] = 0
    return value


def test_forty_ticks_are_those_of_the_network() -> None:
    replay("plain", told(40))


def test_the_order_of_threads_does_not_matter() -> None:
    replay("reversed", told(7))


def test_nothing_is_read_or_written_beside_its_place(tmp_path: Path) -> None:
    np.savez(tmp_path / "told.npz", **told(2))  # type: ignore[arg-type]
    sanitized("tests.kernels.cuda.ticks:replay_file", str(tmp_path / "told.npz"))


def test_the_shipped_decoder_makes_the_same_faces() -> None:
    decoder, library, shim = Decoder(), StyleLibrary(), Shim()
    styles = [decoder.prepare(library.get(name)) for name in ("calm", "excited")]
    states = [decoder.init_state(1, library.get(name), 4) for name in ("calm", "excited")]
    began = {
        name: np.concatenate([getattr(state.net, name) for state in states])
        for name in states[0].net._fields
    }
    given = {
        name: np.concatenate([getattr(one, name) for one in styles]) for name in styles[0]._fields
    }
    style = {**given, "share": shares_of(given["code"])}
    sessions, rng = Sessions(shim, parameters(), style, began), np.random.default_rng(1)
    for tick in range(12):
        said = {name: a.astype(np.float32)[:2] for name, a in heard(rng, tick).items()}
        said["noise"] = noises.draw(np.full(2, 4, np.uint64), np.full(2, tick, np.int64))
        found = sessions.tick(**said)
        for b in (0, 1):
            x = DecoderInput(said["ppg"][b : b + 1, None], said["prosody"][b : b + 1, None])
            truth, states[b] = decoder.step(x, states[b])
            # Its matrices are rounded to float16, those of onnxruntime are not.
            np.testing.assert_allclose(found["weights"][b], truth.weights[0, 0], atol=3e-3)
            np.testing.assert_allclose(found["pose"][b, :3], truth.pose[0, 0, :3], atol=0.1)
            np.testing.assert_allclose(found["pose"][b, 3:], truth.pose[0, 0, 3:], atol=1e-3)


def test_the_packing_is_the_kernels() -> None:
    net = network()
    assert len(decoding.weights(arrays(net))) == decoding.WEIGHTS
    assert len(decoding.terms(arrays(net))) == 96 + 2 * 896 + 2 * 96 + 4 + 16 + 384 + 24 + 256 + 136
    assert (decoding.STYLES, decoding.STATES, decoding.INPUTS, decoding.OUTPUTS) == (
        1464,
        324,
        152,
        58,
    )
    assert TABLE["decode_tick"].grid(256) == (256 // decoding.TOGETHER, 1, 1)
