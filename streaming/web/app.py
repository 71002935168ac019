"""The HTTP side: the page, one endpoint that takes offers, health and metrics.

GET / · POST /offer · GET and POST /style · POST /background · GET /choices.json · GET /portrait ·
GET /healthz · GET /metrics. /style and /background want the session's key as a bearer token, which
its data channel tells. Every refusal is JSON {"error", "message"} with a 4xx or 503 status.
Requests from other web sites are refused: a page somewhere must not be able to open sessions on
somebody's own machine.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from aiohttp import web

from engine.errors import PackageError, VivifyError
from engine.style.code import MAX_BYTES, Style
from streaming import metrics, scenery
from streaming.errors import SessionClosed, TransportError
from streaming.web import gate
from streaming.web.gate import refuse
from streaming.web.guest import Guest
from streaming.web.offer import read_offer
from streaming.web.rooms import Full, Rooms

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
PARTS = (
    "index.html", "client.js", "camera.js", "figures.js", "wardrobe.js", "look.js", "ball.js",
    "style.css", "icon.svg",
)  # fmt: skip
MAX_BODY = 64 * 1024  # bytes; a browser's offer has about 5 kB
MEDIA_THREADS = 4  # video and Opus encoders
LAG_S = 0.1


def create_app(rooms: Rooms, hosts: frozenset[str] = frozenset()) -> web.Application:
    """`hosts`: names, besides IP addresses and localhost, under which this server may be asked."""

    app = web.Application(client_max_size=MAX_BODY, middlewares=[gate.guard(hosts, _explain)])
    site = _Site(rooms)
    app.router.add_get("/", site.page)
    app.router.add_get("/page/{name}", site.page)
    app.router.add_post("/offer", site.offer)
    app.router.add_get("/style", site.save_style)
    app.router.add_post("/style", site.load_style)
    app.router.add_post("/background", site.background)
    app.router.add_get("/choices.json", site.choices)
    app.router.add_get("/portrait", site.portrait)
    app.router.add_get("/healthz", site.health)
    app.router.add_get("/metrics", site.metrics)
    app.cleanup_ctx.append(site.lifetime)
    app.on_shutdown.append(site.shutdown)
    return app


class _Site:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._lags: deque[float] = deque(maxlen=100)  # ms

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        if name not in PARTS:
            raise web.HTTPNotFound
        return web.FileResponse(PAGE / name)

    async def offer(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            offer = read_offer(json.loads(await gate.text(request)))
            sdp = await self._rooms.enter(offer)
        except (ValueError, RecursionError) as error:
            return refuse(400, "bad request", f"the body is not JSON ({error})")
        except Full as error:
            return refuse(503, "server full", str(error), {"Retry-After": "5"})
        except TransportError as error:
            return refuse(400, "bad offer", str(error))
        except VivifyError as error:
            return refuse(422, "not offered", str(error))
        return web.json_response({"type": "answer", "sdp": sdp})

    async def save_style(self, request: web.Request) -> web.StreamResponse:
        """A style of one's own as a .style file."""
        guest = self._guest(request)
        try:
            style = guest.own(request.query.get("name", ""))
        except PackageError as error:
            return refuse(404, "not found", str(error))
        return web.Response(body=style.pack(), content_type="application/octet-stream")

    async def load_style(self, request: web.Request) -> web.StreamResponse:
        """A .style file of the person's, checked, becomes a style of their own."""
        guest = self._guest(request)
        body = b""
        async for chunk in request.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > MAX_BYTES:
                break
        try:
            style = Style.parse(body, "that was sent")
            await guest.keep(style)
        except SessionClosed as error:
            return refuse(401, "no such session", str(error))
        except VivifyError as error:
            return refuse(422, "not a style", str(error))
        return web.json_response({"name": guest.state["style"]})

    async def background(self, request: web.Request) -> web.StreamResponse:
        """A picture of the person's own to lie behind the face."""
        guest = self._guest(request)
        try:
            await guest.paint(partial(gate.body, request, scenery.MAX_BYTES))
        except SessionClosed as error:
            return refuse(401, "no such session", str(error))
        except VivifyError as error:
            return refuse(422, "not a picture", str(error))
        return web.json_response({"kept": True})

    def _guest(self, request: web.Request) -> Guest:
        """Who asks. Raises HTTPUnauthorized for a key of no session."""
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        guest = self._rooms.guest(key) if kind == "Bearer" else None
        if guest is None:
            raise web.HTTPUnauthorized
        return guest

    async def choices(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._rooms.choices())

    async def portrait(self, request: web.Request) -> web.StreamResponse:
        try:
            small = request.query.get("size") == "small"
            png = await self._rooms.portrait(request.query.get("avatar", ""), small)
        except VivifyError as error:
            return refuse(404, "not offered", str(error))
        return web.Response(body=png, content_type="image/png")

    async def health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok", **self._rooms.health()})

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        rooms = self._rooms
        text = metrics.prometheus(
            rooms.live(),
            limit=rooms.limit,
            refused=rooms.refused,
            total=rooms.total,
            busy_s=rooms.busy_s,
            lag_ms=metrics.percentile(self._lags, 0.95),
            falls=rooms.pace.falls,
        )
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        media = ThreadPoolExecutor(MEDIA_THREADS, thread_name_prefix="media")
        loop.set_default_executor(media)  # where aiortc encodes
        lag = asyncio.create_task(self._measure_lag())
        await self._rooms.open()
        yield
        lag.cancel()
        await self._rooms.close()

    async def shutdown(self, app: web.Application) -> None:
        await self._rooms.leave("the server is going down")

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_S
            await asyncio.sleep(LAG_S)
            self._lags.append((loop.time() - due) * 1000)


def _explain(error: web.HTTPException) -> str:
    return {
        400: error.text or "",
        401: "the key belongs to no session here; go live, then try again",
        403: error.text or "",
        404: "there is no such page; open /",
        405: f"use {', '.join(sorted(getattr(error, 'allowed_methods', [])))} for this address",
        413: error.text or "",
        415: "send the offer as Content-Type: application/json, in UTF-8",
    }.get(error.status, error.reason)
