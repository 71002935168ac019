"""The avatars a server offers: loaded once, warmed up, timed, shared by all sessions.

Loading compiles and reads for seconds, so it happens in a thread of its own and never in the
engine's. What clients may ask for is limited to bundled names and a few sizes; paths come from the
command line only.
"""

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import av
import numpy as np
from PIL import Image

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, HOP, HOP_PHASE, LOOKAHEAD_STEPS, POSE, Audio, Motion
from streaming.metrics import percentile
from streaming.session import Actor

SIZES = (128, 256, 384, 512, 768, 1024)  # pixels
WARM_HOPS = 60
SMILE = 0.35


class Loader(Protocol):
    """What a catalogue needs of the engine.Avatar class."""

    def load(self, name_or_path: str, size: int, lookahead_ms: int) -> Actor: ...

    def names(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Which avatar, how big, how far ahead it listens."""

    avatar: str
    size: int
    lookahead_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A loaded avatar and what one picture costs here."""

    actor: Actor
    engine_ms: float  # p95 of animate + render
    portrait: bytes  # PNG


class Catalogue:
    """`entry(choice)` loads or returns; names are checked before anything is read."""

    def __init__(self, loader: Loader, styles: list[str], default: Choice, style: str) -> None:
        """`styles`: bundled names; `default`, `style`: what the command line asked for."""
        self.default = default
        self.default_style = style
        self._loader = loader
        self._styles = styles
        self._entries: dict[Choice, asyncio.Future[Entry]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="loader")

    @property
    def avatars(self) -> list[str]:
        return _with_default(self._loader.names(), self.default.avatar)

    @property
    def styles(self) -> list[str]:
        return _with_default(self._styles, self.default_style)

    def choose(
        self,
        avatar: str | None = None,
        size: int | None = None,
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
        _check("size", choice.size, sorted({*SIZES, default.size}))
        _check("look-ahead", choice.lookahead_ms, tuple(LOOKAHEAD_STEPS))
        return choice

    def check_style(self, style: str) -> str:
        """Raises PackageError for a style that is not offered."""
        _check("style", style, self.styles)
        return style

    async def entry(self, choice: Choice) -> Entry:
        """The avatar, loaded and warm. Raises PackageError if its package is broken."""
        future = self._entries.get(choice)
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._pool, self._load, choice)
            self._entries[choice] = future
            future.add_done_callback(partial(self._forget_failed, choice))
        return await asyncio.shield(future)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget_failed(self, choice: Choice, future: asyncio.Future[Entry]) -> None:
        if future.cancelled() or future.exception() is not None:
            del self._entries[choice]  # the file may be repaired and asked for again

    def _load(self, choice: Choice) -> Entry:
        actor = self._loader.load(choice.avatar, choice.size, choice.lookahead_ms)
        return Entry(actor, _warm(actor, self.default_style), _portrait(actor))


def _warm(actor: Actor, style: str) -> float:
    """Compile and run everything once; p95 milliseconds of a step and its picture."""
    state = actor.init_state(style)
    rng = np.random.default_rng(0)
    costs: list[float] = []
    step_s = 0.0
    for hop in range(WARM_HOPS):
        pcm = rng.normal(0, 0.05, HOP).astype(np.float32)
        began = time.perf_counter()
        motions, state = actor.animate(Audio(HOP * hop + HOP_PHASE, pcm), state)
        step_s = max(step_s if hop > WARM_HOPS // 2 else 0.0, time.perf_counter() - began)
        costs += [_draw(actor, motion) for motion in motions]
    return (percentile(costs[len(costs) // 3 :], 0.95) + step_s) * 1000


def _portrait(actor: Actor) -> bytes:
    """A still with a hint of a smile, for the pickers."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    weights[[ARKIT.index("mouthSmileLeft"), ARKIT.index("mouthSmileRight")]] = SMILE
    video = actor.render(Motion(0, weights, np.zeros(len(POSE), np.float32)))
    png = io.BytesIO()
    frame = av.VideoFrame.from_ndarray(video.i420, format="yuv420p").reformat(format="rgb24")
    Image.fromarray(frame.to_ndarray()).save(png, "PNG")
    return png.getvalue()


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
