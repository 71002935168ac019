"""The camera of a session in virtual time: following, recording a style, what goes wrong."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import av
import numpy as np
import pytest

from engine.errors import PackageError, RuntimeUnavailable, TrackingError
from engine.frames import SAMPLE_RATE, U8
from engine.motion.follow import FADE, LOST
from engine.style.code import Style
from engine.tracker.tracker import Tracked
from streaming.errors import TransportError
from streaming.session import Session
from streaming.sight import Look, Sight
from streaming.sources.camera import Picture
from streaming.watch import NAME, Watch, _Take
from tests.fakes import FakeAvatar, FakeEyes, InlineWorker, scene
from tests.virtual_time import run

Scene = Callable[[float], U8 | None]  # seconds -> a picture, or none sent


class Desk:
    """A session, its camera at 20 pictures a second, and what the person is told."""

    def __init__(
        self, shown: Scene, eyes: Any = None, *, look_s: float = 0.008, age: int = 800
    ) -> None:
        """`look_s`: what tracking costs; `age`: samples that a picture is on its way."""
        actor = FakeAvatar()
        self.session = Session(actor, InlineWorker(0.001, 0.001), actor.init_state(), delay=1600)
        self.eyes = eyes or FakeEyes()
        self.sight = Sight(lambda: self.eyes, worker=InlineWorker(look_s))
        self.styles: list[Style] = []
        self.told: list[dict[str, Any]] = []
        self.yaw: list[tuple[float, float]] = []  # second, yaw of the motion
        self.watch = Watch(
            self.sight, self.session.clock, self.session.mimic, keep=self.keep, seconds=4.0
        )
        self._shown = shown
        self._age = age
        real = actor.render

        def render(motion: Any) -> Any:
            self.yaw.append((motion.start / SAMPLE_RATE, float(motion.pose[0])))
            return real(motion)

        actor.render = render  # type: ignore[method-assign]

    async def keep(self, style: Style) -> None:
        self.styles.append(style)

    async def pictures(self) -> AsyncIterator[Picture]:
        loop = asyncio.get_running_loop()
        for tick in range(10**6):
            await asyncio.sleep(max(0.0, tick / 20 - loop.time()))
            rgb = self._shown(loop.time())
            if rgb is not None:
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                yield Picture(self.session.clock.now() - self._age, frame)

    def last(self, field: str) -> Any:
        return self.told[-1][field]


def sit(shown: Scene, during: Callable[[Desk], Coroutine[Any, Any, None]], **options: Any) -> Desk:
    """Run a session with a camera until `during` returns."""

    async def main() -> Desk:
        desk = Desk(shown, **options)
        line = asyncio.create_task(desk.session.run(None))
        look = asyncio.create_task(
            desk.watch.run(desk.pictures(), lambda m: desk.told.append(m["value"]))
        )
        await asyncio.sleep(0)
        await during(desk)
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        assert desk.session.mimic.on is False
        desk.session.close()
        await line
        return desk

    return run(main())


def still_person(second: float) -> U8:
    return scene(round(second * 20))


def turning(second: float) -> U8:
    """Looks ahead for two seconds, then to one side."""
    return scene(round(second * 20), yaw=0.0 if second < 2 else 16.0)


def speaking(second: float) -> U8:
    return scene(round(second * 20), yaw=3 * np.sin(2 * second), jaw=0.3 * abs(np.sin(9 * second)))


def test_nothing_is_looked_at_before_the_person_asks() -> None:
    async def during(desk: Desk) -> None:
        await asyncio.sleep(2)
        assert desk.eyes.looked == 0 and not desk.sight.ready
        with pytest.raises(TransportError, match="not open"):
            desk.watch.follow(True)
        with pytest.raises(TransportError, match="not open"):
            desk.watch.learn(True)

    sit(still_person, during)


def test_the_head_follows_and_comes_back() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.follow(True)
        await asyncio.sleep(4)
        assert desk.last("follow") is True and desk.last("advice") == "good"
        desk.watch.follow(False)
        await asyncio.sleep(1)
        looked = desk.eyes.looked
        desk.watch.shut()
        await asyncio.sleep(1)
        assert desk.eyes.looked == looked and desk.last("status") == "off"

    desk = sit(turning, during)
    yaw = np.array(desk.yaw)
    assert np.abs(yaw[yaw[:, 0] < 1.9, 1]).max() < 1
    turned = yaw[(yaw[:, 0] > 2.4) & (yaw[:, 0] < 3.5), 1]
    assert turned.min() > 8  # the usual place of the head moves a little meanwhile
    assert np.abs(yaw[yaw[:, 0] > 4 + FADE / 25 + 0.2, 1]).max() == 0
    assert np.abs(np.diff(yaw[:, 1])).max() <= 12
    ticks = np.round(yaw[:, 0] * 25).astype(int)
    assert (np.diff(ticks) == 1).all()  # motion never skips


@pytest.mark.parametrize("stops", ["dark", "gone", "frozen"])
def test_a_camera_that_shows_nobody_gives_the_head_back(stops: str) -> None:
    def shown(second: float) -> U8 | None:
        if second < 3 or second > 6:
            return turning(second)
        if stops == "gone":
            return None
        return np.zeros((48, 64, 3), np.uint8) if stops == "dark" else turning(3.0)

    advice: list[str] = []

    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.follow(True)
        await asyncio.sleep(5.9)
        advice.append(desk.last("advice"))
        await asyncio.sleep(2)
        advice.append(desk.last("advice"))

    desk = sit(shown, during)
    yaw = np.array(desk.yaw)
    back = 3 + 1.0 * (stops == "frozen") + (LOST + FADE) / 25 + 0.2
    assert np.abs(yaw[(yaw[:, 0] > back) & (yaw[:, 0] < 5.8), 1]).max() == 0
    assert yaw[yaw[:, 0] > 7, 1].min() > 3
    assert advice == [{"dark": "dark", "gone": "waiting", "frozen": "still"}[stops], "good"]


def test_ten_seconds_become_a_style() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(2)
        assert 0.45 < desk.last("progress") < 0.55 and desk.styles == []
        await asyncio.sleep(2.5)
        assert desk.last("progress") is None and desk.last("text") == ""
        assert desk.watch._take is None

    desk = sit(speaking, during)
    (style,) = desk.styles
    assert style.name == NAME and "camera" in style.made
    assert any(told["working"] for told in desk.told)


def test_recording_again_begins_anew_and_cancelling_leaves_nothing() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(3)
        desk.watch.learn(True)
        await asyncio.sleep(3)
        assert desk.styles == [] and desk.last("progress") < 0.8
        desk.watch.learn(False)
        await asyncio.sleep(3)
        assert desk.styles == [] and desk.last("progress") is None

    sit(speaking, during)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (lambda second: np.zeros((48, 64, 3), np.uint8), "face"),
        (lambda second: None, "No picture came"),
        (lambda second: speaking(1.0), "same picture"),
        (lambda second: speaking(second) if round(second * 20) % 10 == 0 else None, "pictures"),
    ],
    ids=["nobody", "no pictures", "frozen", "too few"],
)
def test_a_recording_that_shows_nothing_is_refused(shown: Scene, reason: str) -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(6)
        assert desk.styles == [] and reason in desk.last("text"), desk.last("text")
        assert desk.watch._take is None and desk.last("progress") is None

    sit(shown, during)


def test_who_does_not_speak_is_told() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(3.8)
        assert desk.last("advice") == "silent"

    sit(still_person, during)


def test_a_style_that_cannot_be_kept_is_said() -> None:
    async def during(desk: Desk) -> None:
        async def full(style: Style) -> None:
            raise PackageError("the shelf is full")

        desk.watch._keep = full
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(5)
        assert "the shelf is full" in desk.last("text")
        desk.watch.learn(True)  # and may be tried again
        assert desk.last("text") == "" and desk.last("progress") == 0

    sit(speaking, during)


def test_what_is_missing_is_said_and_may_be_installed() -> None:
    class Absent(FakeEyes):
        missing = True

    eyes = Absent()

    async def during(desk: Desk) -> None:
        def load() -> Any:
            if eyes.missing:
                raise RuntimeUnavailable("install the extra `tracker`")
            return eyes

        desk.sight._load = load
        with pytest.raises(RuntimeUnavailable, match="extra"):
            await desk.watch.open()
        assert desk.last("status") == "absent" and "extra" in desk.last("text")
        eyes.missing = False
        await desk.watch.open()
        assert desk.last("status") == "ready" and desk.last("text") == ""

    sit(still_person, during)


def test_a_slow_tracker_sees_the_newest_and_the_session_does_not_wait() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.follow(True)
        await asyncio.sleep(5)
        assert 10 < desk.eyes.looked < 26
        assert desk.watch._pictures.held_ms <= 120

    desk = sit(turning, during, look_s=0.2)
    assert desk.session.stats.skipped == 0 and desk.session.stats.pictures > 110
    assert desk.yaw[-1][1] > 4


def test_late_pictures_are_dropped() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.follow(True)
        await asyncio.sleep(3)
        assert desk.watch.late > 0 and desk.yaw[-1][1] == 0

    sit(turning, during, age=6500)


def test_a_tracker_that_refuses_a_picture_costs_the_camera_only() -> None:
    class Picky(FakeEyes):
        def step(self, rgb: U8, start: int, state: int) -> tuple[Tracked | None, int]:
            if self.looked > 10:
                raise TrackingError("not a picture")
            return super().step(rgb, start, state)

    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.follow(True)
        desk.watch.learn(True)
        await asyncio.sleep(2)
        assert desk.last("status") == "off" and desk.last("text") == "not a picture"
        assert not desk.session.mimic.on and not desk.session.closed

    sit(turning, during, eyes=Picky())


def test_a_broken_tracker_comes_out_as_it_is() -> None:
    class Broken(FakeEyes):
        def step(self, rgb: U8, start: int, state: int) -> tuple[Tracked | None, int]:
            raise ZeroDivisionError("in the tracker")

    async def main() -> None:
        desk = Desk(turning, Broken())
        look = asyncio.create_task(desk.watch.run(desk.pictures(), lambda m: None))
        await asyncio.sleep(0)
        await desk.watch.open()
        await look

    with pytest.raises(ZeroDivisionError, match="in the tracker"):
        run(main())


def test_pictures_that_are_too_large_are_named() -> None:
    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.refuse(10_000, 10_000)
        assert "10000x10000" in desk.last("text")

    sit(lambda second: None, during)


def test_without_a_camera_in_the_connection_it_cannot_be_opened() -> None:
    async def main() -> None:
        desk = Desk(turning)
        with pytest.raises(TransportError, match="no camera"):
            await desk.watch.open()

    run(main())


def alive() -> list[Any]:
    """Pictures and what was seen in them, wherever they are held."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) in (Picture, Tracked, Look, _Take)]


@pytest.mark.parametrize("made", [True, False], ids=["made", "cancelled"])
def test_nothing_of_the_pictures_is_kept(made: bool) -> None:
    """After a recording neither pictures nor coefficients are held by anything, live as it is."""
    before = alive()

    async def during(desk: Desk) -> None:
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(3)
        assert len([one for one in alive() if type(one) is Tracked]) > 30
        if made:
            await asyncio.sleep(2)
        desk.watch.shut()
        await asyncio.sleep(0.5)  # the camera still sends
        held = [one for one in alive() if not any(one is old for old in before)]
        assert held == [] and len(desk.styles) == made

    sit(speaking, during)


@pytest.mark.parametrize("ends", ["cancel", "shut", "again"])
def test_a_style_that_is_being_made_may_be_called_off(ends: str) -> None:
    async def during(desk: Desk) -> None:
        going_on = asyncio.Event()
        real = desk.sight.study

        async def study(*args: Any) -> Style:
            await going_on.wait()
            return await real(*args)

        desk.sight.study = study  # type: ignore[method-assign, assignment]
        await desk.watch.open()
        desk.watch.learn(True)
        await asyncio.sleep(4.5)
        assert desk.last("working") is True
        if ends == "shut":
            desk.watch.shut()
        else:
            desk.watch.learn(ends == "again")
        assert desk.last("working") is False
        going_on.set()
        await asyncio.sleep(1)
        assert desk.styles == [] and desk.last("text") == ""
        if ends == "again":
            await asyncio.sleep(4)
            assert len(desk.styles) == 1

    sit(speaking, during)
