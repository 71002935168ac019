"""What one browser that was let in may do with its session: faces, styles, the camera.

Styles of one's own (recorded, or loaded from a file) belong to the session and go with it; whoever
holds the session's key may fetch and add them over HTTP.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from engine.errors import PackageError
from engine.frames import U8
from engine.style.code import Style
from streaming.actor import Actor
from streaming.delay import choose_delay
from streaming.errors import TransportError
from streaming.session import Session
from streaming.sight import Sight
from streaming.watch import SECONDS, Watch
from streaming.web import look
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.look import LOOKS, Look
from streaming.web.offer import LOOK, Control

MAX_OWN = 8  # styles
MAX_COLORED = 64  # avatars whose colours or looks were changed


class Guest:
    """One per peer. `state` is what the peer tells with its figures."""

    def __init__(
        self,
        session: Session,
        actor: Actor,
        catalogue: Catalogue,
        choice: Choice,
        state: dict[str, Any],
        *,
        own: bool = True,
        sight: Sight | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """`actor`: the face the session shows; `own`: the session is the guest's alone. `sight`:
        without it no camera is taken."""
        self.key = secrets.token_urlsafe(16) if own else ""
        self.state = state
        state |= {"colors": _shown(actor)} | _drawn(actor)
        self._session = session
        self._actor = actor
        self._worn = choice.avatar
        self._look = Look()
        self._faces: dict[str, tuple[dict[str, str], str]] = {}  # by avatar: its colours, by what
        self._asked = 0  # looks so far
        self._picture: U8 | None = None
        self._painting = False
        self._catalogue = catalogue
        self._choice = choice
        self._own: dict[str, Style] = {}
        self._shelf = asyncio.Lock()  # held from counting styles to adding one
        self.watch: Watch | None = None
        if own:
            state |= {"own": [], "kept": 0}
        if own and sight is not None:
            self.watch = Watch(sight, session.clock, session.mimic, keep=self.keep, seconds=seconds)

    async def command(self, control: Control) -> None:
        """Carry out one control message. Raises VivifyErrors for the person to read."""
        kind, value = control.kind, control.value
        if kind == "style":
            style = self._own.get(value) or self._catalogue.check_style(value)
            await self._session.restyle(style)
            self.state["style"] = value
        elif kind == "avatar":
            wanted = self._catalogue.choose(value, self._choice.size, self._choice.lookahead_ms)
            actor = (await self._catalogue.entry(wanted)).actor
            await self._dress(value, actor)
            self.state |= {"avatar": value, "colors": _shown(actor)}
        elif kind == LOOK:
            await self._change(look.read(value))
        elif kind == "forget":
            await self._forget(value)
        else:
            await self._see(kind, value)

    async def paint(self, upload: Callable[[], Awaitable[bytes]]) -> None:
        """A picture of the person's own, to lie behind the face once the look says so. `upload`
        reads the file, one at a time of each guest. Raises TransportError."""
        if self._painting:
            raise TransportError("your last picture is still being read; wait, then try again")
        self._painting = True
        try:
            content = await upload()
            self._picture = await self._catalogue.picture(content, self._choice.size)
        finally:
            self._painting = False
        await self._dress(self._worn, self._actor)

    async def _change(self, wish: Look) -> None:
        name = wish.avatar or self._worn
        if name in self._faces or len(self._faces) < MAX_COLORED:
            self._faces[name] = wish.palette, wish.drawn
        self._look = wish
        await self._dress(self._worn, self._actor)

    async def _dress(self, name: str, actor: Actor) -> None:
        """Show this face in the guest's look; of several that are asked for the last stays."""
        self._worn, self._actor = name, actor
        self._asked += 1
        asked = self._asked
        palette, drawn = self._faces.get(name, ({}, "auto"))
        wish = replace(self._look, palette=palette, drawn=drawn)
        setting = wish.over(self._catalogue.setting, self._picture)
        if setting.look not in ("auto", *actor.looks):
            setting = replace(setting, look="auto")  # asked of another avatar
        dressed = await self._catalogue.dressed(actor, setting)
        if asked == self._asked:
            actor = dressed.actor
            self._session.recast(actor, choose_delay(actor.latency, dressed.engine_ms))
            self.state |= _drawn(actor)

    async def keep(self, style: Style) -> None:
        """Take a style in and glide to it; one of the same name is replaced."""
        if style.name in self._catalogue.styles:
            style = replace(style, name=f"my {style.name}"[:64].rstrip())
        async with self._shelf:
            if style.name not in self._own and len(self._own) >= MAX_OWN:
                raise PackageError(f"{MAX_OWN} styles of your own are loaded; delete one first")
            await self._session.restyle(style)
            self._own[style.name] = style
            self.state["style"] = style.name
            self.state["own"] = list(self._own)
            self.state["kept"] += 1  # a style of the same name may be another

    def own(self, name: str) -> Style:
        """A style of one's own. Raises PackageError."""
        if name not in self._own:
            raise PackageError(f"no style of yours is named {name[:80]!r}; record or load one")
        return self._own[name]

    async def _forget(self, name: str) -> None:
        del self._own[self.own(name).name]
        self.state["own"] = list(self._own)
        if self.state["style"] == name:
            style = self._catalogue.default_style
            await self._session.restyle(style)
            self.state["style"] = style

    async def _see(self, kind: str, value: bool) -> None:
        if self.watch is None:
            raise TransportError(
                "this session takes no camera: it belongs to the server's own microphone, or the "
                "server was started without a tracker"
            )
        if kind == "camera" and value:
            await self.watch.open()
        elif kind == "camera":
            self.watch.shut()
        elif kind == "follow":
            self.watch.follow(value)
        else:
            self.watch.learn(value)


def _shown(actor: Actor) -> dict[str, str]:
    """The colours that the page offers, as the avatar has them by itself."""
    return {name: color for name, color in actor.colors.items() if name in LOOKS}


def _drawn(actor: Actor) -> dict[str, Any]:
    """What draws it and what could, and whether it brings its own background."""
    return {"looks": list(actor.looks), "look": actor.look, "settled": actor.settled}
