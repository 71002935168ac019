"""The portraits' model: a neural texture from one picture's page, and the renderer that goes with
it, for anyone.

Fresh, it shows the picture as it is (engine.train.neural.sharp); engine.train.neural.joint trains
both together on many people, or the texture's generator alone, as shipped:
engine/assets/portrait.safetensors (card beside it).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.frames import U8
from engine.nets.texturer import Texturer
from engine.runtime import ASSETS
from engine.train.neural import sharp

SHIPPED = ASSETS / "portrait.safetensors"
SIZE = "large"  # the small network's widest level has no room beside the picture's details
KEY = "vivify"  # of the header: how it was trained, as JSON


class Joint(nn.Module):
    """What is trained and shipped for portraits."""

    def __init__(self, size: str = SIZE) -> None:
        super().__init__()
        self.size = size
        self.texturer, self.net = Texturer(), sharp.network(size)

    @classmethod
    def load(cls, path: Path) -> "Joint":
        """Trained weights, the warp's own network where there are none for it. Raises WeightsError
        where they are missing or of another shape."""
        try:
            held = {name: value.float() for name, value in load_file(path).items()}
            joint = cls(str(told(path).get("size", SIZE)))
            if not any(name.startswith("net.") for name in held):
                held |= {f"net.{name}": value for name, value in joint.net.state_dict().items()}
            joint.load_state_dict(held)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise WeightsError(f"{path.name} holds no weights for portraits: {error}") from error
        return joint.eval()

    def texture(self, page: U8) -> Tensor:
        """Page [R, R, 4] -> neural texture [1, 8, R, R]."""
        pixels, plain = laid_out(page)
        return self.enriched(pixels, plain)

    def enriched(self, pixels: Tensor, plain: Tensor) -> Tensor:
        """The same from what `laid_out` gives."""
        added: Tensor = self.texturer(pixels)
        details = slice(sharp.DETAIL, sharp.PART)  # the picture's own, which nobody else knows
        added = torch.cat(
            [added[:, : details.start], 0 * added[:, details], added[:, details.stop :]], 1
        )
        return plain + added


def laid_out(page: U8) -> tuple[Tensor, Tensor]:
    """Page [R, R, 4] -> in 0..1 [1, 4, R, R], and the texture that draws it as it is
    [1, 8, R, R]."""
    pixels = np.asarray(page / np.float32(255), np.float32)
    plain = torch.from_numpy(sharp.texture(pixels)).permute(2, 0, 1)[None]
    return torch.from_numpy(pixels).permute(2, 0, 1)[None], plain


def told(path: Path) -> dict[str, Any]:
    """What a file's header says of its training."""
    with safe_open(path, framework="numpy") as file:
        about: dict[str, Any] = json.loads((file.metadata() or {}).get(KEY, "{}"))
    return about


def shipped(path: Path = SHIPPED) -> tuple[Joint, dict[str, Any]]:
    """The trained model, and what its header tells of the training. Raises WeightsError."""
    return Joint.load(path), told(path)
