"""Hair that lags behind the head: exact, bounded and the same at any rate of motions."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.face.manifest import Spring
from engine.face.swing import LIMIT, Swing, SwingInput, SwingState, follow
from engine.frames import SAMPLE_RATE, Motion
from tests.contract import assert_streams

SPRING = Spring(frequency=1.9, damping=0.35, reach=6.0)


def turns(seconds: np.ndarray) -> np.ndarray:
    """A head [T, 6] that turns, nods and tilts smoothly."""
    pose = np.zeros((len(seconds), 6), np.float32)
    pose[:, 0] = 15 * np.sin(2 * np.pi * 0.6 * seconds)
    pose[:, 1] = 8 * np.sin(2 * np.pi * 0.9 * seconds + 1)
    pose[:, 2] = 6 * np.cos(2 * np.pi * 0.35 * seconds)
    return pose


def clip(fps: float, seconds: float = 4.0) -> SwingInput:
    start = np.rint(np.arange(int(seconds * fps)) * SAMPLE_RATE / fps).astype(np.int64)
    return SwingInput(start[None], turns(start / SAMPLE_RATE)[None])


def test_streams() -> None:
    start = np.arange(24, dtype=np.int64) * 640
    noise = np.random.default_rng(3).normal(0, 9, (2, 24, 6)).astype(np.float32)
    assert_streams(Swing(SPRING), SwingInput(np.stack([start, start]), noise))


@pytest.mark.parametrize("damping", [0.05, 0.35, 1.0, 3.0])
def test_a_steady_turn_lags_by_reach_and_rest_returns(damping: float) -> None:
    swing = Swing(Spring(2.0, damping, 6.0))
    start = np.arange(2000, dtype=np.int64)[None] * 640
    pose = np.zeros((1, 2000, 6), np.float32)
    pose[0, :, 0] = np.minimum(np.arange(2000) * 0.04, 20)  # a degree a second, then still
    lag = swing.forward(SwingInput(start, pose))[0]
    np.testing.assert_allclose(lag[420:490, 0].mean(), -0.06, atol=0.006)
    assert np.abs(lag[-1]).max() < 1e-3 and np.abs(lag[:, 1:]).max() == 0


@pytest.mark.parametrize("fps", [50.0, 60.0, 25.0])
def test_the_same_movement_swings_alike_at_any_rate(fps: float) -> None:
    swing, fine = Swing(SPRING), clip(400.0)
    lag = swing.forward(clip(fps))[0]
    at = clip(fps).start[0]
    for axis in range(3):
        truth = np.interp(at, fine.start[0], swing.forward(fine)[0, :, axis])
        assert np.abs(lag[:, axis] - truth).max() < 0.12 * np.abs(truth).max() + 0.02


def test_steps_without_movement_do_not_matter() -> None:
    # The solution is exact: a still head sampled once or 200 times gives one answer.
    begun = Swing(SPRING).step(clip(25.0, 1.0), Swing(SPRING).init_state(1))[1]
    many, once = begun, begun
    still = np.zeros((1, 1, 6), np.float32)
    still[0, 0, :3] = begun.head[0]
    for k in range(1, 201):
        _, many = Swing(SPRING).step(SwingInput(begun.start[:, None] + 16 * k, still), many)
    _, once = Swing(SPRING).step(SwingInput(begun.start[:, None] + 3200, still), once)
    np.testing.assert_allclose(many.lag, once.lag, atol=1e-6)


def rough(kind: str) -> SwingInput:
    noise = np.random.default_rng(8)
    steps: dict[str, Callable[[], np.ndarray]] = {
        "5 fps": lambda: np.full(200, 3200),
        "60 fps": lambda: np.full(200, 267),
        "gaps": lambda: noise.choice([640, 640, 80_000, 1], 200),
        "backwards": lambda: noise.choice([640, -6400, 0], 200),
        "hours": lambda: np.full(200, 10**9),
    }
    start = np.cumsum(steps[kind]()).astype(np.int64)
    pose = noise.choice([0.0, 90.0, -90.0, np.nan, np.inf, 1e30], (200, 6)).astype(np.float32)
    return SwingInput(start[None], pose[None])


@pytest.mark.parametrize("kind", ["5 fps", "60 fps", "gaps", "backwards", "hours"])
@pytest.mark.parametrize("spring", [SPRING, Spring(20, 0.05, 40), Spring(0.2, 4, 40)])
def test_any_rate_and_pose_is_bounded(kind: str, spring: Spring) -> None:
    lag, state = Swing(spring).step(rough(kind), Swing(spring).init_state(1))
    assert np.isfinite(lag).all() and np.abs(lag).max() <= LIMIT
    assert all(np.isfinite(leaf).all() for leaf in state)


def test_follow_leaves_the_motion_and_adds_the_swing() -> None:
    motions = [
        Motion(640 * k, np.full(52, 0.1, np.float32), pose)
        for k, pose in enumerate(turns(np.arange(20) / 25))
    ]
    whole, _ = follow(Swing(SPRING), motions, None)
    state: SwingState | None = None
    parts: list[Motion] = []
    for motion in motions:
        done, state = follow(Swing(SPRING), [motion], state)
        parts += done
    for given, one, other in zip(motions, whole, parts, strict=True):
        assert one.swing is not None and other.swing is not None and given.swing is None
        np.testing.assert_array_equal(one.swing, other.swing)
        np.testing.assert_array_equal(one.pose, given.pose)
    assert np.abs([m.swing for m in whole if m.swing is not None]).max() > 0.5


def nods(start: int, count: int, step: int = 640) -> list[Motion]:
    at = start + step * np.arange(count)
    poses = turns(at / SAMPLE_RATE)
    return [Motion(int(s), np.zeros(52, np.float32), p) for s, p in zip(at, poses, strict=True)]


def lags(motions: list[Motion]) -> np.ndarray:
    return np.array([m.swing for m in motions if m.swing is not None])


def test_a_recast_in_mid_call_goes_on_without_a_jump() -> None:
    # The other avatar's spring takes over the lag and its rate, and soon swings as its own.
    stiff = Swing(Spring(3.0, 0.8, 4.0))
    before, state = follow(Swing(SPRING), nods(0, 50), None)
    after, _ = follow(stiff, nods(50 * 640, 100), state)
    alone, _ = follow(stiff, nods(0, 150), None)
    joined = np.concatenate([lags(before), lags(after)])
    assert np.abs(np.diff(joined, axis=0)).max() < 2.0
    np.testing.assert_allclose(lags(after)[-20:], lags(alone)[-20:], atol=0.01)


def test_skipped_pictures_are_made_up_for() -> None:
    whole, _ = follow(Swing(SPRING), nods(0, 100), None)
    kept = [m for k, m in enumerate(nods(0, 100)) if k not in range(40, 44)]
    skipped, _ = follow(Swing(SPRING), kept, None)
    assert np.isfinite(lags(skipped)).all()
    np.testing.assert_allclose(lags(skipped)[-20:], lags(whole)[-20:], atol=0.15)


def test_a_session_that_starts_again_goes_on_from_its_hair() -> None:
    # Sample numbers begin anew: the first motion tells no movement, the next ones swing as ever.
    _, state = follow(Swing(SPRING), nods(10**7, 50), None)
    again, _ = follow(Swing(SPRING), nods(0, 100), state)
    alone, _ = follow(Swing(SPRING), nods(0, 100), None)
    assert np.abs(np.diff(lags(again), axis=0)).max() < 3.0
    np.testing.assert_allclose(lags(again)[-20:], lags(alone)[-20:], atol=0.1)
