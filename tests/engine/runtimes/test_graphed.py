"""torch behind the engines' interface: on the host's memory here, fit for capture on a card."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.errors import RuntimeUnavailable
from engine.runtime import ASSETS, Array, available, load
from engine.runtimes import card
from engine.runtimes.eager import Eager
from engine.runtimes.engine import design
from engine.runtimes.graph import Wish
from engine.runtimes.graphed import GraphedGraph

SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "decoder": {},
    "decoder_style": {},
    "ppg": {"x": (4, 2, 160)},
    "renderer_small": {"image": (4, 16, 32, 48)},
    "renderer_large": {"image": (4, 16, 32, 48)},
    "renderer_small_recurrent": {"image": (4, 16, 32, 48), "hidden": (4, 32, 2, 3)},
}
TORCH = {np.dtype(np.float16): torch.float16, np.dtype(np.float32): torch.float32}


def _feed(name: str, batch: int) -> dict[str, Array]:
    rng = np.random.default_rng(batch)
    plan = design(ASSETS / f"{name}.onnx", Wish(shape=SHAPES[name]))
    return {key: rng.random((batch, *one.shape), np.float32) for key, one in plan.bindings.items()}


@pytest.mark.parametrize("name", SHAPES)
def test_torch_runs_every_graph_as_onnxruntime_does(name: str) -> None:
    path = ASSETS / f"{name}.onnx"
    engine, truth = GraphedGraph(path, Wish(shape=SHAPES[name]), "cpu"), load(path)
    assert (engine.inputs, engine.outputs) == (truth.inputs, truth.outputs)
    found, expected = engine.run(_feed(name, 3)), truth.run(_feed(name, 3))
    for key in truth.outputs:
        np.testing.assert_allclose(found[key], expected[key], atol=3e-5, err_msg=key)


@pytest.mark.parametrize("name", ["decoder", "renderer_small_recurrent"])
def test_pointers_are_read_and_written(name: str) -> None:
    wish = Wish(shape=SHAPES[name], precision="auto")
    engine = GraphedGraph(ASSETS / f"{name}.onnx", wish, "cpu")
    for batch in (1, 4):
        engine.prepare(batch)
        feed = _feed(name, batch)
        held = {key: engine.bindings[key].laid(feed[key]) for key in engine.inputs}
        before = {key: array.copy() for key, array in held.items()}
        for key in engine.outputs:
            one = engine.bindings[key]
            held[key] = np.full((batch, *one.stored), np.nan, one.dtype)
        engine.enqueue(0, {key: array.ctypes.data for key, array in held.items()}, batch)
        expected = engine.run(feed)
        for key in engine.outputs:
            np.testing.assert_array_equal(held[key].astype(np.float32), expected[key])
        assert all((held[key] == before[key]).all() for key in before)
    with pytest.raises(RuntimeUnavailable, match="takes 1 to"):
        engine.prepare(engine.most + 1)


class _Watch(TorchDispatchMode):
    """Fails where an operation mixes host and device, beyond the scalars that a kernel takes."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        places = {x.device.type for x in given if x.dim()}
        made = func(*args, **(kwargs or {}))
        places |= {
            x.device.type for x in tree_leaves(made) if isinstance(x, torch.Tensor) and x.dim()
        }
        assert len(places) < 2, f"{func} between {places}"
        return made


@pytest.mark.parametrize("precision", ["f32", "auto"])
@pytest.mark.parametrize("name", [name for name in SHAPES if name != "decoder_style"])
def test_a_run_neither_waits_for_the_device_nor_copies_to_it(name: str, precision: str) -> None:
    # A "meta" device has no values: reading one on the host raises, as a sync would in a capture.
    plan = design(ASSETS / f"{name}.onnx", Wish(shape=SHAPES[name], precision=precision))
    device = torch.device("meta")
    eager = Eager(plan.model, device)
    feed = {
        key: torch.zeros((4, *one.shape), dtype=TORCH[one.dtype], device=device)
        for key, one in plan.bindings.items()
    }
    with _Watch():
        answer = eager(feed)
    assert {value.device.type for value in answer.values()} == {"meta"}


def test_without_a_card_both_engines_say_what_to_do() -> None:
    try:
        card.found()
    except RuntimeUnavailable:
        pass
    else:
        pytest.skip("this machine has a card")
    assert not {"tensorrt", "graphed"} & set(available())
    for runtime in ("tensorrt", "graphed"):
        with pytest.raises(RuntimeUnavailable, match="no NVIDIA|speaks CUDA|no CUDA libraries"):
            load(ASSETS / "decoder.onnx", runtime)
