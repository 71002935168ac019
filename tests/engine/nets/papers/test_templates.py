"""Key motion templates are found where they were put."""

import torch

from engine.face.blendshapes import INDEX
from engine.nets.papers.speech import MOTION, SAID, Reference
from engine.nets.papers.templates import (
    SPAN,
    TEMPLATES,
    TemplateEncoder,
    patterns,
    shapes,
)
from tests.contract import assert_streams


def spoken(place: dict[str, int], ticks: int) -> torch.Tensor:
    """A clip of another mouth with one stretch like each template, middle at `place`."""
    motion = torch.zeros(ticks, MOTION)
    motion[:, INDEX["jawOpen"]] = 0.45  # like none of them: half open and spread
    for name in ("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"):
        motion[:, INDEX[name]] = 0.6
    for row, name in zip(patterns(), TEMPLATES, strict=True):
        rows = torch.zeros(SPAN, MOTION)
        rows[:, INDEX["jawOpen"]] = row[:, 0] * 0.6
        rows[:, INDEX["mouthFunnel"]] = row[:, 1] * 0.5
        for side in ("Left", "Right"):
            rows[:, INDEX[f"mouthSmile{side}"]] = row[:, 2] * 0.4
        rows[:, INDEX["browInnerUp"]] = 0.1 * (1 + TEMPLATES.index(name))  # to be known by
        at = place[name] - SPAN // 2
        motion[at : at + SPAN] = rows
    return motion


def test_each_template_is_found() -> None:
    place = {"M": 12, "None": 40, "O": 25, "R": 55}
    motion = spoken(place, 70)
    torch.testing.assert_close(motion[[25]] @ shapes(), patterns()[[2], SPAN // 2])
    encoder = TemplateEncoder()
    code = encoder.encode(Reference(motion[None], torch.zeros(1, 70, SAID)))
    frames = code.view(len(TEMPLATES), MOTION)
    for n, name in enumerate(TEMPLATES):
        assert torch.equal(frames[n], motion[place[name]]), name


def test_search_streams() -> None:
    torch.manual_seed(1)
    assert_streams(TemplateEncoder(), Reference(torch.rand(2, 24, MOTION), torch.rand(2, 24, SAID)))
