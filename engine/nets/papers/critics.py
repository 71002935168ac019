"""StyleTalk++'s discriminators: they look at whole stretches, in training only.

Temporal and style discriminators are a PatchGAN in one dimension (3.3.3): they judge every window
of a sequence. The lip-sync discriminator (3.4.4) is a SyncNet that sees mouth vertices through a
PointNet and hears PPG; its cosine (Eq. 15) says whether both belong together.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.frames import BLENDSHAPES
from engine.nets.papers.speech import PPG

SYNC_TICKS = 5


class Patches(nn.Module):
    """x [B, T, C], T >= 44 -> scores [B, outputs, windows]; the layers of the 70 x 70 PatchGAN."""

    def __init__(self, channels: int, outputs: int = 1, width: int = 32) -> None:
        super().__init__()
        sizes = (channels, width, 2 * width, 2 * width, 2 * width)
        steps = (2, 2, 2, 1)
        layers: list[nn.Module] = []
        for inputs, following, step in zip(sizes[:-1], sizes[1:], steps, strict=True):
            layers += [nn.Conv1d(inputs, following, 4, step, 1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv1d(sizes[-1], outputs, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x.transpose(1, 2))
        return scores


class StylePatches(nn.Module):
    """Does a sequence [B, T, C] have the style [B, D]? The repeated code lies beside each row."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.patches = Patches(channels + code)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        beside = code[:, None].expand(-1, x.shape[1], -1)
        scores: Tensor = self.patches(torch.cat([x, beside], -1))
        return scores


class StyleClassifier(nn.Module):
    """Whose style is a face [B, T, 52]? Log-probabilities [B, styles], mean over the windows."""

    def __init__(self, styles: int) -> None:
        super().__init__()
        self.patches = Patches(BLENDSHAPES, styles)

    def forward(self, x: Tensor) -> Tensor:
        odds: Tensor = self.patches(x).mean(-1).log_softmax(-1)
        return odds


class SyncCritic(nn.Module):
    """Cosine of mouth and sound for every stretch of SYNC_TICKS ticks.

    `basis` [52, V, 3]: offset of the mouth's vertices per blendshape; `rest` [V, 3].
    """

    basis: Tensor
    rest: Tensor

    def __init__(self, basis: Tensor, rest: Tensor, size: int = 32) -> None:
        super().__init__()
        self.register_buffer("basis", basis)
        self.register_buffer("rest", rest)
        # PointNet: one small network for every vertex, then the maximum over vertices.
        self.point = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 32))
        self.mouth = nn.Sequential(
            nn.Conv1d(32, 48, 3), nn.ReLU(), nn.Conv1d(48, size, 3), nn.ReLU()
        )
        self.sound = nn.Sequential(
            nn.Conv1d(PPG, 48, 3), nn.ReLU(), nn.Conv1d(48, size, 3), nn.ReLU()
        )

    def forward(self, weights: Tensor, ppg: Tensor) -> Tensor:
        """weights [B, T, 52], ppg [B, T, 80] -> cosines [B, T - 4], not below 0."""
        offset = torch.einsum("btk,kvd->btvd", weights, self.basis)
        rest = self.rest.expand(*offset.shape[:2], -1, -1)
        points = self.point(torch.cat([offset, rest], -1)).amax(2)
        seen = self.mouth(points.transpose(1, 2))
        heard = self.sound(ppg.transpose(1, 2))
        return F.cosine_similarity(seen, heard, dim=1, eps=1e-6)
