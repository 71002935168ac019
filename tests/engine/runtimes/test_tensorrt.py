"""Our graphs as TensorRT engines: the real TensorRT-RTX parses and builds them without a card; how
engines are kept, prepared and run is shown on a library of our own (fake_tensorrt)."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import RuntimeUnavailable
from engine.face.package import load as package
from engine.runtime import ASSETS, Array, load
from engine.runtimes import card, plans, tensorrt
from engine.runtimes.eager import Eager
from engine.runtimes.engine import Design, design
from engine.runtimes.graph import Wish
from engine.runtimes.tensorrt import TensorRTGraph, build, library, network, spans
from kernels import cache
from tests.engine.runtimes import fake_tensorrt as fake

SHAPES: dict[
    str, dict[str, tuple[int, ...]]
] = {  # all but the batch, where the graph leaves it open
    "decoder": {},
    "ppg": {"x": (2, 160)},
    "renderer_small": {"image": (16, 256, 256)},
    "renderer_large": {"image": (16, 256, 256)},
    "renderer_small_recurrent": {"image": (16, 256, 256), "hidden": (32, 16, 16)},
}
CASES = [(name, precision) for name in SHAPES for precision in ("f32", "auto")]


def _design(name: str, precision: str, most: int = 1) -> Design:
    shape = {key: (most, *sides) for key, sides in SHAPES[name].items()}
    learned = package("mira").learned if name == "renderer_large" else None
    tensors = learned.weights if learned else None
    return design(ASSETS / f"{name}.onnx", Wish(tensors, shape=shape, precision=precision))


@pytest.fixture
def rtx() -> Any:
    return pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_rtx_parses_and_builds_every_graph(name: str, precision: str, rtx: Any) -> None:
    plan = _design(name, precision)
    made = network(rtx, plan)[1]
    given = [made.get_input(at) for at in range(made.num_inputs)]
    assert [tensor.name for tensor in given] == list(plan.inputs)
    for tensor in given:
        binding = plan.bindings[tensor.name]
        assert tuple(tensor.shape) == (-1, *binding.shape)
        assert np.dtype(rtx.nptype(tensor.dtype)) == binding.dtype
    zeros = {
        tensor.name: torch.zeros(
            (3, *tensor.shape[1:]), dtype=fake.TORCH[np.dtype(rtx.nptype(tensor.dtype))],
            device="meta",
        )
        for tensor in given
    }  # fmt: skip
    expected = Eager(plan.model, torch.device("meta"))(zeros)
    found = {made.get_output(at).name: made.get_output(at) for at in range(made.num_outputs)}
    assert [*found] == list(plan.outputs)
    for key, tensor in found.items():
        assert tuple(tensor.shape) == (-1, *expected[key].shape[1:]), key
        assert fake.TORCH[np.dtype(rtx.nptype(tensor.dtype))] == expected[key].dtype, key
    assert len(build(rtx, plan)) > 1e5


def test_rtx_builds_profiles_for_256_sessions(rtx: Any) -> None:
    assert spans(256) == [(1, 1, 1), (2, 8, 16), (17, 64, 256)]
    assert spans(1) == [(1, 1, 1)] and spans(20)[-1] == (17, 20, 20)
    assert len(build(rtx, _design("renderer_small", "auto", 256))) > 1e5


def test_rtx_says_what_it_does_not_take(rtx: Any) -> None:
    plan = _design("renderer_small", "f32")
    broken = plan._replace(data=plan.data.replace(b"LeakyRelu", b"LeakyRele"))
    with pytest.raises(RuntimeUnavailable, match="does not take the graph"):
        network(rtx, broken)


def test_the_library_is_found_or_named(monkeypatch: pytest.MonkeyPatch, rtx: Any) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert library() is rtx
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(RuntimeUnavailable, match="found none, expected tensorrt >= 11.4"):
        library()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.setattr(fake, "__version__", "10.13.0.35")
    with pytest.raises(RuntimeUnavailable, match=r"found tensorrt 10\.13"):
        library()
    monkeypatch.setattr(fake, "__version__", "11.4.0.106")
    assert library() is fake


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """TensorRTGraph on the fake library and the host's memory, with a cache folder of its own."""
    monkeypatch.setattr(tensorrt, "library", lambda: fake)
    monkeypatch.setattr(tensorrt, "build", _counted)
    monkeypatch.setattr(card, "found", lambda: card.Card("Fake 1", (9, 0), 13000))
    monkeypatch.setattr(card, "Memory", fake.Memory)
    monkeypatch.setattr(card, "Stream", fake.Stream)
    monkeypatch.setattr(card, "idle", fake.idle)
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "vivify")
    monkeypatch.setattr(fake.Runtime, "stamp", b"one")
    BUILT.clear()
    return tmp_path / "vivify" / "engines"


BUILT: list[str] = []


def _counted(trt: Any, plan: Design) -> bytes:
    BUILT.append(plan.precision)
    return fake.build(trt, plan)


SMALL = ASSETS / "renderer_small.onnx"
WISH = Wish(shape={"image": (8, 16, 32, 48)})
HALF = Wish(shape={"image": (8, 16, 32, 48)}, precision="auto")


def _feed(batch: int) -> dict[str, Array]:
    rng = np.random.default_rng(batch)
    return {
        "image": rng.random((batch, 16, 32, 48), np.float32),
        "ppg": rng.random((batch, 40, 8), np.float32),
    }


@pytest.mark.parametrize("wish", [WISH, HALF])
def test_an_engine_draws_what_onnxruntime_draws(faked: Path, wish: Wish) -> None:
    engine, truth = TensorRTGraph(SMALL, wish), load(SMALL)
    assert engine.most == 8 and engine.precision == ("f32" if wish is WISH else "f16")
    assert (engine.inputs, engine.outputs) == (truth.inputs, truth.outputs)
    for batch in (1, 3, 8):
        found, expected = engine.run(_feed(batch)), truth.run(_feed(batch))
        for name in truth.outputs:
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(
                found[name], expected[name], atol=2e-6 if wish is WISH else 2e-3
            )
    for wrong in (0, 9):
        with pytest.raises(RuntimeUnavailable, match="takes 1 to 8"):
            engine.prepare(wrong)


def _placed(engine: TensorRTGraph, feed: Mapping[str, Array], batch: int) -> dict[str, Array]:
    held = {name: one.laid(feed[name]) for name, one in engine.bindings.items() if name in feed}
    for name in engine.outputs:
        one = engine.bindings[name]
        held[name] = np.full((batch, *one.stored), np.nan, one.dtype)
    return held


def test_a_prepared_engine_takes_no_more_memory(faked: Path) -> None:
    engine = TensorRTGraph(SMALL, HALF)
    assert engine.bindings["image"].stored == (32, 48, 16)
    assert engine.bindings["rgba_x2"] == (np.float16, (4, 64, 96), False)
    for batch in (8, 3):
        engine.prepare(batch)
    before = fake.Memory.made
    for batch in (3, 8, 3):
        held = _placed(engine, _feed(batch), batch)
        engine.enqueue(7, {name: array.ctypes.data for name, array in held.items()}, batch)
        expected = engine.run(_feed(batch))
        for name in engine.outputs:
            np.testing.assert_array_equal(held[name].astype(np.float32), expected[name])
        before += 4  # of `run`
        assert fake.Memory.made == before
    assert len(engine._scratch) == 1, "the smaller batch fits into the memory of the larger"
    with pytest.raises(KeyError):
        engine.enqueue(7, {}, 5)


def test_engines_are_kept_by_what_they_depend_on(
    faked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(wish: Wish = WISH) -> int:
        TensorRTGraph(SMALL, wish)
        return len(BUILT)

    assert opened() == 1 and opened() == 1, "the second time it is read"
    assert opened(HALF) == 2
    assert opened(Wish(shape={"image": (9, 16, 32, 48)})) == 3
    other = {name: array + 0.25 for name, array in _own().items()}
    assert opened(Wish(other, shape=WISH.shape)) == 4, "other weights"
    monkeypatch.setattr(card, "found", lambda: card.Card("Fake 1", (9, 0), 13010))
    assert opened() == 5, "another driver"
    monkeypatch.setattr(fake, "__version__", "1.7.1")
    assert opened() == 6, "another library"
    monkeypatch.setattr(tensorrt, "_RECIPE", "other")
    assert opened() == 7, "built in another way"
    assert len([*faked.glob("*.plan")]) == 7 and len([*faked.iterdir()]) == 7


def _own() -> dict[str, Array]:
    from engine.runtimes.nodes import dense
    from engine.runtimes.onnxfile import weights

    return {**weights(dense(SMALL.read_bytes()), load(SMALL).config["tensors"])}


def _no(*_: object) -> None:
    return None


def _breaks(*_: object) -> None:
    raise RuntimeError("out of patience")


@pytest.mark.parametrize(
    ("what", "answer", "said"),
    [
        ("Context.set_optimization_profile_async", _no, "no to profile 1"),
        ("Context.set_input_shape", _no, r"no to input \w+ as \(3, "),
        ("Context.set_tensor_address", _no, r"no to \w+ at 0x"),
        ("Context.execute_async_v3", _no, "no to a run of 3"),
        ("Engine.create_execution_context", _no, "no to an execution context"),
        ("Engine.get_tensor_shape", lambda *_: (-1, 4, -1, 8), r"with the lengths \(4, -1, 8\)"),
        ("Engine.create_runtime_config", _breaks, r"fails \(RuntimeError: out of patience\)"),
        ("Runtime.__init__", _breaks, r"fails \(RuntimeError: out of patience\)"),
    ],
)
def test_what_the_library_does_not_do_is_named(
    faked: Path, monkeypatch: pytest.MonkeyPatch, what: str, answer: Any, said: str
) -> None:
    kind, method = what.split(".")
    monkeypatch.setattr(getattr(fake, kind), method, answer)
    with pytest.raises(RuntimeUnavailable, match=said):
        TensorRTGraph(SMALL, WISH).prepare(3)


def test_first_and_single_runs_wait_for_the_card(faked: Path) -> None:
    engine, before = TensorRTGraph(SMALL, WISH), len(fake.IDLE)
    engine.prepare(3)
    engine.prepare(3)
    assert len(fake.IDLE) == before + 1
    engine.run(_feed(3))
    assert len(fake.IDLE) == before + 2


def test_a_refused_engine_is_built_again(
    faked: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    TensorRTGraph(SMALL, WISH)
    monkeypatch.setattr(fake.Runtime, "stamp", b"two")
    TensorRTGraph(SMALL, WISH)
    assert len(BUILT) == 2 and "refuses the engine" in caplog.text
    TensorRTGraph(SMALL, WISH)
    assert len(BUILT) == 2, "the new one took its place"


def test_a_torn_engine_is_built_again_and_a_foreign_folder_is_not_read(faked: Path) -> None:
    TensorRTGraph(SMALL, WISH)
    (path,) = faked.glob("*.plan")
    path.write_bytes(path.read_bytes()[:-1])
    TensorRTGraph(SMALL, WISH)
    assert len(BUILT) == 2
    faked.chmod(0o777)
    assert plans.read(path.stem) is None
    TensorRTGraph(SMALL, WISH)
    assert len(BUILT) == 3


def test_open_lengths_and_no_card_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeUnavailable, match="input image has the open lengths"):
        design(SMALL, Wish())

    class Cuda:
        driver = 0

        def cudaDriverGetVersion(self) -> tuple[int, int]:  # noqa: N802 - CUDA's name
            return 0, self.driver

        def cudaGetDeviceCount(self) -> tuple[Any, int]:  # noqa: N802
            return type("Status", (int,), {"name": "cudaErrorNoDevice"})(100), 0

    cuda = Cuda()
    monkeypatch.setattr(card, "_cuda", lambda: cuda)
    for driver, message in (
        (0, "no NVIDIA driver found"), (12040, r"speaks CUDA 12\.4, expected 13\.0"),
        (13000, r"no NVIDIA card found \(cudaErrorNoDevice\)"),
    ):  # fmt: skip
        cuda.driver = driver
        card.found.cache_clear()
        with pytest.raises(RuntimeUnavailable, match=message) as raised:
            card.found()
        assert "or run on the CPU" in str(raised.value)
    card.found.cache_clear()
