"""The tracker on the networks of the fixture `networks`, or a visible skip."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.face.blendshapes import INDEX
from engine.frames import U8, Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models
from engine.tracker.tracker import Tracker

Draw = Callable[..., U8]


@pytest.fixture(scope="session")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


@pytest.fixture(scope="session")
def tracker(models: Models) -> Tracker:
    return Tracker(models)


@cache
def _renderer(avatar: str, size: int) -> Renderer:
    return Renderer(avatar, size=size)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """draw(jawOpen=.5, yaw=10, avatar="theo") -> picture [H, W, 3]."""

    def picture(avatar: str = "mira", size: int = 256, **values: float) -> U8:
        weights, pose = np.zeros(52, np.float32), np.zeros(6, np.float32)
        for name, value in values.items():
            if name in ("yaw", "pitch", "roll"):
                pose[("yaw", "pitch", "roll").index(name)] = value
            else:
                weights[INDEX[name]] = value
        return _renderer(avatar, size).render_rgb(Motion(0, weights, pose))

    return picture
