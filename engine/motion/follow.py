"""Follow: head, brows, lids and gaze of a person in front of a camera; lips, jaw, tongue as spoken.

Contract: a Stage over video ticks, numpy only, adds no look-ahead. What the decoder made comes out
unchanged unless `on`. Both hand-overs take FADE ticks with bounded velocity; when no face has been
seen for LOST ticks the decoder's own gestures return. Lids are never smoothed, so blinks survive.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, F32, FPS, POSE, SAMPLE_RATE, Motion
from engine.motion.channels import WEAK

FADE = 8  # ticks (320 ms) from the decoder's gestures to the person's and back
LOST = FPS // 2  # ticks without a face after which the decoder's gestures return
STALE = SAMPLE_RATE // 2  # a face seen this long before its tick is no longer the person's
_HOLD = 2  # ticks that lids stay as they were last seen; then the decoder's take over

_LIDS = tuple(i for i, name in enumerate(ARKIT) if name.startswith("eyeBlink"))
_QUICK = tuple(i for i in WEAK if ARKIT[i].startswith(("eye", "cheekSquint")))


class FollowInput(NamedTuple):
    """T ticks: what the decoder made, and the face that was seen for each."""

    weights: F32  # [B, T, 52]
    pose: F32  # [B, T, 6]
    seen_weights: F32  # [B, T, 52], from rest; any finite value where `seen` is 0
    seen_pose: F32  # [B, T, 6], from rest
    seen: F32  # [B, T] 1 where a face was seen for this tick
    on: F32  # [B, T] 1 while the person wants to be followed


class FollowOutput(NamedTuple):
    """T ticks."""

    weights: F32  # [B, T, 52]
    pose: F32  # [B, T, 6]


class FollowState(NamedTuple):
    """What is remembered from tick to tick."""

    share: F32  # [B] 0: the decoder's gestures, 1: the person's
    age: npt.NDArray[np.int64]  # [B] ticks since a face was seen, at most LOST
    weights: F32  # [B, 52] the person's face as it is followed
    pose: F32  # [B, 6]


class Follow:
    """Stage: FollowInput -> FollowOutput. Strong channels pass through untouched."""

    latency = 0

    def __init__(self) -> None:
        # The part of the way to what is seen that is gone in a tick: lids and gaze jump as eyes do,
        # the head is calmed a little, because trackers tremble by some tenths of a degree.
        self._gain = np.full(BLENDSHAPES, 0.8, np.float32)
        self._gain[list(_QUICK)] = 1.0
        self._pose_gain = 0.8
        # The most that may change in a tick: a head does not turn faster than 300 degrees a second.
        self._rate = np.full(BLENDSHAPES, 0.4, np.float32)
        self._rate[list(_LIDS)] = 1.0
        self._pose_rate = np.array([12.0, 12.0, 12.0, 0.1, 0.1, 0.1], np.float32)
        self._reach = np.array([45.0, 35.0, 35.0, 0.5, 0.5, 0.5], np.float32)  # necks end here

    def init_state(self, batch: int) -> FollowState:
        """Nobody has been seen."""
        return FollowState(
            share=np.zeros(batch, np.float32),
            age=np.full(batch, LOST, np.int64),
            weights=np.zeros((batch, BLENDSHAPES), np.float32),
            pose=np.zeros((batch, len(POSE)), np.float32),
        )

    def step(self, x: FollowInput, state: FollowState) -> tuple[FollowOutput, FollowState]:
        """Advance by T ticks. Raises FrameError for shapes that do not belong together."""
        batch, ticks = x.seen.shape
        if not (
            x.weights.shape == x.seen_weights.shape == (batch, ticks, BLENDSHAPES)
            and x.pose.shape == x.seen_pose.shape == (batch, ticks, len(POSE))
            and x.on.shape == (batch, ticks)
        ):
            raise FrameError(
                f"follow input has weights {x.weights.shape} and {x.seen_weights.shape}, poses "
                f"{x.pose.shape} and {x.seen_pose.shape}, on {x.on.shape}; expected [B, T, "
                f"{BLENDSHAPES}], [B, T, {len(POSE)}] and [B, T] with [B, T] = {x.seen.shape}"
            )
        weights, pose = x.weights.copy(), x.pose.copy()
        for t in range(ticks):
            state = self._watch(x, t, state)
            smooth = state.share * state.share * (3 - 2 * state.share)
            part = np.asarray(smooth, np.float32)[:, None]
            weak = list(WEAK)
            weights[:, t, weak] += part * (state.weights[:, weak] - x.weights[:, t][:, weak])
            pose[:, t] += part * (state.pose - x.pose[:, t])
        return FollowOutput(weights, pose), state

    def forward(self, x: FollowInput) -> FollowOutput:
        """The whole clip at once."""
        return self.step(x, self.init_state(len(x.seen)))[0]

    def _watch(self, x: FollowInput, t: int, state: FollowState) -> FollowState:
        """The followed face after tick `t`, and how much of it shows."""
        fresh = x.seen[:, t] > 0
        age = np.where(fresh, 0, np.minimum(state.age + 1, LOST))
        present = (x.on[:, t] > 0) & (age < LOST)
        step = np.where(present, 1.0 / FADE, -1.0 / FADE)
        share = np.asarray(np.clip(state.share + step, 0.0, 1.0), np.float32)
        # While nothing of the person shows, the followed face may jump to where it is seen.
        hidden = (state.share <= 0)[:, None]
        goal = np.clip(x.seen_weights[:, t], 0.0, 1.0)
        turn = np.clip(x.seen_pose[:, t], -self._reach, self._reach)
        weights = _toward(state.weights, goal, self._gain, self._rate)
        pose = _toward(state.pose, turn, self._pose_gain, self._pose_rate)
        weights = np.where(fresh[:, None], np.where(hidden, goal, weights), state.weights)
        pose = np.where(fresh[:, None], np.where(hidden, turn, pose), state.pose)
        # Eyes that were shut when the face went out of sight must not stay shut.
        lids = list(_LIDS)
        alone = (age > _HOLD)[:, None]
        opened = state.weights[:, lids] + 0.3 * (x.weights[:, t][:, lids] - state.weights[:, lids])
        weights[:, lids] = np.where(alone, opened, weights[:, lids])
        return FollowState(share, age, weights.astype(np.float32), pose.astype(np.float32))


def lead(
    follow: Follow, motion: Motion, seen: Sequence[Motion], on: bool, state: FollowState
) -> tuple[Motion, FollowState]:
    """One session's motion with the gestures of the faces seen since the last one, oldest first.

    The newest counts, but a lid that was shut in any of them is shut: a blink may be shorter than
    a tick. Faces more than STALE away from the motion are left out.
    """
    near = [s for s in seen if abs(motion.start - s.start) <= STALE]
    weights = near[-1].weights.copy() if near else np.zeros(BLENDSHAPES, np.float32)
    if near:
        lids = list(_LIDS)
        weights[lids] = np.max([s.weights[lids] for s in near], axis=0)
    pose = near[-1].pose if near else np.zeros(len(POSE), np.float32)
    x = FollowInput(
        motion.weights[None, None], motion.pose[None, None], weights[None, None], pose[None, None],
        np.full((1, 1), float(bool(near)), np.float32), np.full((1, 1), float(on), np.float32),
    )  # fmt: skip
    y, state = follow.step(x, state)
    return replace(motion, weights=y.weights[0, 0], pose=y.pose[0, 0]), state


def _toward(now: F32, goal: F32, gain: F32 | float, rate: F32) -> F32:
    return np.asarray(now + np.clip(gain * (goal - now), -rate, rate), np.float32)
