"""Pictures of many sessions where they are drawn fastest: toon ones together on a GPU, if there is
one, all others by their own renderers.

`open_screen("auto")` looks for a card and says in the log what it found. What goes wrong there
later is said once too, and from then on the CPU draws: the same pictures, up to rounding.

Proved over a stand-in for the driver only: no card has drawn for a session yet.
"""

import logging
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence

from engine.errors import RuntimeUnavailable
from engine.frames import Motion, Video
from engine.render.choose import AnyRenderer
from engine.render.device import DeviceRenderer
from engine.render.renderer import Renderer
from kernels.cuda import build
from kernels.cuda.backend import Backend, CudaBackend, CudaError
from kernels.cuda.build import BuildError, CudaUnavailable

DEVICES = ("auto", "cpu", "cuda")
_log = logging.getLogger(__name__)


def _card() -> CudaBackend:
    """A GPU whose kernels are built: no session shall wait for the compiler."""
    backend = CudaBackend()
    for source in ("mesh", "raster", "shade"):
        build.cubin(source, backend.architecture)
    return backend


def open_screen(device: str = "auto", opened: Callable[[], Backend] = _card) -> "Screen":
    """Where pictures are drawn: "cuda" is a GPU or RuntimeUnavailable, "auto" a GPU where one is
    fit, else the CPU."""
    if device not in DEVICES:
        raise RuntimeUnavailable(f"device {device!r} is unknown, expected one of {DEVICES}")
    if device == "cpu":
        return Screen()
    try:
        return Screen(opened())
    except (CudaUnavailable, CudaError, BuildError) as error:
        if device == "cuda":
            raise RuntimeUnavailable(str(error)) from error
        _log.info("pictures are drawn on the CPU: %s", error)
        return Screen()


class Screen:
    """Draws for sessions of any avatars and sizes; one thread at a time."""

    def __init__(self, backend: Backend | None = None, most: int = 16) -> None:
        """`backend`: of a device, None for the CPU; `most`: pictures of one launch."""
        self._backend, self._most = backend, most
        self._sizes: dict[tuple[int, int], DeviceRenderer] = {}
        self._seats: dict[int, tuple[tuple[int, int], int]] = {}  # id of a renderer -> its number
        self._left: list[int] = []

    @property
    def together(self) -> int:
        """How many pictures gain by being drawn in one call."""
        return 1 if self._backend is None else self._most

    def render(self, turns: Sequence[tuple[AnyRenderer, Motion]]) -> list[Video | None]:
        """The picture of each session that the device draws; None for those that their own
        renderers are to draw."""
        answers: list[Video | None] = [None] * len(turns)
        if self._backend is None:
            return answers
        try:
            self._on_device(turns, answers)
        except (CudaError, CudaUnavailable, BuildError) as error:
            _log.warning("the GPU fails, pictures are drawn on the CPU from now on: %s", error)
            self._backend = None
            self._sizes.clear()
            self._seats.clear()
        except Exception as error:  # noqa: BLE001 - of one session: its own renderer raises it
            _log.warning("a batch is drawn one by one: %s", error)
        return answers

    def _on_device(
        self, turns: Sequence[tuple[AnyRenderer, Motion]], answers: list[Video | None]
    ) -> None:
        self._tidy()
        sizes: dict[tuple[int, int], list[tuple[int, int, Motion]]] = defaultdict(list)
        for i, (renderer, motion) in enumerate(turns):
            if isinstance(renderer, Renderer):
                size, number = self._seat(renderer)
                sizes[size].append((i, number, motion))
        for size, members in sizes.items():
            places, numbers, motions = zip(*members, strict=True)
            for i, video in zip(places, self._sizes[size].render(numbers, motions), strict=True):
                answers[i] = video

    def _seat(self, renderer: Renderer) -> tuple[tuple[int, int], int]:
        """Its size and number there; on the device as long as somebody holds the renderer."""
        if id(renderer) not in self._seats:
            size = renderer.width, renderer.height
            if size not in self._sizes:
                assert self._backend is not None
                self._sizes[size] = DeviceRenderer(self._backend, size, self._most)
            number = self._sizes[size].add(renderer.package, renderer.setting)
            self._seats[id(renderer)] = size, number
            # It may go in the middle of anything: noted here, taken off before the next pictures.
            weakref.finalize(renderer, self._left.append, id(renderer)).atexit = False
        return self._seats[id(renderer)]

    def _tidy(self) -> None:
        while self._left:
            seat = self._seats.pop(self._left.pop(), None)
            if seat is not None:
                self._sizes[seat[0]].remove(seat[1])
