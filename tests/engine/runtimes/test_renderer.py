"""The renderer's graphs: the same picture on every runtime, with weights a package brings."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import RuntimeUnavailable, WeightsError
from engine.nets.recurrent import Drawn, Hidden, Recurrent, Seen
from engine.nets.unet import UNet, UNetConfig
from engine.runtime import ASSETS, Array, Graph, available, load
from engine.runtimes.graph import Wish, source
from engine.runtimes.onnxfile import weights
from engine.train.renderer_export import SHIPPED, path_of, scrambled, tensors_of
from tests.contract import assert_streams

ROOT = Path(__file__).parents[3]
SMALL = ASSETS / "renderer_small.onnx"
RUNTIMES = ("onnxruntime", "openvino", "torch")
SHAPE = {"image": (1, 16, 48, 80), "ppg": (1, 40, 8)}
FRESH = tensors_of(UNet(UNetConfig.of("small")))


def _feed(shape: Mapping[str, tuple[int, ...]] = SHAPE) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    return {name: rng.random(size, np.float32) for name, size in shape.items()}


@pytest.mark.parametrize("size", ["small", "large"])
def test_all_runtimes_draw_the_same(size: str) -> None:
    assert set(RUNTIMES) <= set(available())
    net = scrambled(UNetConfig.of(size))
    graphs = [load(path_of(size), name, tensors=tensors_of(net), shape=SHAPE) for name in RUNTIMES]
    one, two, reference = (graph.run(_feed()) for graph in graphs)
    for name in ("rgba", "rgba_x2"):
        spread = reference[name].std()
        assert spread > 0.05, "random weights draw something"
        np.testing.assert_allclose(one[name], reference[name], atol=1e-4)
        np.testing.assert_allclose(two[name], reference[name], atol=1e-4)


@pytest.mark.parametrize("instructions", ["AVX2", "DEFAULT"])
def test_openvinos_own_precision_runs_and_is_near(instructions: str, tmp_path: Path) -> None:
    """Also where instructions that the processor has are masked (another process: read once)."""
    script = (
        "import numpy as np, sys\n"
        "from tests.engine.runtimes.test_renderer import FRESH, SHAPE, SMALL, _feed, load\n"
        "graph = load(SMALL, 'openvino', tensors=FRESH, shape=SHAPE, precision='auto')\n"
        "assert graph.precision in ('f32', 'bf16', 'f16'), graph.precision\n"
        "np.savez(sys.argv[1], **graph.run(_feed()))\n"
    )
    masked = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
    found = tmp_path / "found.npz"
    subprocess.run([sys.executable, "-c", script, found], check=True, env=masked, cwd=ROOT)
    truth = load(SMALL, "torch", tensors=FRESH).run(_feed())
    with np.load(found) as answer:
        for name in ("rgba", "rgba_x2"):
            np.testing.assert_allclose(answer[name], truth[name], atol=1e-2)


@pytest.mark.parametrize(("size", "recurrent"), SHIPPED)
def test_shipped_graphs_fit_the_networks_and_draw_the_texture(size: str, recurrent: bool) -> None:
    config = UNetConfig.of(size, recurrent=recurrent)
    path = path_of(size, recurrent)
    graph = load(path)
    assert UNetConfig.from_json(graph.config["net"]) == config
    state = UNet(config).state_dict()
    assert graph.config["tensors"] == {name: list(t.shape) for name, t in state.items()}
    feed = _feed()
    if recurrent:
        feed["hidden"] = np.zeros((1, config.hidden, 3, 5), np.float32)
    truth = feed["image"][:, [0, 1, 2, 12]]
    np.testing.assert_allclose(graph.run(feed)["rgba"], truth, atol=1e-6)
    found = weights(path.read_bytes(), {"near.weight": [16, 16, 2, 2]})["near.weight"]
    np.testing.assert_array_equal(found, state["near.weight"].numpy())


def test_the_graphs_stay_small() -> None:
    assert sum(path.stat().st_size for path in ASSETS.glob("renderer_*.onnx")) < 1e5


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_heads_are_chosen_at_load(runtime: str) -> None:
    both = load(SMALL, runtime, tensors=FRESH).run(_feed())
    for name in ("rgba", "rgba_x2"):
        graph = load(SMALL, runtime, tensors=FRESH, outputs=[name])
        assert graph.outputs == (name,)
        found = graph.run(_feed())
        assert [*found] == [name]
        np.testing.assert_allclose(found[name], both[name], atol=1e-5)
    with pytest.raises(WeightsError, match=r"no outputs \['depth'\]"):
        load(SMALL, runtime, outputs=["depth"])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_any_grid_and_batch_without_fixed_shapes(runtime: str) -> None:
    graph = load(SMALL, runtime, outputs=["rgba_x2"])
    for shape in ((1, 16, 16, 16), (3, 16, 64, 32)):
        feed = _feed({"image": shape, "ppg": (shape[0], 40, 8)})
        kept = {name: value.copy() for name, value in feed.items()}
        found = graph.run(feed)["rgba_x2"]
        assert found.shape == (shape[0], 4, 2 * shape[2], 2 * shape[3])
        assert all((feed[name] == kept[name]).all() for name in feed)
        again = graph.run(_feed({"image": shape, "ppg": (shape[0], 40, 8)}))["rgba_x2"]
        assert again is not found and (again == found).all()


def _without(name: str) -> dict[str, Array]:
    return {key: value for key, value in FRESH.items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (_without("stem.bias"), r"missing \['stem.bias'\]"),
        ({**FRESH, "trap": np.zeros(1, np.float32)}, r"unknown \['trap'\]"),
        ({**FRESH, "stem.bias": np.zeros(17, np.float32)}, r"stem.bias is float32 \[17\]"),
        ({**FRESH, "stem.bias": np.zeros(16, np.int64)}, "expects floats"),
        ({**FRESH, "stem.bias": np.full(16, np.nan, np.float16)}, "not finite"),
        ({**FRESH, "stem.bias": np.full(16, 1e300)}, "beyond the range"),
    ],
)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_that_do_not_fit_are_named(
    tensors: dict[str, Array], message: str, runtime: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        load(SMALL, runtime, tensors=tensors)


def test_half_precision_weights_are_taken() -> None:
    net = scrambled(UNetConfig.of("small"))
    half = {name: value.astype(np.float16) for name, value in tensors_of(net).items()}
    one = load(SMALL, tensors=half).run(_feed())["rgba"]
    two = load(SMALL, tensors=tensors_of(net)).run(_feed())["rgba"]
    assert float(np.abs(one - two).max()) < 1e-2


def test_wishes_that_cannot_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="precision 'int3' is unknown"):
        load(SMALL, precision="int3")
    with pytest.raises(WeightsError, match=r"no inputs \['picture'\]"):
        load(SMALL, "openvino", shape={"picture": (1, 1)})
    with pytest.raises(WeightsError, match="keeps its own weights"):
        load(ASSETS / "ppg.onnx", tensors=FRESH)
    with pytest.raises(RuntimeUnavailable, match="draws only"):
        load(ASSETS / "ppg.onnx", "torch")
    for length in (3, 2000, 15_000):
        torn = tmp_path / "torn.onnx"
        torn.write_bytes(SMALL.read_bytes()[:length])
        for runtime in RUNTIMES:
            with pytest.raises(WeightsError, match=r"torn\.onnx"):
                load(torn, runtime)


def test_flipped_bytes_are_a_torn_graph_or_another_graph(tmp_path: Path) -> None:
    data, random = SMALL.read_bytes(), np.random.default_rng(0)
    path, refused = tmp_path / "flipped.onnx", 0
    starts = [data.index(name.encode()) for name in ("image", "stem.weight", "rgba_x2", "Conv")]
    for start in starts:
        for at in random.integers(start - 12, start + 12, 40):
            path.write_bytes(data[:at] + bytes([random.integers(128, 256)]) + data[at + 1 :])
            try:
                source(path, Wish(FRESH, ["rgba"]))
            except WeightsError:
                refused += 1
    assert refused > 20


def test_an_automatic_precision_stays_close() -> None:
    net = scrambled(UNetConfig.of("small"))
    feed, truth = _feed(), load(SMALL, tensors=tensors_of(net)).run(_feed())
    found = load(SMALL, "openvino", tensors=tensors_of(net), precision="auto").run(feed)
    assert float(np.abs(found["rgba"] - truth["rgba"]).mean()) < 1e-2


class _Exported(Recurrent):
    """The recurrent Stage on an exported graph; arrays instead of tensors."""

    def __init__(self, graph: Graph, net: UNet, grid: tuple[int, int]) -> None:
        super().__init__(net, grid)
        self._graph = graph

    def init_state(self, batch: int) -> Hidden:
        return Hidden(super().init_state(batch).map.numpy())  # type: ignore[arg-type]

    def step(self, x: Seen, state: Hidden) -> tuple[Drawn, Hidden]:
        answers, hidden = [], state.map
        for t in range(x.image.shape[1]):
            feed = {"image": x.image[:, t], "ppg": x.ppg[:, t], "hidden": hidden}
            answers.append(self._graph.run(feed))  # type: ignore[arg-type]
            hidden = answers[-1]["hidden_out"]  # type: ignore[assignment]
        heads = (np.stack([a[name] for a in answers], 1) for name in ("rgba", "rgba_x2"))
        return Drawn(*heads), Hidden(hidden)  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_recurrent_graph_streams_and_equals_torch(runtime: str) -> None:
    net = scrambled(UNetConfig.of("small", recurrent=True))
    graph = load(path_of("small", True), runtime, tensors=tensors_of(net))
    rng = np.random.default_rng(1)
    image, ppg = rng.random((2, 12, 16, 32, 32), np.float32), rng.random((2, 12, 40, 8), np.float32)
    stage = _Exported(graph, net, (32, 32))
    clip = Seen(image, ppg)  # type: ignore[arg-type]
    assert_streams(stage, clip)
    with torch.no_grad():
        truth = Recurrent(net, (32, 32)).forward(Seen(torch.tensor(image), torch.tensor(ppg)))
    for mine, theirs in zip(stage.forward(clip), truth, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-4)


def test_the_config_is_plain_json() -> None:
    assert json.loads(json.dumps(load(SMALL).config))["model"] == "renderer"
