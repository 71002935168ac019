"""The decoder's tick as one CUDA kernel, run on the CPU, against the network in float64."""

import numpy as np
import torch
from torch import Tensor

from engine.motion import noise as noises
from engine.motion.decoder import Decoder, DecoderInput
from engine.motion.tick import parameters
from engine.motion.tick import shares as shares_of
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import DecoderConfig, NetState, StyleWeights
from engine.style.library import StyleLibrary
from kernels.cuda import decoding
from kernels.cuda.launches import TABLE
from tests.kernels.cuda.shim import Shim, sanitized

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


class Sessions:
    """The kernel's side of a batch of sessions."""

    def __init__(
        self, shim: Shim, net: dict[str, np.ndarray], style: dict[str, np.ndarray],
        state: dict[str, np.ndarray],
    ) -> None:  # fmt: skip
        self._shim, self.batch = shim, len(style["share"])
        self._weights = shim.upload(decoding.weights(net))
        self._terms = shim.upload(decoding.terms(net))
        self._style = shim.upload(decoding.rows(decoding.STYLE, self.batch, style))
        self.state = shim.upload(decoding.rows(decoding.STATE, self.batch, state))
        self.ring = shim.empty((self.batch, *decoding.RING), np.float16)
        self.seen = shim.upload(np.zeros(self.batch, np.int32))

    def tick(self, **given: np.ndarray) -> dict[str, np.ndarray]:
        out = self._shim.empty((self.batch, decoding.OUTPUTS), np.float32)
        rows = decoding.rows(decoding.INPUT, self.batch, given)
        self._shim.launch(
            "decode_tick", (self.batch,), self._weights, self._terms, self._style,
            self._shim.upload(rows), self.state, self.ring, self.seen, out, self.batch,
        )  # fmt: skip
        return decoding.columns(decoding.OUTPUT, out.array)


def heard(rng: np.random.Generator, tick: int) -> dict[str, np.ndarray]:
    ppg = rng.dirichlet(np.full(40, 0.05), (BATCH, 3)).reshape(BATCH, 120)
    seeds = np.arange(BATCH, dtype=np.uint64)
    noise = noises.draw(seeds, np.full(BATCH, tick, np.int64))
    noise[:, 0] /= 20  # blinks, glances and the like happen within these ticks
    return {"ppg": ppg, "prosody": rng.random((BATCH, 12)), "noise": noise}


@torch.no_grad()
def compare(variant: str, ticks: int | str) -> None:
    ticks, net = int(ticks), network()
    code = torch.randn(BATCH, net.config.code, dtype=torch.float64)
    style = net.prepare(code)
    state, rng, moved = net.init_state(style), np.random.default_rng(0), 0.0
    given = {name: value.numpy() for name, value in style._asdict().items()}
    began = {name: value.numpy() for name, value in state._asdict().items()}
    sessions = Sessions(Shim(variant), arrays(net), {**given, "share": shares(net, code)}, began)
    for tick in range(ticks):
        given = {name: a.astype(np.float32) for name, a in heard(rng, tick).items()}
        if tick == 5:  # one session is interrupted: what was said is forgotten
            sessions.seen.array[2] = 0
            state = state._replace(
                **{n: _forgotten(getattr(state, n)) for n in ("keys", "values", "valid")}
            )
        before = state
        weights, pose, state = net.tick(
            *(torch.from_numpy(given[n]).double() for n in ("ppg", "prosody", "noise")),
            state,
            style,
        )
        found = sessions.tick(**given)
        np.testing.assert_allclose(found["weights"], weights, atol=2e-4, err_msg=f"tick {tick}")
        np.testing.assert_allclose(found["pose"], pose, atol=2e-4, err_msg=f"tick {tick}")
        kept = decoding.columns(decoding.STATE, sessions.state.array)
        for name in ("lips", "eyes", "pose", "face_h", "face_c", "head_h", "held"):
            truth = getattr(state, name)
            np.testing.assert_allclose(kept[name], truth, atol=2e-4, err_msg=f"{name} at {tick}")
        moved += float((state.held - before.held).abs().max())
    assert moved > 0, "something happened"
    assert (
        list(sessions.seen.array) == [ticks] * 2 + [ticks - 5 if ticks > 5 else ticks] + [ticks] * 3
    )
    _same_ring(sessions, state)


def _forgotten(value: Tensor) -> Tensor:
    value = value.clone()
    value[2] = 0
    return value


def _same_ring(sessions: Sessions, state: NetState) -> None:
    """The ring holds what the network shifts: the newest at place (seen - 1) % WINDOW."""
    for b, seen in enumerate(sessions.seen.array):
        count = min(int(seen), decoding.WINDOW)
        places = [(int(seen) - 1 - age) % decoding.WINDOW for age in range(count)]
        for which, truth in enumerate((state.keys, state.values)):
            mine = sessions.ring.array[b, :, which][:, places].astype(np.float64)
            np.testing.assert_allclose(mine, truth[b].flip(1)[:, :count], atol=4e-3)


def test_forty_ticks_are_those_of_the_network() -> None:
    compare("plain", 40)


def test_the_order_of_threads_does_not_matter() -> None:
    compare("reversed", 7)


def test_nothing_is_read_or_written_beside_its_place() -> None:
    sanitized("tests.kernels.cuda.test_decode:compare", "sanitized", "2")


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
