"""The GPU's backend, over a stand-in for the driver that runs kernels on the CPU."""

import gc
import inspect
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda import backend as backends
from kernels.cuda import build
from kernels.cuda.backend import CudaBackend, CudaError, checked
from kernels.cuda.build import CudaUnavailable
from kernels.raster import EMPTY
from tests.kernels.cuda.driver import FIXED, OPTIN, REFUSED, Driver, Status
from tests.kernels.cuda.shim import Shim


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in takes a source's name for its code."""
    monkeypatch.setattr(build, "cubin", lambda source, arch: source.encode())
    monkeypatch.setattr(build, "architecture", lambda major, minor: f"sm_{major}{minor}")


def test_arrays_come_back_as_they_went() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    given = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    there = backend.upload(given[:, ::-1])
    np.testing.assert_array_equal(backend.download(there), given[:, ::-1])
    backend.write(there, given)
    host = backend.pinned((2, 3, 4), np.float32)
    backend.copy(there, host)
    backend.synchronize()
    np.testing.assert_array_equal(host.array, given)
    view = host.array
    del host, there
    gc.collect()
    assert len(driver.memory) == 1 and view[1, 2, 3] == 23  # its view keeps the memory
    assert backend.name == "a card" and backend.stream == 77 and backend.architecture == "sm_90"


def test_a_captured_graph_does_again_what_was_recorded() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    there = [backend.empty((37, 4), np.float32), backend.empty((37, 4), np.int32)]
    seen, host = backend.pinned((37, 4), np.float32), backend.pinned((37, 4), np.int32)

    def tick() -> None:
        backend.copy(seen, there[0])
        backend.launch("raster_snap", (37,), *there, 37)
        backend.copy(there[1], host)

    tick()  # loads the kernel
    before = len(driver.calls)
    with backend.capture() as graph:
        tick()
    assert not REFUSED & set(driver.calls[before:])
    there.clear()  # the graph keeps what it uses
    gc.collect()
    random = np.random.default_rng(0)
    for _ in range(3):
        shim, screen = Shim(), random.uniform(-5, 50, (37, 4)).astype(np.float32)
        wanted = shim.empty((37, 4), np.int32)
        shim.launch("raster_snap", (37,), shim.upload(screen), wanted, 37)
        seen.array[...] = screen
        graph.replay()
        backend.synchronize()
        np.testing.assert_array_equal(host.array, wanted.array)
    kept = len(driver.memory)
    del graph
    gc.collect()
    assert len(driver.memory) == kept - 2


def test_what_would_break_a_capture_is_refused_and_the_backend_goes_on() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    keys = backend.empty((2, 2, 4), np.int64)
    for action in (
        lambda: backend.empty(3, np.int32),
        lambda: backend.pinned(3, np.int32),
        lambda: backend.upload(np.zeros(3)),
        lambda: backend.download(keys),
        lambda: backend.write(keys, np.zeros((2, 2, 4), np.int64)),
        lambda: backend.launch("raster_clear", (1, 2, 2), keys, 8),  # not loaded yet
        backend.synchronize,
        backend.mark,
    ):
        with pytest.raises(CudaError, match="while a graph is captured"):
            with backend.capture():
                action()
    backend.launch("raster_clear", (1, 2, 2), keys, 8)
    assert (backend.download(keys) == EMPTY).all()
    with backend.capture() as graph:
        with pytest.raises(CudaError, match="capture a graph"):
            with backend.capture():
                pass
        backend.launch("raster_clear", (1, 2, 2), keys, 8)
    backend.write(keys, np.zeros((2, 2, 4), np.int64))
    graph.replay()
    assert (backend.download(keys) == EMPTY).all()


def test_memory_that_goes_during_a_capture_is_freed_after_it() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    spare = backend.empty(5, np.int32)
    with backend.capture():
        del spare
        gc.collect()
        assert len(driver.memory) == 1 and "cuMemFree" not in driver.calls
    assert not driver.memory


def test_a_graph_that_was_not_captured_cannot_be_replayed() -> None:
    backend = CudaBackend(driver=Driver())
    with pytest.raises(ValueError, match="mine"), backend.capture() as graph:
        raise ValueError("mine")
    with pytest.raises(CudaError, match="not captured to its end"):
        graph.replay()


def test_any_thread_may_use_what_another_made() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    keys = backend.empty((2, 2, 4), np.int64)
    backend.launch("raster_clear", (1, 2, 2), keys, 8)
    with backend.capture() as graph:
        backend.launch("raster_clear", (1, 2, 2), keys, 8)
    backend.write(keys, np.zeros((2, 2, 4), np.int64))
    for act in (
        graph.replay,
        backend.mark,
        lambda: backend.elapsed(backend.mark(), backend.mark()),
    ):
        with ThreadPoolExecutor(1) as fresh:
            fresh.submit(act).result()
    assert (backend.download(keys) == EMPTY).all()
    with ThreadPoolExecutor(1) as fresh:
        fresh.submit(graph.__class__.replay, graph).result()
        held = [graph]
        del graph, act
        fresh.submit(held.clear).result()
    assert driver.live["exec"] == 0
    with pytest.raises(CudaError, match="while a graph is captured"), backend.capture():
        backend.elapsed(backend.mark(), backend.mark())


def test_nothing_is_left_behind() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    for _ in range(3):
        with pytest.raises(ValueError, match="mine"), backend.capture():
            raise ValueError("mine")
        marks = [backend.mark(), backend.mark()]
        assert backend.elapsed(*marks) >= 0 and driver.live["event"] == 2
        del marks
        gc.collect()
    with backend.capture() as graph:
        pass
    assert driver.live == {"graph": 0, "exec": 1, "event": 0}
    with backend.capture():
        del graph
        gc.collect()
        assert driver.live["exec"] == 1, "destroyed after the capture"
    gc.collect()

    class Invalid(Driver):
        def cuGraphInstantiate(self, graph: Any, flags: int) -> Any:
            return Status.CUDA_ERROR_INVALID_VALUE

    driver = Invalid()
    backend = CudaBackend(driver=driver)
    with pytest.raises(CudaError, match="cuGraphInstantiate"), backend.capture() as graph:
        pass
    assert driver.live["graph"] == 0
    with pytest.raises(CudaError, match="not captured to its end"):
        graph.replay()


def test_a_kernel_may_have_all_the_shared_memory_of_the_card() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    keys = backend.empty((2, 2, 4), np.int64)
    for _ in range(2):
        backend.launch("raster_clear", (1, 2, 2), keys, 8)
    assert driver.shared == {"raster_clear": OPTIN - FIXED}
    assert driver.calls.count("cuFuncSetAttribute") == 1


def test_kept_code_that_the_driver_refuses_is_built_again_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    anew: list[tuple[str, str]] = []

    def rebuilt(source: str, arch: str) -> bytes:
        anew.append((source, arch))
        return source.encode()

    monkeypatch.setattr(build, "rebuilt", rebuilt)
    driver = Driver()
    backend = CudaBackend(driver=driver)
    keys = backend.empty((2, 2, 4), np.int64)
    driver.images = 1
    backend.launch("raster_clear", (1, 2, 2), keys, 8)
    assert anew == [("raster", "sm_90")] and "building again" in caplog.text
    assert (backend.download(keys) == EMPTY).all()
    driver.images = 2
    with pytest.raises(CudaError, match="CUDA_ERROR_INVALID_IMAGE"):
        CudaBackend(driver=driver).launch("raster_clear", (1, 2, 2), keys, 8)
    assert len(anew) == 2


def test_wrong_arguments_never_reach_the_driver() -> None:
    driver = Driver()
    backend = CudaBackend(driver=driver)
    keys = backend.empty((2, 2, 4), np.int64)
    for args in ((keys,), (keys, 2**31), (keys, 8, 8), (1.5, 8)):
        with pytest.raises(TypeError):
            backend.launch("raster_clear", (1, 2, 2), *args)
    with pytest.raises(CudaError, match="make them alike"):
        backend.copy(keys, backend.empty((2, 2, 4), np.int32))
    with pytest.raises(CudaError, match=r"shape \(3,\), expected \(2, 2, 4\)"):
        backend.write(keys, np.zeros(3, np.int64))
    with pytest.raises(CudaError, match="download it"):
        assert keys.array is None
    assert "cuLaunchKernel" not in driver.calls
    backend.launch("raster_clear", (0, 2, 2), keys, 0)  # nothing to do
    assert "cuLaunchKernel" not in driver.calls


def test_what_is_found_instead_of_a_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for driver, said in (
        (Driver(version=12_040), r"knows CUDA 12\.4, expected CUDA 13\.0.*update the driver"),
        (Driver(devices=0), "no GPU is visible"),
        (Driver(status=1), "CUDA_ERROR_INVALID_VALUE: see what nvidia-smi"),
    ):
        with pytest.raises(CudaUnavailable, match=said):
            checked(driver)

    class Absent(Driver):
        def cuInit(self, flags: int) -> None:
            raise RuntimeError("Failed to dlopen libcuda.so.1")

    with pytest.raises(CudaUnavailable, match=r"no NVIDIA driver \(Failed to dlopen"):
        checked(Absent())
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(CudaUnavailable, match=r"not installed.*pip install"):
        CudaBackend()


def test_every_call_exists_in_the_real_bindings_with_as_many_parameters() -> None:
    driver = pytest.importorskip("cuda.bindings.driver", reason="pip install -e .[gpu]")
    text = Path(inspect.getfile(backends)).read_text()
    names = set(re.findall(r'"(cu[A-Z]\w+)"', text)) | set(
        re.findall(r"driver\.(cu[A-Z]\w+)", text)
    )
    assert names >= {"cuLaunchKernel", "cuMemAlloc", "cuGraphLaunch", "cuInit"}
    for name in sorted(names):
        signature = getattr(driver, name).__doc__.splitlines()[0]
        real = len([p for p in signature[signature.index("(") + 1 : -1].split(",") if p])
        ours = inspect.signature(getattr(Driver, name))
        if not any(p.kind is p.VAR_POSITIONAL for p in ours.parameters.values()):
            assert real == len(ours.parameters) - 1, (name, signature)
    for name in set(re.findall(r"\b(CU_\w+)", text)):
        kinds = (driver, driver.CUstream_flags, driver.CUstreamCaptureMode,
                 driver.CUdevice_attribute, driver.CUfunction_attribute)  # fmt: skip
        own = (Driver, Driver.CUstream_flags, Driver.CUstreamCaptureMode,
               Driver.CUdevice_attribute, Driver.CUfunction_attribute)  # fmt: skip
        values = [int(getattr(kind, name)) for kind in kinds if hasattr(kind, name)]
        assert values == [int(getattr(kind, name)) for kind in own if hasattr(kind, name)], name
