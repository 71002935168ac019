"""The kernels on a CPU: kernels/cuda/*.cu compiled by g++ with shim.h, called as a GPU would be.

`library(source, variant)` compiles once per test session; `Shim` is the Backend that runs kernels
by name through the launch table. Variants: plain; reversed (threads and blocks from the last to the
first); sanitized (address and undefined behaviour), which needs its runtime loaded before Python:
`sanitized(code)` runs a test's code in a process that has it.

With VIVIFY_CARD in the environment (`python -m engine.eval gpu`) the same tests run on a GPU:
arrays lie in pinned memory, which has one address for both sides.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda.backend import CudaBackend
from kernels.cuda.launches import TABLE, Call

SOURCES = Path(__file__).parents[3] / "kernels" / "cuda"
VARIANTS = {
    "plain": ("-O2",),
    "reversed": ("-O2", "-DSHIM_REVERSED"),
    "sanitized": (
        "-O1", "-g", "-fsanitize=address,undefined", "-fsanitize-sections=shim_shared",
        "-fno-sanitize-recover=all",
    ),
}  # fmt: skip
# Floats are never contracted: a GPU's kernels are compiled so, too.
OPTIONS = (
    "-std=c++17", "-shared", "-fPIC", "-mf16c", "-mfma", "-ffp-contract=off", "-fwrapv",
    "-fno-strict-aliasing", "-DCPU_SHIM", "-Wall", "-Werror", "-Wno-unknown-pragmas",
    "-Wno-unused-variable", "-Wno-unused-function", "-Wno-maybe-uninitialized",
)  # fmt: skip


@cache
def _folder() -> Path:
    """Where this process's libraries lie; sanitized children are given their parent's."""
    given = os.environ.get("VIVIFY_SHIM")
    return Path(given or tempfile.mkdtemp(prefix="vivify-shim-"))


@cache
def library(source: str, variant: str = "plain") -> ctypes.CDLL:
    """SOURCE.cu as a shared library; skips the test where there is no g++."""
    path = _folder() / f"{source}-{variant}.so"
    if not path.exists():
        _compile(source, variant, path)
    return ctypes.CDLL(str(path))


def _compile(source: str, variant: str, path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++: the CUDA kernels cannot be run on this CPU")
    names = [name for name, kernel in TABLE.items() if kernel.source == source]
    text = f'#include "{SOURCES / source}.cu"\n' + "".join(f"SHIM_KERNEL({n})\n" for n in names)
    done = subprocess.run(
        [compiler, *OPTIONS, *VARIANTS[variant], f"-I{SOURCES}", "-xc++", "-", "-o", str(path)],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{source}.cu ({variant}) does not compile:\n{done.stderr[:4000]}"


def kinds(name: str) -> str:
    """Letters of launches.KINDS that the compiler finds in a kernel's signature."""
    function = library(TABLE[name].source)[f"kinds_{name}"]
    function.restype = ctypes.c_char_p
    return str(function().decode())


@cache
def card() -> CudaBackend | None:
    """The GPU that tests are to run on, if they are."""
    return CudaBackend() if "VIVIFY_CARD" in os.environ else None


class Held:
    """An array in the memory that kernels see: here, numpy's."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def pointer(self) -> int:
        return int(self.array.ctypes.data)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype


class Shim:
    """kernels.cuda.backend.Backend on a CPU. Arrays that nothing was put into are poisoned."""

    def __init__(self, variant: str = "plain") -> None:
        self.variant, self._card = variant, card()
        self._graph: Recorded | None = None

    def upload(self, array: np.ndarray) -> Held:
        held = self._held(array.shape, array.dtype)
        held.array[...] = array
        return held

    def _held(self, shape: tuple[int, ...] | int, dtype: Any) -> Held:
        if self._card is not None:
            return Held(self._card.pinned(shape, dtype).array)
        return Held(np.empty(shape, dtype))

    def empty(self, shape: tuple[int, ...] | int, dtype: Any) -> Held:
        held = self._held(shape, dtype)
        held.array.view(np.uint8).reshape(-1)[:] = 0xA5 if held.dtype.kind != "f" else 0xFF
        return held

    def pinned(self, shape: tuple[int, ...] | int, dtype: Any) -> Held:
        return self.empty(shape, dtype)

    def write(self, target: Held, array: np.ndarray) -> None:
        target.array[...] = array

    def copy(self, source: Held, target: Held) -> None:
        assert (source.shape, source.dtype) == (target.shape, target.dtype)
        if self._graph is not None:
            self._graph.calls.append((source, target))
        else:
            target.array[...] = source.array

    def download(self, held: Held) -> np.ndarray:
        return held.array.copy()

    def synchronize(self) -> None:
        pass

    @contextmanager
    def capture(self) -> Iterator["Recorded"]:
        self._graph = graph = Recorded(self)
        yield graph
        self._graph = None

    def launch(self, name: str, work: tuple[int, ...], *args: Any) -> None:
        call = Call(name, work, args)
        if self._graph is not None:
            self._graph.calls.append(call)
        else:
            self.run(call)

    def run(self, call: Call) -> None:
        if self._card is not None:
            self._card.launch(call.name, call.work, *call.kept)
            self._card.synchronize()
            return
        shape = (ctypes.c_uint * 6)(*call.grid, *call.block)
        function = library(call.kernel.source, self.variant)[f"launch_{call.name}"]
        function.restype = None
        if 0 not in call.grid:  # as a GPU refuses it, but harmless
            function(shape, ctypes.c_size_t(call.shared), ctypes.c_void_p(call.addresses))


class Recorded:
    """What was launched between begin and end of a capture, to be launched again."""

    def __init__(self, shim: Shim) -> None:
        self._shim = shim
        self.calls: list[Call | tuple[Held, Held]] = []

    def replay(self) -> None:
        for call in self.calls:
            self._shim.run(call) if isinstance(call, Call) else self._shim.copy(*call)


def sanitized(function: str, *args: str) -> None:
    """Run tests.MODULE:FUNCTION in a process with the address sanitizer; what it says fails the
    test. `function`: "tests.kernels.cuda.test_raster:draw"; it uses Shim("sanitized"). On a GPU
    compute-sanitizer does that."""
    if "VIVIFY_CARD" in os.environ:
        pytest.skip("compute-sanitizer watches the kernels on a GPU")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++: the CUDA kernels cannot be run on this CPU")
    runtimes = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    module, name = function.split(":")
    done = subprocess.run(
        [sys.executable, "-c", f"from {module} import {name}; {name}(*{args!r})"],
        env={
            **os.environ, "LD_PRELOAD": ":".join(runtimes), "VIVIFY_SHIM": str(_folder()),
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{function} under the sanitizers:\n{done.stderr[-6000:]}"
