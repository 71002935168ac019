"""Avatars that look like a real person, from a video or a photo of them: one at a time, behind the
page's back.

POST /person?consent=yes&by=NAME&name=NAME&file=FILE · GET /person · POST /person/cancel. Nothing is
read before the person's consent is given by name; what was sent lies in a hidden folder beside the
avatars while it is used and is deleted afterwards, however it ends.
"""

import asyncio
import logging
import shlex
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from engine.errors import VivifyError
from streaming.studio.atelier import Atelier
from streaming.studio.errand import Errand
from streaming.studio.shelf import Shelf, Taken, checked
from streaming.web.gate import refuse

log = logging.getLogger(__name__)

MAX_FILE = 1 << 30  # bytes
FILMS = (".mp4", ".mov", ".webm", ".mkv", ".m4v", ".avi")
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
FAULT = "a fault of Vivify; the studio's log has the details"


class Likeness:
    """`add` its routes, `close` at the end."""

    def __init__(self, atelier: Atelier, shelf: Shelf, missing: str) -> None:
        """`missing`: what must be installed first."""
        self._atelier, self._shelf, self._missing = atelier, shelf, missing
        self._state: dict[str, Any] = {"state": "none"}
        self._errand: Errand | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy = False

    def add(self, app: web.Application) -> None:
        app.router.add_post("/person", self.begin)
        app.router.add_get("/person", self.tell)
        app.router.add_post("/person/cancel", self.cancel)

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """How far it is."""
        return web.json_response(self._state | {"missing": self._missing})

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        if self._errand is not None:
            self._errand.call_off()
        return await self.tell(request)

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Take a video or photo in and begin; GET /person tells the rest."""
        ask = request.query
        by, kind = ask.get("by", "").strip(), Path(ask.get("file", "")).suffix.lower()
        if ask.get("consent") != "yes" or not by:
            return refuse(
                403, "no consent", "nothing is read before the person shown has agreed to it, by "
                "name",
            )  # fmt: skip
        if self._missing:
            return refuse(422, "not installed", self._missing)
        if kind not in (*FILMS, *PHOTOS):
            return refuse(422, "not a film", f"expected one of {' '.join((*FILMS, *PHOTOS))}")
        if self._busy:
            return refuse(409, "busy", "another person is being made; wait, or cancel that one")
        self._busy = True
        try:
            name = self._shelf.free(checked(ask.get("name", "")), ask.get("replace") == "yes")
            self._atelier.consent(by)
            work = await asyncio.to_thread(self._shelf.spare)
        except Taken as error:
            self._busy = False
            return refuse(409, "exists", str(error))
        except VivifyError as error:
            self._busy = False
            return refuse(422, "not begun", str(error))
        try:
            await _receive(request, Path(work.name) / f"given{kind}")
        except BaseException:
            self._busy = False
            work.cleanup()
            raise
        self._state = {"state": "running", "share": 0.0, "words": "", "name": name}
        self._task = asyncio.create_task(self._make(work, f"given{kind}", name, by, ask))
        return web.json_response(self._state, status=202)

    async def close(self) -> None:
        """Call off what runs and wait until its files are gone."""
        if self._errand is not None:
            self._errand.call_off()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _make(
        self, work: "tempfile.TemporaryDirectory[str]", file: str, name: str, by: str, ask: Any
    ) -> None:
        folder, began = Path(work.name), time.monotonic()

        def told(share: float, words: str) -> None:
            self._state |= {"share": share, "words": words, "seconds": time.monotonic() - began}

        make = self._atelier.person if file.endswith(FILMS) else self._atelier.portrait
        try:
            self._errand = Errand(make(folder / file, folder / name, name, by), told)
            if not await self._errand.run():
                self._state = {"state": "cancelled"}
                return
            build = partial(shutil.move, folder / name)
            replace = ask.get("replace") == "yes"
            place, _ = await asyncio.to_thread(self._shelf.keep, name, build, replace)
            command = f"python -m demos.webcam_mirror --avatar {shlex.quote(str(place))}"
            self._state = {
                "state": "done", "name": name, "folder": str(place), "command": command,
            }  # fmt: skip
        except VivifyError as error:
            self._state = {"state": "failed", "message": str(error)}
        except Exception as error:
            self._state = {"state": "failed", "message": FAULT}
            log.error("a likeness could not be made", exc_info=error)
        finally:
            self._errand, self._busy = None, False
            await asyncio.to_thread(work.cleanup)


async def _receive(request: web.Request, place: Path) -> None:
    """A body into a file; HTTPRequestEntityTooLarge beyond MAX_FILE bytes."""
    size = 0
    with place.open("wb") as file:
        async for chunk in request.content.iter_chunked(1 << 20):
            size += len(chunk)
            if size > MAX_FILE:
                raise web.HTTPRequestEntityTooLarge(max_size=MAX_FILE, actual_size=size)
            await asyncio.to_thread(file.write, chunk)
