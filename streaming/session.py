"""One live session: sound in, pictures and the delayed voice out, on one clock.

The straight line: source -> intake -> chunker -> animate -> mimic (gestures of a person who is
followed) -> swing (hair) -> render -> playout. Motion never skips; a picture that would be late is
not drawn when a newer motion is at hand, and cheaper pictures stand in for dear ones while there is
no time for those (streaming.pace). The voice goes to the playout as it arrives, past the
engine, so that nothing the engine does can delay it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from engine.audio.chunker import Chunker
from engine.frames import HOP, SAMPLE_RATE, Motion, Video
from engine.style.code import Style
from streaming.actor import Actor, ladder
from streaming.channel import Channel
from streaming.clock import LoopClock
from streaming.errors import SessionClosed
from streaming.intake import Intake
from streaming.job import Job, calling, drawing, hearing
from streaming.metrics import Stats
from streaming.mimic import Mimic
from streaming.pace import PROBE_S, Pace
from streaming.playout import UPSAMPLE, Playout
from streaming.sound import VOICE_BLOCK, VOICE_RATE, Sound
from streaming.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")

BACKLOG_MS = 1000  # sound waiting for the engine; beyond it the oldest becomes a gap
STARVED = SAMPLE_RATE // 2  # after so long without a picture even a late one is drawn
CATCH_UP = 10  # blocks heard in one engine call when behind; other sessions wait meanwhile
ALIVE = SAMPLE_RATE  # a source silent for longer than this is idle, not lossy
PATIENCE = HOP  # silence is put in this long before the sound would leave
START = 2 * SAMPLE_RATE  # what is late so early tells of the beginning, not of the machine


class Session:
    """Lives until `close`, or until its source or the engine fails.

    Everything but `run` may be called at any time from the event loop. After the end, calls that
    change the session raise SessionClosed.
    """

    def __init__(
        self,
        actor: Actor,
        worker: Worker,
        state: Any,
        *,
        delay: int,
        clock: LoopClock | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`state`: from actor.init_state; `delay`: samples, see streaming.delay; `pace`: of all
        sessions that share the worker."""
        self.clock = clock or LoopClock()
        self.playout = Playout(self.clock, delay)
        self.stats = Stats()
        self.muted = False
        self.mimic = Mimic()
        self._actor = actor
        self._ladder: tuple[Actor, ...] = ()  # the actor, and what stands in when time is short
        self._delay = delay
        self._worker = worker
        self._pace = pace or Pace()
        self._state = state
        self._hair: Any = None  # state of the swing, which outlives a change of face
        self._state_lock = asyncio.Lock()
        self._chunker = Chunker()
        self._intake = Intake(self.clock)
        self._blocks: Channel[Sound] = Channel(BACKLOG_MS, lambda s: 1000 * len(s.pcm) / s.rate)
        self._fed = self.clock.now() * UPSAMPLE  # end of the sound given to the engine, 48 kHz
        self._last_heard = -ALIVE
        self._generation = 0
        self._begun = 0  # clock time of the first sound, once there is any
        self._drawn = 0  # clock time of the latest picture
        self._draw_time = 0  # what a picture takes, averaged over the latest
        self._probe: asyncio.Task[None] | None = None  # a dearer picture, which nobody waits for
        self._closed = False

    async def run(self, source: AsyncIterator[Sound] | None) -> None:
        """Play `source` (48 kHz int16 Sounds) until `close`; without one, idle and be alive.

        When the source ends the face lives on in silence. Errors of the source and the engine
        end the session and come out here as they are.
        """
        line = asyncio.create_task(self._line())
        others = [asyncio.create_task(self._keep_alive())]
        if source is not None:
            others.append(asyncio.create_task(self._listen(source)))
        for task in others:
            task.add_done_callback(self._close_on_error)
        try:
            await line
        finally:
            self.close()
            if self._probe is not None:
                others.append(self._probe)
            for task in (line, *others):
                task.cancel()
            ends = await asyncio.gather(*others, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, SessionClosed):
                raise end

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End `run` soon; safe to call twice."""
        self._closed = True
        self._blocks.close()

    def hear(self, sound: Sound) -> None:
        """Take a packet from the source; never waits."""
        self._require_open()
        sound = self._intake.place(sound)
        now = self.clock.now()
        alive, self._last_heard = now - self._last_heard < ALIVE, now
        self._begun = self._begun or now
        if self.muted:
            sound = Sound(sound.start, sound.rate, np.zeros_like(sound.pcm))
        self.playout.hear(sound)
        self.stats.heard += len(sound.pcm) // UPSAMPLE
        if sound.end > self._fed:
            gap = max(0, sound.start - self._fed) // UPSAMPLE  # the chunker fills it with silence
            self.stats.lost += gap if alive else 0
            self.stats.idle += 0 if alive else gap
            self._feed(sound)

    async def restyle(self, style: Style | str) -> None:
        """Glide to another style, given or by its name.

        Raises PackageError for a bad one; the session goes on.
        """
        self._require_open()
        async with self._state_lock:
            self._state = await self._call(self._actor.restyle, self._state, style)

    def recast(self, actor: Actor, delay: int = 0) -> None:
        """Show another face; it must have the same look-ahead. If `actor.plain()` was not asked
        before, the engine's thread makes what stands in for it, which may hold pictures up.

        `delay`: what its pictures need; where that is more than the session began with, sound and
        picture glide there together, and back when another face needs less.
        """
        self._require_open()
        if actor.latency != self._actor.latency:
            raise ValueError(
                f"the avatar looks {actor.latency} samples ahead, the session "
                f"{self._actor.latency}; load it with the session's look-ahead"
            )
        self._actor = actor
        self.playout.aim(max(delay, self._delay))

    async def interrupt(self) -> None:
        """Drop everything heard and drawn that has not left; the mouth closes smoothly."""
        self._require_open()
        self._generation += 1
        self.stats.interrupts += 1
        self._blocks.clear()
        self.playout.forget()
        async with self._state_lock:
            self._state = await self._call(self._actor.interrupt, self._state)

    def snapshot(self) -> dict[str, Any]:
        """Figures for people; see Stats.snapshot."""
        delay_ms = self.playout.delay * 1000 / SAMPLE_RATE
        return self.stats.snapshot(self.clock.now()) | {"delay_ms": round(delay_ms)}

    async def _listen(self, source: AsyncIterator[Sound]) -> None:
        async for sound in source:
            self.hear(sound)

    async def _line(self) -> None:
        while True:
            try:
                sounds = await self._blocks.take(CATCH_UP)
            except SessionClosed:
                return
            generation = self._generation
            async with self._state_lock:
                # Of no use if there is no more time to draw what it completes.
                due = self._due(sounds[0].start // UPSAMPLE - self._actor.latency - self._draw_time)
                states = self._state, self._hair
                job = hearing(self, due, self._actor, self._chunker, self.mimic, sounds, states)
                motions, (self._state, self._hair) = (await self._timed(job))[0]
            for motion in motions:
                newer = motion is not motions[-1] or len(self._blocks) >= CATCH_UP
                if generation == self._generation:
                    await self._draw(motion, newer, generation)

    async def _draw(self, motion: Motion, newer: bool, generation: int) -> None:
        self.playout.glide()
        began = self.clock.now()
        late = began + self._draw_time - motion.start - self.playout.delay
        if self._actor not in self._ladder[:1]:
            self._ladder = await self._call(ladder, self._actor)
        if late > 0 and newer and began - self._drawn < STARVED:
            self.stats.skipped += 1
            self._tell_pace(-late, 0.0)
            return
        steps, eased = self._ladder, min(self._pace.level, len(self._ladder) - 1)
        due = self._due(motion.start)
        video, spent = await self._timed(drawing(self, due, steps[eased], motion))
        if generation != self._generation:
            return  # drawn for speech that has been interrupted meanwhile
        now = self._drawn = self.clock.now()
        self._draw_time += (now - began - self._draw_time) // 4
        self.playout.write(video)
        self.stats.picture(now, now - self._intake.arrival(motion.start))
        self.stats.render(steps[eased].drawer, spent, eased > 0, steps[eased].precision)
        self._tell_pace(motion.start + self.playout.delay - now, spent)
        free = self._probe is None or self._probe.done()
        if eased and not newer and free and self._pace.probing(_now_s(), len(steps)):
            dearer = drawing(self, due + PROBE_S, steps[eased - 1], motion)
            self._probe = asyncio.create_task(self._try(dearer, _now_s()))
            self._probe.add_done_callback(self._close_on_error)

    async def _try(self, dearer: Job[Video], asked: float) -> None:
        """Have a picture drawn for its cost only."""
        _, spent = await self._timed(dearer)
        self._pace.probed(_now_s(), spent, asked)

    def _tell_pace(self, slack: int, spent: float) -> None:
        """Of a picture that was ready, or would have been, so many samples before it is due. Not
        while the delay glides: then that is not what it will be."""
        if self.clock.now() - self._begun > START and not self.playout.gliding:
            self._pace.drew(_now_s(), slack / SAMPLE_RATE, spent, len(self._ladder))

    async def _keep_alive(self) -> None:
        """Stand in for a source that is late, muted or gone: models hear a gapless stream."""
        while not self._closed:
            await self.clock.until(self._missed)
            now = self.clock.now()
            if now < self._missed:
                continue  # sound came while we slept
            if now - self._last_heard < ALIVE:
                self.stats.invented += VOICE_BLOCK // UPSAMPLE
            else:
                self.stats.idle += VOICE_BLOCK // UPSAMPLE
            self._feed(Sound(self._fed, VOICE_RATE, np.zeros((VOICE_BLOCK, 1), np.int16)))

    @property
    def _missed(self) -> int:
        """Clock time at which the next block is so late that silence takes its place."""
        return (self._fed + VOICE_BLOCK) // UPSAMPLE + self.playout.delay - PATIENCE

    def _feed(self, sound: Sound) -> None:
        self._fed = sound.end
        if not self._closed:
            self._blocks.put(sound)

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return (await self._timed(calling(self, _now_s(), function, *args, **kwargs)))[0]

    async def _timed(self, job: Job[R]) -> tuple[R, float]:
        """What the engine answers, and the seconds it took without the wait for its turn."""
        try:
            return await self._worker.call(job), job.spent
        finally:
            self.stats.engine_s += job.spent
            self._pace.worked(_now_s(), job.spent)

    def _due(self, sample: int) -> float:
        """When what belongs to a sample leaves, in seconds as `_now_s`."""
        return _now_s() + (sample + self.playout.delay - self.clock.now()) / SAMPLE_RATE

    def _close_on_error(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise SessionClosed("the session has ended; start another one")


def _now_s() -> float:
    """Seconds of the clock that all sessions of a process share."""
    return asyncio.get_running_loop().time()
