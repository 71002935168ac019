"""Graphs run the same on onnxruntime and OpenVINO; missing and foreign files are named."""

from pathlib import Path

import numpy as np
import pytest

from engine import runtime
from engine.errors import RuntimeUnavailable, WeightsError
from engine.runtime import ASSETS
from engine.runtimes import card


def test_openvino_equals_onnxruntime() -> None:
    one, two = (runtime.load(ASSETS / "ppg.onnx", name) for name in ("onnxruntime", "openvino"))
    assert one.config == two.config and one.inputs == two.inputs and one.outputs == two.outputs
    rng = np.random.default_rng(0)
    feed = {"x": rng.standard_normal((2, 5, 160)).astype(np.float32)}
    for name, shape in one.config["states"].items():
        feed[f"state_{name}"] = rng.standard_normal((2, *shape)).astype(np.float32)
    a, b = one.run(feed), two.run(feed)
    for name in one.outputs:
        np.testing.assert_allclose(a[name], b[name], atol=1e-4)


def test_one_tensorrt_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    there: set[str] = set()
    monkeypatch.setattr(runtime, "find_spec", lambda name: name in there or None)
    monkeypatch.setattr(card, "found", lambda: True)
    assert runtime.available() == ()
    for installed, listed in (
        ({"openvino", "onnxruntime"}, ("onnxruntime", "openvino")),
        ({"cuda", "tensorrt"}, ("tensorrt",)),
        ({"cuda", "tensorrt_rtx", "torch"}, ("torch", "tensorrt", "graphed")),
        ({"tensorrt", "tensorrt_rtx"}, ()),
    ):
        there.clear()
        there.update(installed)
        assert runtime.available() == listed


def test_an_engine_is_tensorrts_or_else_torchs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def absent() -> None:
        raise RuntimeUnavailable("no NVIDIA driver found")

    monkeypatch.setattr(card, "found", absent)
    with pytest.raises(RuntimeUnavailable, match="no NVIDIA driver"):
        runtime.engine(ASSETS / "ppg.onnx")
    asked: list[tuple[str, dict[str, object]]] = []
    refused: set[str] = set()

    def loaded(path: Path, name: str, **wish: object) -> str:
        asked.append((name, wish))
        if name in refused:
            raise RuntimeUnavailable("it does not know this card")
        return name

    monkeypatch.setattr(card, "found", lambda: True)
    monkeypatch.setattr(runtime, "load", loaded)
    for expected in ("tensorrt", "graphed", "graphed"):
        assert runtime.engine(ASSETS / "ppg.onnx", shape={"x": (8, 2, 160)}) == expected
        refused.add("tensorrt")
    wish = {"precision": "auto", "shape": {"x": (8, 2, 160)}}
    assert asked == [(name, wish) for name in ("tensorrt", *["tensorrt", "graphed"] * 2)]
    assert caplog.text.count("it does not know this card") == 1, "said once"


def test_missing_foreign_and_unknown_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"ghost\.onnx not found"):
        runtime.load(tmp_path / "ghost.onnx")
    with pytest.raises(RuntimeUnavailable, match="expected one of"):
        runtime.load(ASSETS / "ppg.onnx", "abacus")


def test_a_graph_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("x", "y")]
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "foreign", value[:1], value[1:])
    path = tmp_path / "foreign.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="no Vivify config"):
        runtime.load(path)


def test_a_broken_graph_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.onnx"
    path.write_bytes(b"not a graph")
    for name in ("onnxruntime", "openvino"):
        with pytest.raises(WeightsError, match=r"torn\.onnx"):
            runtime.load(path, name)
