"""torch eager: the network of `engine.nets` itself, the reference that the graphs are held to."""

from collections.abc import Mapping
from pathlib import Path

import torch

from engine.errors import RuntimeUnavailable
from engine.nets.unet import UNet, UNetConfig
from engine.runtimes.graph import Array, Wish, source
from engine.runtimes.onnxfile import weights


class TorchGraph:
    """A `Graph` on torch: the renderer only, always float32.

    It uses as many threads as torch.set_num_threads says, which belongs to the whole process: set
    it to 1 before measuring."""

    precision = "f32"

    def __init__(self, path: Path, wish: Wish) -> None:
        data, self.config, self.inputs, self.outputs = source(path, wish)
        if self.config.get("model") != "renderer":
            raise RuntimeUnavailable(
                f"runtime 'torch' draws only; {path.name} is a {self.config.get('model')!r} model: "
                "use onnxruntime"
            )
        config = UNetConfig.from_json(self.config["net"])
        self._net = UNet(config).eval()
        own = weights(data, self.config["tensors"])
        self._net.load_state_dict({name: torch.from_numpy(own[name]) for name in own})
        heads = (("rgba", True), ("rgba_x2", config.detail), ("hidden_out", config.hidden))
        self._given = [name for name, there in heads if there]  # in the network's order

    @torch.no_grad()
    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        taken = [torch.from_numpy(feed[name].copy()) for name in self.inputs]
        answer = [y for y in self._net(*taken) if y is not None]
        named = dict(zip(self._given, answer, strict=True))
        return {name: named[name].numpy() for name in self.outputs}
