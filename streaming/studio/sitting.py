"""One page's preview: the newest recipe is built beside, and shown alive meanwhile.

Contract: the newest recipe wins, those that waited are dropped; what changes only the look is shown
with the next picture. Pictures wait for the page to have drawn the ones before (back-pressure).
"""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from PIL import Image

from engine.errors import FrameError, VivifyError
from engine.face.package import Package
from engine.face.swing import Swing, SwingState, follow
from engine.frames import SAMPLE_RATE
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from streaming.errors import TransportError
from streaming.studio.atelier import Atelier, Json

SIZE = 448  # px
FPS = 14
IN_FLIGHT = 2  # pictures on their way that the page has not drawn yet
QUALITY = 88  # of a JPEG
TURN = {"yaw": 40.0, "pitch": 20.0}  # degrees, most

Say = Callable[[str, Any], Awaitable[None]]


class Sitting:
    """`take` messages of the page; `run` until cancelled, which is when the page has gone."""

    def __init__(self, atelier: Atelier, painter: Executor, builder: Executor, say: Say) -> None:
        """`painter` draws, one thread; `builder` builds; `say` tells the page (kind, value)."""
        self._atelier, self._painter, self._builder, self._say = atelier, painter, builder, say
        self._loop = asyncio.get_running_loop()
        self._wanted: Json = {}
        self._new = asyncio.Event()  # a recipe that was not looked at
        self._setting = Setting()
        self._restage = False
        self._base: Renderer | None = None  # what is built
        self._staged: Renderer | None = None  # the same with the latest look
        self._ready = asyncio.Event()
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
        await self._say("colors", self._atelier.colors(recipe))

    def show(self, package: Package) -> None:
        """Show an avatar that has no recipe, as it is."""
        self._setting = Setting()
        self._stage(package, "")

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """`send` takes JPEGs. Raises what went wrong with drawing."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._build())
            tasks.create_task(self._paint(send))

    async def _build(self) -> None:
        while True:
            await self._new.wait()
            self._new.clear()
            recipe = self._wanted
            shape = self._atelier.shape(recipe)
            if shape == self._shape:
                await self._say("built", 0)
                continue
            began = self._loop.time()
            await self._say("building", True)
            try:
                package = await self._call(self._builder, self._atelier.preview, recipe)
            except VivifyError as error:
                await self._say("error", str(error))
                continue
            await self._call(self._painter, self._stage, package, shape)
            await self._say("built", round(self._loop.time() - began, 2))

    def _stage(self, package: Package, shape: str) -> None:
        self._base = Renderer(package, SIZE)
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
            await send(await self._call(self._painter, self._draw, start))

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
