"""Graphs are read and written without a library, and lose next to nothing in float16."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from engine.errors import WeightsError
from engine.face.package import load as package
from engine.motion.channels import STRONG
from engine.motion.decoder import GRAPH, PPG_WIDTH, PROSODY_WIDTH, Decoder, DecoderInput
from engine.runtime import ASSETS, Graph, load
from engine.runtimes.graph import Wish
from engine.runtimes.graphed import GraphedGraph
from engine.runtimes.half import halved
from engine.runtimes.nodes import F16, dense, packed, parsed

GRAPHS = {
    "decoder": "decoder", "decoder_style": "decoder", "ppg": "ppg", "renderer_small": "renderer",
    "renderer_large": "renderer", "renderer_small_recurrent": "renderer",
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_read_is_written_again(name: str) -> None:
    data = dense((ASSETS / f"{name}.onnx").read_bytes())
    one, two = onnx.load_from_string(data), onnx.load_from_string(packed(parsed(data)))
    assert [n.SerializeToString() for n in one.graph.node] == [
        n.SerializeToString() for n in two.graph.node
    ]
    for mine, theirs in zip(two.graph.initializer, one.graph.initializer, strict=True):
        assert (mine.name, mine.dims, mine.data_type) == (
            theirs.name,
            theirs.dims,
            theirs.data_type,
        )
        np.testing.assert_array_equal(numpy_helper.to_array(mine), numpy_helper.to_array(theirs))
    for value in (*one.graph.input, *one.graph.output):
        value.ClearField("doc_string")
    assert list(two.graph.input) == list(one.graph.input)
    assert list(two.graph.output) == list(one.graph.output)
    assert list(two.metadata_props) == list(one.metadata_props)


@pytest.mark.parametrize("name", GRAPHS)
def test_halved_graphs_are_sound(name: str) -> None:
    data = dense((ASSETS / f"{name}.onnx").read_bytes())
    half = halved(data, GRAPHS[name])
    onnx.checker.check_model(onnx.load_from_string(half), full_check=True)  # infers every type
    model = parsed(half)
    kinds = {value.name: value.kind for value in (*model.inputs, *model.outputs)}
    halves = {key for key, kind in kinds.items() if kind == F16}
    if GRAPHS[name] == "renderer":
        assert halves == set(kinds) and len(half) < 0.55 * len(data)
        assert not any(node.op == "Cast" for node in model.nodes)
    elif name == "decoder":
        assert halves == {
            "style_up", "style_down", "style_out", "state_keys", "state_values",
            "state_keys_out", "state_values_out",
        }  # fmt: skip
    else:
        assert not halves


def test_what_cannot_be_halved_is_named() -> None:
    data = GRAPH.read_bytes()
    with pytest.raises(WeightsError, match="'abacus' graph has no float16 form"):
        halved(data, "abacus")
    model = parsed(data)
    name = "net.embed.weight"
    large = {**model.tensors, name: np.full_like(model.tensors[name], 1e5)}
    with pytest.raises(WeightsError, match=f"{name} is beyond the range of float16"):
        halved(packed(model._replace(tensors=large)), "decoder")


def _half(path: Path, **wish: Any) -> Graph:
    return GraphedGraph(path, Wish(precision="auto", **wish), "cpu")


def test_a_decoder_in_half_makes_the_same_face() -> None:
    rng = np.random.default_rng(0)
    held = np.repeat(rng.dirichlet(np.full(40, 0.05), (1, 10, 3)), 6, axis=1)  # phones of 240 ms
    prosody = np.repeat(rng.uniform(0, 1, (1, 10, PROSODY_WIDTH)), 6, axis=1)
    x = DecoderInput(held.reshape(1, 60, PPG_WIDTH).astype(np.float32), prosody.astype(np.float32))
    full, half = Decoder(), Decoder(_half(GRAPH))
    (one, _), (two, _) = (each.step(x, each.init_state(1, seed=3)) for each in (full, half))
    off = np.abs(one.weights - two.weights)
    lips = off[..., list(STRONG)].max()
    print(f"weights max {off.max():.2g} mean {off.mean():.2g}, lips {lips:.2g}")
    assert off.max() < 5e-3 and off.mean() < 2e-4
    turn = np.abs(one.pose - two.pose)
    print(f"degrees {turn[..., :3].max():.2g}, head widths {turn[..., 3:].max():.2g}")
    assert turn[..., :3].max() < 0.2 and turn[..., 3:].max() < 2e-3


def test_a_ppg_in_half_hears_the_same() -> None:
    path = ASSETS / "ppg.onnx"
    full, half = load(path), _half(path, shape={"x": (1, 2, 160)})
    mean = parsed(path.read_bytes()).tensors["net.mean"]
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.normal(0, 2, (12, 160)), 5, axis=0) + rng.normal(0, 0.3, (60, 160)) + mean
    heard = []
    for graph in (full, half):
        state = {
            f"state_{name}": np.zeros((1, *size), np.float32)
            for name, size in full.config["states"].items()
        }
        steps = []
        for at in range(0, 60, 2):
            answer = graph.run({"x": rows[None, at : at + 2].astype(np.float32), **state})
            state = {name: answer[f"{name}_out"] for name in state}
            steps.append(answer["y1"][0])
        heard.append((np.concatenate(steps), state))
    off = np.abs(heard[0][0] - heard[1][0])
    print(f"posteriors max {off.max():.2g} mean {off.mean():.2g}")
    assert off.max() < 1e-2 and off.mean() < 1e-4
    for name in ("state_sums", "state_quiet"):  # running averages stay float32 all the way
        np.testing.assert_allclose(heard[0][1][name], heard[1][1][name], atol=5e-3)


def test_a_trained_renderer_in_half_draws_the_same_bytes() -> None:
    learned = package("mira").learned
    assert learned is not None
    path = ASSETS / f"renderer_{learned.config.size}.onnx"
    texture = learned.texture.astype(np.float32)
    image = np.zeros((1, 16, 64, 96), np.float32)
    image[0, :8] = np.moveaxis(texture[:64, :96], 2, 0)
    image[0, 8:11] = 0.5
    image[0, 12] = 1.0
    feed = {"image": image, "ppg": np.full((1, 40, 8), 1 / 40, np.float32)}
    one = load(path, tensors=learned.weights).run(feed)
    two = _half(path, tensors=learned.weights, shape={"image": (1, 16, 64, 96)}).run(feed)
    for name in one:
        off = 255 * np.abs(one[name] - two[name])
        print(f"{name}: max {off.max():.2g} mean {off.mean():.2g} of 255")
        assert off.max() < 1.0 and off.mean() < 0.1
