"""Decoder: phones and prosody -> ARKit-52 and head pose, in a talking style; runtime form.

Contract: a Stage over video ticks; autoregressive and causal, adds no look-ahead; style weights are
derived once per style and glide to a new style within GLIDE ticks; sampled events are a function of
(seed, tick), so forward equals step. Torch form and method: engine.nets.decoder.
"""

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError, PackageError, WeightsError
from engine.frames import BLENDSHAPES, F32, POSE
from engine.motion import noise as noises
from engine.motion.channels import STRONG, WEAK
from engine.motion.prosody import FEATURES
from engine.runtime import ASSETS, Graph, load
from engine.speech.phonemes import PHONES
from engine.stage import tree_map
from engine.style.code import Style
from engine.style.library import DEFAULT, StyleLibrary

GRAPH, STYLE_GRAPH = ASSETS / "decoder.onnx", ASSETS / "decoder_style.onnx"
VERSION = 2
GLIDE = 8  # ticks (320 ms) from one style to the next
PPG_WIDTH = 3 * len(PHONES)
PROSODY_WIDTH = 2 * FEATURES
_CACHED_STYLES = 64
POSE_BOUND = np.array([60, 45, 45, 1, 1, 1], np.float32)  # degrees, head widths
# What an adapter may change: terms of some kB in all, never the large mixed matrices.
ADAPTED = ("up_bias", "down_bias", "query", "rest", "face", "head", "gain", "event")


class DecoderInput(NamedTuple):
    """T video ticks; tick n holds the two rows labelled 640 n - 360 and 640 n - 40, and the newest
    row as it was heard without look-ahead (at 20 ms look-ahead the row labelled 640 n + 280)."""

    ppg: F32  # [B, T, 120]
    prosody: F32  # [B, T, 2 * FEATURES]


class DecoderOutput(NamedTuple):
    """T faces, shown at sample 640 n."""

    weights: F32  # [B, T, 52] in [0, 1]
    pose: F32  # [B, T, 6]


class StyleWeights(NamedTuple):
    """What is derived from a style once; same tree as in engine.nets.decoder."""

    code: F32  # [B, CODE]
    up: F32  # [B, L, width, hidden]
    up_bias: F32  # [B, L, hidden]
    down: F32  # [B, L, hidden, width]
    down_bias: F32  # [B, L, width]
    out: F32  # [B, width + ppg, STRONG]
    query: F32  # [B, L, width]
    rest: F32  # [B, 52 + POSE]
    face: F32  # [B, 4 * face]
    head: F32  # [B, 3 * head]
    gain: F32  # [B, 2 * (NORMAL + SLOW)]
    event: F32  # [B, UNIFORM]


class NetState(NamedTuple):
    """Memory of the network; same tree as in engine.nets.decoder."""

    keys: F32  # [B, L, window, width]
    values: F32  # [B, L, window, width]
    valid: F32  # [B, window]
    lips: F32  # [B, STRONG]
    eyes: F32  # [B, WEAK]
    pose: F32  # [B, POSE]
    face_h: F32  # [B, face]
    face_c: F32  # [B, face]
    head_h: F32  # [B, head]
    held: F32  # [B, NORMAL]


class DecoderState(NamedTuple):
    """Everything a session remembers."""

    net: NetState
    style: StyleWeights  # in use now, on its way to `target`
    target: StyleWeights
    left: npt.NDArray[np.int64]  # [B] ticks of glide left
    seed: npt.NDArray[np.uint64]  # [B]
    tick: npt.NDArray[np.int64]  # [B]


class Decoder:
    """Stage: DecoderInput -> DecoderOutput. Holds weights and a cache of styles, no session."""

    latency = 0

    def __init__(self, graph: Graph | None = None, style_graph: Graph | None = None) -> None:
        self._graph = graph or load(GRAPH)
        self._style_graph = style_graph or load(STYLE_GRAPH)
        self._styles: OrderedDict[bytes, StyleWeights] = OrderedDict()
        self._net = _checked(self._graph, "decoder.onnx")
        if _checked(self._style_graph, "decoder_style.onnx") != self._net:
            raise WeightsError(
                "decoder.onnx and decoder_style.onnx come from different trainings; restore both "
                "with git or run python -m engine.train motion"
            )

    def prepare(self, style: Style) -> StyleWeights:
        """Weights of one style, batch 1; computed once and kept for the last styles used.

        Raises PackageError when the style brings an adapter that does not fit.
        """
        parts = [style.code, *(style.adapter[name] for name in sorted(style.adapter))]
        key = repr(sorted(style.adapter)).encode() + b"".join(part.tobytes() for part in parts)
        if key not in self._styles:
            out = self._style_graph.run({"code": style.code[None]})
            derived = {name: out[name] for name in _DERIVED}
            for name, change in style.adapter.items():
                _check_adapter(style.name, name, change, derived)
                derived[name] = derived[name] + change
            self._styles[key] = StyleWeights(style.code[None], **derived)
            if len(self._styles) > _CACHED_STYLES:
                self._styles.popitem(last=False)
        self._styles.move_to_end(key)
        return self._styles[key]

    def init_state(self, batch: int, style: Style | None = None, seed: int = 0) -> DecoderState:
        """A face at rest in `style` (default: the bundled neutral one), remembering nothing.

        `seed` decides blinks, glances and drift; give every session its own.
        """
        one = self.prepare(style or StyleLibrary().get(DEFAULT))
        # Sessions in the same style share its weights: 320 kB each.
        weights = one if batch == 1 else tree_map(lambda a: np.repeat(a, batch, axis=0), one)
        c = self._net
        memory = np.zeros((batch, c["layers"], c["window"], c["width"]), np.float32)
        lips, eyes = len(STRONG), len(WEAK)
        net = NetState(
            keys=memory,
            values=memory,
            valid=np.zeros((batch, c["window"]), np.float32),
            lips=np.clip(weights.rest[:, :lips], 0, 1),
            eyes=np.clip(weights.rest[:, lips : lips + eyes], 0, 1),
            pose=np.asarray(
                weights.rest[:, lips + eyes :] / np.array(c["pose_scale"], np.float32), np.float32
            ),
            face_h=np.zeros((batch, c["face"]), np.float32),
            face_c=np.zeros((batch, c["face"]), np.float32),
            head_h=np.zeros((batch, c["head"]), np.float32),
            held=np.zeros((batch, noises.NORMAL), np.float32),
        )
        return DecoderState(
            net, weights, weights, np.zeros(batch, np.int64),
            np.full(batch, seed, np.uint64), np.zeros(batch, np.int64),
        )  # fmt: skip

    def step(self, x: DecoderInput, state: DecoderState) -> tuple[DecoderOutput, DecoderState]:
        """Advance by T ticks. Raises FrameError for inputs of the wrong shape."""
        batch, ticks = x.ppg.shape[:2]
        if x.ppg.shape[2:] != (PPG_WIDTH,) or x.prosody.shape != (batch, ticks, PROSODY_WIDTH):
            raise FrameError(
                f"decoder input has ppg {x.ppg.shape} and prosody {x.prosody.shape}, expected "
                f"[B, T, {PPG_WIDTH}] and [B, T, {PROSODY_WIDTH}]"
            )
        weights = np.zeros((batch, ticks, BLENDSHAPES), np.float32)
        pose = np.zeros((batch, ticks, len(POSE)), np.float32)
        for t in range(ticks):
            state = glided(state)
            feed = {
                "ppg": x.ppg[:, t],
                "prosody": x.prosody[:, t],
                "noise": noises.draw(state.seed, state.tick),
                **{f"state_{k}": v for k, v in state.net._asdict().items()},
                **{f"style_{k}": getattr(state.style, k) for k in _DERIVED},
            }
            out = self._graph.run(feed)
            # The graph rounds: a closed channel may come out at -1e-8.
            weights[:, t] = np.clip(out["weights"], 0, 1)
            # No style and no adapter turns a head further than a neck does.
            pose[:, t] = np.clip(out["out_pose"], -POSE_BOUND, POSE_BOUND)
            net = NetState(*(out[f"state_{k}_out"] for k in NetState._fields))
            state = state._replace(net=net, tick=state.tick + 1)
        return DecoderOutput(weights, pose), state

    def forward(self, x: DecoderInput) -> DecoderOutput:
        """The whole clip in the neutral style, from rest."""
        return self.step(x, self.init_state(len(x.ppg)))[0]

    def restyle(self, state: DecoderState, style: Style) -> DecoderState:
        """Glide to `style` within GLIDE ticks, from wherever the face is now."""
        batch = len(state.tick)
        one = self.prepare(style)
        target = one if batch == 1 else tree_map(lambda a: np.repeat(a, batch, axis=0), one)
        return state._replace(target=target, left=np.full(batch, GLIDE, np.int64))

    def interrupt(self, state: DecoderState) -> DecoderState:
        """Forget what was said: with silence the lips close from where they are; the face lives
        on."""
        net = state.net
        memory = np.zeros_like(net.keys)
        forgotten = net._replace(keys=memory, values=memory, valid=np.zeros_like(net.valid))
        return state._replace(net=forgotten)


# Every field but the code itself is an output of the style graph and an input of the other.
_DERIVED = StyleWeights._fields[1:]


def _check_adapter(style: str, name: str, change: F32, derived: dict[str, F32]) -> None:
    shapes = {field: derived[field].shape[1:] for field in ADAPTED}
    if shapes.get(name) != change.shape:
        raise PackageError(
            f"style {style!r} has an adapter {name[:40]!r} of shape {change.shape}, expected one "
            f"of {shapes}; make it again with demos.pick_style"
        )


def glided(state: DecoderState) -> DecoderState:
    """One tick of the way to the target style; linear, so velocities stay bounded."""
    if not state.left.any():
        return state
    if (state.left == 1).all():
        return state._replace(style=state.target, left=np.zeros_like(state.left))
    share = np.where(state.left > 0, 1.0 / np.maximum(state.left, 1), 0.0).astype(np.float32)

    def move(now: F32, goal: F32) -> F32:
        part = share.reshape(-1, *[1] * (now.ndim - 1))
        return np.asarray(now + part * (goal - now), np.float32)

    style = tree_map(move, state.style, state.target)
    return state._replace(style=style, left=np.maximum(state.left - 1, 0))


def _checked(graph: Graph, name: str) -> dict[str, Any]:
    """The network's shape from the config; WeightsError when it does not fit this code."""
    config = graph.config
    net = config.get("net", {})
    found = (config.get("version"), tuple(net.get("strong", ())), tuple(net.get("weak", ())))
    if found != (VERSION, STRONG, WEAK) or net.get("noise") != noises.WIDTH:
        raise WeightsError(
            f"{name} has version {found[0]!r} or channels that do not fit this Vivify (version "
            f"{VERSION}); restore it with git or run python -m engine.train motion"
        )
    return dict(net)
