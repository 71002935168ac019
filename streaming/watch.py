"""The camera of one session: its pictures are tracked, for following the person and for learning
their talking style; then they are gone.

Contract: nothing of a picture outlives its tracking, nothing is written anywhere; a recording is a
list of coefficients that lives until its style is made. Pictures that wait are bounded, the oldest
are dropped. Bad pictures, missing parts and vanished cameras cost the camera, not the session.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import TrackingError, VivifyError
from engine.frames import SAMPLE_RATE
from engine.style.code import Style
from engine.tracker import coach
from engine.tracker.tracker import Tracked
from streaming.channel import Channel
from streaming.clock import Clock
from streaming.errors import SessionClosed, TransportError
from streaming.mimic import Mimic
from streaming.sight import Look, Memory, Sight
from streaming.sources.camera import MAX_SIDE, Picture

BACKLOG_MS = 120  # pictures waiting for the tracker
PICTURE_MS = 40
LATE = SAMPLE_RATE * 4 // 10  # an older picture no longer shows what the person does
GONE = 2 * SAMPLE_RATE  # without a picture for so long there is no camera
BEAT_S = 0.2
SECONDS = 10.0  # of a recording
MIN_FPS = 5  # of a recording
NAME = "my style"
WAITING, SILENT = "waiting", "silent"  # advice beside that of engine.tracker.coach


@dataclass(slots=True)
class _Take:
    """A recording that is being made."""

    began: int  # sample
    tracked: list[Tracked | None] = field(default_factory=list)
    still: int = 0  # pictures that were no new ones


class Watch:
    """`run` beside the session, from one task; the rest may be called at any time."""

    def __init__(
        self,
        sight: Sight,
        clock: Clock,
        mimic: Mimic,
        *,
        keep: Callable[[Style], Awaitable[None]],
        seconds: float = SECONDS,
    ) -> None:
        """`keep` takes the style of a recording of `seconds`."""
        self._sight = sight
        self._clock = clock
        self._mimic = mimic
        self._tell: Callable[[dict[str, Any]], None] | None = None
        self._keep = keep
        self._seconds = seconds
        self._pictures: Channel[Picture] = Channel(BACKLOG_MS, lambda picture: PICTURE_MS)
        self._memory: Memory | None = None  # None: nobody looks
        self._take: _Take | None = None
        self._status = "off"
        self._advice = ""
        self._text = ""
        self._told: dict[str, Any] = {}
        self._latest = 0  # clock time of the latest picture
        self._studied: _Take | None = None  # its style is being made and still wanted
        self.late = 0  # pictures that came too late to be looked at

    async def open(self) -> None:
        """Get ready to look. Raises RuntimeUnavailable and others saying what is missing."""
        if self._tell is None:
            raise TransportError(
                "this connection has no camera; offer a second video that only sends"
            )
        self._status, self._text = "loading", ""
        self.report()
        try:
            await self._sight.open()
        except VivifyError as error:
            self._status, self._text = "absent", str(error)
            self.report()
            raise
        self._memory = self._memory or self._sight.begin()
        self._latest = self._clock.now()
        self._status, self._advice = "ready", WAITING
        self.report()

    def shut(self) -> None:
        """Look no more; a recording is thrown away, and its style if that is being made."""
        self._memory = self._take = self._studied = None
        self._mimic.on = False
        self._pictures.clear()
        self._status, self._advice = "off", ""
        self.report()

    def follow(self, on: bool) -> None:
        """Let head, brows, lids and gaze follow the person, or no more."""
        self._require_open(on)
        self._mimic.on = on
        self.report()

    def learn(self, on: bool) -> None:
        """Begin to record the person's style, anew if need be, or throw the recording away; a style
        that is being made is not kept either way."""
        self._require_open(on)
        self._studied = None
        self._take = _Take(self._clock.now()) if on else None
        self._text = ""
        self.report()

    def refuse(self, width: int, height: int) -> None:
        """A picture came that is too large to be decoded."""
        self._text = (
            f"the camera sends pictures of {width}x{height} pixels, expected at most {MAX_SIDE} "
            "either way; choose a smaller size for it"
        )
        self.report()

    async def run(
        self, pictures: AsyncIterator[Picture], tell: Callable[[dict[str, Any]], None]
    ) -> None:
        """Until the pictures end; `tell` is given each new report.

        Raises what no VivifyError explains.
        """
        self._tell = tell
        tasks = [
            asyncio.create_task(work)
            for work in (self._receive(pictures), self._look(), self._beat())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pictures.close()
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            self._memory = self._take = self._studied = self._tell = None
            self._mimic.on = False
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def report(self) -> None:
        """Tell the person how the camera stands, if that has changed."""
        take = self._take
        done = (self._clock.now() - take.began) / SAMPLE_RATE / self._seconds if take else None
        report = {
            "status": self._status,
            "advice": self._advice,
            "follow": self._mimic.on,
            "progress": None if done is None else round(min(1.0, done), 2),
            "working": self._studied is not None,
            "seconds": self._seconds,
            "text": self._text,
        }
        if report != self._told and self._tell is not None:
            self._told = report
            self._tell({"type": "camera", "value": report})

    def _require_open(self, on: bool) -> None:
        if on and self._memory is None:
            raise TransportError('the camera is not open; send {"type": "camera", "value": true}')

    async def _receive(self, pictures: AsyncIterator[Picture]) -> None:
        async for picture in pictures:  # the track keeps what is not taken at once
            if self._memory is not None:
                self._latest = self._clock.now()
                self._pictures.put(picture)
            del picture  # or the last one would stay until the next comes

    async def _look(self) -> None:
        with contextlib.suppress(SessionClosed):
            while True:
                await self._see((await self._pictures.take(BACKLOG_MS // PICTURE_MS))[-1])

    async def _see(self, picture: Picture) -> None:
        memory = self._memory
        if memory is None:
            return
        began = self._clock.now()
        if began - picture.start > LATE:
            self.late += 1
            return
        try:
            look, memory = await self._sight.look(picture, memory)
        except VivifyError as error:
            self.shut()
            self._text = str(error)
            return
        if self._memory is not None:
            self._memory = memory
            self._use(look)
        # A machine that is short of time gives it to the voice and the pictures first.
        await self._clock.until(2 * self._clock.now() - began)

    def _use(self, look: Look) -> None:
        still = look.advice == coach.STILL_PICTURE
        if look.motion is not None and not still:
            self._mimic.see(look.motion)
        self._advice = look.advice
        take = self._take
        if take is not None:
            take.tracked.append(look.tracked)
            take.still += still
            if look.advice == coach.GOOD and self._quiet(take):
                self._advice = SILENT

    def _quiet(self, take: _Take) -> bool:
        """Three seconds without speech."""
        heard = self._clock.now() - take.began
        return heard > 3 * SAMPLE_RATE and not coach.speaks(take.tracked[-len(take.tracked) // 2 :])

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            now = self._clock.now()
            gone = now - self._latest > GONE
            if self._memory is not None and gone:
                self._advice = WAITING
            take = self._take
            if take is not None and gone and now - take.began > GONE:
                self._take = None
                self._text = "No picture came from the camera for two seconds; record again."
            elif take is not None and now - take.began >= self._seconds * SAMPLE_RATE:
                self._take = None
                await self._finish(take)
            self.report()

    async def _finish(self, take: _Take) -> None:
        self._studied = take
        self.report()
        try:
            _check(take, self._seconds)
            made = f"recorded from a camera, {self._seconds:g} s"
            style = await self._sight.study(take.tracked, self._seconds, NAME, made)
            if self._studied is take:
                await self._keep(style)
        except SessionClosed:
            return
        except VivifyError as error:
            if self._studied is take:
                self._text = f"No style was made: {error}"
        finally:
            if self._studied is take:
                self._studied = None


def _check(take: _Take, seconds: float) -> None:
    """Raises TrackingError for a recording that shows no moving person."""
    if len(take.tracked) < MIN_FPS * seconds:
        raise TrackingError(
            f"{len(take.tracked)} pictures were looked at in {seconds:g} s, expected "
            f"{MIN_FPS * seconds:g} or more; close other programs and record again"
        )
    if take.still > len(take.tracked) // 2:
        raise TrackingError("the camera shows the same picture all the time; switch it off and on")
