"""Renderer network -> ONNX graph whose initialisers bear the names of the state_dict.

The graph is the architecture: an avatar package brings the weights, and `engine.runtime.load` puts
them in their place. Without any, it draws the plain texture.

    python -m engine.train.renderer_export            # the graphs of engine/assets
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from engine.frames import PPG_WINDOW
from engine.nets.fusion import PHONES
from engine.nets.unet import INPUTS, STRIDE, UNet, UNetConfig
from engine.runtime import ASSETS, Array, load
from engine.train.export import TOLERANCE, _strip

OPSET = 20
VERSION = 1
SHIPPED = (("small", False), ("large", False), ("small", True))  # size, recurrent
_MOST = 128  # cells of 16 pixels a side: 2048 pixels


def path_of(size: str, recurrent: bool = False, folder: Path = ASSETS) -> Path:
    """Where the graph of this size lies."""
    return folder / f"renderer_{size}{'_recurrent' if recurrent else ''}.onnx"


def export(config: UNetConfig, folder: Path = ASSETS) -> Path:
    """Write the graph of `config` into `folder`; raises ValueError when it differs from torch."""
    # Equal tensors would be merged into one initialiser: trace with weights that all differ.
    net = scrambled(config)
    image = torch.rand(2, INPUTS, 4 * STRIDE, 6 * STRIDE)
    arguments = [image, torch.rand(2, PHONES, PPG_WINDOW)]
    inputs, outputs = ["image", "ppg"], ["rgba"]
    batch = torch.export.Dim("batch", min=1, max=64)
    rows, columns = (torch.export.Dim(name, min=1, max=_MOST) for name in ("rows", "columns"))
    shapes = [{0: batch, 2: STRIDE * rows, 3: STRIDE * columns}, {0: batch}]
    if config.detail:
        outputs.append("rgba_x2")
    if config.hidden:
        arguments.append(net.init_hidden(image) + 0.1)
        inputs.append("hidden")
        outputs.append("hidden_out")
        shapes.append({0: batch, 2: rows, 3: columns})
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's exporter warns about its own deprecations
        program = torch.onnx.export(
            net, tuple(arguments), dynamo=True, opset_version=OPSET, input_names=inputs,
            output_names=outputs, dynamic_shapes=tuple(shapes), verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _strip(model)
    _name_sides(model)
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    _fill(model, _plain(config))
    about = {
        "model": "renderer",
        "version": VERSION,
        "net": config.to_json(),
        "tensors": {name: list(tensor.shape) for name, tensor in weights.items()},
    }
    entry = model.metadata_props.add()
    entry.key, entry.value = "vivify", json.dumps(about, sort_keys=True)
    onnx.checker.check_model(model)
    path = path_of(config.size, bool(config.hidden), folder)
    part = path.with_name(path.stem + ".part.onnx")
    onnx.save(model, str(part))
    return _settle(net, part, path)


def _settle(net: UNet, part: Path, path: Path) -> Path:
    """Put the file in its place if it draws what torch draws, else remove it."""
    difference = parity(net, part)
    if difference > TOLERANCE:
        part.unlink()
        raise ValueError(f"{path.name} differs from torch by {difference:.2e}, expected <= 1e-4")
    return part.replace(path)


def scrambled(config: UNetConfig, seed: int = 0) -> UNet:
    """A network in which every weight counts, as after a training: for comparisons."""
    torch.manual_seed(seed)
    net = UNet(config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.dim() == 1 or not parameter.any():
                parameter.normal_(0, 0.05)
    return net


def parity(net: UNet, path: Path, runtime: str = "onnxruntime") -> float:
    """Largest difference between torch and the graph with the same weights, over all outputs."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(3, INPUTS, 3 * STRIDE, 5 * STRIDE, generator=generator)
    feed = {"image": image, "ppg": torch.rand(3, PHONES, PPG_WINDOW, generator=generator)}
    if net.config.hidden:
        feed["hidden"] = net.init_hidden(image).normal_(generator=generator)
    with torch.no_grad():
        truth = [y for y in net(*feed.values()) if y is not None]
    graph = load(path, runtime, tensors=tensors_of(net))
    answer = graph.run({name: value.numpy() for name, value in feed.items()})
    pairs = zip(answer.values(), truth, strict=True)
    return max(float(np.abs(mine - theirs.numpy()).max()) for mine, theirs in pairs)


def tensors_of(net: UNet) -> dict[str, Array]:
    """The network's weights as `engine.runtime.load` takes them."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in net.state_dict().items()}


def _name_sides(model: onnx.ModelProto) -> None:
    # The exporter writes its own symbols ("16*rows", "32*s39"), some of them different each time.
    for value in (*model.graph.input, *model.graph.output):
        sides = value.type.tensor_type.shape.dim
        scale = {"rgba_x2": "_x2", "hidden": "_16", "hidden_out": "_16"}.get(value.name, "")
        if len(sides) == 4:
            sides[2].dim_param, sides[3].dim_param = f"height{scale}", f"width{scale}"


def _plain(config: UNetConfig) -> dict[str, Array]:
    """Weights that draw the plain texture: zeros but for two filters."""
    weights = tensors_of(UNet(config))
    return {
        name: weight if name in ("near.weight", "spread.weight") else np.zeros_like(weight)
        for name, weight in weights.items()
    }


def _fill(model: onnx.ModelProto, weights: dict[str, Array]) -> None:
    """Put in the weights, of zeros the shape only; raises ValueError when one got lost or renamed
    on the way."""
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, weight in weights.items():
        if name not in found or list(found[name].dims) != list(weight.shape):
            raise ValueError(f"weight {name} was folded or renamed by the exporter")
        if weight.any():
            found[name].CopyFrom(numpy_helper.from_array(weight, name))
            continue
        model.graph.initializer.remove(found[name])
        zeros = numpy_helper.from_array(np.zeros(0, weight.dtype), name)
        nowhere = numpy_helper.from_array(np.zeros(0, np.int64))
        model.graph.sparse_initializer.append(
            onnx.helper.make_sparse_tensor(zeros, nowhere, weight.shape)
        )
    del model.graph.value_info[:]  # shapes of the example


def main() -> None:
    """Write all shipped graphs."""
    for size, recurrent in SHIPPED:
        path = export(UNetConfig.of(size, recurrent=recurrent))
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, graph equals torch")


if __name__ == "__main__":
    main()
