"""What one browser that was let in may do with its session: faces, styles, the camera.

Styles of one's own (recorded, or loaded from a file) belong to the session and go with it; whoever
holds the session's key may fetch and add them over HTTP.
"""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

from engine.errors import PackageError
from engine.style.code import Style
from streaming.errors import TransportError
from streaming.session import Session
from streaming.sight import Sight
from streaming.watch import SECONDS, Watch
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.offer import Control

MAX_OWN = 8  # styles


class Guest:
    """One per peer. `state` is what the peer tells with its figures."""

    def __init__(
        self,
        session: Session,
        catalogue: Catalogue,
        choice: Choice,
        state: dict[str, Any],
        *,
        own: bool = True,
        sight: Sight | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """`own`: the session is the guest's alone. `sight`: without it no camera is taken."""
        self.key = secrets.token_urlsafe(16) if own else ""
        self.state = state
        self._session = session
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
            self._session.recast((await self._catalogue.entry(wanted)).actor)
            self.state["avatar"] = value
        elif kind == "forget":
            await self._forget(value)
        else:
            await self._look(kind, value)

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

    async def _look(self, kind: str, value: bool) -> None:
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
