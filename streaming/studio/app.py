"""The HTTP side of the studio: one page, a WebSocket with its preview, files in and out.

GET / · GET /studio.json · GET /recipe · GET /random · GET /portrait · GET /package · GET /ws · POST
/open · POST /import · POST /photo · POST /save · GET /healthz, and those of
streaming.studio.likeness. Every refusal is JSON {"error", "message"}. Files are written below
one folder only, under names that were checked; a photo is read only with ?consent=yes, stays in
memory and is dropped after it was looked at.
"""

import asyncio
import json
import logging
import shlex
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from engine.errors import VivifyError
from engine.face import package
from engine.render.renderer import Renderer
from streaming.studio.atelier import Atelier, Json
from streaming.studio.likeness import Likeness
from streaming.studio.shelf import Shelf, Taken, named_after
from streaming.studio.sitting import Say, Sitting, explained
from streaming.web import gate, portrait
from streaming.web.app import PAGE as COMMON
from streaming.web.gate import refuse

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
PARTS = (
    "index.html", "studio.js", "dials.js", "preview.js", "history.js", "person.js", "studio.css",
)  # fmt: skip
SHARED = ("style.css", "icon.svg", "ball.js")
MAX_BODY = 128 << 10  # bytes of JSON
MAX_UPLOAD = 64 << 20  # of a package or model
MAX_PHOTO = 24 << 20
MAX_PAGES = 4
FACE = 384  # px of a portrait


def create_app(
    atelier: Atelier,
    out: Path,
    start: Json,
    *,
    seed: int = 0,
    hosts: frozenset[str] = frozenset(),
    missing: str = "",
    untrained: str = "",
) -> web.Application:
    """`out`: where avatars are saved; `start`: the recipe shown first; `seed`: of the first random
    person; `missing`: what must be installed before photos can be read; `untrained`: before a
    person can be learned."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[gate.guard(hosts, _explain)])
    site = _Studio(atelier, out, start, seed, missing, untrained)
    app.router.add_get("/", site.page)
    app.router.add_get("/page/{name}", site.page)
    app.router.add_get("/studio.json", site.studio)
    app.router.add_get("/recipe", site.recipe)
    app.router.add_get("/random", site.random)
    app.router.add_get("/portrait", site.portrait)
    app.router.add_get("/package", site.package)
    app.router.add_get("/ws", site.socket)
    app.router.add_post("/open", site.open)
    app.router.add_post("/import", site.convert)
    app.router.add_post("/photo", site.photo)
    app.router.add_post("/save", site.save)
    app.router.add_get("/healthz", site.health)
    site.likeness.add(app)
    app.on_shutdown.append(site.shutdown)
    app.cleanup_ctx.append(site.lifetime)
    return app


class _Studio:
    def __init__(
        self, atelier: Atelier, out: Path, start: Json, seed: int, missing: str, untrained: str
    ) -> None:
        self._atelier, self._shelf, self._start = atelier, Shelf(out), start
        self._seed, self._missing = seed, missing
        self.likeness = Likeness(atelier, self._shelf, missing or untrained)
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="painter")
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="builder")
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._sketcher = ThreadPoolExecutor(1, thread_name_prefix="sketcher")
        self._pages: set[web.WebSocketResponse] = set()
        self._portraits: dict[str, bytes] = {}

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        if name in SHARED:
            return web.FileResponse(COMMON / name)
        if name not in PARTS:
            raise web.HTTPNotFound
        return web.FileResponse(PAGE / name)

    async def studio(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({
            "groups": self._atelier.groups(), "cast": self._atelier.cast(), "start": self._start,
            "seed": self._seed, "out": str(self._shelf.folder), "photo": self._missing,
        })  # fmt: skip

    async def recipe(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(self._atelier.start, request.query.get("name", ""))

    async def random(self, request: web.Request) -> web.StreamResponse:
        seed = request.query.get("seed", "")
        if not seed.isdecimal() or len(seed) > 9:
            return refuse(400, "bad request", f"the seed {seed[:20]!r} is no whole number")
        return await self._answer(self._atelier.roll, int(seed))

    async def open(self, request: web.Request) -> web.StreamResponse:
        content = await gate.body(request, MAX_UPLOAD)
        return await self._answer(self._atelier.read, content)

    async def photo(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("consent") != "yes":
            return refuse(
                403, "no consent", "a photo is read only after you have confirmed that it shows "
                "you, or somebody who allows it",
            )  # fmt: skip
        if self._missing:
            return refuse(422, "not installed", self._missing)
        content = await gate.body(request, MAX_PHOTO)
        try:
            recipe, notes = await self._call(self._keeper, self._atelier.likeness, content)
        except VivifyError as error:
            return refuse(422, "no face", str(error))
        return web.json_response({"recipe": recipe, "notes": notes})

    async def convert(self, request: web.Request) -> web.StreamResponse:
        """A GLB or VRM becomes a package below the out folder; the page asks for it to be shown."""
        file = request.query.get("name", "")
        content = await gate.body(request, MAX_UPLOAD)
        permitted = request.query.get("permitted") == "yes"

        def build(folder: Path) -> list[str]:
            return self._atelier.convert(content, file, folder, permitted)

        replace = request.query.get("replace") == "yes"
        return await self._keep(named_after(Path(file)), build, replace, "not imported")

    async def save(self, request: web.Request) -> web.StreamResponse:
        try:
            wish = json.loads(await gate.text(request))
            recipe, replace = wish["recipe"], wish.get("replace") is True
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            return refuse(400, "bad request", f'expected JSON {{"recipe", "replace"}} ({error})')
        try:
            checked = self._atelier.check(recipe)
        except VivifyError as error:
            return refuse(422, "not built", str(error))
        build = partial(self._atelier.build, checked)
        return await self._keep(str(checked["name"]), build, replace, "not built")

    async def package(self, request: web.Request) -> web.StreamResponse:
        """What was saved here, as one zip."""
        name = request.query.get("name", "")
        try:
            content = await self._call(self._keeper, self._shelf.zipped, name)
        except VivifyError as error:
            return refuse(404, "not found", str(error))
        return web.Response(
            body=content,
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
        )

    async def portrait(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("avatar", "")
        if name not in self._portraits:
            if name not in package.names():
                raise web.HTTPNotFound
            drawn = await self._call(self._sketcher, lambda: portrait.draw(Renderer(name, FACE)))
            self._portraits[name] = drawn[1]
        return web.Response(body=self._portraits[name], content_type="image/png")

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._pages) >= MAX_PAGES:
            return refuse(503, "too many pages", f"{MAX_PAGES} pages show previews; close one")
        socket = web.WebSocketResponse(max_msg_size=MAX_BODY, heartbeat=20)
        await socket.prepare(request)

        async def say(kind: str, value: Any) -> None:
            await socket.send_json({"type": kind, "value": value})

        sitting = Sitting(self._atelier, self._shelf, self._painter, self._builder, say)
        self._pages.add(socket)
        alive = asyncio.create_task(sitting.run(socket.send_bytes))
        alive.add_done_callback(lambda task: asyncio.ensure_future(_ended(task, socket)))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await _take(sitting, message.data, say)
        finally:
            self._pages.discard(socket)
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
        return socket

    async def health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok", "pages": len(self._pages)})

    async def shutdown(self, app: web.Application) -> None:
        for socket in list(self._pages):
            await socket.close()
        await self.likeness.close()

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        yield
        for pool in (self._painter, self._builder, self._keeper, self._sketcher):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _keep(
        self, name: str, build: Callable[[Path], Any], replace: bool, failed: str
    ) -> web.Response:
        """Build an avatar onto the shelf; `failed`: what to call it if that cannot be done."""
        try:
            place, notes = await self._call(self._keeper, self._shelf.keep, name, build, replace)
        except Taken as error:
            return refuse(409, "exists", str(error))
        except VivifyError as error:
            return refuse(422, failed, str(error))
        command = f"python -m demos.webcam_mirror --avatar {shlex.quote(str(place))}"
        return web.json_response({
            "name": name, "folder": str(place), "command": command, "notes": notes or [],
        })  # fmt: skip

    async def _answer(self, function: Any, *args: Any) -> web.Response:
        """A recipe, or why there is none."""
        try:
            return web.json_response(await self._call(self._keeper, function, *args))
        except VivifyError as error:
            return refuse(422, "not a recipe", str(error))

    async def _call(self, pool: ThreadPoolExecutor, function: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *args)


async def _take(sitting: Sitting, text: str, say: Say) -> None:
    """One message of the page; what is wrong with it is told, and the page stays."""
    try:
        await sitting.take(text)
    except ConnectionError:
        return  # the page has gone
    except Exception as error:  # noqa: BLE001 - explained() logs what is no VivifyError
        await say("error", explained(error, "this cannot be shown"))


async def _ended(task: asyncio.Task[None], socket: web.WebSocketResponse) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a preview has ended", exc_info=error)
    await socket.close()


def _explain(error: web.HTTPException) -> str:
    return {
        400: error.text or "",
        403: error.text or "",
        404: "there is no such page; open /",
        405: f"use {', '.join(sorted(getattr(error, 'allowed_methods', [])))} for this address",
        413: "the file is too large: a photo may have 24 MB, anything else 64 MB",
    }.get(error.status, error.reason)
