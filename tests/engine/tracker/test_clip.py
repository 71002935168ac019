"""Clips settle to motion from rest: bridged, on the grid, refused where no face is."""

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.tracker.clip import rest, settle
from engine.tracker.neutral import Neutral
from engine.tracker.tracker import Tracked


def face(start: int, value: float, yaw: float = 3.0, side: bool = False) -> Tracked:
    weights = np.full(52, 0.2, np.float32)
    weights[24] += value
    return Tracked(start, weights, np.array([yaw, 0, 0, 0, 0, -3], np.float32), 1.0, side)


def clip(count: int, fps: float = 30.0) -> list[Tracked | None]:
    return [face(round(i * 16000 / fps), 0.5 * (i % 10 == 0)) for i in range(count)]


def test_rest_is_removed_and_rows_lie_on_the_grid() -> None:
    motion = settle(clip(90))
    assert (motion.start % 640 == 0).all() and (np.diff(motion.start) == 640).all()
    assert motion.start[0] == 0 and len(motion.start) == 75
    np.testing.assert_allclose(np.delete(motion.weights, 24, 1), 0, atol=1e-6)
    assert 0.3 < motion.weights[:, 24].max() <= 0.5
    np.testing.assert_allclose(motion.pose, 0, atol=1e-6)
    weights, pose = rest(clip(90))
    np.testing.assert_allclose(weights, 0.2, atol=1e-6)
    np.testing.assert_allclose(pose, [3, 0, 0, 0, 0, -3])


def test_short_losses_are_bridged_long_ones_left_out() -> None:
    short, long = clip(90), clip(90)
    short[20:30] = [None] * 10
    long[20:50] = [None] * 30
    assert (np.diff(settle(short).start) == 640).all()
    jumps = np.diff(settle(long).start)
    assert (jumps > 640).sum() == 1 and jumps.max() > 8000


def test_no_face_is_refused_with_the_share() -> None:
    seen = clip(100)
    with pytest.raises(TrackingError, match="front in 40 % of 100 pictures .some face in 40"):
        settle([*seen[:40], *[None] * 60])
    with pytest.raises(TrackingError, match="in none of 0 pictures"):
        settle([])
    turned = [face(640 * i, 0, yaw=60, side=True) for i in range(20)]
    with pytest.raises(TrackingError, match="0 % of 20 pictures .*20 of them from the side"):
        settle(turned)


def test_times_must_rise() -> None:
    with pytest.raises(TrackingError, match="do not rise"):
        settle([face(0, 0), face(640, 0), face(640, 0)])


def test_neutral_finds_the_rest_within_seconds_and_keeps_it() -> None:
    neutral = Neutral()
    state = first = neutral.init_state()
    rng = np.random.default_rng(0)
    out = []
    for i in range(500):
        speech = max(0.0, float(np.sin(i / 3))) * 0.6 + 0.3 * (i < 3)
        motion, state = neutral.step(face(640 * i, speech + 0.02 * rng.random()), state)
        out.append(motion.weights)
        assert motion.start == 640 * i and np.isfinite(motion.pose).all()
    assert first.seen == 0.0 and not first.weights.any()
    late = np.array(out)[100:]
    assert np.abs(state.weights[24] - 0.2) < 0.06
    assert 0.5 < late[:, 24].max() < 0.68 and late[:, :24].max() < 0.01


def test_neutral_ignores_side_views() -> None:
    neutral = Neutral()
    _, state = neutral.step(face(0, 0.0), neutral.init_state())
    _, after = neutral.step(face(640, 0.7, yaw=80, side=True), state)
    np.testing.assert_array_equal(after.weights, state.weights)
    np.testing.assert_array_equal(after.pose, state.pose)
