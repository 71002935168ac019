"""kernels/cuda/*.cu -> machine code by NVRTC, without a CUDA toolkit, kept in the user's cache.

A cubin is built for one architecture ("sm_90"); PTX ("compute_90") is what the driver builds from
where NVRTC does not know the card. Kept code is valid for the text of its source and of all
headers, the options and NVRTC's version. It is loaded onto a GPU as it is, so it is only read from
a folder that nobody else can write to (kernels.cache). A file is the SHA-256 of the code and the
code: a torn one is noticed, and built again.

Floats are never contracted to fused multiply-adds that the source does not ask for: the same source
gives the same numbers on a CPU (tests/kernels/cuda/shim.py).
"""

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kernels.cache import private
from kernels.cuda.layout import SOURCES

ARCHES = ("sm_80", "sm_90", "sm_120")  # what CI builds; others are built where they are met
DRIVER = 13_000  # CUDA version that NVRTC 13.0's code needs: driver 580 or later
LEAST = 80  # compute capability, times ten
_DIGEST = hashlib.sha256().digest_size
_OPTIONS = ("--std=c++17", "--fmad=false", "--ptxas-options=-v")
_PTXAS = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) "
    r"bytes spill loads.*?Used (\d+) registers",
    re.DOTALL,
)
_ENTRY = re.compile(r"\.entry (\w+)\((.*?)\)", re.DOTALL)
_PARAMETER = re.compile(r"\.param \.(\w+)")


class CudaUnavailable(RuntimeError):
    """CUDA cannot be used here: what was found, what was expected, what to do."""


class BuildError(RuntimeError):
    """A kernel's source does not compile."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the compiler gave a kernel."""

    registers: int  # per thread
    stack: int  # bytes per thread
    spilled: int  # bytes stored or loaded because registers ran out


@dataclass(frozen=True, slots=True)
class Built:
    """One source, compiled."""

    code: bytes  # a cubin, or PTX text
    log: str


def sources() -> tuple[str, ...]:
    """Names of the kernels' sources, sorted."""
    return tuple(sorted(path.stem for path in SOURCES.glob("*.cu")))


def cubin(source: str, arch: str) -> bytes:
    """SOURCE.cu for an architecture "sm_90", or as PTX for "compute_90"; from the cache if it is
    there. Raises CudaUnavailable, BuildError."""
    path = _place(source, arch)
    data = b""
    if path is not None:
        with suppress(OSError):
            data = path.read_bytes()
    code = data[_DIGEST:]
    whole = code and hashlib.sha256(code).digest() == data[:_DIGEST]
    return code if whole else rebuilt(source, arch)


def rebuilt(source: str, arch: str) -> bytes:
    """As `cubin`, built anew whatever is in the cache, and kept there."""
    path = _place(source, arch)
    code = compiled(source, arch).code
    if path is not None:
        _keep(path, hashlib.sha256(code).digest() + code)
    return code


def compiled(source: str, arch: str) -> Built:
    """As `cubin`, without the cache, with the compiler's log."""
    text = (SOURCES / f"{source}.cu").read_text()
    return translate(text, f"{source}.cu", arch)


def translate(text: str, name: str, arch: str) -> Built:
    """CUDA C++ -> code for an architecture. Raises CudaUnavailable, BuildError."""
    nvrtc = _nvrtc()
    program = _checked(nvrtc, nvrtc.nvrtcCreateProgram(text.encode(), name.encode(), 0, [], []))
    try:
        options = [option.encode() for option in (*_options(), f"--gpu-architecture={arch}")]
        status = nvrtc.nvrtcCompileProgram(program, len(options), options)[0]
        size = _checked(nvrtc, nvrtc.nvrtcGetProgramLogSize(program))
        log = _read(nvrtc, nvrtc.nvrtcGetProgramLog, program, size).decode(errors="replace")
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise BuildError(f"{name} does not compile for {arch} ({status.name}):\n{log[:4000]}")
        binary = arch.startswith("sm_")
        sized = nvrtc.nvrtcGetCUBINSize if binary else nvrtc.nvrtcGetPTXSize
        got = nvrtc.nvrtcGetCUBIN if binary else nvrtc.nvrtcGetPTX
        code = _read(nvrtc, got, program, _checked(nvrtc, sized(program)))
    finally:
        nvrtc.nvrtcDestroyProgram(program)
    # PTX ends in a zero byte, which the assembler does not take.
    return Built(code if binary else code.rstrip(b"\0"), log)


def resources(log: str) -> dict[str, Resources]:
    """Registers, stack and spills of each kernel, read off a log of `compiled`."""
    return {
        name: Resources(int(used), int(stack), int(stored) + int(loaded))
        for name, stack, stored, loaded, used in _PTXAS.findall(log)
    }


def signatures(ptx: bytes) -> dict[str, list[str]]:
    """PTX types of each kernel's parameters, "u64" for a pointer."""
    return {
        name: _PARAMETER.findall(parameters)
        for name, parameters in _ENTRY.findall(ptx.decode("ascii", "replace"))
    }


def architecture(major: int, minor: int) -> str:
    """What to build for a card of this compute capability: its own architecture where NVRTC knows
    it, else PTX of the newest one that it knows. Raises CudaUnavailable for a card that is too
    old."""
    found = 10 * major + minor
    if found < LEAST:
        raise CudaUnavailable(
            f"the GPU has compute capability {major}.{minor}, expected 8.0 (Ampere) or later: use "
            "the CPU"
        )
    nvrtc = _nvrtc()
    known = _checked(nvrtc, nvrtc.nvrtcGetSupportedArchs())
    if found in known:
        return f"sm_{found}"
    older = max(arch for arch in known if LEAST <= arch < found)
    return f"compute_{older}"


@cache
def _nvrtc() -> Any:
    """The compiler's bindings. Raises CudaUnavailable."""
    try:
        from cuda.bindings import nvrtc
        from cuda.pathfinder import find_nvidia_header_directory

        _checked(nvrtc, nvrtc.nvrtcVersion(), 2)
        headers = find_nvidia_header_directory("cudart")
    except ImportError as error:
        raise CudaUnavailable(
            f"the package {error.name} is not installed, expected cuda-bindings with NVRTC: "
            "pip install 'vivify[gpu]'"
        ) from error
    except RuntimeError as error:  # the bindings are there, the library is not
        raise CudaUnavailable(
            f"NVRTC cannot be loaded ({str(error)[:200]}), expected nvidia-cuda-nvrtc 13.0: "
            "pip install 'vivify[gpu]'"
        ) from error
    if headers is None:
        raise CudaUnavailable(
            "the header cuda_fp16.h was not found, expected the packages nvidia-cuda-runtime, "
            "nvidia-cuda-crt and nvidia-cuda-cccl: pip install 'vivify[gpu]'"
        )
    return nvrtc


@cache
def _options() -> tuple[str, ...]:
    from cuda.pathfinder import find_nvidia_header_directory

    return (*_OPTIONS, f"-I{SOURCES}", f"-I{find_nvidia_header_directory('cudart')}")


def _checked(nvrtc: Any, answer: tuple[Any, ...], values: int = 1) -> Any:
    """What a call of NVRTC returned beside its status. Raises BuildError."""
    status, *rest = answer
    if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise BuildError(f"NVRTC answers {status.name}: reinstall nvidia-cuda-nvrtc 13.0")
    return rest[0] if values == 1 else tuple(rest)


def _read(nvrtc: Any, get: Any, program: Any, size: int) -> bytes:
    buffer = bytes(size)  # the bindings write into it
    _checked(nvrtc, (*get(program, buffer), None))
    return buffer


def _place(source: str, arch: str) -> Path | None:
    """Where code is kept; None where it cannot be."""
    folder = private("cuda")
    return folder / f"{source}-{arch}-{_stamp(source, arch)}" if folder else None


def _stamp(source: str, arch: str) -> str:
    """Changes with all that the code depends on; not with where the files lie."""
    nvrtc = _nvrtc()
    digest = hashlib.sha256(repr((_OPTIONS, arch, nvrtc.nvrtcVersion()[1:])).encode())
    for path in (SOURCES / f"{source}.cu", *sorted(SOURCES.glob("*.h"))):
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def _keep(path: Path, data: bytes) -> None:
    """Write a file in one step, and forget what was built of another text of the source."""
    source, arch, _ = path.name.rsplit("-", 2)
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        for old in path.parent.glob(f"{source}-{arch}-*"):
            if old != path:
                old.unlink(missing_ok=True)
