"""What a session does while time is short, and how it gives dearer faces more of it."""

import asyncio
from collections.abc import Callable
from itertools import groupby, pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.admission import DRAW
from engine.frames import HOP
from engine.render.setting import Setting
from streaming.job import Job
from streaming.session import START, Session
from tests.fakes import (
    DEAR,
    SMALL,
    FakeAvatar,
    InlineWorker,
    bursts,
    drawn_dearly,
    microphone,
    sign,
    stereo,
)
from tests.streaming.rig import DELAY, Watch, play


def look_of(watch: Watch) -> list[tuple[int, bool]]:
    """(clock, drawn dearly) of each picture that left."""
    return [(clock, drawn_dearly(video)) for clock, _, video in watch.pictures]


@pytest.fixture
def no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up time only: what this computer takes for a fake picture must decide nothing."""
    monkeypatch.setattr("streaming.job.time", SimpleNamespace(perf_counter=lambda: 0.0))


def crowded(
    dear_s: Callable[[float], float], seconds: float, small_s: float | None = None
) -> tuple[Session, Watch]:  # fmt: skip
    """A session whose neural pictures take `dear_s` at a time of the loop; `small_s`: by the small
    network, if there is one."""
    worker = InlineWorker(0.003, 0.010, dear_s(0), small_s or 0.0)

    async def change(session: Session, watch: Watch) -> None:
        while (now := asyncio.get_running_loop().time()) < seconds:
            worker.dear_s = dear_s(now)
            await asyncio.sleep(0.02)

    avatar = FakeAvatar(learned=True, beside=small_s is not None)
    avatar = avatar.staged(Setting(look="neural"))
    pcm = stereo(bursts(seconds))
    return play(
        lambda clock: microphone(pcm, clock), seconds,
        worker=lambda: worker, avatar=avatar, during=change,
    )  # fmt: skip


@pytest.mark.usefixtures("no_real_time")
def test_plain_pictures_stand_in_while_dear_ones_would_be_late_and_sound_never_waits() -> None:
    session, watch = crowded(lambda now: 0.060 if now < 7 else 0.015, 23.0)
    looks = look_of(watch)
    assert looks[5][1] and not any(dear for clock, dear in looks if 80_000 < clock < 112_000)
    assert all(dear for clock, dear in looks if clock > 18 * 16_000), "it did not return"
    changes = sum(a[1] != b[1] for a, b in pairwise(looks))
    assert changes == 2
    assert all(abs(clock - block * 320 - DELAY) <= 2 for clock, block, _ in watch.voice)
    shown = [video.start for clock, _, video in watch.pictures if clock > 80_000]
    assert max(b - a for a, b in pairwise(shown)) <= 3 * 640, "pictures stopped"
    figures = session.snapshot()
    assert figures["renderer"] == "neural" and not figures["eased"]


@pytest.mark.usefixtures("no_real_time")
def test_the_figures_say_what_stands_in() -> None:
    session, _ = crowded(lambda now: 0.080, 6.0)
    figures = session.snapshot()
    assert figures["renderer"] == "toon" and figures["eased"] and figures["precision"] == ""


@pytest.mark.usefixtures("no_real_time")
def test_the_small_network_stands_in_first_and_stays_if_that_is_enough() -> None:
    session, watch = crowded(lambda now: 0.060, 9.0, small_s=0.015)
    figures = session.snapshot()
    assert figures["renderer"] == "neural small" and figures["eased"] and figures["precision"]
    assert all(sign(video) == SMALL for clock, _, video in watch.pictures if clock > 80_000)
    session, watch = crowded(lambda now: 0.080, 9.0, small_s=0.060)
    signs = [sign(video) for _, _, video in watch.pictures]
    assert [key for key, _ in groupby(signs)][:2] == [DEAR, SMALL]
    assert session.snapshot()["renderer"] == "toon"


@pytest.mark.usefixtures("no_real_time")
def test_how_a_session_begins_decides_nothing() -> None:
    """Connections, caches, the page: the first seconds are no measure of a machine."""
    session, watch = crowded(lambda now: 0.060 if now < START / 16_000 - 0.1 else 0.015, 8.0)
    assert session.stats.skipped > 5, "late it was"
    assert all(dear for _, dear in look_of(watch)) and session._pace.falls == 0


@pytest.mark.parametrize("delay", [2240, 1280])
def test_a_dearer_face_gets_more_time_without_a_sound_being_heard_twice_or_not(delay: int) -> None:
    """Sound and picture glide to another delay together, and never lose each other."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-9000, 9000, (48_000 * 16, 2)).astype(np.int16)

    async def recast(session: Session, watch: Watch) -> None:
        await asyncio.sleep(2)
        session.recast(FakeAvatar("theo"), delay)
        assert session.playout.delay == DELAY, "at once nothing changes"
        await asyncio.sleep(6)
        assert session.playout.delay == max(delay, DELAY)
        session.recast(FakeAvatar("mira"))

    session, watch = play(lambda clock: microphone(noise, clock), 15.0, during=recast)
    assert session.playout.delay == DELAY, "the face that needs less gives it back"
    heard = np.concatenate([pcm for _, _, pcm in watch.voice])
    first = watch.voice[0][1]
    assert [block for _, block, _ in watch.voice] == list(range(first, first + len(watch.voice)))
    offset = int(np.flatnonzero((heard[48_000 - 960 :] == noise[48_000]).all(1))[0]) - 960
    np.testing.assert_array_equal(heard[4800:], noise[4800 - offset :][: len(heard) - 4800])
    # Each leaves at most 1.25 % earlier or later after the one before.
    spans = np.diff([clock for clock, _, _ in watch.voice])
    assert 320 - 9 <= spans.min() and spans.max() <= 320 + 9
    sound = {block: clock for clock, block, _ in watch.voice}
    skews = [clock - sound[2 * tick] for clock, tick, _ in watch.pictures if 2 * tick in sound]
    assert max(map(abs, skews)) <= 8 and session.stats.repeated == 0 == session.stats.skipped


@pytest.mark.usefixtures("no_real_time")
def test_pictures_late_only_while_the_delay_glides_are_no_reason_to_ease() -> None:
    """Too late for the old delay for seconds, while it glides; then in time."""
    worker = InlineWorker(0.0005, 0.010, 0.0325)

    async def recast(session: Session, watch: Watch) -> None:
        await asyncio.sleep(4)
        session.recast(FakeAvatar("theo", learned=True).staged(Setting(look="neural")), 2400)
        await asyncio.sleep(2)
        assert session.stats.latency[-1] + HOP > session.playout.delay, "they are late"

    session, watch = play(
        lambda clock: microphone(stereo(bursts(16.0)), clock), 16.0,
        worker=lambda: worker, avatar=FakeAvatar(), during=recast, delay=480,
    )  # fmt: skip
    assert session.playout.delay == 2400
    assert session._pace.falls == 0 and all(dear for _, dear in look_of(watch)[-150:])


@pytest.mark.usefixtures("no_real_time")
def test_the_delay_glides_while_pictures_are_left_out() -> None:
    async def recast(session: Session, watch: Watch) -> None:
        await asyncio.sleep(4)
        skipped = session.stats.skipped
        session.recast(FakeAvatar("theo"), DELAY + 800)
        await asyncio.sleep(5)
        assert session.stats.skipped - skipped > 50, "half of them"
        assert session.playout.delay == DELAY + 800

    play(
        lambda clock: microphone(stereo(bursts(9.5)), clock), 9.5,
        worker=lambda: InlineWorker(0.003, 0.080), during=recast,
    )  # fmt: skip


@pytest.mark.usefixtures("no_real_time")
def test_no_session_waits_for_its_own_probe() -> None:
    """A probe is served last, seconds later; pictures go on meanwhile and the end is clean."""

    class Behind(InlineWorker):
        probes = ended = 0

        async def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
            ahead = getattr(function, "due", 0.0) - asyncio.get_running_loop().time()
            if isinstance(function, Job) and function.kind == DRAW and ahead > 0.3:
                self.probes += 1
                try:
                    await asyncio.sleep(3.0)
                finally:
                    self.ended += 1
            return await super().call(function, *args, **kwargs)

    worker = Behind(0.003, 0.010, 0.060)
    avatar = FakeAvatar(learned=True).staged(Setting(look="neural"))
    session, watch = play(
        lambda clock: microphone(stereo(bursts(13.0)), clock), 13.0,
        worker=lambda: worker, avatar=avatar,
    )  # fmt: skip
    assert worker.probes == worker.ended > 0
    shown = [video.start for clock, _, video in watch.pictures if clock > 100_000]
    assert max(b - a for a, b in pairwise(shown)) <= 3 * 640, "pictures stopped"


@pytest.mark.usefixtures("no_real_time")
def test_a_probe_that_fails_ends_its_session_with_its_own_error() -> None:
    class Torn(InlineWorker):
        async def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
            ahead = getattr(function, "due", 0.0) - asyncio.get_running_loop().time()
            if isinstance(function, Job) and function.kind == DRAW and ahead > 0.3:
                raise MemoryError("no room for the dearer picture")
            return await super().call(function, *args, **kwargs)

    avatar = FakeAvatar(learned=True).staged(Setting(look="neural"))
    with pytest.raises(MemoryError, match="dearer"):
        play(
            lambda clock: microphone(stereo(bursts(13.0)), clock), 13.0,
            worker=lambda: Torn(0.003, 0.010, 0.060), avatar=avatar,
        )  # fmt: skip


@pytest.mark.usefixtures("no_real_time")
def test_an_avatar_with_one_look_is_never_eased() -> None:
    session, watch = play(
        lambda clock: microphone(stereo(bursts(5.0)), clock), 5.0,
        worker=lambda: InlineWorker(0.003, 0.080),
    )  # fmt: skip
    assert session.snapshot()["renderer"] == "toon" and not session.snapshot()["eased"]
    assert session.stats.skipped > 0
