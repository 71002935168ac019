"""Advice in front of a camera: seen, nobody, dark, aside, a picture that stands still."""

import numpy as np

from engine.tracker import coach
from engine.tracker.tracker import Tracked


def face(*, side: bool = False, jaw: float = 0.0) -> Tracked:
    weights = np.zeros(52, np.float32)
    weights[coach._JAW] = jaw
    return Tracked(0, weights, np.zeros(6, np.float32), 1.0, side)


def room(level: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-4, 5, (48, 64, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def test_what_is_seen_is_said() -> None:
    state = coach.init_state()
    assert coach.advise(room(120), 0, face(), state)[0] == coach.GOOD
    assert coach.advise(room(120), 0, face(side=True), state)[0] == coach.SIDE
    assert coach.advise(room(120), 0, None, state)[0] == coach.NOBODY
    assert coach.advise(room(10), 0, None, state)[0] == coach.DARK
    assert coach.advise(room(10), 0, face(), state)[0] == coach.GOOD


def test_a_frozen_picture_is_noticed_after_a_second_and_forgiven_at_once() -> None:
    state, said = coach.init_state(), []
    for k in range(30):
        picture = room(120, seed=min(k, 5) if k < 26 else k)
        advice, state = coach.advise(picture, 1000 * k, face(), state)
        said.append(advice)
    assert said[:21] == [coach.GOOD] * 21
    assert said[21:26] == [coach.STILL_PICTURE] * 5
    assert said[26:] == [coach.GOOD] * 4


def test_a_picture_of_another_size_is_another_picture() -> None:
    _, state = coach.advise(room(120), 0, face(), coach.init_state())
    assert coach.advise(room(120)[:24], 32_000, face(), state)[0] == coach.GOOD


def test_speech_moves_the_jaw() -> None:
    assert not coach.speaks([]) and not coach.speaks([None, face(jaw=0.3)])
    assert not coach.speaks([face(jaw=0.2)] * 50)
    assert coach.speaks([face(jaw=0.2 * (k % 5 == 0)) for k in range(50)])
