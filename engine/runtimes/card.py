"""The NVIDIA card of this process, and its memory, through CUDA's runtime library."""

from functools import cache
from typing import Any, NamedTuple

from engine.errors import RuntimeUnavailable

OLDEST = 13000  # CUDA 13.0, as cudaDriverGetVersion counts: what our kernels and TensorRT ask for
_INSTALL = "pip install -e '.[gpu]'"


class Card(NamedTuple):
    """What an engine depends on beside its graph."""

    name: str
    capability: tuple[int, int]
    driver: int  # newest CUDA it speaks, 13000 for 13.0


@cache
def _cuda() -> Any:
    """cuda.bindings.runtime, which needs no driver to be imported."""
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise RuntimeUnavailable(
            f"no CUDA libraries for Python here ({error}); install them with {_INSTALL}"
        ) from error
    return runtime


def called(result: tuple[Any, ...]) -> Any:
    """What a CUDA call gives beside its status. Raises RuntimeUnavailable when it failed."""
    status, *rest = result
    if int(status):
        raise RuntimeUnavailable(
            f"CUDA said {status.name} ({int(status)}); look for other programs on the card with "
            "nvidia-smi, or run on the CPU"
        )
    return rest[0] if len(rest) == 1 else rest


@cache
def found() -> Card:
    """The card in use. Raises RuntimeUnavailable where there is none that we can use, and says
    what was found, what is needed and what to do."""
    cuda = _cuda()
    driver = int(called(cuda.cudaDriverGetVersion()))
    if not driver:
        raise RuntimeUnavailable(
            "no NVIDIA driver found, expected one for CUDA 13.0 (580) or newer; install it, or "
            "run on the CPU"
        )
    if driver < OLDEST:
        raise RuntimeUnavailable(
            f"the NVIDIA driver speaks CUDA {_version(driver)}, expected {_version(OLDEST)} or "
            "newer (driver 580); update it, or run on the CPU"
        )
    status, count = cuda.cudaGetDeviceCount()
    if int(status) or not count:
        raise RuntimeUnavailable(
            f"no NVIDIA card found ({status.name}), expected one; look at nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or run on the CPU"
        )
    about = called(cuda.cudaGetDeviceProperties(called(cuda.cudaGetDevice())))
    return Card(about.name.decode().strip("\0"), (about.major, about.minor), driver)


def _version(driver: int) -> str:
    return f"{driver // 1000}.{driver % 1000 // 10}"


def idle() -> None:
    """Wait for all that was put on the card, on any stream. Not while one of them is captured."""
    called(_cuda().cudaDeviceSynchronize())


class Memory:
    """Device memory that is freed with this object."""

    def __init__(self, size: int) -> None:
        self.size = max(size, 1)
        self.pointer = int(called(_cuda().cudaMalloc(self.size)))

    def __del__(self) -> None:
        if hasattr(self, "pointer"):
            _cuda().cudaFree(self.pointer)


class Stream:
    """A stream of our own, beside the default one."""

    def __init__(self) -> None:
        cuda = _cuda()
        self.handle = int(called(cuda.cudaStreamCreateWithFlags(cuda.cudaStreamNonBlocking)))

    def wait(self) -> None:
        called(_cuda().cudaStreamSynchronize(self.handle))

    def copy(self, to: int, source: int, size: int) -> None:
        """Between any two places, host or device."""
        cuda = _cuda()
        kind = cuda.cudaMemcpyKind.cudaMemcpyDefault
        called(cuda.cudaMemcpyAsync(to, source, size, kind, self.handle))

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            _cuda().cudaStreamDestroy(self.handle)
