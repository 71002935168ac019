"""Diversity of known sequences."""

import numpy as np
import pytest

from engine.eval.diversity import both, diversity
from engine.face.blendshapes import INDEX


def constant(name: str, value: float, ticks: int) -> np.ndarray:
    weights = np.zeros((ticks, 52), np.float32)
    weights[:, INDEX[name]] = value
    return weights


def test_known_distances() -> None:
    rows = [constant("jawOpen", v, t) for v, t in ((0.0, 30), (0.3, 40), (0.6, 35))]
    # Pairs are .3, .6 and .3 apart at every tick, however long the clips.
    assert diversity(rows) == pytest.approx(40.0, rel=1e-5)
    assert diversity(rows[:1]) == 0.0


def test_brows_are_not_strong() -> None:
    rows = [constant("browInnerUp", v, 30) for v in (0.0, 0.5)]
    assert both(rows) == {"all": pytest.approx(50.0), "strong": 0.0}
