"""The machine: what is installed, which card, whether kernels build and pass their tests, how fast
copies are."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from engine.eval.gpu.rig import Rig
from engine.eval.gpu.rows import ABSENT, MEASURED, OK, Row, check, number, read
from engine.eval.gpu.suite import ROOT
from kernels.cuda import build as builder

PACKAGES = (
    "numpy", "numba", "onnxruntime", "torch", "cuda-bindings", "cuda-core", "nvidia-cuda-nvrtc",
    "nvidia-cuda-runtime", "tensorrt", "tensorrt-cu13", "tensorrt-rtx-cu13", "pytest",
)  # fmt: skip
CHECKED = ("raster", "mesh", "shade", "texture", "i420", "decode")  # tests of kernels
_COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error)")


def packages(_: Rig | None) -> Iterator[Row]:
    """Versions of all that a part may need; these rows come without a card, too."""
    yield Row("packages", "python", MEASURED, note=".".join(map(str, sys.version_info[:3])))
    for name in PACKAGES:
        try:
            yield Row("packages", name, MEASURED, note=version(name))
        except PackageNotFoundError:
            yield Row("packages", name, ABSENT)


def card(rig: Rig) -> Iterator[Row]:
    """The card and its driver."""
    backend = rig.backend
    major, minor = divmod(int(backend._driver.cuDriverGetVersion()[1]) // 10, 100)
    cuda: dict[str, float | str] = {"cuda": f"{major}.{minor}", "builds": backend.architecture}
    yield Row("card", "name", MEASURED, note=backend.name, more=cuda)
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=driver_version,memory.total,clocks.sm,clocks.mem",
                 "--format=csv,noheader"]  # fmt: skip
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20)
        yield Row("card", "nvidia-smi", MEASURED, note=done.stdout.strip()[:200])


def build(rig: Rig) -> Iterator[Row]:
    """Every source of kernels by this machine's NVRTC, past the cache."""
    for source in builder.sources():
        began = time.perf_counter()
        built = builder.compiled(source, rig.backend.architecture)
        taken = time.perf_counter() - began
        used = builder.resources(built.log)
        spilled = sum(one.spilled + one.stack for one in used.values())
        yield check(
            "build", source, spilled == 0, f"{len(built.code)} bytes in {taken:.2f} s",
            registers=float(max((one.registers for one in used.values()), default=0)),
        )  # fmt: skip


def rates(rig: Rig) -> dict[str, float]:
    """Bytes per second, read and written counted each, on the device, and one way to and from
    pinned memory."""
    backend, size = rig.backend, rig.scale.copied
    one, two = backend.empty(size, np.uint8), backend.empty(size, np.uint8)
    host = backend.pinned(size, np.uint8)
    host.array[:] = 1  # pages that exist
    ways = {"device": (one, two, 2), "to host": (two, host, 1), "from host": (host, one, 1)}
    found = {}
    for name, (source, target, counted) in ways.items():

        def copied(source: object = source, target: object = target) -> None:
            backend.copy(source, target)

        found[name] = counted * size / max(rig.seconds(copied), 1e-12)
    return found


def copies(rig: Rig) -> Iterator[Row]:
    """Copy rates: what floors are told by."""
    for name, rate in rates(rig).items():
        yield number("copies", name, rate / 1e9, "GB/s", more={"bytes": rig.scale.copied})


def tests(rig: Rig) -> Iterator[Row]:
    """The kernels' own tests, run on the card: tests/kernels/cuda/shim.py with VIVIFY_CARD=1 puts
    arrays into pinned memory and launches there. Each compares with the kernel's twin."""
    if not (ROOT / "tests" / "kernels").is_dir():
        yield Row("tests", "tests", ABSENT, note="no tests here: run from a checkout")
        return
    for name in CHECKED:
        if rig.left < 10:
            yield Row("tests", name, ABSENT, note="no time left")
            continue
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                   f"tests/kernels/cuda/test_{name}.py"]  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=ROOT, env={**os.environ, "VIVIFY_CARD": "1"}, capture_output=True,
                text=True, check=False, timeout=rig.left,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            yield check("tests", name, False, "did not end in time")
            continue
        counts = {kind: float(n) for n, kind in _COUNTS.findall(done.stdout[-400:])}
        if "No module named pytest" in done.stderr:
            yield Row("tests", name, ABSENT, note="pytest is not installed")
            continue
        good = done.returncode == 0 and counts.get("passed", 0) > 0
        note = "" if good else " ".join(done.stdout.split())[-300:]
        yield check("tests", name, good, note, **counts)


def sanitizer(rig: Rig) -> Iterator[Row]:
    """Pictures drawn small under compute-sanitizer: memory and races."""
    tool = shutil.which("compute-sanitizer") or shutil.which(
        "compute-sanitizer", path="/usr/local/cuda/bin"
    )
    for kind in ("memcheck", "racecheck"):
        if tool is None:
            yield Row("sanitizer", kind, ABSENT, note="compute-sanitizer was not found")
            continue
        command = [tool, "--tool", kind, "--error-exitcode", "9", sys.executable, "-m",
                   "engine.eval", "gpu", "--part", "replay", "--tiny"]  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=False,
                timeout=max(rig.left / (2 if kind == "memcheck" else 1), 1),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            yield check("sanitizer", kind, False, "did not end in time")
            continue
        said = done.stdout + done.stderr
        if "not supported" in said:
            yield Row("sanitizer", kind, ABSENT, note="the tool refuses this device")
            continue
        last = [line for line in said.splitlines() if "SUMMARY" in line or "Error" in line]
        drew = [row.status for row in read(done.stdout)]
        good = done.returncode == 0 and bool(drew) and set(drew) == {OK}
        yield check("sanitizer", kind, good, f"{drew} {' '.join(last)}"[:300])
