"""Toon pictures of many sessions on one GPU: motions of a batch -> I420, one launch of one graph.

Sessions of different avatars and settings share a batch; all pictures have one size. What changes
from tick to tick (weights, poses, light) lies in one pinned buffer, is copied to the device and
drawn from there, and the last kernel writes pictures straight into pinned memory. All of that is
captured once per batch size, so a tick is: fill the tables, launch the graph, wait. The same motion
gives the same bytes, whatever else is in the batch.

    copy, pose, catchlights, project, clear, triangles likely to show, survey, outlines' hull, all
    other triangles, casters, shade to I420
"""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.face.package import Package
from engine.frames import Motion, Video
from engine.render.figures import Batch, Figures, Most
from engine.render.renderer import Size, sides
from engine.render.setting import Setting
from kernels.cuda.backend import Array, Backend, Graph
from kernels.fragment import SMALL
from kernels.raster import TILE

# Batches are padded to one of these: at most a third of the work is for nothing.
STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_ALIGNED = 256  # bytes between tables in the buffer of what changes


class _Buffers:
    """What drawing a batch overwrites on the device, for the largest batch."""

    def __init__(self, backend: Backend, batch: int, most: Most, height: int, width: int) -> None:
        tiles = batch, -(-height // TILE), -(-width // TILE)
        self.cell = int(min(height, width) > SMALL)
        self.points = backend.empty((batch, most.vertices, 4), np.float32)
        self.normal = backend.empty((batch, most.vertices, 4), np.float32)
        self.screen = backend.empty((batch, 2 * most.vertices, 4), np.float32)
        self.corners = backend.empty((batch, 2 * most.vertices, 4), np.int32)
        self.keys = backend.empty((batch, height, width, 4), np.int64)
        self.farthest = backend.empty(tiles, np.int32)
        self.clear = backend.empty(tiles, np.float32)
        self.cells = backend.empty((batch, height >> self.cell, width >> self.cell), np.uint32)


class _Tick:
    """Everything that one batch size needs to be drawn again and again."""

    def __init__(
        self, backend: Backend, rows: Array, most: Most, buffers: _Buffers, batch: int, height: int,
        width: int,
    ) -> None:  # fmt: skip
        self._backend, self._rows, self._most, self._buffers = backend, rows, most, buffers
        self._size, self._shape = batch, (height, width)
        like = Batch.of(batch, most.shapes)
        at = np.cumsum([0, *(-(-table.nbytes // _ALIGNED) * _ALIGNED for table in like)])
        self._changes = backend.pinned(int(at[-1]), np.uint8)
        self._changed = backend.empty(int(at[-1]), np.uint8)
        host = self._changes.array
        host[:] = 0
        self.tables = Batch(
            *(
                host[first : first + table.nbytes].view(table.dtype).reshape(table.shape)
                for first, table in zip(at, like, strict=False)
            )
        )
        self._places = [self._changed.pointer + int(first) for first in at[:-1]]
        self._pictures = backend.pinned((batch, height * 3 // 2, width), np.uint8)
        self._graph: Graph | None = None

    def draw(self, count: int) -> Iterator[np.ndarray]:
        """Draw what the tables say; the first `count` pictures [H * 3 / 2, W], fresh arrays."""
        if self._graph is None:
            self._launch()  # loads what a capture may not load
            self._backend.synchronize()
            with self._backend.capture() as self._graph:
                self._launch()
        self._graph.replay()
        self._backend.synchronize()
        return iter(self._pictures.array[:count].copy())

    def _launch(self) -> None:
        launch, most, own = self._backend.launch, self._most, self._buffers
        (height, width), batch = self._shape, self._size
        who, weights, swings, poses, view, scene = self._places
        figures = self._rows, who
        vertices, wide = most.vertices, 2 * most.vertices
        self._backend.copy(self._changes, self._changed)
        launch(
            "mesh_pose", (batch, vertices, most.shapes), *figures, weights, most.shapes, swings,
            poses, view, own.points, vertices,
        )  # fmt: skip
        launch("mesh_catchlight", (batch,), *figures, poses, view, own.points, vertices)
        launch(
            "mesh_project", (batch, vertices), *figures, own.points, vertices, poses, view,
            own.normal, own.screen, own.corners, wide, height, width,
        )  # fmt: skip
        picture = batch, height, width
        launch("raster_clear", picture, own.keys, 2 * batch * height * width)
        self._triangles(figures, 0, most.shown)
        launch("raster_survey", picture, own.keys, own.farthest, own.clear, height, width, batch)
        launch(
            "mesh_outline", (batch, vertices), *figures, view, own.normal, vertices, own.clear,
            own.screen, own.corners, wide, height, width,
        )  # fmt: skip
        self._triangles(figures, 1, most.late)
        launch(
            "cast_cells", (*picture, own.cell), own.keys, *figures, own.cells, height, width,
            own.cell,
        )  # fmt: skip
        launch(
            "shade_i420", (*picture, own.cell), own.keys, own.screen, own.normal, scene, own.cells,
            *figures, self._pictures, wide, vertices, height, width, own.cell,
        )  # fmt: skip

    def _triangles(self, figures: tuple[Array, int], late: int, count: int) -> None:
        own, (height, width) = self._buffers, self._shape
        self._backend.launch(
            "raster_draw", (self._size, count, height, width), *figures, own.corners,
            2 * self._most.vertices, own.farthest, late, own.keys, height, width,
        )  # fmt: skip


class DeviceRenderer:
    """Draws any number of avatars at one size on one device; one thread at a time."""

    def __init__(self, backend: Backend, size: Size = 512, most: int = 64, room: int = 256) -> None:
        """`most`: pictures of one launch, of STEPS; `room`: avatars times settings that may be on
        the device. Raises FrameError."""
        assert most in STEPS
        self.width, self.height = sides(size)
        self._backend, self._largest = backend, most
        self._figures = Figures(backend, self.height, self.width, room)
        self._most = Most()
        self._buffers: _Buffers | None = None
        self._ticks: dict[int, _Tick] = {}

    def add(self, package: Package, setting: Setting | None = None) -> int:
        """Bring an avatar in a setting to the device; the number by which it is drawn. Raises
        FrameError where there is no room, PackageError."""
        return self._figures.add(package, setting)

    def remove(self, number: int) -> None:
        """Take it off again."""
        self._figures.remove(number)

    def render(self, numbers: Sequence[int], motions: Sequence[Motion]) -> list[Video]:
        """One picture per session, in order: avatar `numbers[b]` in `motions[b]`."""
        videos: list[Video] = []
        for first in range(0, len(numbers), self._largest):
            part = slice(first, first + self._largest)
            videos += self._some(numbers[part], motions[part])
        return videos

    def _some(self, numbers: Sequence[int], motions: Sequence[Motion]) -> list[Video]:
        count = len(numbers)
        size = next(step for step in STEPS if step >= count)
        tick = self._tick(size)
        # What pads a batch is drawn and left: the last session once more.
        spare = size - count
        self._figures.fill(
            tick.tables, [*numbers, *[numbers[-1]] * spare], [*motions, *[motions[-1]] * spare]
        )
        pictures = tick.draw(count)
        return [Video(m.start, i420) for m, i420 in zip(motions, pictures, strict=True)]

    def _tick(self, size: int) -> _Tick:
        """The graph of a batch size; all begin anew when an avatar larger than any before came."""
        if self._buffers is None or self._most != self._figures.most:
            self._most = self._figures.most
            self._ticks, self._buffers = {}, None  # the old ones go before others are made
            self._buffers = _Buffers(
                self._backend, self._largest, self._most, self.height, self.width
            )
        if size not in self._ticks:
            self._ticks[size] = _Tick(
                self._backend, self._figures.rows, self._most, self._buffers, size, self.height,
                self.width,
            )  # fmt: skip
        return self._ticks[size]
