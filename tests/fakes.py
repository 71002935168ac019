"""Stand-ins for the engine, a microphone and a worker thread, for tests of everything around them.

`FakeAvatar` has engine.Avatar's interface: the jaw follows loudness, the face is flat. Its motions
come at the same samples as the real ones, so timing tests mean something.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from engine.batch import attempt
from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.frames import (
    HOP,
    HOP_PHASE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    U8,
    Audio,
    Motion,
    Video,
)
from engine.render.setting import Setting
from engine.style.code import Style
from engine.tracker.tracker import Tracked
from streaming.clock import LoopClock
from streaming.job import Draw, Hear
from streaming.sound import VOICE_BLOCK, VOICE_RATE, Sound

P = ParamSpec("P")
R = TypeVar("R")

JAW = ARKIT.index("jawOpen")
DEAR, SMALL = 99, 98  # luma of the last pixel
STYLES = ["calm", "cheerful", "neutral"]


class FakeState(NamedTuple):
    """What a FakeAvatar remembers."""

    hop: int
    levels: tuple[float, ...]  # RMS of the latest hops, newest last
    jaw: float
    style: str


class FakeAvatar:
    """engine.Avatar's interface without weights or a face."""

    line = renderer = None  # it hears and draws by itself

    def __init__(
        self,
        name: str = "mira",
        size: int = 64,
        lookahead_ms: int = 20,
        *,
        flash: bool = False,
        loud: float = 0.02,
        learned: bool = False,
        beside: bool = False,
    ) -> None:
        """`flash`: the whole picture turns white when the sound is louder than `loud`; `learned`:
        it has a neural look, which is drawn if the setting asks for it; `beside`: with a small
        network too."""
        self.name = name
        self.size = size
        self.steps = {0: 0, 20: 1, 60: 3}[lookahead_ms]
        self.latency = 280 + HOP * self.steps
        self.flash = flash
        self.loud = loud
        self.learned = learned
        self.beside = beside
        self.reduced = False
        self.rendered = 0
        self.setting = Setting()

    @classmethod
    def load(
        cls, name_or_path: str = "mira", size: int = 64, lookahead_ms: int = 20
    ) -> "FakeAvatar":
        if name_or_path not in cls.names():
            raise PackageError(f"no avatar named {name_or_path!r}; choose one of {cls.names()}")
        return cls(name_or_path, size, lookahead_ms)

    @staticmethod
    def names() -> list[str]:
        return ["mira", "theo"]

    def init_state(self, style: str = "neutral", seed: int = 0) -> FakeState:
        return self.restyle(FakeState(0, (0.0,) * 8, 0.0, "neutral"), style)

    def animate(self, audio: Audio, state: FakeState) -> tuple[list[Motion], FakeState]:
        motions = []
        for i in range(0, len(audio.pcm), HOP):
            assert audio.start + i == HOP * state.hop + HOP_PHASE, "a hop off the grid"
            level = float(np.sqrt(np.mean(audio.pcm[i : i + HOP] ** 2)))
            levels = (*state.levels[1:], level)
            row = state.hop - 1 - self.steps  # the PPG row this hop completes
            jaw = state.jaw
            if row % 2 == 1:
                jaw = min(1.0, 12 * levels[-1 - self.steps])
                weights = np.zeros(len(ARKIT), np.float32)
                weights[JAW] = jaw
                motions.append(
                    Motion((row + 1) // 2 * SAMPLES_PER_FRAME, weights, np.zeros(6, np.float32))
                )
            state = FakeState(state.hop + 1, levels, jaw, state.style)
        return [m for m in motions if m.start >= 0], state

    def restyle(self, state: FakeState, style: Style | str) -> FakeState:
        if isinstance(style, Style):
            return state._replace(style=style.name)
        if style not in STYLES:
            raise PackageError(f"no style named {style!r}; choose one of {STYLES}")
        return state._replace(style=style)

    def interrupt(self, state: FakeState) -> FakeState:
        return state._replace(levels=(0.0,) * 8, jaw=0.0)

    @property
    def colors(self) -> dict[str, str]:
        return {"skin": "#f0c0a0", "hair": "#604030", "iris": "#308080", "cloth": "#3060b0"}

    @property
    def look(self) -> str:
        return "toon" if self.setting.look == "auto" else self.setting.look

    @property
    def drawer(self) -> str:
        return f"neural{' small' * self.reduced}" if self.look == "neural" else "toon"

    @property
    def precision(self) -> str:
        return "f32" if self.look == "neural" else ""

    @property
    def looks(self) -> tuple[str, ...]:
        return ("toon", "neural")[: 1 + self.learned]

    @property
    def settled(self) -> bool:
        return False

    def plain(self) -> "FakeAvatar | None":
        if self.look == "toon":
            return None
        if not self.beside or self.reduced:
            return self.staged(replace(self.setting, look="toon"))
        other = copy.copy(self)
        other.reduced = True
        return other

    def staged(self, setting: Setting) -> "FakeAvatar":
        if setting.look == "neural" and not self.learned:
            raise PackageError(f"avatar {self.name} has no neural look")
        other = copy.copy(self)
        other.setting = setting
        return other

    def swing(self, motions: list[Motion], state: None) -> tuple[list[Motion], None]:
        return motions, state

    def render(self, motion: Motion) -> Video:
        """Grey, a mouth whose height is the jaw, a barcode of the tick in the top rows."""
        self.rendered += 1
        size, jaw = self.size, float(motion.weights[JAW])
        i420 = np.full((size * 3 // 2, size), 128, np.uint8)
        if self.flash:
            i420[:size] = 235 if jaw > 12 * self.loud else 16
        else:
            i420[:size] = 150
            half = int(size * 0.15 * jaw)
            middle = size * 3 // 4
            i420[middle - half : middle + half, size // 3 : size * 2 // 3] = 40
            tick, cell = motion.start // SAMPLES_PER_FRAME, size // 16
            for bit in range(16):
                shade = 235 if tick >> bit & 1 else 16
                i420[:cell, bit * cell : (bit + 1) * cell] = shade
        if self.look == "neural":
            i420[size - 1, size - 1] = SMALL if self.reduced else DEAR
        return Video(motion.start, i420)


def sign(video: Video) -> int:
    """DEAR or SMALL where a FakeAvatar's picture is of its neural look."""
    return int(video.i420[video.height - 1, video.width - 1])


class FakeEngine:
    """engine.batch.Batch's interface for FakeAvatars, one after the other."""

    def animate(self, turns: Sequence[Hear]) -> list[Any]:
        return [attempt(partial(turn.actor.animate, turn.audio, turn.state)) for turn in turns]

    def draw(self, turns: Sequence[Draw]) -> list[Any]:
        return [attempt(partial(turn.actor.render, turn.motion)) for turn in turns]


def drawn_dearly(video: Video) -> bool:
    """Whether a FakeAvatar's picture is of its neural look at its best."""
    return sign(video) == DEAR


class FakeEyes:
    """engine.tracker.tracker.Tracker's interface: the face turns to the brighter half.

    Dark pictures show nobody. The jaw opens with the red channel, the lids close with the blue.
    """

    def __init__(self) -> None:
        self.looked = 0

    def init_state(self) -> int:
        return 0

    def step(self, rgb: U8, start: int, state: int) -> tuple[Tracked | None, int]:
        self.looked += 1
        if rgb[..., 1].mean() < 40:
            return None, state + 1
        half = rgb.shape[1] // 2
        red, _, blue = (float(x) for x in rgb.reshape(-1, 3).mean(0))
        weights = np.zeros(len(ARKIT), np.float32)
        weights[JAW] = red / 255
        weights[[ARKIT.index("eyeBlinkLeft"), ARKIT.index("eyeBlinkRight")]] = blue > 128
        pose = np.zeros(6, np.float32)
        pose[0] = (float(rgb[:, :half, 1].mean()) - float(rgb[:, half:, 1].mean())) / 4
        return Tracked(start, weights, pose, 1.0, False), state + 1


def scene(tick: int, yaw: float = 0.0, jaw: float = 0.0, blink: bool = False) -> U8:
    """A picture [48, 64, 3] of number `tick` for FakeEyes; no two in a row are alike."""
    rgb = np.full((48, 64, 3), 120, np.uint8)
    rgb[:, :32, 1] = 120 + round(2 * yaw)
    rgb[:, 32:, 1] = 120 - round(2 * yaw)
    rgb[..., 0], rgb[..., 2] = round(255 * jaw), 255 * blink
    rgb[:16, :16, 1] += np.uint8(20 * (tick % 3))
    return rgb


class InlineWorker:
    """A Worker for virtual time: each call costs seconds of loop time, by what it answers."""

    def __init__(
        self, step_s: float = 0.0, render_s: float = 0.0, dear_s: float = 0.0, small_s: float = 0.0
    ) -> None:  # fmt: skip
        """`dear_s`, `small_s`: of a picture drawn by the neural look, by its small network."""
        self.step_s = step_s
        self.render_s = render_s
        self.dear_s, self.small_s = dear_s, small_s
        self._turn = asyncio.Lock()

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        async with self._turn:
            result = function(*args, **kwargs)
            cost = self.step_s
            if isinstance(result, Video):
                cost = {DEAR: self.dear_s, SMALL: self.small_s}.get(sign(result), self.render_s)
            if cost:
                await asyncio.sleep(cost)
            return result


def stereo(pcm: np.ndarray) -> np.ndarray:
    """Mono float [S] in [-1, 1] -> int16 [S, 2]."""
    return np.repeat((np.clip(pcm, -1, 1) * 32767).astype(np.int16)[:, None], 2, axis=1)


async def microphone(
    pcm: np.ndarray,
    clock: LoopClock,
    *,
    ppm: float = 0.0,
    jitter: Callable[[int], float] = lambda block: 0.0,
    lost: Callable[[int], bool] = lambda block: False,
) -> AsyncIterator[Sound]:
    """48 kHz int16 [S, C] as 20 ms packets in loop time, beginning now.

    `ppm`: how much faster its crystal runs; `jitter(block)`: extra seconds on the way;
    `lost(block)`: packets that never come.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    for block in range(len(pcm) // VOICE_BLOCK):
        due = began + (block + 1) * 0.02 / (1 + ppm * 1e-6) + jitter(block)
        await asyncio.sleep(max(0.0, due - loop.time()))
        if not lost(block):
            start = block * VOICE_BLOCK
            yield Sound(start, VOICE_RATE, pcm[start : start + VOICE_BLOCK])


def bursts(seconds: float, period_s: float = 1.0, length_s: float = 0.3, hz: float = 440) -> Any:
    """A tone that sounds for `length_s` at the start of each period: float32 [S] at 48 kHz."""
    t = np.arange(int(seconds * VOICE_RATE)) / VOICE_RATE
    return (0.3 * np.sin(2 * np.pi * hz * t) * (t % period_s < length_s)).astype(np.float32)


assert SAMPLE_RATE * 3 == VOICE_RATE
