"""Networks on the card: parity with the CPU and the time of a call, on each runtime for engines."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.eval.gpu.rig import Rig, motions
from engine.eval.gpu.rows import ABSENT, FAILED, Row, check, number, told
from engine.runtime import ASSETS, load
from engine.runtimes.engine import Engine
from engine.runtimes.graph import Array, Wish
from kernels.texture import PLANES

RUNTIMES = ("tensorrt", "graphed")
PARITY = 3  # items of the call whose answers are compared


class Net(NamedTuple):
    """A graph of ours as an engine."""

    part: str
    file: str
    shape: Mapping[str, tuple[int, ...]]  # open lengths: input -> (largest batch, ...)
    tensors: Mapping[str, Array] | None
    outputs: tuple[str, ...] | None
    # Output -> largest error that float16 may cost: three times what engine/runtimes/README.md has.
    losses: Mapping[str, float]
    feed: dict[str, Array]  # for parity

    @property
    def path(self) -> Path:
        return ASSETS / self.file


def _most(rig: Rig) -> int:
    return max(PARITY, *rig.scale.batches)


def opened(rig: Rig, net: Net, runtime: str) -> Engine:
    """The engine of a graph. Raises RuntimeUnavailable, and whatever a runtime raises."""
    if rig.device == "cpu":
        from engine.runtimes.graphed import GraphedGraph

        return GraphedGraph(net.path, Wish(net.tensors, net.outputs, net.shape, "auto"), "cpu")
    wished: Any = load(
        net.path, runtime, tensors=net.tensors, outputs=net.outputs, shape=net.shape,
        precision="auto",
    )  # fmt: skip
    return wished  # type: ignore[no-any-return]


def _net(rig: Rig, net: Net, targets: Mapping[int, float]) -> Iterator[Row]:
    """Parity and times on each runtime; `targets`: us of an item by batch."""
    reference = load(net.path, tensors=net.tensors, outputs=net.outputs)
    truth = {name: reference.run(net.feed)[name] for name in net.losses}
    for runtime in RUNTIMES:
        if rig.left < 10:
            yield Row(net.part, runtime, ABSENT, note="no time left")
            continue
        try:
            engine = opened(rig, net, runtime)
            answer = engine.run(net.feed)
            for name, worst in net.losses.items():
                off = np.abs(answer[name] - truth[name])
                yield check(
                    net.part, f"{runtime} {name}", bool(off.max() <= worst), f"{engine.precision}",
                    largest=float(off.max()), mean=float(off.mean()), allowed=worst,
                )  # fmt: skip
            for batch in sorted(rig.scale.batches, reverse=True):
                taken = _timed(rig, engine, batch)
                yield number(
                    net.part, f"{runtime}, an item", 1e6 * taken / batch, "us", targets.get(batch),
                    more={"batch": batch, "call_us": 1e6 * taken},
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - one runtime is one row
            missing = type(error).__name__ in ("RuntimeUnavailable", "ModuleNotFoundError")
            yield Row(net.part, runtime, ABSENT if missing else FAILED, note=told(error))


def _timed(rig: Rig, engine: Engine, batch: int) -> float:
    """Device seconds of one run, captured."""
    backend = rig.backend
    engine.prepare(batch)
    held = {
        name: backend.upload(np.zeros((batch, *one.stored), one.dtype))
        for name, one in engine.bindings.items()
    }
    pointers = {name: array.pointer for name, array in held.items()}
    engine.enqueue(backend.stream, pointers, batch)
    backend.synchronize()
    with backend.capture() as graph:
        engine.enqueue(backend.stream, pointers, batch)
    return rig.seconds(graph.replay)


def decoder(rig: Rig) -> Iterator[Row]:
    """A tick of the decoder on each runtime and as one kernel."""
    from engine.motion.decoder import Decoder
    from engine.style.library import StyleLibrary

    own, library, dice = Decoder(), StyleLibrary(), np.random.default_rng(0)
    states = [own.init_state(1, library.get(name), 4) for name in library.names()[:3]]
    given: dict[str, Array] = {
        "ppg": dice.dirichlet(np.full(40, 0.05), (3, 3)).reshape(3, 120).astype(np.float32),
        "prosody": dice.random((3, 12)).astype(np.float32),
        "noise": dice.random((3, 20)).astype(np.float32),
    }
    for kind, trees in (("state", [s.net for s in states]), ("style", [s.style for s in states])):
        for name in trees[0]._fields:
            given[f"{kind}_{name}"] = np.concatenate([getattr(tree, name) for tree in trees])
    graph = load(ASSETS / "decoder.onnx")
    net = Net(
        "decoder", "decoder.onnx", {"ppg": (_most(rig), 120)}, None, None,
        {"weights": 0.0042, "out_pose": 0.15}, {name: given[name] for name in graph.inputs},
    )  # fmt: skip
    yield from _net(rig, net, {256: 1000 / 256})
    yield from _fused(rig)


def ears(rig: Rig) -> Iterator[Row]:
    """The PPG network: two rows of a call, what a decoder's tick needs."""
    from engine.audio.mel import log_mel
    from engine.eval.recordings import bundled

    rows = log_mel(bundled()[0].pcm()[None])
    graph = load(ASSETS / "ppg.onnx")
    sizes = graph.config["states"]
    given: dict[str, Array] = {
        "x": np.stack([rows[0, at : at + 2] for at in (40, 80, 120)]).astype(np.float32)
    }
    for name in graph.inputs[1:]:
        given[name] = np.zeros((3, *sizes[name.removeprefix("state_")]), np.float32)
    losses = {**{f"y{n}": 0.0045 for n in (0, 1, 3)}, **{f"aux{n}": 0.025 for n in (0, 1, 3)}}
    shape = {"x": (_most(rig), 2, 160)}
    net = Net("ears", "ppg.onnx", shape, None, None, losses, given)
    yield from _net(rig, net, {256: 1000 / 256})


def painter(rig: Rig) -> Iterator[Row]:
    """The renderer's networks, a small and a large one, on a grid of 256 px to 512 px."""
    from engine.face.package import load as avatar
    from engine.render.grid import Surfaces

    side = 64 if rig.scale.sizes[0] < 256 else 256
    for name, small in (("theo", True), ("mira", False)):
        face = avatar(name)
        look = face.learned
        if look is None or (small and look.small is None):
            yield Row("painter", name, ABSENT, note="the avatar has no such network")
            continue
        look = look.lighter() if small else look
        mesh = Surfaces(face, look.corner_uv, side)
        texture = look.texture.astype(np.float32)
        images = [mesh.draw(move, texture).copy() for move in motions(3)]
        net = Net(
            f"painter {'small' if small else 'large'}", f"renderer_{look.config.size}.onnx",
            {"image": (_most(rig), PLANES, side, side)}, look.weights, ("rgba_x2",),
            {"rgba_x2": 3 * 0.42 / 255},
            {"image": np.stack(images), "ppg": np.zeros((3, 40, 8), np.float32)},
        )  # fmt: skip
        yield from _net(rig, net, {})


def _fused(rig: Rig) -> Iterator[Row]:
    """kernels/cuda/decode.cu against the shipped decoder, tick after tick."""
    from engine.motion import noise as noises
    from engine.motion.decoder import Decoder, DecoderInput
    from engine.motion.tick import parameters, shares
    from engine.style.library import StyleLibrary
    from kernels.cuda import decoding

    graph, library, backend = Decoder(), StyleLibrary(), rig.backend
    names = library.names()[:4]
    states = [graph.init_state(1, library.get(name), 4) for name in names]
    styles = [state.style for state in states]
    style = {n: np.concatenate([getattr(s, n) for s in styles]) for n in styles[0]._fields}
    began = {
        n: np.concatenate([getattr(state.net, n) for state in states])
        for n in states[0].net._fields
    }
    style |= {"share": shares(style["code"])}
    net, count = parameters(), len(names)
    weights, terms = backend.upload(decoding.weights(net)), backend.upload(decoding.terms(net))
    rows = backend.upload(decoding.rows(decoding.STYLE, count, style))
    state = backend.upload(decoding.rows(decoding.STATE, count, began))
    ring = backend.upload(np.zeros((count, *decoding.RING), np.float16))
    seen = backend.upload(np.zeros(count, np.int32))
    given = backend.empty((count, decoding.INPUTS), np.float32)
    out = backend.empty((count, decoding.OUTPUTS), np.float32)
    dice, worst = np.random.default_rng(0), 0.0
    for tick in range(rig.scale.ticks):
        said: dict[str, Array] = {
            "ppg": dice.dirichlet(np.full(40, 0.05), (count, 3))
            .reshape(count, 120)
            .astype(np.float32),
            "prosody": dice.random((count, 12)).astype(np.float32),
            "noise": noises.draw(np.full(count, 4, np.uint64), np.full(count, tick, np.int64)),
        }
        backend.write(given, decoding.rows(decoding.INPUT, count, said))
        backend.launch(
            "decode_tick", (count,), weights, terms, rows, given, state, ring, seen, out, count
        )
        found = decoding.columns(decoding.OUTPUT, backend.download(out))["weights"]
        for b in range(count):
            x = DecoderInput(said["ppg"][b : b + 1, None], said["prosody"][b : b + 1, None])
            truth, states[b] = graph.step(x, states[b])
            worst = max(worst, float(np.abs(found[b] - truth.weights[0, 0]).max()))
    yield check(
        "decoder", "decode_tick weights", worst <= 0.006, largest=worst, ticks=rig.scale.ticks
    )
    for batch in rig.scale.batches:
        yield _tick_time(rig, batch, weights, terms)


def _tick_time(rig: Rig, batch: int, weights: Any, terms: Any) -> Row:
    from kernels.cuda import decoding
    from kernels.cuda.launches import TABLE

    backend = rig.backend
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "style": ((batch, decoding.STYLES), np.float32),
        "input": ((batch, decoding.INPUTS), np.float32),
        "state": ((batch, decoding.STATES), np.float32),
        "ring": ((batch, *decoding.RING), np.float16),
        "seen": ((batch,), np.int32),
    }
    held = [backend.upload(np.zeros(*shape)) for shape in shapes.values()]
    out = backend.empty((batch, decoding.OUTPUTS), np.float32)
    work: Callable[[], None] = partial(
        backend.launch, "decode_tick", (batch,), weights, terms, *held, out, batch
    )
    work()
    taken = rig.seconds(work)
    return number(
        "decoder", "decode_tick, an item", 1e6 * taken / batch, "us",
        1000 / 256 if batch == 256 else None, more={
            "batch": batch, "call_us": 1e6 * taken,
            "moved_bytes": float(TABLE["decode_tick"].moved(batch)),
        },
    )  # fmt: skip
