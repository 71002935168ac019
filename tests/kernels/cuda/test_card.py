"""The kernels' tests as they run on a GPU (VIVIFY_CARD), over the stand-in for its driver."""

from collections.abc import Iterator

import pytest

from kernels.cuda import build
from kernels.cuda.backend import CudaBackend
from tests.kernels.cuda import shim
from tests.kernels.cuda.driver import Driver
from tests.kernels.cuda.test_i420 import compare
from tests.kernels.cuda.test_mesh import Setting as Look
from tests.kernels.cuda.test_mesh import compare as meshes
from tests.kernels.cuda.test_mesh import load, motion, names


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """In place of a card."""
    monkeypatch.setattr(build, "cubin", lambda source, arch: source.encode())
    monkeypatch.setattr(build, "architecture", lambda major, minor: f"sm_{major}{minor}")
    driver = Driver()
    backend = CudaBackend(driver=driver)
    monkeypatch.setattr(shim, "card", lambda: backend)
    yield driver


def test_tests_of_kernels_launch_on_the_card(driver: Driver) -> None:
    compare(20, 28, 30, 42, "half")
    compare(24, 32, 24, 32, "float", "reversed")
    assert driver.calls.count("cuLaunchKernel") == 2
    meshes([load(names()[0])], [Look()], [motion(1)], 64, 66)
    assert driver.calls.count("cuLaunchKernel") > 8


def test_sanitizers_are_left_to_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVIFY_CARD", "1")
    with pytest.raises(pytest.skip.Exception, match="compute-sanitizer"):
        shim.sanitized("tests.kernels.cuda.test_i420:hard")
