"""Following a camera: the hand-over is smooth both ways, blinks survive, the mouth stays spoken."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.errors import FrameError
from engine.face.blendshapes import INDEX
from engine.frames import SAMPLES_PER_FRAME, Motion
from engine.motion.channels import STRONG, WEAK
from engine.motion.follow import FADE, LOST, STALE, Follow, FollowInput, FollowOutput, lead
from tests.contract import assert_streams

BLINK = INDEX["eyeBlinkLeft"]
LIDS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
# What a head may turn in a tick, and what the hand-over from 3 away adds.
POSE_RATE = np.array([12, 12, 12, 0.1, 0.1, 0.1])
POSE_REACH = np.array([48, 38, 38, 3.5, 3.5, 3.5])


def clip(ticks: int, batch: int = 1, seed: int = 0, **given: Any) -> FollowInput:
    """A calm decoder's face and a person who sits still; `given` replaces fields ([T, ...])."""
    rng = np.random.default_rng(seed)
    fields = {
        "weights": rng.uniform(0, 0.3, (batch, 1, 52)).repeat(ticks, 1),
        "pose": rng.uniform(-3, 3, (batch, 1, 6)).repeat(ticks, 1),
        "seen_weights": np.zeros((batch, ticks, 52)),
        "seen_pose": np.zeros((batch, ticks, 6)),
        "seen": np.ones((batch, ticks)),
        "on": np.ones((batch, ticks)),
    }
    for name, value in given.items():
        fields[name] = np.broadcast_to(np.asarray(value), fields[name].shape)
    return FollowInput(**{k: np.array(v, np.float32) for k, v in fields.items()})


def run(x: FollowInput) -> FollowOutput:
    return Follow().forward(x)


def test_streams() -> None:
    rng = np.random.default_rng(1)
    x = clip(60, batch=3)._replace(
        seen_weights=rng.uniform(-0.5, 1.5, (3, 60, 52)).astype(np.float32),
        seen_pose=rng.normal(0, 30, (3, 60, 6)).astype(np.float32),
        seen=(rng.random((3, 60)) < 0.4).astype(np.float32),
        on=(np.arange(60) % 29 > 9).astype(np.float32)[None].repeat(3, 0),
    )
    assert_streams(Follow(), x)


def test_off_or_nobody_seen_changes_nothing() -> None:
    for x in (clip(30, seen_pose=20.0, on=0.0), clip(30, seen_pose=20.0, seen=0.0)):
        y = run(x)
        np.testing.assert_array_equal(y.weights, x.weights)
        np.testing.assert_array_equal(y.pose, x.pose)


def test_head_brows_and_lids_follow_and_the_mouth_stays_spoken() -> None:
    seen = np.full((1, 40, 52), 0.8, np.float32)
    x = clip(40, seen_weights=seen, seen_pose=np.array([20, -10, 5, 0.1, 0, 0]))
    y = run(x)
    np.testing.assert_array_equal(y.weights[..., STRONG], x.weights[..., STRONG])
    np.testing.assert_allclose(y.weights[0, -1, WEAK], 0.8, atol=1e-3)
    np.testing.assert_allclose(y.pose[0, -1], [20, -10, 5, 0.1, 0, 0], atol=1e-3)


def test_hand_over_takes_its_time_both_ways() -> None:
    on = np.zeros(80)
    on[20:50] = 1
    y = run(clip(80, pose=0.0, seen_pose=30.0 * np.eye(6)[0], on=on))
    yaw = y.pose[0, :, 0]
    assert yaw[19] == 0 and yaw[20 + FADE] == pytest.approx(30) and yaw[50 + FADE] == 0
    assert 10 < yaw[20 + FADE // 2] < 25
    assert np.abs(np.diff(yaw)).max() <= 30 * 1.5 / FADE + 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_velocity_is_bounded_whatever_is_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = clip(
        300, seed=seed,
        seen_weights=rng.uniform(-3, 3, (1, 300, 52)), seen_pose=rng.normal(0, 500, (1, 300, 6)),
        seen=rng.random((1, 300)) < 0.3, on=rng.random((1, 300)) < 0.8,
    )  # fmt: skip
    y = run(x)
    bound = POSE_RATE + 1.5 / FADE * POSE_REACH
    assert (np.abs(np.diff(y.pose[0], axis=0)) <= bound).all()
    others = [i for i in WEAK if i not in LIDS]
    assert np.abs(np.diff(y.weights[0][:, others], axis=0)).max() <= 0.4 + 2 / FADE
    assert (y.weights >= 0).all() and (y.weights <= 1).all()


def test_a_blink_of_three_ticks_is_a_blink() -> None:
    seen = np.zeros((60, 52))
    seen[40:43, LIDS] = [[0.6], [1.0], [0.5]]
    y = run(clip(60, weights=0.0, seen_weights=seen))
    np.testing.assert_allclose(y.weights[0, 40:43, BLINK], [0.6, 1.0, 0.5], atol=1e-6)
    assert y.weights[0, 43, BLINK] == 0


def test_a_lost_face_gives_back_to_the_decoder_and_is_taken_up_again() -> None:
    seen = np.ones(120)
    seen[30 : 30 + LOST - 2] = 0  # a short loss: the head waits
    seen[60:90] = 0  # a long one
    y = run(clip(120, pose=0.0, seen_pose=20.0 * np.eye(6)[0], seen=seen))
    yaw = y.pose[0, :, 0]
    np.testing.assert_allclose(yaw[20:60], 20, atol=1e-3)
    assert yaw[60 + LOST + FADE] == 0 and yaw[89] == 0
    np.testing.assert_allclose(yaw[90 + FADE :], 20, atol=1e-3)
    assert np.abs(np.diff(yaw[20:])).max() <= 20 * 1.5 / FADE + 1e-3


def test_eyes_do_not_stay_shut_when_the_face_is_lost_in_a_blink() -> None:
    seen = np.ones(60)
    seen[40:] = 0
    shut = np.zeros((60, 52))
    shut[39, LIDS] = 1.0
    y = run(clip(60, weights=0.0, seen_weights=shut, seen=seen))
    assert y.weights[0, 39, BLINK] == 1.0 and y.weights[0, 40 + LOST, BLINK] < 0.1


def face(start: int, yaw: float = 0.0, blink: float = 0.0) -> Motion:
    weights = np.zeros(52, np.float32)
    weights[LIDS] = blink
    pose = np.zeros(6, np.float32)
    pose[0] = yaw
    return Motion(start, weights, pose)


def test_every_motion_is_led_and_late_faces_are_left_out() -> None:
    follow = Follow()
    state = follow.init_state(1)
    for n in range(40):
        at = n * SAMPLES_PER_FRAME
        # A blink that falls between two ticks: the newer picture is open again.
        seen = [face(at - 600, 10, blink=1.0 if n == 30 else 0.0), face(at - 100, 10)]
        motion, state = lead(follow, face(at), seen, True, state)
        assert motion.start == at
        assert motion.weights[BLINK] == (1.0 if n == 30 else 0.0)
    assert motion.pose[0] == pytest.approx(10, abs=0.01)
    for n in range(40, 80):
        at = n * SAMPLES_PER_FRAME
        motion, state = lead(follow, face(at), [face(at - STALE - 1, 10)], True, state)
    assert motion.pose[0] == 0


def test_what_was_heard_stays_with_a_led_motion() -> None:
    follow, heard = Follow(), np.full((8, 40), 0.025, np.float32)
    motion, _ = lead(follow, replace(face(0), ppg=heard), [face(0, 10)], True, follow.init_state(1))
    assert motion.ppg is heard


def test_wrong_shapes_are_named() -> None:
    x = clip(5)._replace(seen_pose=np.zeros((1, 5, 3), np.float32))
    with pytest.raises(FrameError, match=r"\(1, 5, 3\)"):
        run(x)
