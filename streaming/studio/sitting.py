"""One page's preview: the newest recipe is built beside, and shown alive meanwhile.

Contract: the newest recipe wins, those that waited are dropped; what changes only the look is shown
with the next picture. Pictures wait for the page to have drawn the ones before (back-pressure).
What cannot be built or drawn is told to the page, which keeps its last picture until something else
is asked for; a fault of ours is logged with its traceback as well.
"""

import asyncio
import io
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from PIL import Image

from engine.errors import FrameError, VivifyError
from engine.face.package import Package
from engine.face.swing import Swing, SwingState, follow
from engine.frames import SAMPLE_RATE
from engine.render.choose import AnyRenderer, choose
from engine.render.setting import Setting
from streaming.errors import TransportError
from streaming.studio.atelier import Atelier, Json
from streaming.studio.shelf import Shelf

log = logging.getLogger(__name__)

SIZE = 448  # px
FPS = 14
IN_FLIGHT = 2  # pictures on their way that the page has not drawn yet
QUALITY = 88  # of a JPEG
TURN = {"yaw": 40.0, "pitch": 20.0}  # degrees, most
# Triangles of a quick build, of which the whole one keeps nine tenths: more than one core draws in
# time at 512 px.
HEAVY = 24_500

Say = Callable[[str, Any], Awaitable[None]]


class Sitting:
    """`take` messages of the page; `run` until cancelled, which is when the page has gone."""

    def __init__(
        self, atelier: Atelier, shelf: Shelf, painter: Executor, builder: Executor, say: Say
    ) -> None:
        """`painter` draws, one thread; `builder` builds; `say` tells the page (kind, value)."""
        self._atelier, self._shelf, self._say = atelier, shelf, say
        self._painter, self._builder = painter, builder
        self._loop = asyncio.get_running_loop()
        self._wanted: Json = {}
        self._new = asyncio.Event()  # a recipe that was not looked at
        self._setting = Setting()
        self._restage = False
        self._base: AnyRenderer | None = None  # what is built
        self._staged: AnyRenderer | None = None  # the same with the latest look
        self._ready = asyncio.Event()  # there is something to draw that did not fail
        self._shape = ""
        self._swing: Swing | None = None
        self._hair: SwingState | None = None
        self._talking = True
        self._turn = (0.0, 0.0)
        self._flying = 0
        self._landed = asyncio.Event()

    async def take(self, text: str) -> None:
        """A message {"type", "value"}; raises VivifyErrors for the person to read."""
        try:
            message = json.loads(text)
            kind, value = message["type"], message.get("value")
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise TransportError('a message is not JSON {"type", "value"}') from error
        if kind == "drawn":
            self._flying = max(0, self._flying - 1)
            self._landed.set()
        elif kind == "recipe":
            await self.wish(self._atelier.check(value))
        elif kind == "show":
            await self._show(value)
        elif kind == "talk":
            self._talking = bool(value)
        elif kind == "turn":
            self._turn = _turn(value)
        else:
            raise TransportError(f"unknown message {kind!r:.40}")

    async def wish(self, recipe: Json) -> None:
        """Show this checked recipe as soon as can be."""
        self._setting = self._atelier.setting(recipe)
        self._restage = True
        self._wanted = recipe
        self._new.set()
        if self._base is not None:
            self._ready.set()
        await self._say("colors", self._atelier.colors(recipe))

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """`send` takes JPEGs. Returns when the page has gone, which a ConnectionError says."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._build())
                tasks.create_task(self._paint(send))
        except* ConnectionError:
            pass

    async def _show(self, name: Any) -> None:
        """An avatar that was kept on the shelf and has no recipe, as it is."""
        package = await self._call(self._builder, self._shelf.load, str(name))
        self._setting = Setting()
        await self._call(self._painter, self._stage, package, "")

    async def _build(self) -> None:
        while True:
            await self._new.wait()
            self._new.clear()
            began = self._loop.time()
            try:
                told = await self._shape_up(self._wanted)
            except ConnectionError:
                raise  # the page has gone
            except Exception as error:  # noqa: BLE001 - explained() logs what is no VivifyError
                await self._say("error", explained(error, "this avatar cannot be shaped"))
            else:
                await self._say("built", {"seconds": round(self._loop.time() - began, 2), **told})

    async def _shape_up(self, recipe: Json) -> Json:
        """Build a recipe, unless that is its look only; what the page is to know of it."""
        shape = self._atelier.shape(recipe)
        if shape != self._shape:
            await self._say("building", True)
            package = await self._call(self._builder, self._atelier.preview, recipe)
            await self._call(self._painter, self._stage, package, shape)
        assert self._base is not None
        triangles = len(self._base.package.mesh.triangle)
        return {"triangles": triangles, "heavy": triangles > HEAVY}

    def _stage(self, package: Package, shape: str) -> None:
        self._base = choose(package, SIZE)
        self._shape, self._restage = shape, True
        self._swing = Swing(package.manifest.spring)
        self._loop.call_soon_threadsafe(self._ready.set)

    async def _paint(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        await self._ready.wait()
        due = began = self._loop.time()
        while True:
            while self._flying >= IN_FLIGHT:
                self._landed.clear()
                await self._landed.wait()
            self._flying += 1
            due = max(due + 1 / FPS, self._loop.time() - 1 / FPS)
            await asyncio.sleep(due - self._loop.time())
            start = int((self._loop.time() - began) * SAMPLE_RATE)
            try:
                picture = await self._call(self._painter, self._draw, start)
            except Exception as error:  # noqa: BLE001 - explained() logs what is no VivifyError
                self._flying -= 1
                self._ready.clear()
                await self._say("error", explained(error, "this avatar cannot be drawn"))
                await self._ready.wait()
            else:
                await send(picture)

    def _draw(self, start: int) -> bytes:
        """On the painter's thread: a JPEG of sample `start`."""
        assert self._base is not None and self._swing is not None
        if self._restage or self._staged is None:
            self._restage = False
            self._staged = self._base.staged(self._setting)
        motion = self._atelier.move(start, self._talking, *self._turn)
        (motion,), self._hair = follow(self._swing, [motion], self._hair)
        picture = io.BytesIO()
        image = Image.fromarray(self._staged.render_rgb(motion))
        image.save(picture, "JPEG", quality=QUALITY, subsampling=0)
        return picture.getvalue()

    async def _call(self, pool: Executor, function: Callable[..., Any], *args: Any) -> Any:
        return await self._loop.run_in_executor(pool, function, *args)


def explained(error: Exception, what: str) -> str:
    """What to tell a person; a fault of ours, which is no VivifyError, is logged whole."""
    if isinstance(error, VivifyError):
        return str(error)
    log.error("%s", what, exc_info=error)
    return (
        f"{what}: a fault of Vivify ({type(error).__name__}: {error!s:.200}); the picture stays as "
        "it was, change something else. The studio's log has the details."
    )


def _turn(value: Any) -> tuple[float, float]:
    if not isinstance(value, dict):
        raise TransportError("a turn is {yaw, pitch} in degrees")
    degrees = []
    for name, most in TURN.items():
        angle = value.get(name)
        if isinstance(angle, bool) or not isinstance(angle, int | float) or not abs(angle) < 1e6:
            raise FrameError(f"{name} is {angle!r:.40}, expected degrees")
        degrees.append(max(-most, min(most, float(angle))))
    return degrees[0], degrees[1]
