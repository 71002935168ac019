"""Key motion templates of the 2D paper (section 3.2, 5.4.3), and the frames of a clip like them.

Four short patterns of a mouth: M (lips meet), None (closed syllable, hardly open), O (open and
round), R (open and wide). For each the clip's most similar stretch is looked up; its middle frames
are the style reference frames. As a Stage the search keeps the best so far: causal, any length.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.face.blendshapes import INDEX
from engine.frames import BLENDSHAPES
from engine.motion.channels import OPENING
from engine.nets.papers.speech import MOTION, Reference
from engine.nets.style import StyleEncoder

TEMPLATES = ("M", "None", "O", "R")
SPAN = 5  # ticks of a pattern
# Rows: opening, rounding, spreading over SPAN ticks, on the scale of a clip's widest stretch.
_PATTERNS = (
    ((0.5, 0.2, 0.0, 0.2, 0.5), (0.0, 0.0, 0.0, 0.0, 0.0), (0.2, 0.2, 0.2, 0.2, 0.2)),
    ((0.1, 0.2, 0.2, 0.2, 0.1), (0.0, 0.0, 0.0, 0.0, 0.0), (0.1, 0.1, 0.1, 0.1, 0.1)),
    ((0.3, 0.5, 0.6, 0.5, 0.3), (0.5, 0.8, 1.0, 0.8, 0.5), (0.0, 0.0, 0.0, 0.0, 0.0)),
    ((0.4, 0.8, 1.0, 0.8, 0.4), (0.0, 0.0, 0.0, 0.0, 0.0), (0.4, 0.7, 0.8, 0.7, 0.4)),
)
_REACH = (0.6, 0.5, 0.4)  # opening, rounding and spreading that count as wide


def patterns() -> Tensor:
    """[4, SPAN, 3] in the order of TEMPLATES."""
    return torch.tensor(_PATTERNS).transpose(1, 2)


def shapes() -> Tensor:
    """[MOTION, 3]: how the motion's columns make opening, rounding and spreading."""
    table = torch.zeros(MOTION, 3)
    table[:BLENDSHAPES, 0] = torch.from_numpy(OPENING) / _REACH[0]
    for name in ("mouthFunnel", "mouthPucker"):
        table[INDEX[name], 1] = 1.0 / _REACH[1]
    for name in ("mouthSmile", "mouthStretch"):
        for side in ("Left", "Right"):
            table[INDEX[name + side], 2] = 0.5 / _REACH[2]
    return table


class SearchState(NamedTuple):
    """The clip's last frames and the best finds."""

    ticks: Tensor  # [B] seen
    recent: Tensor  # [B, SPAN - 1, MOTION]
    distance: Tensor  # [B, 4]
    frames: Tensor  # [B, 4, MOTION]


class TemplateEncoder(StyleEncoder):
    """Reference -> its four style reference frames, flat [B, T, 4 * MOTION], found so far."""

    patterns: Tensor
    shapes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.face, self.head = len(TEMPLATES) * MOTION, 0
        self.register_buffer("patterns", patterns(), persistent=False)
        self.register_buffer("shapes", shapes(), persistent=False)

    def init_state(self, batch: int) -> SearchState:
        rows = self.patterns.new_zeros(batch, len(TEMPLATES), MOTION)
        far = rows[..., 0] + 1e6
        return SearchState(far[:, 0] * 0, rows[:, : SPAN - 1], far, rows)

    def step(self, x: Reference, state: SearchState) -> tuple[Tensor, SearchState]:
        joined = torch.cat([state.recent, x.motion], 1)
        batch, ticks = x.motion.shape[:2]
        windows = (joined @ self.shapes).unfold(1, SPAN, 1).transpose(2, 3)  # [B, T, SPAN, 3]
        away = (windows[:, :, None] - self.patterns).square().sum((3, 4))  # [B, T, 4]
        count = state.ticks[:, None] + torch.arange(1, ticks + 1, device=away.device)
        away = away + 1e6 * (count < SPAN)[..., None]
        middle = joined[:, SPAN // 2 : SPAN // 2 + ticks]
        # Place 0 is the best of the past; place t + 1 the window that ends with tick t.
        best, place = torch.cat([state.distance[:, None], away], 1).cummin(1)
        place = place[:, 1:]
        every = torch.cat(
            [state.frames[:, None], middle[:, :, None].expand(-1, -1, len(TEMPLATES), -1)], 1
        )
        frames = every.gather(1, place[..., None].expand(-1, -1, -1, MOTION))
        after = SearchState(
            count[:, -1].to(joined), joined[:, -(SPAN - 1) :], best[:, -1], frames[:, -1]
        )
        return frames.reshape(batch, ticks, -1), after
