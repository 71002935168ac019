"""An adapter brings the face nearer to its reference, is small, and the decoder takes it."""

from pathlib import Path

import numpy as np
import pytest

from engine import offline
from engine.errors import TrackingError
from engine.eval.recordings import bundled
from engine.frames import SAMPLE_RATE
from engine.motion.decoder import ADAPTED, Decoder
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.library import StyleLibrary
from engine.style.reference import Reference
from engine.train.adapt import Recipe, adapt
from engine.train.restore import restore

SECONDS = 10
QUICK = Recipe(steps=12, batch=4, crop=24, rate=0.02)


def reference(pcm: np.ndarray) -> Reference:
    """A face that smiles and looks up whatever is said: far from the neutral style's."""
    clip = offline.motion(pcm, "theatrical")
    weights = clip.weights.copy()
    weights[:, 43:45] = np.clip(weights[:, 43:45] + 0.5, 0, 1)
    return Reference(MotionClip(clip.start, weights, clip.pose), np.ones(52, np.float32), True)


def test_the_graphs_come_back_as_the_network() -> None:
    net = restore()  # which compares both and refuses a difference
    assert sum(p.numel() for p in net.parameters()) > 100_000


def test_adapting_brings_the_face_nearer(tmp_path: Path) -> None:
    pcm = np.concatenate([clip.pcm() for clip in bundled()[:2]])[: SECONDS * SAMPLE_RATE]
    shown, neutral = reference(pcm), StyleLibrary().get("neutral")
    style = adapt(neutral, shown, pcm, QUICK)
    assert "adapted" in style.made and set(style.adapter) <= set(ADAPTED)
    assert sum(change.size for change in style.adapter.values()) < 10_000
    style.save(tmp_path / "my.style")
    assert (tmp_path / "my.style").stat().st_size < 50_000
    back = Style.load(tmp_path / "my.style")
    Decoder().prepare(back)

    def away(chosen: Style) -> float:
        made = offline.motion(pcm, chosen).weights
        return float(np.abs(made - shown.clip.weights).mean())

    assert away(back) < 0.9 * away(neutral)


def test_a_short_reference_is_refused() -> None:
    pcm = bundled()[0].pcm()[: 3 * SAMPLE_RATE]
    with pytest.raises(TrackingError, match="at least 9"):
        adapt(StyleLibrary().get("neutral"), reference(pcm), pcm, QUICK)
