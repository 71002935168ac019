"""The avatars a server offers: loaded once, warmed up, timed, shared by all sessions.

Loading compiles and reads for seconds, so it happens in a thread of its own and never in the
engine's. What clients may ask for is limited to bundled names and a few sizes; paths come from the
command line only.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from engine.errors import PackageError
from engine.frames import HOP, HOP_PHASE, LOOKAHEAD_STEPS, U8, Audio, Motion
from engine.render.renderer import Size
from engine.render.setting import Setting
from streaming import scenery
from streaming.actor import Actor, ladder
from streaming.metrics import percentile
from streaming.web import portrait
from streaming.web.easel import Easel

SIZES = (128, 256, 384, 512, 768, 1024)  # pixels
WARM_HOPS = 24
PAUSE_S = 0.008  # between them: caches are as cold as in a call, and sessions that run go on
USUAL = 0.8  # share of steps and pictures that cost no more than is said

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Protocol):
    """What a catalogue needs of the engine.Avatar class."""

    def load(self, name_or_path: str, size: Size, lookahead_ms: int) -> Actor: ...

    def names(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Which avatar, how big, how far ahead it listens."""

    avatar: str
    size: Size
    lookahead_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A loaded avatar and what one picture costs here."""

    actor: Actor
    engine_ms: float  # animate + render, four times of five


class Catalogue:
    """`entry(choice)` loads or returns; names are checked before anything is read."""

    def __init__(
        self,
        loader: Loader,
        styles: list[str],
        default: Choice,
        style: str,
        setting: Setting | None = None,
        *,
        apart: bool = False,
    ) -> None:
        """`styles`: bundled names; `default`, `style`, `setting`: what the command line asked
        for; `apart`: portraits are drawn in a process of their own, see streaming.web.easel."""
        self.setting = setting or Setting()
        self.default = default
        self.default_style = style
        self._loader = loader
        self._styles = styles
        self._entries: dict[Choice, asyncio.Future[Entry]] = {}
        self._costs: dict[tuple[Actor, str], float] = {}  # by an entry's actor and what draws it
        self._portraits: dict[str, asyncio.Future[tuple[bytes, bytes]]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decoder")
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="painter")
        self._sketch = partial(_sketch, loader, default, self.setting)
        self._easel = Easel(self._sketch) if apart else None
        # One at a time, so that what several guests ask for is made once.
        self._dresser = ThreadPoolExecutor(1, thread_name_prefix="dresser")

    @property
    def avatars(self) -> list[str]:
        return _with_default(self._loader.names(), self.default.avatar)

    @property
    def styles(self) -> list[str]:
        return _with_default(self._styles, self.default_style)

    def choose(
        self,
        avatar: str | None = None,
        size: Size | None = None,
        lookahead_ms: int | None = None,
    ) -> Choice:
        """Check what a client asks for; raises PackageError with the choices."""
        default = self.default
        choice = Choice(
            default.avatar if avatar is None else avatar,
            default.size if size is None else size,
            default.lookahead_ms if lookahead_ms is None else lookahead_ms,
        )
        _check("avatar", choice.avatar, self.avatars)
        _check(
            "size", choice.size, [*SIZES, *([default.size] if default.size not in SIZES else [])]
        )
        _check("look-ahead", choice.lookahead_ms, tuple(LOOKAHEAD_STEPS))
        return choice

    def check_style(self, style: str) -> str:
        """Raises PackageError for a style that is not offered."""
        _check("style", style, self.styles)
        return style

    async def entry(self, choice: Choice) -> Entry:
        """The avatar, loaded and warm. Raises PackageError if its package is broken."""
        return await self._once(self._entries, choice, partial(self._load, choice), self._pool)

    async def portrait(self, avatar: str) -> tuple[bytes, bytes]:
        """Its PNGs, large and small; drawn once, and not warmed up for that. Raises PackageError
        for one that is not offered, or is broken."""
        sketch = self._sketch if self._easel is None else self._easel.ask
        make = partial(sketch, self.choose(avatar))
        return await self._once(self._portraits, avatar, make, self._painter)

    async def picture(self, content: bytes, size: Size) -> U8:
        """A guest's picture as it lies behind a face of `size`; one guest's after another's,
        because unpacking takes memory. Raises TransportError."""
        read = partial(scenery.picture, content, size, cut=True)
        return await asyncio.get_running_loop().run_in_executor(self._decoder, read)

    async def dressed(self, actor: Actor, setting: Setting) -> Entry:
        """An avatar of an entry in another setting, with what stands in for it when time is short,
        and its cost. Raises PackageError for a look that it does not have."""

        def dress() -> Entry:
            other = actor.staged(setting)
            if (actor, other.look) not in self._costs:
                # Made just now, so nobody else draws with it yet.
                self._costs[actor, other.look] = _warm(other, self.default_style)
            ladder(other)
            return Entry(other, self._costs[actor, other.look])

        return await asyncio.get_running_loop().run_in_executor(self._dresser, dress)

    def close(self) -> None:
        if self._easel is not None:
            self._easel.close()
        for pool in (self._pool, self._decoder, self._painter, self._dresser):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _once(
        self, shelf: dict[K, asyncio.Future[V]], key: K, make: Callable[[], V],
        pool: ThreadPoolExecutor,
    ) -> V:  # fmt: skip
        """What lies on the shelf, made now if it does not; what fails is made again next time."""
        future = shelf.get(key)
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(pool, make)
            shelf[key] = future

            def tidy(made: asyncio.Future[V]) -> None:
                if made.cancelled() or made.exception() is not None:
                    del shelf[key]  # the file may be repaired and asked for again

            future.add_done_callback(tidy)
        return await asyncio.shield(future)

    def _load(self, choice: Choice) -> Entry:
        actor = _actor(self._loader, self.default, self.setting, choice)
        engine_ms = _warm(actor, self.default_style)
        for step in ladder(actor):  # made here, where it holds nobody up; none costs more
            self._costs[actor, step.look] = engine_ms
        return Entry(actor, engine_ms)


def _actor(loader: Loader, default: Choice, setting: Setting, choice: Choice) -> Actor:
    """An avatar in the server's setting."""
    actor = loader.load(choice.avatar, choice.size, choice.lookahead_ms)
    if choice.avatar != default.avatar and setting.look not in ("auto", *actor.looks):
        setting = replace(setting, look="auto")  # it was asked of the default avatar
    return actor if setting == Setting() else actor.staged(setting)


def _sketch(
    loader: Loader, default: Choice, setting: Setting, choice: Choice
) -> tuple[bytes, bytes]:  # fmt: skip
    """Its portrait's PNGs, large and small."""
    return portrait.draw(_actor(loader, default, setting, choice))


def _warm(actor: Actor, style: str) -> float:
    """Compile and run everything once; milliseconds of a step and its picture."""
    state = actor.init_state(style)
    rng = np.random.default_rng(0)
    steps: list[float] = []
    pictures: list[float] = []
    for hop in range(WARM_HOPS):
        pcm = rng.normal(0, 0.05, HOP).astype(np.float32)
        began = time.perf_counter()
        motions, state = actor.animate(Audio(HOP * hop + HOP_PHASE, pcm), state)
        steps.append(time.perf_counter() - began)
        pictures += [_draw(actor, motion) for motion in motions]
        time.sleep(PAUSE_S)
    # Without the first, which compile, and the slowest, which other programs held up.
    return sum(1000 * percentile(cost[len(cost) // 3 :], USUAL) for cost in (steps, pictures))


def _draw(actor: Actor, motion: Motion) -> float:
    began = time.perf_counter()
    actor.render(motion)
    return time.perf_counter() - began


def _with_default(names: list[str], default: str) -> list[str]:
    return [*names, *([] if default in names else [default])]


def _check(what: str, value: object, offered: object) -> None:
    assert isinstance(offered, list | tuple)
    if value not in offered:
        choices = ", ".join(str(x) for x in offered)
        raise PackageError(f"{what} {value!r} is not offered here; choose one of: {choices}")
