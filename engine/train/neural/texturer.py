"""The portraits' model: a neural texture from one picture's page, and the renderer that goes with
it, for anyone.

Fresh, it shows the picture as it is (engine.train.neural.sharp); engine.train.neural.joint trains
both together on many people.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.frames import U8
from engine.nets.texturer import Texturer
from engine.train.neural import sharp


class Joint(nn.Module):
    """What is trained and shipped for portraits."""

    def __init__(self, size: str = "small") -> None:
        super().__init__()
        self.texturer, self.net = Texturer(), sharp.network(size)

    @classmethod
    def load(cls, path: Path, size: str = "small") -> "Joint":
        """Trained weights. Raises WeightsError where they are missing or of another shape."""
        joint = cls(size)
        try:
            held = {name: value.float() for name, value in load_file(path).items()}
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
        return plain + added


def laid_out(page: U8) -> tuple[Tensor, Tensor]:
    """Page [R, R, 4] -> in 0..1 [1, 4, R, R], and the texture that draws it as it is
    [1, 8, R, R]."""
    pixels = np.asarray(page / np.float32(255), np.float32)
    plain = torch.from_numpy(sharp.texture(pixels)).permute(2, 0, 1)[None]
    return torch.from_numpy(pixels).permute(2, 0, 1)[None], plain
