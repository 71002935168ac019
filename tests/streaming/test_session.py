"""The session in virtual time: sync, gaps, drift, slow engines, interrupts."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import PackageError
from engine.frames import Audio, Motion, Video
from streaming.clock import LoopClock
from streaming.delay import choose_delay
from streaming.errors import SessionClosed
from streaming.session import Session
from streaming.sound import VOICE_BLOCK, Sound
from tests.fakes import (
    JAW,
    FakeAvatar,
    FakeState,
    InlineWorker,
    bursts,
    microphone,
    stereo,
)
from tests.streaming.rig import DELAY, Watch, play
from tests.virtual_time import run


def test_sound_is_gapless_and_late_by_exactly_the_delay() -> None:
    pcm = stereo(bursts(5.0))
    session, watch = play(lambda clock: microphone(pcm, clock), 4.5)
    blocks = [block for _, block, _ in watch.voice]
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert all(abs(clock - block * 320 - DELAY) <= 2 for clock, block, _ in watch.voice)
    heard = np.concatenate([p for _, _, p in watch.voice])
    # The microphone begins at clock 0; what left is its sound, sample by sample.
    shift = blocks[0] * VOICE_BLOCK
    np.testing.assert_array_equal(heard[: len(pcm) - shift - VOICE_BLOCK][:190_000], pcm[:190_000])
    assert session.stats.invented == 0 and session.stats.lost == 0


def test_every_tick_has_its_own_picture_on_time() -> None:
    session, watch = play(lambda clock: microphone(stereo(bursts(6.0)), clock), 6.0)
    ticks = [tick for _, tick, _ in watch.pictures]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    late = [clock - tick * 640 - DELAY for clock, tick, _ in watch.pictures]
    assert max(late) <= 2 and min(late) >= 0
    own = [video.start == tick * 640 for _, tick, video in watch.pictures[10:]]
    assert all(own)
    assert session.stats.skipped == 0
    figures = session.snapshot()
    assert figures["fps"] == pytest.approx(25, abs=0.5)
    assert 40 <= figures["engine_p50_ms"] <= 50  # 20 ms of waiting for sound, 26 of engine


def openings(watch: Watch) -> list[tuple[int, bool]]:
    """(clock, mouth open) by the dark pixels of the flat face's mouth."""
    size = 64
    return [
        (clock, bool((video.i420[size // 2 : size, size // 2] == 40).any()))
        for clock, _, video in watch.pictures
    ]


def test_mouth_moves_with_the_sound_that_leaves_with_it() -> None:
    _, watch = play(lambda clock: microphone(stereo(bursts(5.0)), clock), 5.0)
    loud = {block: np.abs(pcm).max() > 100 for _, block, pcm in watch.voice}
    agree = [
        opened == loud.get(tick * 2, False)
        for (_, opened), (_, tick, _) in zip(openings(watch), watch.pictures, strict=True)
    ]
    assert np.mean(agree) > 0.95  # the edges of a burst may fall inside a picture


def test_face_lives_without_any_sound() -> None:
    session, watch = play(lambda clock: None, 4.0)
    assert len({video.start for _, _, video in watch.pictures}) >= 85
    assert session.stats.invented == 0 and session.stats.idle > 0


def test_source_that_ends_leaves_a_live_face() -> None:
    session, watch = play(lambda clock: microphone(stereo(bursts(1.0)), clock), 4.0)
    assert len({v.start for clock, _, v in watch.pictures if clock > 32_000}) >= 45
    assert not any(opened for clock, opened in openings(watch) if clock > 32_000)


def test_slow_engine_costs_pictures_never_sound() -> None:
    """80 ms a picture: half the pictures, all the sound, no queue that grows."""
    avatar = FakeAvatar()
    depth: list[float] = []

    async def observe(session: Session, watch: Watch) -> None:
        for _ in range(100):
            await asyncio.sleep(0.1)
            depth.append(session._blocks.held_ms)

    session, watch = play(
        lambda clock: microphone(stereo(bursts(10.0)), clock),
        10.0,
        worker=lambda: InlineWorker(0.003, 0.080),
        avatar=avatar,
        during=observe,
    )
    blocks = [block for _, block, _ in watch.voice]
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert all(abs(clock - block * 320 - DELAY) <= 2 for clock, block, _ in watch.voice)
    assert session.stats.invented == 0
    assert 80 <= avatar.rendered <= 130
    assert max(depth) <= 200
    assert session.stats.skipped > 80
    starts = [video.start for _, _, video in watch.pictures]
    assert starts == sorted(starts)
    age = [clock - video.start for clock, _, video in watch.pictures[20:]]
    assert max(age) <= DELAY + 4 * 640


def test_engine_that_cannot_keep_up_still_shows_a_face() -> None:
    """Motion alone takes longer than real time: pictures come seldom, sound as ever."""
    session, watch = play(
        lambda clock: microphone(stereo(bursts(10.0)), clock),
        10.0,
        worker=lambda: InlineWorker(0.25, 0.05),
    )
    blocks = [block for _, block, _ in watch.voice]
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert session.stats.pictures >= 12
    assert session._blocks.held_ms <= 1000


def test_two_sessions_on_an_engine_for_one() -> None:
    async def main() -> list[Session]:
        worker = InlineWorker(0.012, 0.030)
        sessions, tasks = [], []
        for _ in range(2):
            actor = FakeAvatar()
            session = Session(actor, worker, actor.init_state(), delay=DELAY)
            sessions.append(session)
            source = microphone(stereo(bursts(10.0)), session.clock)
            tasks.append(asyncio.create_task(session.run(source)))
            await asyncio.sleep(0.011)
        await asyncio.sleep(9.5)
        for session in sessions:
            session.close()
        await asyncio.gather(*tasks)
        return sessions

    for session in run(main()):
        assert session.stats.pictures >= 60 and session.stats.invented == 0


def test_lost_and_jittered_packets() -> None:
    rng = random.Random(1)
    session, watch = play(
        lambda clock: microphone(
            stereo(bursts(20.0)),
            clock,
            jitter=lambda block: rng.uniform(0, 0.02),
            lost=lambda block: rng.random() < 0.03,
        ),
        20.0,
    )
    lost_ms = session.snapshot()["lost_ms"]
    assert 200 <= lost_ms <= 1200  # about 3 % of 20 s
    assert session.snapshot()["invented_ms"] <= 60
    blocks = [block for _, block, _ in watch.voice]
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert len({v.start for _, _, v in watch.pictures}) >= 0.97 * len(watch.pictures)


@pytest.mark.parametrize("ppm", [1500, -1500])
def test_a_wrong_crystal(ppm: float) -> None:
    """1500 ppm is 540 ms in six minutes: followed, not queued, not a sample invented."""
    minutes = 6
    block = np.zeros((VOICE_BLOCK, 1), np.int16)

    async def source() -> AsyncIterator[Sound]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for k in range(minutes * 60 * 50):
            due = began + (k + 1) * 0.02 / (1 + ppm * 1e-6)
            await asyncio.sleep(max(0.0, due - loop.time()))
            yield Sound(k * VOICE_BLOCK, 48_000, block)

    class Still(FakeAvatar):
        def animate(self, audio: Audio, state: FakeState) -> tuple[list[Motion], FakeState]:
            return [], state

    leads: list[int] = []

    async def main() -> Session:
        actor = Still()
        session = Session(actor, InlineWorker(), actor.init_state(), delay=DELAY)
        task = asyncio.create_task(session.run(source()))
        for _ in range(minutes - 1):
            await asyncio.sleep(60)
            leads.append(session._fed // 3 - session.clock.now())
        session.close()
        await task
        return session

    session = run(main())
    assert session.stats.invented == 0 and session.stats.lost == 0
    assert max(leads) - min(leads) <= 320 + 64  # one packet and the dead band


def test_pause_and_return_of_a_source() -> None:
    """Packets stop for two seconds and go on with or without a jump of their own time."""

    def source(jump: int) -> Callable[[LoopClock], AsyncIterator[Sound]]:
        async def packets(clock: LoopClock) -> AsyncIterator[Sound]:
            pcm = stereo(bursts(4.0))
            async for sound in microphone(pcm[:96_000], clock):
                yield sound
            await asyncio.sleep(2.0)
            async for sound in microphone(pcm[:96_000], clock):
                yield Sound(sound.start + 96_000 + jump, sound.rate, sound.pcm)

        return packets

    for jump in (0, 96_000):
        session, watch = play(source(jump), 6.5)
        assert any(opened for clock, opened in openings(watch) if clock > 4.1 * 16_000)
        assert (
            session.snapshot()["invented_ms"] <= 2000
        )  # at most 1 s before a source counts as idle
        blocks = [block for _, block, _ in watch.voice]
        assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))


def test_interrupt_drops_what_is_pending_and_closes_the_mouth() -> None:
    loud = stereo(bursts(10.0, period_s=10.0, length_s=2.0))
    moment: list[int] = []

    async def during(session: Session, watch: Watch) -> None:
        await asyncio.sleep(1.5)
        session.muted = True  # the speech was ours to stop: a TTS voice, a file
        moment.append(session.clock.now())
        await session.interrupt()

    session, watch = play(lambda clock: microphone(loud, clock), 3.0, during=during)
    after = [(clock - moment[0], opened) for clock, opened in openings(watch)]
    shown = [video.start for clock, _, video in watch.pictures if clock > moment[0] + 1]
    assert all(not opened for clock, opened in after if clock > 80 * 16), after
    voice = [np.abs(p).max() for clock, _, p in watch.voice if clock > moment[0] + 320]
    assert max(voice) == 0
    assert shown == sorted(shown)
    assert session.stats.interrupts == 1


def test_interrupt_while_a_picture_is_being_drawn() -> None:
    """The picture in hand belongs to the old speech and is thrown away."""
    loud = stereo(bursts(3.0, period_s=10.0, length_s=3.0))

    async def during(session: Session, watch: Watch) -> None:
        for _ in range(20):
            await asyncio.sleep(0.0713)
            await session.interrupt()
            assert session.playout.picture(10**6) is None

    session, _ = play(
        lambda clock: microphone(loud, clock),
        3.0,
        worker=lambda: InlineWorker(0.003, 0.035),
        during=during,
    )
    assert session.stats.interrupts == 20


def test_restyle_and_recast_live() -> None:
    async def during(session: Session, watch: Watch) -> None:
        await asyncio.sleep(1.0)
        await session.restyle("cheerful")
        with pytest.raises(PackageError, match="no style named"):
            await session.restyle("nonsense")
        session.recast(FakeAvatar("theo"))
        with pytest.raises(ValueError, match="look-ahead"):
            session.recast(FakeAvatar("theo", lookahead_ms=60))

    session, watch = play(lambda clock: microphone(stereo(bursts(3.0)), clock), 3.0, during=during)
    assert session._state.style == "cheerful"
    assert len({v.start for _, _, v in watch.pictures}) >= 60


def test_engine_failure_ends_the_session_with_its_own_error() -> None:
    class Broken(FakeAvatar):
        def render(self, motion: Motion) -> Video:
            if motion.start > 16_000:
                raise ZeroDivisionError("in the renderer")
            return super().render(motion)

    with pytest.raises(ZeroDivisionError, match="in the renderer"):
        play(lambda clock: microphone(stereo(bursts(3.0)), clock), 3.0, avatar=Broken())


def test_source_failure_ends_the_session_with_its_own_error() -> None:
    async def broken(clock: LoopClock) -> AsyncIterator[Sound]:
        async for sound in microphone(stereo(bursts(1.0)), clock):
            yield sound
        raise OSError("the device was unplugged")

    with pytest.raises(OSError, match="unplugged"):
        play(broken, 3.0)


def test_a_closed_session_says_so() -> None:
    session, _ = play(lambda clock: None, 0.5)
    with pytest.raises(SessionClosed, match="start another"):
        session.hear(Sound(0, 48_000, np.zeros((960, 1), np.int16)))


def test_several_sessions_share_one_engine() -> None:
    async def main() -> list[Session]:
        worker = InlineWorker(0.002, 0.010)
        sessions, tasks = [], []
        for _ in range(3):
            actor = FakeAvatar()
            session = Session(actor, worker, actor.init_state(), delay=DELAY)
            sessions.append(session)
            tasks.append(
                asyncio.create_task(session.run(microphone(stereo(bursts(5.0)), session.clock)))
            )
            await asyncio.sleep(0.013)
        await asyncio.sleep(4.5)
        for session in sessions:
            session.close()
        await asyncio.gather(*tasks)
        return sessions

    for session in run(main()):
        assert session.stats.pictures >= 105 and session.stats.invented == 0


@pytest.mark.parametrize(
    ("latency", "engine_ms", "expected"), [(600, 25, 1600), (600, 18, 1440), (280, 5, 1280)]
)
def test_delay_covers_sound_look_ahead_and_engine(
    latency: int, engine_ms: float, expected: int
) -> None:
    assert abs(choose_delay(latency, engine_ms) - expected) <= 160
    assert choose_delay(latency, 1000) == 4800
    assert choose_delay(latency, engine_ms, seen=2400) == 2720
    assert JAW >= 0


def test_the_hair_swings_once_for_every_motion_even_of_pictures_not_drawn() -> None:
    class Haired(FakeAvatar):
        def __init__(self) -> None:
            super().__init__()
            self.swung: list[int] = []

        def swing(self, motions: list[Motion], state: Any) -> tuple[list[Motion], Any]:
            self.swung += [motion.start for motion in motions]
            assert state == (self.swung[-1 - len(motions)] if len(self.swung) > len(motions)
                             else None) or not motions  # fmt: skip
            return motions, self.swung[-1] if self.swung else None

    avatar = Haired()
    tone = stereo(bursts(2.0))
    play(
        lambda clock: microphone(tone, clock), 2.0,
        worker=lambda: InlineWorker(0.003, 0.070), avatar=avatar,
    )  # fmt: skip
    assert len(avatar.swung) > 40 > avatar.rendered
    np.testing.assert_array_equal(np.diff(avatar.swung), 640)
