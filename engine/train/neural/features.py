"""Features that compare pictures of faces as an eye does: a small network trained on our renders.

No network trained on photographs can be shipped, so `python -m engine.train renderer features`
trains one on the cast under changing colours, light and crops, to tell materials by pixel and to
read the 52 weights and the pose. What it needs for that (edges of lids and lips, teeth, strands) is
what a blurred picture lacks. Only the three first layers are kept.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import WeightsError
from engine.runtime import ASSETS

PATH = ASSETS / "renderer_features.safetensors"
WIDTHS = (16, 32, 64)
KEY = "vivify"


class Eye(nn.Module):
    """picture [N, 3, H, W] in [0, 1] -> features of three layers, at 1/2, 1/4 and 1/8."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c = WIDTHS
        self.layers = nn.ModuleList(
            [nn.Conv2d(3, a, 5, 2, 2), nn.Conv2d(a, b, 3, 2, 1), nn.Conv2d(b, c, 3, 2, 1)]
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        x, found = picture * 4 - 2, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            found.append(x)
        return found

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Half precision, with `about` in the header."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, path, {KEY: json.dumps({"widths": WIDTHS, **about})})

    @classmethod
    def load(cls, path: Path = PATH) -> "Eye":
        """Frozen. Raises WeightsError if the file is missing or of another shape."""
        if not path.is_file():
            raise WeightsError(f"{path.name} is missing: python -m engine.train renderer features")
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        eye = cls()
        shapes = {name: value.shape for name, value in eye.state_dict().items()}
        if shapes != {name: value.shape for name, value in tensors.items()}:
            raise WeightsError(f"{path.name} has other layers than engine.train.neural.features")
        eye.load_state_dict(tensors)
        for parameter in eye.parameters():
            parameter.requires_grad_(False)
        return eye.eval()


class Pupil(nn.Module):
    """The tasks an Eye is trained on: materials by pixel, weights and pose by picture."""

    def __init__(self, kinds: int, numbers: int) -> None:
        super().__init__()
        self.eye = Eye()
        last = WIDTHS[-1]
        self.kind = nn.ModuleList([nn.Conv2d(width, kinds, 1) for width in WIDTHS])
        self.deeper = nn.Sequential(
            nn.Conv2d(last, 96, 3, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(96, 128, 3, 2, 1),
            nn.LeakyReLU(0.1), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(128 * 16, 192), nn.LeakyReLU(0.1), nn.Linear(192, numbers),
        )  # fmt: skip

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """picture [N, 3, H, W] -> (kinds [N, kinds, H/2, W/2] logits, numbers [N, numbers])."""
        layers = self.eye(picture)
        size = layers[0].shape[-2:]
        parts = [
            F.interpolate(kind(x), size, mode="nearest")
            for kind, x in zip(self.kind, layers, strict=True)
        ]
        return torch.stack(parts).sum(0), self.deeper(layers[-1])
