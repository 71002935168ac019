"""What to tell a person in front of a camera: are they seen well enough to be followed?

Contract: pure functions over pictures and what the tracker made of them; explicit state. A picture
that does not change by a grey level for STILL is no camera but its last picture.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import INDEX
from engine.frames import SAMPLE_RATE, U8
from engine.tracker.tracker import Tracked

GOOD, NOBODY, DARK, SIDE, STILL_PICTURE = "good", "nobody", "dark", "side", "still"
STILL = SAMPLE_RATE  # a live person never keeps so still for a second
DARK_LEVEL = 32.0  # mean grey level of a room in which cameras see noise
_STEP = 8  # every eighth pixel, both ways
_JAW = INDEX["jawOpen"]
_SPOKEN = 0.012  # deviation of the jaw below which nobody talks


class CoachState(NamedTuple):
    """The picture that has not changed since, thinned."""

    grey: npt.NDArray[np.int16]  # [H / 8, W / 8]
    since: int  # sample


def init_state() -> CoachState:
    """No picture yet."""
    return CoachState(np.zeros((0, 0), np.int16), 0)


def advise(
    rgb: U8, start: int, tracked: Tracked | None, state: CoachState
) -> tuple[str, CoachState]:
    """One of GOOD, NOBODY, DARK, SIDE, STILL_PICTURE for a picture [H, W, 3] at sample `start`."""
    grey = rgb[::_STEP, ::_STEP, 1].astype(np.int16)
    same = grey.shape == state.grey.shape and int(np.abs(grey - state.grey).max(initial=0)) <= 1
    state = state if same else CoachState(grey, start)
    if tracked is None:
        return (DARK if float(grey.mean()) < DARK_LEVEL else NOBODY), state
    if start - state.since >= STILL:
        return STILL_PICTURE, state
    return (SIDE if tracked.side else GOOD), state


def speaks(tracked: Sequence[Tracked | None]) -> bool:
    """Whether the jaw of the faces seen moves as in speech."""
    jaw = [float(t.weights[_JAW]) for t in tracked if t is not None]
    return len(jaw) > 1 and float(np.std(jaw)) > _SPOKEN
