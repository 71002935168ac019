"""The renderer's export: names kept, shapes free, differences to torch refused."""

from pathlib import Path

import pytest

from engine.nets.unet import UNet, UNetConfig
from engine.runtime import load
from engine.train import renderer_export
from engine.train.renderer_export import _settle, export, parity, scrambled

TINY = UNetConfig(size="tiny", widths=(8, 8, 8, 8), code=4, detail=2, hidden=4)


def test_an_exported_graph_equals_torch(tmp_path: Path) -> None:
    path = export(TINY, tmp_path)
    assert path.name == "renderer_tiny_recurrent.onnx" and [*tmp_path.iterdir()] == [path]
    graph = load(path)
    assert graph.inputs == ("image", "ppg", "hidden")
    assert graph.outputs == ("rgba", "rgba_x2", "hidden_out")
    assert graph.config["tensors"].keys() == UNet(TINY).state_dict().keys()
    for runtime in ("onnxruntime", "openvino"):
        assert parity(scrambled(TINY, seed=3), path, runtime) < 1e-4


def test_a_graph_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, part, path = UNet(TINY), tmp_path / "made.part.onnx", tmp_path / "made.onnx"
    part.write_bytes(b"a graph")
    monkeypatch.setattr(renderer_export, "parity", lambda net, path: 1.0)
    with pytest.raises(ValueError, match=r"made\.onnx differs from torch by 1\.00e\+00"):
        _settle(net, part, path)
    assert not [*tmp_path.iterdir()]
