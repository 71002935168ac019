"""The HTTP side of the studio: one page, a WebSocket with its preview, files in and out.

GET / · GET /studio.json · GET /recipe · GET /random · GET /portrait · GET /package · GET /ws · POST
/open · POST /import · POST /photo · POST /save · GET /healthz. Every refusal is JSON {"error",
"message"}. Files are written below one folder only, under names that were checked; a photo is read
only with ?consent=yes, stays in memory and is dropped after it was looked at.
"""

import asyncio
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from engine.errors import PackageError, VivifyError
from engine.face import package
from engine.render.renderer import Renderer
from streaming.studio.atelier import Atelier, Json
from streaming.studio.sitting import Sitting
from streaming.web import gate, portrait
from streaming.web.app import PAGE as COMMON
from streaming.web.gate import refuse

PAGE = Path(__file__).parent / "page"
PARTS = (
    "index.html", "studio.js", "dials.js", "preview.js", "history.js", "studio.css",
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
) -> web.Application:
    """`out`: where avatars are saved; `start`: the recipe shown first; `seed`: of the first random
    person; `missing`: what must be installed before photos can be read."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[gate.guard(hosts, _explain)])
    site = _Studio(atelier, out, start, seed, missing)
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
    app.on_shutdown.append(site.shutdown)
    app.cleanup_ctx.append(site.lifetime)
    return app


class _Studio:
    def __init__(self, atelier: Atelier, out: Path, start: Json, seed: int, missing: str) -> None:
        self._atelier, self._out, self._start = atelier, out, start
        self._seed, self._missing = seed, missing
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="painter")
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="builder")
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._pages: dict[web.WebSocketResponse, Sitting] = {}
        self._portraits: dict[str, bytes] = {}
        self._saved: dict[str, Path] = {}

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
            "seed": self._seed, "out": str(self._out), "photo": self._missing,
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
        """A GLB or VRM becomes a package below the out folder."""
        file = request.query.get("name", "")
        content = await gate.body(request, MAX_UPLOAD)
        name = named_after(Path(file))
        permitted = request.query.get("permitted") == "yes"
        try:
            place = self._place(name, request.query.get("replace") == "yes")

            def build(folder: Path) -> list[str]:
                return self._atelier.convert(content, file, folder, permitted)

            notes = await self._call(self._keeper, self._keep, build, place)
        except FileExistsError as error:
            return refuse(409, "exists", str(error))
        except VivifyError as error:
            return refuse(422, "not imported", str(error))
        made = await self._call(self._keeper, package.load, place)
        for sitting in self._pages.values():
            await self._call(self._painter, sitting.show, made)
        return web.json_response({"notes": notes, **self._told(name, place)})

    async def save(self, request: web.Request) -> web.StreamResponse:
        try:
            wish = json.loads(await gate.text(request))
            recipe = self._atelier.check(wish["recipe"])
            name = str(recipe["name"])
            place = self._place(name, wish.get("replace") is True)
            build = partial(self._atelier.build, recipe)
            await self._call(self._keeper, self._keep, build, place)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            return refuse(400, "bad request", f'expected JSON {{"recipe", "replace"}} ({error})')
        except FileExistsError as error:
            return refuse(409, "exists", str(error))
        except VivifyError as error:
            return refuse(422, "not built", str(error))
        return web.json_response(self._told(name, place))

    async def package(self, request: web.Request) -> web.StreamResponse:
        """What was saved here, as one zip."""
        place = self._saved.get(request.query.get("name", ""))
        if place is None:
            raise web.HTTPNotFound
        content = await self._call(self._keeper, _zipped, place)
        return web.Response(
            body=content,
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{place.name}.zip"'},
        )

    async def portrait(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("avatar", "")
        if name not in self._portraits:
            if name not in package.names():
                raise web.HTTPNotFound
            drawn = await self._call(self._painter, lambda: portrait.draw(Renderer(name, FACE)))
            self._portraits[name] = drawn[1]
        return web.Response(body=self._portraits[name], content_type="image/png")

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._pages) >= MAX_PAGES:
            return refuse(503, "too many pages", f"{MAX_PAGES} pages show previews; close one")
        socket = web.WebSocketResponse(max_msg_size=MAX_BODY, heartbeat=20)
        await socket.prepare(request)

        async def say(kind: str, value: Any) -> None:
            await socket.send_json({"type": kind, "value": value})

        sitting = self._pages[socket] = Sitting(self._atelier, self._painter, self._builder, say)
        alive = asyncio.create_task(sitting.run(socket.send_bytes))
        alive.add_done_callback(lambda _: asyncio.ensure_future(socket.close()))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await _take(sitting, message.data, say)
        finally:
            del self._pages[socket]
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
        return socket

    async def health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok", "pages": len(self._pages)})

    async def shutdown(self, app: web.Application) -> None:
        for socket in list(self._pages):
            await socket.close()

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        yield
        for pool in (self._painter, self._builder, self._keeper):
            pool.shutdown(wait=False, cancel_futures=True)

    def _place(self, name: str, replace: bool) -> Path:
        place = self._out / name
        if place.exists() and not replace:
            raise FileExistsError(f"{place} exists; give the avatar another name, or replace it")
        return place

    def _keep(self, build: Any, place: Path) -> Any:
        """Build beside and move into place whole; an avatar of that name is replaced."""
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=".") as spare:
                made = Path(spare) / place.name
                result = build(made)
                if place.exists():
                    package.load(place)  # only what is an avatar is replaced
                    shutil.rmtree(place)
                made.rename(place)
        except OSError as error:
            raise PackageError(f"{place} cannot be written: {error.strerror}") from error
        return result

    def _told(self, name: str, place: Path) -> Json:
        self._saved[name] = place
        return {"name": name, "folder": str(place),
                "command": f"python -m demos.webcam_mirror --avatar {place}"}  # fmt: skip

    async def _answer(self, function: Any, *args: Any) -> web.Response:
        """A recipe, or why there is none."""
        try:
            return web.json_response(await self._call(self._keeper, function, *args))
        except VivifyError as error:
            return refuse(422, "not a recipe", str(error))

    async def _call(self, pool: ThreadPoolExecutor, function: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *args)


async def _take(sitting: Sitting, text: str, say: Any) -> None:
    try:
        await sitting.take(text)
    except VivifyError as error:
        await say("error", str(error))


def named_after(file: Path) -> str:
    """A file's name as the name of an avatar."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in file.stem.lower())
    plain = plain.strip("_")[:32].rstrip("_")
    return plain if plain and plain[0].isalpha() else f"avatar_{plain}"[:32].rstrip("_")


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return out.getvalue()


def _explain(error: web.HTTPException) -> str:
    return {
        400: error.text or "",
        403: error.text or "",
        404: "there is no such page; open /",
        405: f"use {', '.join(sorted(getattr(error, 'allowed_methods', [])))} for this address",
        413: "the file is too large: a photo may have 24 MB, anything else 64 MB",
    }.get(error.status, error.reason)
