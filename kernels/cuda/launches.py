"""The launch table: what each kernel takes, how its grid follows from the work, what it moves.

The one place that knows the order of arguments. A backend checks calls against it, a test checks it
against the signatures that the compiler found. `axes` names the numbers that make up a kernel's
work; `grid` and `moved` are functions of these.
"""

from collections.abc import Callable
from dataclasses import dataclass

Dim3 = tuple[int, int, int]
KINDS = {"p": "u64", "i": "u32", "u": "u32", "l": "u64", "f": "f32"}  # letter -> type in PTX


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel of kernels/cuda/SOURCE.cu."""

    source: str
    kinds: str  # a letter of KINDS per parameter
    axes: tuple[str, ...]
    block: Dim3
    grid: Callable[..., Dim3]  # (*work) -> blocks
    moved: Callable[..., int]  # (*work) -> bytes that must be read or written at least
    registers: int  # bound per thread, checked in CI
    shared: Callable[..., int] = lambda *_: 0  # (*work) -> bytes of dynamic shared memory


def over(count: int, step: int) -> int:
    """Blocks of `step` that hold `count`."""
    return -(-count // step)


TABLE: dict[str, Kernel] = {
    "raster_clear": Kernel(
        source="raster",
        kinds="pi",
        axes=("batch", "height", "width"),
        block=(256, 1, 1),
        grid=lambda batch, height, width: (over(2 * batch * height * width, 256), 1, 1),
        moved=lambda batch, height, width: 32 * batch * height * width,
        registers=32,
    ),
    "raster_snap": Kernel(
        source="raster",
        kinds="ppi",
        axes=("vertices",),
        block=(256, 1, 1),
        grid=lambda vertices: (over(vertices, 256), 1, 1),
        moved=lambda vertices: 32 * vertices,
        registers=32,
    ),
    "raster_draw": Kernel(
        source="raster",
        kinds="pppipipii",
        axes=("batch", "triangles", "height", "width"),
        block=(128, 1, 1),
        grid=lambda batch, triangles, height, width: (over(triangles, 128), batch, 1),
        # A triangle and the half vertex that is its own, and what is covered once.
        moved=lambda batch, triangles, height, width: (
            24 * batch * triangles + 32 * batch * height * width
        ),
        registers=96,
    ),
    "raster_survey": Kernel(
        source="raster",
        kinds="pppiii",
        axes=("batch", "height", "width"),
        block=(256, 1, 1),
        grid=lambda batch, height, width: (over(batch * over(height, 8) * over(width, 8), 8), 1, 1),
        moved=lambda batch, height, width: 32 * batch * height * width,
        registers=40,
    ),
}
