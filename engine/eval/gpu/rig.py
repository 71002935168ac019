"""The card as checks use it: its backend, the clock on it, and how large the checks are."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from engine.frames import Motion
from kernels.cuda.backend import CudaArray, CudaBackend, CudaGraph


class Scale(NamedTuple):
    """How large the checks are."""

    sizes: tuple[int, ...] = (512, 1024)  # px of pictures
    batches: tuple[int, ...] = (1, 8, 64, 256)
    faces: tuple[str, ...] = ("mira", "kenji", "noa")  # avatars of one batch
    replays: int = 1000
    repeats: int = 30  # of each timing; the median counts
    copied: int = 1 << 30  # bytes of a copy
    flushed: int = 256 << 20  # bytes that push everything out of the second-level cache
    ticks: int = 50  # that a network's parity is looked at


TINY = Scale(
    sizes=(64,), batches=(1, 2), faces=("mira", "vix"), replays=6, repeats=2, copied=1 << 16,
    flushed=1 << 12, ticks=2,
)  # fmt: skip


class Step(NamedTuple):
    """One launch or copy of a captured graph."""

    name: str
    work: tuple[int, ...]  # empty: a copy
    args: tuple[Any, ...]


class Noted(CudaBackend):
    """A backend that remembers what it captured last, to do it again step by step."""

    def __init__(self, device: int = 0, stream: int | None = None, driver: Any = None) -> None:
        super().__init__(device, stream, driver)
        self.steps: list[Step] = []
        self.last: CudaGraph | None = None

    def launch(self, name: str, work: tuple[int, ...], *args: Any) -> None:
        self._note(Step(name, work, args))
        super().launch(name, work, *args)

    def copy(self, source: Any, target: Any) -> None:
        self._note(Step("copy", (), (source, target)))
        super().copy(source, target)

    def _note(self, step: Step) -> None:
        if self._graph is not None:
            self.steps.append(step)

    @contextmanager
    def capture(self) -> Iterator[CudaGraph]:
        self.steps = []
        with super().capture() as graph:
            yield graph
        self.last = graph

    def again(self, step: Step) -> None:
        """Do one step now."""
        if step.work:
            super().launch(step.name, step.work, *step.args)
        else:
            super().copy(*step.args)


class Rig:
    """What a part of the check is given."""

    def __init__(self, backend: Noted, scale: Scale, seconds: float, device: str = "cuda") -> None:
        """`seconds`: that the part may take; `device`: torch's, "cpu" where a stand-in for the
        driver has host memory."""
        self.backend, self.scale, self.device = backend, scale, device
        self._until = time.monotonic() + seconds
        self._flush: tuple[CudaArray, CudaArray] | None = None

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return self._until - time.monotonic()

    def flush(self) -> None:
        """Put copies on the stream that leave nothing of before in the second-level cache. They
        take long enough for Python to put a whole tick behind them, so that the device does not
        wait for it."""
        if self._flush is None:
            one, two = (self.backend.empty(self.scale.flushed, np.uint8) for _ in range(2))
            self._flush = one, two
        for _ in range(8):
            CudaBackend.copy(self.backend, *self._flush)

    def seconds(self, work: Callable[[], None], times: int = 1) -> float:
        """Device seconds of some work by events, cold: the median of `repeats` runs after two that
        do not count; `times`: how often `work` does what is to be timed."""
        found = []
        for _ in range(self.scale.repeats + 2):
            self.flush()
            begin = self.backend.mark()
            work()
            end = self.backend.mark()
            found.append(self.backend.elapsed(begin, end) / times)
        return statistics.median(found[2:])

    def apart(self, works: list[Callable[[], None]]) -> list[float]:
        """Device seconds of each of some works that follow each other: medians, the first cold."""
        found = []
        for _ in range(self.scale.repeats + 2):
            self.flush()
            marks = [self.backend.mark()]
            for work in works:
                work()
                marks.append(self.backend.mark())
            found.append(
                [self.backend.elapsed(a, b) for a, b in zip(marks, marks[1:], strict=False)]
            )
        return [statistics.median(column) for column in zip(*found[2:], strict=True)]

    def wall(self, work: Callable[[], object]) -> float:
        """Median wall seconds of a call."""
        found = []
        for _ in range(self.scale.repeats + 2):
            began = time.perf_counter()
            work()
            found.append(time.perf_counter() - began)
        return statistics.median(found[2:])


def motions(count: int, seed: int = 0) -> list[Motion]:
    """Faces at work, heads turned, hair swinging."""
    dice, found = np.random.default_rng(seed), []
    for n in range(count):
        weights = dice.uniform(0, 1, 52) * (dice.random(52) < 0.3)
        pose = dice.uniform(-1, 1, 6) * [25, 15, 10, 0.1, 0.1, 0.2]
        swing = dice.uniform(-4, 4, 3)
        given = [part.astype(np.float32) for part in (weights, pose, swing)]
        found.append(Motion(640 * n, given[0], given[1], swing=given[2]))
    return found
