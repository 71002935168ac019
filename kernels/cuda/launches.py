"""The launch table: what each kernel takes, how its grid follows from the work, what it moves.

The one place that knows the order of arguments. A backend checks calls against it, a test checks it
against the signatures that the compiler found. `axes` names the numbers that make up a kernel's
work; `grid` and `moved` are functions of these.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Dim3 = tuple[int, int, int]
KINDS = {"p": "u64", "i": "u32", "u": "u32", "l": "u64", "f": "f32"}  # letter -> type in PTX
_CTYPES: dict[str, Any] = {
    "p": ctypes.c_void_p, "i": ctypes.c_int32, "u": ctypes.c_uint32, "l": ctypes.c_int64,
    "f": ctypes.c_float,
}  # fmt: skip


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
    wide: tuple[str, ...] = ()  # instructions that must occur in its machine code


class Call:
    """One launch: its shape and its arguments as the driver takes them."""

    def __init__(self, name: str, work: tuple[int, ...], args: tuple[Any, ...]) -> None:
        """args: numbers, and for each pointer something with a `pointer`, an address or None.

        Raises TypeError where they are not what the table says."""
        kernel = TABLE[name]
        if len(work) != len(kernel.axes) or len(args) != len(kernel.kinds):
            raise TypeError(
                f"{name} is given {len(work)} sizes and {len(args)} arguments, expected "
                f"{kernel.axes} and {len(kernel.kinds)}"
            )
        self.name, self.kernel, self.work = name, kernel, work
        self.grid, self.block, self.shared = kernel.grid(*work), kernel.block, kernel.shared(*work)
        self.kept = args  # their memory must outlive the launch
        self._values = [
            _value(name, n, kind, arg)
            for n, (kind, arg) in enumerate(zip(kernel.kinds, args, strict=True))
        ]
        self._addresses = (ctypes.c_void_p * len(args))(
            *(ctypes.addressof(value) for value in self._values)
        )

    @property
    def addresses(self) -> int:
        """Of the array of the arguments' addresses; valid as long as this object is."""
        return ctypes.addressof(self._addresses)


def _value(name: str, place: int, kind: str, arg: Any) -> Any:
    if kind == "p":
        arg = getattr(arg, "pointer", arg)
    elif kind != "f" and int(arg) != _CTYPES[kind](int(arg)).value:
        raise TypeError(f"argument {place} of {name} is {arg}, which does not fit its type")
    if kind == "p" and not (arg is None or isinstance(arg, int)):
        raise TypeError(f"argument {place} of {name} is {type(arg).__name__}, expected a pointer")
    return _CTYPES[kind](arg)


def over(count: int, step: int) -> int:
    """Blocks of `step` that hold `count`."""
    return -(-count // step)


TABLE: dict[str, Kernel] = {
    "mesh_pose": Kernel(
        source="mesh",
        kinds="pppippppi",
        axes=("batch", "vertices", "shapes"),
        block=(256, 1, 1),
        grid=lambda batch, vertices, shapes: (over(vertices, 256), batch, 1),
        # Rest, ride, seven entries of shapes, and the point; of each item, as if none were shared.
        moved=lambda batch, vertices, shapes: batch * (112 * vertices + 4 * shapes),
        registers=64,
        shared=lambda batch, vertices, shapes: 4 * (22 * 12 + shapes),
        wide=("LDG.E.128", "STG.E.128"),
    ),
    "mesh_catchlight": Kernel(
        source="mesh",
        kinds="pppppi",
        axes=("batch",),
        block=(64, 1, 1),
        grid=lambda batch: (batch, 1, 1),
        moved=lambda batch: 2048 * batch,
        registers=64,
        wide=("LDG.E.128", "STG.E.128"),
    ),
    "mesh_project": Kernel(
        source="mesh",
        kinds="pppipppppiii",
        axes=("batch", "vertices"),
        block=(256, 1, 1),
        grid=lambda batch, vertices: (over(vertices, 256), batch, 1),
        # Point, proxy, tangent, six entries of triangles; normal, screen, corner.
        moved=lambda batch, vertices: 152 * batch * vertices,
        registers=64,
        wide=("LDG.E.128", "STG.E.128"),
    ),
    "mesh_outline": Kernel(
        source="mesh",
        kinds="ppppipppiii",
        axes=("batch", "vertices"),
        block=(256, 1, 1),
        grid=lambda batch, vertices: (over(vertices, 256), batch, 1),
        moved=lambda batch, vertices: 80 * batch * vertices,
        registers=64,
        wide=("LDG.E.128", "STG.E.128"),
    ),
    "raster_clear": Kernel(
        source="raster",
        kinds="pi",
        axes=("batch", "height", "width"),
        block=(256, 1, 1),
        grid=lambda batch, height, width: (over(2 * batch * height * width, 256), 1, 1),
        moved=lambda batch, height, width: 32 * batch * height * width,
        registers=32,
        wide=("STG.E.128",),
    ),
    "raster_snap": Kernel(
        source="raster",
        kinds="ppi",
        axes=("vertices",),
        block=(256, 1, 1),
        grid=lambda vertices: (over(vertices, 256), 1, 1),
        moved=lambda vertices: 32 * vertices,
        registers=32,
        wide=("LDG.E.128", "STG.E.128"),
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
        wide=("LDG.E.128", ".MIN.64"),
    ),
    "raster_survey": Kernel(
        source="raster",
        kinds="pppiii",
        axes=("batch", "height", "width"),
        block=(256, 1, 1),
        grid=lambda batch, height, width: (over(batch * over(height, 8) * over(width, 8), 8), 1, 1),
        moved=lambda batch, height, width: 32 * batch * height * width,
        registers=40,
        wide=("LDG.E.128",),
    ),
    "cast_cells": Kernel(
        source="shade",
        kinds="ppppiii",
        axes=("batch", "height", "width", "wide"),
        block=(32, 8, 1),
        grid=lambda batch, height, width, wide: (
            over(width >> wide, 32),
            over(height >> wide, 8),
            batch,
        ),
        moved=lambda batch, height, width, wide: (
            batch * (32 * height * width + 4 * (height >> wide) * (width >> wide))
        ),
        registers=48,
        wide=("LDG.E.128", "STG.E"),
    ),
    **{
        f"shade_{what}": Kernel(
            source="shade",
            kinds="ppppppppiiiii",
            axes=("batch", "height", "width", "wide"),
            block=(256, 1, 1),
            grid=lambda batch, height, width, wide: (over(width, 64), over(height, 4), batch),
            # Keys and cells once, the picture once; vertices and images are shared by many pixels.
            moved=lambda batch, height, width, wide, size=size: (
                batch
                * ((32 * 2 + size) * height * width // 2 + 4 * (height >> wide) * (width >> wide))
            ),
            registers=64,
            wide=("LDG.E.128", "STG.E.128"),
        )
        for what, size in (("rgb", 6), ("i420", 3))
    },
    "read_atlas": Kernel(
        source="texture",
        kinds="pppppppiiii",
        axes=("batch", "height", "width"),
        block=(256, 1, 1),
        grid=lambda batch, height, width: (over(width, 16), over(height, 16), batch),
        moved=lambda batch, height, width: 64 * batch * height * width,  # keys and image
        registers=64,
        wide=("LDG.E.128", "STG.E.128"),
    ),
    **{
        f"compose_{what}": Kernel(
            source="i420",
            kinds="ppppiiiiii",
            axes=("batch", "height", "width"),
            block=(32, 8, 1),
            grid=lambda batch, height, width, size=size: (
                over(width, 32 * 16 // size),
                over(height, 16),
                batch,
            ),
            moved=lambda batch, height, width, size=size: (
                batch * (8 * size + 3) * height * width // 2
            ),
            registers=64,
            wide=("LDG.E.128", "STG.E.64" if size == 2 else "STG.E"),
        )
        for what, size in (("half", 2), ("float", 4), ("half_last", 2))
    },
    **{
        f"resize_{what}": Kernel(
            source="resize",
            kinds="ppppppppiiiiiiii",
            axes=("batch", "rows", "columns", "height", "width", "held_rows", "held_columns"),
            block=(32, 8, 1),
            grid=lambda batch, rows, columns, height, width, *held: (
                over(width, 32),
                over(height, 16),
                batch,
            ),
            moved=lambda batch, rows, columns, height, width, *held, size=size: (
                batch * (4 * size * rows * columns + 3 * height * width // 2)
            ),
            registers=64,
            shared=lambda batch, rows, columns, height, width, held_rows, held_columns: (
                16 * (32 * held_rows + 8 * held_columns)
            ),
            wide=("LDG.E.128", "STG.E.128", "LDS.128", "STS.128"),
        )
        for what, size in (("half", 2), ("float", 4), ("half_last", 2))
    },
    "rgb_i420": Kernel(
        source="i420",
        kinds="ppii",
        axes=("batch", "height", "width"),
        block=(16, 16, 1),
        grid=lambda batch, height, width: (over(width, 256), over(height, 32), batch),
        moved=lambda batch, height, width: 9 * batch * height * width // 2,
        registers=64,
        wide=("LDG.E.128", "STG.E.128", "STG.E.64"),
    ),
    "decode_tick": Kernel(
        source="decode",
        kinds="ppppppppi",
        axes=("batch",),
        block=(256, 1, 1),
        grid=lambda batch: (over(batch, 4), 1, 1),
        # The weights once; a session's rows, its ring read, one tick of it written.
        moved=lambda batch: (
            2 * 829_104 + batch * (4 * (1464 + 2 * 324 + 152 + 58) + 2 * 12288 + 768)
        ),
        registers=128,
        wide=("LDG.E.128", "LDS.128", "STS.128"),
    ),
}
