"""Who is in: admits browsers up to the limit, gives each its session, and clears up after it.

With a local microphone there is one session and browsers only watch it; otherwise every browser
brings its own microphone and gets its own session. One failing session never touches another.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from engine.errors import VivifyError
from streaming.delay import choose_delay
from streaming.metrics import Stats, percentile, picture_ms, renderers
from streaming.pace import Pace
from streaming.session import Session
from streaming.sight import Sight
from streaming.sound import Sound
from streaming.watch import SECONDS
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.guest import Guest
from streaming.web.look import LOOKS
from streaming.web.offer import Offer
from streaming.web.peer import Peer
from streaming.worker import Worker

log = logging.getLogger(__name__)

ENOUGH = 50  # pictures that make a figure


class Full(VivifyError):  # noqa: N818 - a condition
    """No room for another session now."""


class Rooms:
    """`enter` for every offer; `open`, `leave` and `close` around the server's life."""

    def __init__(
        self,
        catalogue: Catalogue,
        worker: Worker,
        *,
        limit: int = 4,
        sight: Sight | None = None,
        seconds: float = SECONDS,
        microphone: Callable[[], AsyncIterator[Sound]] | None = None,
        speaker: Callable[[Session], Any] | None = None,
    ) -> None:
        """`limit`: browsers at a time. `sight`: looks at their cameras, for `seconds` where a
        style is recorded. `microphone`, `speaker`: the local voice, in and out."""
        self.limit = limit
        self.refused = 0
        self.total = 0
        self._catalogue = catalogue
        self._worker = worker
        self.pace = Pace()
        self._sight = sight
        self._seconds = seconds
        self._microphone = microphone
        self._speaker = speaker
        self._local: Session | None = None
        self._local_state: dict[str, Any] = {}  # what all who watch it are told
        self._peers: dict[Peer, asyncio.Task[None]] = {}
        self._guests: dict[str, Guest] = {}  # by their keys
        self._entering = 0
        self._past_busy_s = 0.0
        self._slowness = 0  # of the session that ended last
        self._tasks: list[asyncio.Task[Any]] = []
        self._seed = 0

    async def open(self) -> None:
        """Load the default avatar and start the local session, if there is one."""
        await self._catalogue.entry(self._catalogue.default)
        if self._microphone is not None:
            choice, style = self._catalogue.default, self._catalogue.default_style
            self._local = await self._begin(choice, style)
            self._local_state = _describe(choice, style)
            self._tasks.append(asyncio.create_task(self._local.run(self._microphone())))
            if self._speaker is not None:
                self._tasks.append(asyncio.create_task(self._speaker(self._local)))

    async def failed(self) -> None:
        """Wait for ever, or until the local microphone, speaker or session fails; raise that."""
        if not self._tasks:
            await asyncio.Event().wait()
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def enter(self, offer: Offer) -> str:
        """Our SDP for an offer. Raises Full, PackageError or TransportError."""
        if len(self._peers) + self._entering >= self.limit:
            self.refused += 1
            raise Full(
                f"{self.limit} of {self.limit} places are taken; try again when somebody leaves"
            )
        self._entering += 1
        try:
            return await self._admit(offer)
        finally:
            self._entering -= 1

    async def leave(self, reason: str) -> None:
        """Send everybody home."""
        peers = dict(self._peers)
        for peer in peers:
            peer.end(reason)
        await asyncio.gather(*peers.values(), return_exceptions=True)

    async def close(self) -> None:
        """Stop the local session and the loader."""
        if self._local is not None:
            self._local.close()
        for task in self._tasks:
            task.cancel()
        self._catalogue.close()
        if self._sight is not None:
            await self._sight.close()

    def choices(self) -> dict[str, Any]:
        """For the page's pickers."""
        catalogue = self._catalogue
        sight = self._sight if self._microphone is None else None
        return {
            "avatars": catalogue.avatars,
            "colors": list(LOOKS),
            "styles": catalogue.styles,
            "avatar": catalogue.default.avatar,
            "style": catalogue.default_style,
            "size": catalogue.default.size,
            "lookahead": catalogue.default.lookahead_ms,
            "microphone": "server" if self._microphone else "browser",
            "camera": None if sight is None else {"missing": sight.missing},
        }

    async def portrait(self, avatar: str, small: bool = False) -> bytes:
        """A PNG of an avatar, `small` for pickers. Raises PackageError for what is not offered."""
        large, little = await self._catalogue.portrait(avatar)
        return little if small else large

    def guest(self, key: str) -> Guest | None:
        """Whose key this is."""
        return self._guests.get(key)

    def health(self) -> dict[str, Any]:
        live = self.live()
        return {
            "sessions": len(self._peers),
            "limit": self.limit,
            "refused": self.refused,
            "renderer": renderers(live),
            "render_ms": {name: picture_ms(live, name) for name in renderers(live)},
        }

    def live(self) -> list[Stats]:
        """Figures of the sessions that run now."""
        sessions = {id(p.session): p.session for p in self._peers}
        if self._local is not None:
            sessions[id(self._local)] = self._local
        return [session.stats for session in sessions.values()]

    @property
    def busy_s(self) -> float:
        return self._past_busy_s + sum(stats.engine_s for stats in self.live())

    async def _admit(self, offer: Offer) -> str:
        catalogue = self._catalogue
        choice = catalogue.choose(offer.avatar, offer.size, offer.lookahead_ms)
        style = catalogue.check_style(offer.style or catalogue.default_style)
        if self._local is not None:
            session, choice, state = self._local, catalogue.default, self._local_state
        else:
            session, state = await self._begin(choice, style), _describe(choice, style)
        actor = (await catalogue.entry(choice)).actor

        own = self._local is None
        guest = Guest(
            session,
            actor,
            catalogue,
            choice,
            state,
            own=own,
            sight=self._sight,
            seconds=self._seconds,
        )
        peer = Peer(
            session,
            own=own,
            command=guest.command,
            state=state,
            watch=guest.watch,
            key=guest.key,
        )
        try:
            sdp = await peer.answer(offer.sdp)
        except BaseException:
            await peer.refuse()
            raise
        task = asyncio.create_task(self._host(peer, guest.key))
        task.add_done_callback(_tell)
        self._peers[peer] = task
        if guest.key:
            self._guests[guest.key] = guest
        self.total += 1
        return sdp

    async def _begin(self, choice: Choice, style: str) -> Session:
        entry = await self._catalogue.entry(choice)
        self._seed += 1
        state = await self._worker.call(entry.actor.init_state, style, self._seed)
        seen = [s for s in (self._slowness, *map(_slowness, self.live())) if s]
        delay = choose_delay(entry.actor.latency, entry.engine_ms, max(seen, default=0))
        return Session(entry.actor, self._worker, state, delay=delay, pace=self.pace)

    async def _host(self, peer: Peer, key: str) -> None:
        try:
            await peer.run()
        finally:
            del self._peers[peer]
            self._guests.pop(key, None)
            if peer.session is not self._local:
                self._past_busy_s += peer.session.stats.engine_s
                self._slowness = _slowness(peer.session.stats) or self._slowness


def _describe(choice: Choice, style: str) -> dict[str, Any]:
    return {"avatar": choice.avatar, "style": style, "size": choice.size}


def _slowness(stats: Stats) -> int:
    """Samples within which nine pictures of ten were ready; 0 if too few to tell."""
    return int(percentile(stats.latency, 0.9)) if len(stats.latency) >= ENOUGH else 0


def _tell(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a session ended with an error; the others go on", exc_info=error)
