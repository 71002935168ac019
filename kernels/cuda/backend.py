"""Where CUDA kernels run: memory, launches, copies and captured graphs behind one small protocol.

`Backend` is what renderers are written for. `CudaBackend` is a GPU, through the driver's own
interface (cuda.bindings.driver): addresses and streams are plain numbers, which torch and TensorRT
take as well, and all of them share the device's primary context. tests/kernels/cuda/shim.py is the
same on a CPU.

Between begin and end of a capture nothing may be allocated, waited for or loaded: run once what is
to be captured, then capture it. One thread at a time, whichever.
"""

import ctypes
import logging
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kernels.cuda import build
from kernels.cuda.build import CudaUnavailable
from kernels.cuda.launches import Call

log = logging.getLogger(__name__)
Shape = tuple[int, ...] | int
_REFUSED = ("CUDA_ERROR_INVALID_IMAGE", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION")


class CudaError(RuntimeError):
    """A call of the driver failed, or was not allowed where it was made."""


class Array(Protocol):
    """Memory that kernels see; freed when nothing refers to it."""

    @property
    def pointer(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


class Host(Array, Protocol):
    """Memory that kernels and Python see."""

    @property
    def array(self) -> npt.NDArray[Any]: ...


class Graph(Protocol):
    """What was launched and copied during a capture."""

    def replay(self) -> None:
        """Do it again, with what the arrays hold now. Does not wait."""


class Backend(Protocol):
    """One device and one stream: what is asked of it happens in order."""

    def upload(self, array: npt.NDArray[Any]) -> Array:
        """A copy on the device."""

    def empty(self, shape: Shape, dtype: npt.DTypeLike) -> Array:
        """Device memory whose content is undefined."""

    def pinned(self, shape: Shape, dtype: npt.DTypeLike) -> Host:
        """Host memory that copies and kernels reach without the processor; content undefined."""

    def write(self, target: Array, array: npt.NDArray[Any]) -> None:
        """Overwrite an array of the same size; waits."""

    def download(self, source: Array) -> npt.NDArray[Any]:
        """What an array holds when all before is done; waits."""

    def copy(self, source: Array, target: Array) -> None:
        """Between arrays of the same size, each on the device or pinned. Does not wait."""

    def launch(self, name: str, work: tuple[int, ...], *args: Any) -> None:
        """Run a kernel of launches.TABLE on work of this size. Does not wait."""

    def capture(self) -> AbstractContextManager[Graph]:
        """`with backend.capture() as graph:` records instead of doing."""

    def synchronize(self) -> None:
        """Wait for everything asked for so far."""


class CudaArray:
    """An array in device or pinned memory."""

    def __init__(self, backend: "CudaBackend", shape: Shape, dtype: npt.DTypeLike, pinned: bool):
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        # Kernels of an empty batch get an address too.
        self.nbytes = max(int(np.prod(self.shape)) * self.dtype.itemsize, 1)
        self.pointer = backend._allocated(self.nbytes, pinned)
        self._pinned = pinned
        free = "cuMemFreeHost" if pinned else "cuMemFree"
        weakref.finalize(self, backend._give_back, free, self.pointer).atexit = False

    @property
    def array(self) -> npt.NDArray[Any]:
        """A view of pinned memory."""
        if not self._pinned:
            raise CudaError("an array on the device has no view: download it, or use a pinned one")
        content = (ctypes.c_char * self.nbytes).from_address(self.pointer)
        content.owner = self  # type: ignore[attr-defined]  # keeps the memory while views live
        count = int(np.prod(self.shape))
        flat: npt.NDArray[Any] = np.frombuffer(memoryview(content), self.dtype, count)
        return flat.reshape(self.shape)


class CudaGraph:
    """A captured graph, and the arrays that it uses."""

    def __init__(self, backend: "CudaBackend") -> None:
        self._backend = backend
        self._kept: list[Any] = []
        self._ready: Any = None

    def replay(self) -> None:
        if self._ready is None:
            raise CudaError("the graph was not captured to its end: capture it again")
        self._backend._enter()
        self._backend._call("cuGraphLaunch", self._ready, self._backend._stream)


class Mark:
    """A moment on a backend's stream."""

    def __init__(self, backend: "CudaBackend") -> None:
        self.event = backend._call("cuEventCreate", 0)
        weakref.finalize(self, backend._give_back, "cuEventDestroy", self.event).atexit = False


class CudaBackend:
    """One NVIDIA GPU. Raises CudaUnavailable where there is none, or none that is fit."""

    def __init__(self, device: int = 0, stream: int | None = None, driver: Any = None) -> None:
        """`stream`: address of one of another library's, e.g. torch's; a new one without it.
        `driver`: what stands in for cuda.bindings.driver in tests."""
        self._driver = driver or _driver()
        self._device = self._call("cuDeviceGet", device)
        self._context = self._call("cuDevicePrimaryCtxRetain", self._device)
        self._enter()
        self.architecture = build.architecture(*self._capability())
        flags = self._driver.CUstream_flags.CU_STREAM_NON_BLOCKING
        self._stream = self._call("cuStreamCreate", int(flags)) if stream is None else stream
        self._functions: dict[str, Any] = {}
        self._modules: dict[str, Any] = {}
        self._graph: CudaGraph | None = None
        self._left: list[tuple[str, Any]] = []  # to be given back after a capture

    @property
    def stream(self) -> int:
        """Address of the stream, for other libraries."""
        return int(self._stream)

    @property
    def name(self) -> str:
        """Of the card."""
        raw: bytes = self._call("cuDeviceGetName", 128, self._device)
        return raw.split(b"\0")[0].decode()

    def upload(self, array: npt.NDArray[Any]) -> CudaArray:
        target = self.empty(array.shape, array.dtype)
        self.write(target, array)
        return target

    def empty(self, shape: Shape, dtype: npt.DTypeLike) -> CudaArray:
        return CudaArray(self, shape, dtype, pinned=False)

    def pinned(self, shape: Shape, dtype: npt.DTypeLike) -> CudaArray:
        return CudaArray(self, shape, dtype, pinned=True)

    def write(self, target: Array, array: npt.NDArray[Any]) -> None:
        given = np.ascontiguousarray(array, target.dtype)
        if given.shape != target.shape:
            raise CudaError(f"the array has shape {given.shape}, expected {target.shape}")
        # On the stream itself: a copy beside it could still be under way when a kernel reads.
        self._outside("write an array")
        self._enter()
        if given.nbytes:
            self._call(
                "cuMemcpyHtoDAsync", target.pointer, given.ctypes.data, given.nbytes, self._stream
            )
        self.synchronize()

    def download(self, source: Array) -> npt.NDArray[Any]:
        out = np.empty(source.shape, source.dtype)
        self._outside("download an array")
        self._enter()
        if out.nbytes:
            self._call(
                "cuMemcpyDtoHAsync", out.ctypes.data, source.pointer, out.nbytes, self._stream
            )
        self.synchronize()
        return out

    def copy(self, source: Array, target: Array) -> None:
        if (source.shape, source.dtype) != (target.shape, target.dtype):
            raise CudaError(
                f"a copy of {source.dtype} {source.shape} was asked for into {target.dtype} "
                f"{target.shape}: make them alike"
            )
        size = int(np.prod(source.shape)) * source.dtype.itemsize
        self._keep(source, target)
        self._enter()
        if size:
            self._call("cuMemcpyAsync", target.pointer, source.pointer, size, self._stream)

    def launch(self, name: str, work: tuple[int, ...], *args: Any) -> None:
        call = Call(name, work, args)
        if 0 in call.grid:
            return
        self._keep(*args)
        self._enter()
        function = self._functions.get(name) or self._loaded(call)
        self._call(
            "cuLaunchKernel", function, *call.grid, *call.block, call.shared, self._stream,
            call.addresses, 0,
        )  # fmt: skip

    @contextmanager
    def capture(self) -> Iterator[CudaGraph]:
        self._outside("capture a graph")
        self._enter()
        graph = CudaGraph(self)
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", self._stream, mode)
        self._graph = graph
        recorded = None
        try:
            try:
                yield graph
            finally:  # after an error of no use, but the stream goes on
                self._graph = None
                self._enter()
                status, recorded = self._driver.cuStreamEndCapture(self._stream)
            self._good("cuStreamEndCapture", status)
            ready = self._call("cuGraphInstantiate", recorded, 0)
        finally:
            if recorded is not None:
                self._driver.cuGraphDestroy(recorded)
            while self._left:
                self._give_back(*self._left.pop())
        weakref.finalize(graph, self._give_back, "cuGraphExecDestroy", ready).atexit = False
        graph._ready = ready

    def synchronize(self) -> None:
        self._outside("wait")
        self._enter()
        self._call("cuStreamSynchronize", self._stream)

    def mark(self) -> Mark:
        """The moment when all before is done, for `elapsed`."""
        self._outside("take the time")
        self._enter()
        mark = Mark(self)
        self._call("cuEventRecord", mark.event, self._stream)
        return mark

    def elapsed(self, begin: Mark, end: Mark) -> float:
        """Seconds from one moment to another; waits for the second."""
        self._outside("read the time")
        self._enter()
        self._call("cuEventSynchronize", end.event)
        return float(self._call("cuEventElapsedTime", begin.event, end.event)) / 1000

    def _capability(self) -> tuple[int, int]:
        kinds = self._driver.CUdevice_attribute
        major = kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
        minor = kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
        return self._attribute(major), self._attribute(minor)

    def _attribute(self, kind: Any) -> int:
        """A number that the card has."""
        return int(self._call("cuDeviceGetAttribute", kind, self._device))

    def _loaded(self, call: Call) -> Any:
        """The function of a kernel, whose source is compiled if need be."""
        self._outside(f"load {call.name}, which has not run yet,")
        source = call.kernel.source
        if source not in self._modules:
            self._modules[source] = self._module(source)
        function = self._call("cuModuleGetFunction", self._modules[source], call.name.encode())
        # All that the card has, once: a later launch may ask for more than the first.
        kinds, kind = self._driver.CUdevice_attribute, self._driver.CUfunction_attribute
        most = self._attribute(kinds.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
        fixed = int(
            self._call("cuFuncGetAttribute", kind.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function)
        )
        dynamic = kind.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        self._call("cuFuncSetAttribute", function, dynamic, most - fixed)
        self._functions[call.name] = function
        return function

    def _module(self, source: str) -> Any:
        """Code on the card; what was kept of another build and is refused is built again, once."""
        # PTX is text that ends in a zero byte; a cubin does not mind one.
        code = build.cubin(source, self.architecture) + b"\0"
        status, module = self._driver.cuModuleLoadData(code)
        if getattr(status, "name", "") in _REFUSED:
            log.warning("%s kept for %s is refused: building again", source, self.architecture)
            code = build.rebuilt(source, self.architecture) + b"\0"
            status, module = self._driver.cuModuleLoadData(code)
        self._good("cuModuleLoadData", status)
        return module

    def _allocated(self, size: int, pinned: bool) -> int:
        self._outside("allocate memory")
        self._enter()
        if pinned:
            return int(self._call("cuMemHostAlloc", size, self._driver.CU_MEMHOSTALLOC_PORTABLE))
        return int(self._call("cuMemAlloc", size))

    def _give_back(self, how: str, what: Any) -> None:
        if self._graph is not None:  # it would break the capture
            self._left.append((how, what))
            return
        # A failure here is a context that is gone, and all that was in it.
        self._driver.cuCtxSetCurrent(self._context)
        getattr(self._driver, how)(what)

    def _keep(self, *args: Any) -> None:
        """A graph's arrays must live as long as it does."""
        if self._graph is not None:
            self._graph._kept.extend(args)

    def _outside(self, what: str) -> None:
        if getattr(self, "_graph", None) is not None:
            raise CudaError(f"cannot {what} while a graph is captured: run it once before")

    def _enter(self) -> None:
        """The context belongs to a thread; the worker's need not be the one that made this."""
        self._call("cuCtxSetCurrent", self._context)

    def _call(self, name: str, *args: Any) -> Any:
        """The driver's answer. Raises CudaError."""
        status, *rest = getattr(self._driver, name)(*args)
        self._good(name, status)
        return rest[0] if rest else None

    def _good(self, name: str, status: Any) -> None:
        if int(status) != 0:
            raise CudaError(f"{name} answers {getattr(status, 'name', status)}")


def _driver() -> Any:
    """The bindings, with a driver and a card behind them. Raises CudaUnavailable."""
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise CudaUnavailable(
            f"the package {error.name} is not installed, expected cuda-bindings: "
            "pip install 'vivify[gpu]'"
        ) from error
    return checked(driver)


def checked(driver: Any) -> Any:
    """The driver, initialised. Raises CudaUnavailable where it is absent, old, or has no card."""
    newer = f"expected CUDA {build.DRIVER // 1000}.{build.DRIVER % 1000 // 10} or later"
    try:
        status = driver.cuInit(0)[0]
    except RuntimeError as error:
        raise CudaUnavailable(
            f"no NVIDIA driver ({str(error)[:100]}), {newer}: install one, or use the CPU"
        ) from error
    if int(status) != 0:
        raise CudaUnavailable(
            f"the NVIDIA driver answers {getattr(status, 'name', status)}: see what nvidia-smi "
            "says, or use the CPU"
        )
    version = int(driver.cuDriverGetVersion()[1])
    if version < build.DRIVER:
        raise CudaUnavailable(
            f"the NVIDIA driver knows CUDA {version // 1000}.{version % 1000 // 10}, {newer}: "
            "update the driver to 580 or later, or use the CPU"
        )
    if int(driver.cuDeviceGetCount()[1]) == 0:
        raise CudaUnavailable("no GPU is visible to the NVIDIA driver, expected one: use the CPU")
    return driver
