"""Ridge from mel: a sound's own loudness is learned, and the committed floors are there."""

import numpy as np

from engine.eval.recordings import bundled
from engine.eval.ridge import ASSET, TARGETS, WIDTH, Ridge, features, fitted
from engine.eval.synchrony import correlations, follow, prepare
from engine.face.blendshapes import INDEX


def breathing(seconds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise whose level swings, and the swing at the ticks."""
    rng = np.random.default_rng(seed)
    at = np.arange(seconds * 16_000)
    level = 0.5 + 0.5 * np.sin(2 * np.pi * at / 16_000 * rng.uniform(1.5, 2.5))
    pcm = (0.05 * (0.02 + level) * rng.standard_normal(len(at))).astype(np.float32)
    return pcm, level[::640].astype(np.float32)


def test_a_swing_is_learned_in_time() -> None:
    lessons = [breathing(8, seed) for seed in range(4)]
    ridge = Ridge.fit((features(pcm)[1], level[:, None]) for pcm, level in lessons)
    pcm, level = breathing(8, 9)
    at, shown = ridge.curve(pcm)
    assert len(at) == len(level) and at[1] == 640
    rows = correlations((at, level), (at, shown[:, 0]), (-60, -40, -20, 0, 20, 40, 60))
    assert rows.max() > 0.95 and abs(int(rows.argmax()) - 3) <= 1


def test_the_committed_floors_follow_speech() -> None:
    clips = [prepare(recording) for recording in bundled()]
    curves = [fitted()["phones"].curve(clip.pcm) for clip in clips]
    found = follow([clip.truth for clip in clips], [(at, row[:, 0]) for at, row in curves])
    assert 0.6 < found["r"] < 0.95 and abs(found["lag_ms"]) <= 40
    jaw = INDEX["jawOpen"]
    for name in ("rig", "tracked"):
        opened = [fitted()[name].curve(clip.pcm) for clip in clips]
        shown = follow([clip.truth for clip in clips], [(at, row[:, jaw]) for at, row in opened])
        assert shown["r"] > 0.4 and 0.02 < np.mean([row[:, jaw].std() for _, row in opened]) < 0.3
    assert ASSET.stat().st_size <= 100_000


def test_the_committed_floors() -> None:
    assert set(fitted()) == set(TARGETS)
    assert fitted()["phones"].weights.shape == (WIDTH, 1)
    assert fitted()["rig"].weights.shape == fitted()["tracked"].weights.shape == (WIDTH, 52)
