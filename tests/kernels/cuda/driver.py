"""A stand-in for cuda.bindings.driver: host memory, kernels through the shim, one lazy stream.

The current context is a thread's own. It is stricter than hardware: nothing happens on the stream
before something waits for it, launches and copies must name memory that is allocated then, freed
memory is poisoned, and during a capture whatever a driver refuses is refused.
"""

import ctypes
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np

from kernels.cuda.launches import KINDS, TABLE
from tests.kernels.cuda.shim import library

REFUSED = {
    "cuMemAlloc", "cuMemFree", "cuMemHostAlloc", "cuMemFreeHost", "cuStreamSynchronize",
    "cuModuleLoadData", "cuEventSynchronize",
}  # fmt: skip
OPTIN, FIXED, DEFAULT = 227 << 10, 1 << 10, 48 << 10  # bytes of shared memory
FREE = {"cuInit", "cuDriverGetVersion", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent"}
_SIZES = {"u64": 8, "u32": 4, "f32": 4}


class Status(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_INVALID_IMAGE = 200
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_ILLEGAL_ADDRESS = 700
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900


class Driver:
    """The functions that kernels.cuda.backend calls."""

    class CUstream_flags(IntEnum):
        CU_STREAM_NON_BLOCKING = 1

    class CUstreamCaptureMode(IntEnum):
        CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1

    class CUdevice_attribute(IntEnum):
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97

    class CUfunction_attribute(IntEnum):
        CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1
        CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8

    CU_MEMHOSTALLOC_PORTABLE = 1

    def __init__(
        self, version: int = 13_000, capability: tuple[int, int] = (9, 0), devices: int = 1,
        status: int = 0,
    ) -> None:  # fmt: skip
        self.version, self.capability, self.devices, self.status = (
            version, capability, devices, status
        )  # fmt: skip
        self.calls: list[str] = []
        self.memory: dict[int, np.ndarray] = {}
        self.live: dict[str, int] = {"graph": 0, "exec": 0, "event": 0}
        self.images = 0  # the next so many images are refused
        self.shared: dict[str, int] = {}  # most dynamic bytes of a function
        self._current = threading.local()
        self._queue: list[Callable[[], None]] = []
        self._recorded: list[Callable[[], None]] | None = None

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("cu"):
            return found

        def called(*args: Any) -> Any:
            self.calls.append(name)
            alone = name in FREE or name.startswith("cuDeviceGet")
            if not alone and not hasattr(self._current, "context"):
                return (Status.CUDA_ERROR_INVALID_CONTEXT, None)
            if self._recorded is not None and name in REFUSED:
                return (Status.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, None)
            answer = found(*args)
            if isinstance(answer, Status):
                return (answer, None)
            return (Status.CUDA_SUCCESS,) if answer is None else (Status.CUDA_SUCCESS, answer)

        return called

    def cuInit(self, flags: int) -> Any:
        return None if self.status == 0 else Status.CUDA_ERROR_INVALID_VALUE

    def cuDriverGetVersion(self) -> int:
        return self.version

    def cuDeviceGetCount(self) -> int:
        return self.devices

    def cuDeviceGet(self, ordinal: int) -> Any:
        return ordinal if ordinal < self.devices else Status.CUDA_ERROR_INVALID_VALUE

    def cuDeviceGetName(self, length: int, device: int) -> bytes:
        return b"a card\0\0"

    def cuDeviceGetAttribute(self, kind: int, device: int) -> int:
        return self.capability[int(kind) - 75] if int(kind) < 97 else OPTIN

    def cuDevicePrimaryCtxRetain(self, device: int) -> str:
        return "context"

    def cuCtxSetCurrent(self, context: str) -> None:
        assert context == "context"
        self._current.context = context

    def cuStreamCreate(self, flags: int) -> int:
        return 77

    def cuMemAlloc(self, size: int) -> int:
        array = np.full(size + 16, 0xA5, np.uint8)
        pointer = (array.ctypes.data + 15) & ~15
        self.memory[pointer] = array
        return pointer

    def cuMemHostAlloc(self, size: int, flags: int) -> Any:
        return Driver.cuMemAlloc(self, size)

    def cuMemFree(self, pointer: int) -> None:
        self._run()  # as the real one waits
        self.memory.pop(pointer)[:] = 0xDD

    def cuMemFreeHost(self, pointer: int) -> None:
        Driver.cuMemFree(self, pointer)

    def cuMemcpyHtoDAsync(self, target: int, source: int, size: int, stream: int) -> Any:
        if not self._lives(target, size):
            return _astray()
        self._later(lambda: self._moved(target, source, size))
        return None

    def cuMemcpyDtoHAsync(self, target: int, source: int, size: int, stream: int) -> Any:
        if not self._lives(source, size):
            return _astray()
        self._later(lambda: self._moved(target, source, size))
        return None

    def cuMemcpyAsync(self, target: int, source: int, size: int, stream: int) -> Any:
        if not (self._lives(target, size) and self._lives(source, size)):
            return _astray()
        self._later(lambda: self._moved(target, source, size))
        return None

    def cuModuleLoadData(self, code: bytes) -> Any:
        if self.images:
            self.images -= 1
            return Status.CUDA_ERROR_INVALID_IMAGE
        return code.rstrip(b"\0").decode()

    def cuModuleGetFunction(self, module: str, name: bytes) -> Any:
        known = TABLE[name.decode()].source == module
        return name.decode() if known else Status.CUDA_ERROR_INVALID_VALUE

    def cuFuncGetAttribute(self, kind: int, function: str) -> int:
        return FIXED

    def cuFuncSetAttribute(self, function: str, kind: int, value: int) -> None:
        self.shared[function] = value

    def cuLaunchKernel(self, function: str, *rest: Any) -> Any:
        shape, shared, _, addresses, _ = rest[:6], *rest[6:]
        if shared > self.shared.get(function, DEFAULT):
            return Status.CUDA_ERROR_INVALID_VALUE
        kinds = [KINDS[kind] for kind in TABLE[function].kinds]
        places = (ctypes.c_void_p * len(kinds)).from_address(addresses)
        # As the real one: what arguments are is settled now, not when the kernel runs.
        values = [
            ctypes.create_string_buffer(ctypes.string_at(place, _SIZES[kind]), 8)
            for place, kind in zip(places, kinds, strict=True)
        ]
        given = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        for value, kind in zip(values, TABLE[function].kinds, strict=True):
            pointer = int.from_bytes(value.raw, "little")
            if kind == "p" and pointer and not self._lives(pointer, 1):
                return _astray()

        def run() -> None:
            assert len(values) == len(given)
            launch = library(TABLE[function].source)[f"launch_{function}"]
            launch.restype = None
            launch((ctypes.c_uint * 6)(*shape), ctypes.c_size_t(shared), given)

        self._later(run)
        return None

    def cuStreamSynchronize(self, stream: int) -> None:
        self._run()

    def cuStreamBeginCapture(self, stream: int, mode: int) -> None:
        self._recorded = []

    def cuStreamEndCapture(self, stream: int) -> Any:
        recorded, self._recorded = self._recorded, None
        self.live["graph"] += 1
        return recorded

    def cuGraphInstantiate(self, graph: Any, flags: int) -> Any:
        self.live["exec"] += 1
        return list(graph)

    def cuGraphDestroy(self, graph: Any) -> None:
        self.live["graph"] -= 1
        graph.clear()

    def cuGraphExecDestroy(self, graph: Any) -> None:
        self.live["exec"] -= 1
        graph.clear()

    def cuGraphLaunch(self, graph: Any, stream: int) -> None:
        for action in list(graph):
            self._later(action)

    def cuEventCreate(self, flags: int) -> dict[str, int]:
        self.live["event"] += 1
        return {}

    def cuEventDestroy(self, event: dict[str, int]) -> None:
        self.live["event"] -= 1

    def cuEventRecord(self, event: dict[str, int], stream: int) -> None:
        event["at"] = len(self.calls)

    def cuEventSynchronize(self, event: dict[str, int]) -> None:
        self._run()

    def cuEventElapsedTime(self, begin: dict[str, int], end: dict[str, int]) -> float:
        return float(end["at"] - begin["at"])

    def _later(self, action: Callable[[], None]) -> None:
        (self._queue if self._recorded is None else self._recorded).append(action)

    def _run(self) -> None:
        while self._queue:
            self._queue.pop(0)()

    def _lives(self, pointer: int, size: int) -> bool:
        return any(
            start <= pointer and pointer + size <= array.ctypes.data + len(array)
            for start, array in self.memory.items()
        )

    def _moved(self, target: int, source: int, size: int) -> None:
        ctypes.memmove(target, source, size)


def _astray() -> Status:
    return Status.CUDA_ERROR_ILLEGAL_ADDRESS
