"""Playout: what was heard leaves later, sample by sample; gaps are silence, never old sound."""

import numpy as np

from engine.frames import Video
from streaming.playout import Playout
from streaming.sound import Sound
from tests.virtual_time import run

DELAY = 1600


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time

    async def until(self, sample: int) -> None:
        self.time = max(self.time, sample)


def test_voice_comes_out_as_it_went_in() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    rng = np.random.default_rng(0)
    pcm = rng.integers(-3000, 3000, (48_000 * 5, 2)).astype(np.int16)
    out, position = [], 0
    for block in range(240):
        clock.time = block * 320 + DELAY
        while position < min(len(pcm), clock.time * 3):
            step = int(rng.integers(1, 2000))
            playout.hear(Sound(position, 48_000, pcm[position : position + step]))
            position += step
        out.append(playout.voice(block))
    heard = np.concatenate(out)
    np.testing.assert_array_equal(heard, pcm[: len(heard)])


def test_gap_is_silence_even_after_the_ring_went_round() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    loud = np.full((960, 1), 1000, np.int16)
    for block in range(400):
        clock.time = block * 320 + 320
        if block % 7:
            playout.hear(Sound(block * 960, 48_000, loud))
    for block in range(400 - 4, 400):
        clock.time = block * 320 + DELAY
        want = 1000 if block % 7 else 0
        assert (playout.voice(block) == want).all()


def test_two_listeners_hear_the_same() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    playout.hear(Sound(0, 48_000, np.full((9600, 1), 5, np.int16)))
    clock.time = DELAY + 320
    np.testing.assert_array_equal(playout.voice(0), playout.voice(0))
    assert (playout.voice(1) == 5).all()


def test_what_is_past_or_too_far_ahead_is_ignored() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    clock.time = 160_000
    playout.hear(Sound(0, 48_000, np.ones((960, 1), np.int16)))
    playout.hear(Sound(48_000_000, 48_000, np.ones((960, 1), np.int16)))
    assert not playout.voice(0).any() and not playout.voice(50_000).any()


def test_newest_picture_that_is_not_from_the_future() -> None:
    playout = Playout(Hand(), DELAY)
    for tick in (1, 2, 5):
        playout.write(Video(640 * tick, np.zeros((96, 64), np.uint8)))
    assert [v and v.start // 640 for v in map(playout.picture, (0, 1, 2, 3, 4, 5, 6))] == [
        None, 1, 2, 2, 2, 5, 5,
    ]  # fmt: skip
    playout.forget()
    assert playout.picture(9) is None


def test_a_delay_glides_with_the_clock_whether_pictures_come_or_not() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    playout.aim(DELAY + 100)
    assert playout.gliding and playout.delay == DELAY
    playout.glide()
    playout.glide()
    assert playout.delay == DELAY, "no time has passed"
    for tick in range(1, 14):
        clock.time = 640 * tick
        playout.glide()
        assert playout.delay == min(DELAY + 8 * tick, DELAY + 100)
    assert not playout.gliding
    playout.aim(DELAY)
    clock.time += 64_000
    playout.glide()
    assert playout.delay == DELAY + 92, "after a pause it does not jump"


def test_a_delay_that_is_kept_does_not_glide() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)
    playout.aim(DELAY + 100)
    clock.time = 640
    playout.glide()
    playout.keep()
    playout.aim(DELAY)
    clock.time = 1280
    playout.glide()
    assert playout.delay == DELAY + 8 and not playout.gliding


def test_due_and_head_agree() -> None:
    clock = Hand()
    playout = Playout(clock, DELAY)

    async def main() -> None:
        await playout.due(640 * 7)

    run(main())
    assert clock.now() == 640 * 7 + DELAY and playout.head(640) == 7
