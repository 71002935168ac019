"""The stand-in for the CUDA language itself: it must find what it is there to find."""

import ctypes
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cuda.shim import OPTIONS, SOURCES, Shim, sanitized

KERNELS = r"""
#include "device.h"
// Each block of 64 adds up its 64 numbers; `skip`: without the barrier that this needs.
extern "C" __global__ void total(const int* in, int* out, int skip) {
    __shared__ int held[64];
    held[threadIdx.x] = in[blockIdx.x * 64 + threadIdx.x];
    if (!skip) __syncthreads();
    int sum = 0;
    for (int n = 0; n < 64; ++n) sum += held[n];
    out[blockIdx.x * 64 + threadIdx.x] = sum;
}
// Sums over lanes by shuffles, bits by ballot, the largest by a reduction; half the block leaves.
extern "C" __global__ void lanes(const int* in, int* out) {
    int lane = threadIdx.x & 31, value = in[threadIdx.x];
    if (threadIdx.x >= 32) return;
    int sum = value;
    for (int step = 16; step; step >>= 1) sum += __shfl_xor_sync(~0u, sum, step);
    out[lane * 4] = sum;
    out[lane * 4 + 1] = __shfl_down_sync(~0u, value, 1);
    out[lane * 4 + 2] = (int)__ballot_sync(~0u, value & 1);
    out[lane * 4 + 3] = __reduce_max_sync(~0u, value);
}
// Half of a warp waits for the block, the other half for the warp: a GPU would hang.
extern "C" __global__ void divergent(int* out) {
    if (threadIdx.x & 1) __syncthreads();
    else __syncwarp();
    out[threadIdx.x] = 1;
}
extern "C" __global__ void poison(int* out) {
    SHARED(int, held);
    out[threadIdx.x] = held[threadIdx.x];
}
SHIM_KERNEL(total) SHIM_KERNEL(lanes) SHIM_KERNEL(divergent) SHIM_KERNEL(poison)
"""


@pytest.fixture(scope="module", params=["plain", "reversed"])
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++: the CUDA kernels cannot be run on this CPU")
    path: Path = tmp_path_factory.mktemp("shim") / f"{request.param}.so"
    reverse = ["-DSHIM_REVERSED"] if request.param == "reversed" else []
    subprocess.run(
        [compiler, *OPTIONS, "-O1", *reverse, f"-I{SOURCES}", "-xc++", "-", "-o", str(path)],
        input=KERNELS, text=True, check=True,
    )  # fmt: skip
    return ctypes.CDLL(str(path))


def run(
    library: ctypes.CDLL, name: str, shape: tuple[int, ...], *args: np.ndarray | int,
    shared: int = 0,
) -> None:  # fmt: skip
    values = [
        ctypes.c_int(a) if isinstance(a, int) else ctypes.c_void_p(a.ctypes.data) for a in args
    ]
    given = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
    function = library[f"launch_{name}"]
    function.restype = None
    function((ctypes.c_uint * 6)(*shape), ctypes.c_size_t(shared), given)


def test_a_barrier_holds_and_one_that_is_missing_shows(library: ctypes.CDLL) -> None:
    numbers = np.random.default_rng(0).integers(0, 1000, (3, 64)).astype(np.int32)
    out = np.zeros_like(numbers)
    run(library, "total", (3, 1, 1, 64, 1, 1), numbers, out, 0)
    np.testing.assert_array_equal(out, np.repeat(numbers.sum(1, keepdims=True), 64, 1))
    run(library, "total", (3, 1, 1, 64, 1, 1), numbers, out, 1)
    assert (out != numbers.sum(1, keepdims=True)).sum() > 100


def test_lanes_of_a_warp_tell_each_other(library: ctypes.CDLL) -> None:
    numbers = np.random.default_rng(1).integers(0, 1000, 64).astype(np.int32)
    out = np.zeros((32, 4), np.int32)
    run(library, "lanes", (1, 1, 1, 64, 1, 1), numbers, out)
    first = numbers[:32]
    np.testing.assert_array_equal(out[:, 0], first.sum())
    np.testing.assert_array_equal(out[:, 1], np.append(first[1:], first[31]))
    bits = sum(1 << n for n in range(32) if first[n] & 1)
    np.testing.assert_array_equal(out[:, 2].view(np.uint32), bits)
    np.testing.assert_array_equal(out[:, 3], first.max())


def test_shared_memory_is_poisoned(library: ctypes.CDLL) -> None:
    out = np.zeros(8, np.uint32)
    run(library, "poison", (1, 1, 1, 8, 1, 1), out, shared=32)
    np.testing.assert_array_equal(out, 0xA5A5A5A5)


def test_threads_that_wait_for_each_other_end_the_process(library: ctypes.CDLL) -> None:
    code = (
        f"import ctypes; l = ctypes.CDLL({library._name!r}); m = (ctypes.c_int * 64)(); "
        "p = ctypes.c_void_p(ctypes.addressof(m)); "
        "g = (ctypes.c_void_p * 1)(ctypes.addressof(p)); "
        "l.launch_divergent((ctypes.c_uint * 6)(1, 1, 1, 64, 1, 1), ctypes.c_size_t(0), g)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGABRT and "others never reach" in done.stderr


def planted() -> None:
    """Clears more keys than there are."""
    shim = Shim("sanitized")
    shim.launch("raster_clear", (1, 2, 2), shim.empty((1, 2, 1, 4), np.int64), 8)


def test_the_sanitizer_finds_what_lies_out_of_bounds() -> None:
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        sanitized("tests.kernels.cuda.test_shim:planted")
