"""Every kernel compiles for every architecture, within its bounds, and is what the table says."""

import hashlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from kernels.cuda import build
from kernels.cuda.launches import KINDS, TABLE

pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed: pip install -e .[gpu]")
BOTH = pytest.mark.parametrize(
    ("source", "arch"), [(s, a) for s in build.sources() for a in build.ARCHES]
)


@cache
def made(source: str, arch: str) -> build.Built:
    return build.compiled(source, arch)


def tool(name: str, *args: str) -> str:
    """What one of CUDA's tools for machine code says."""
    from cuda.pathfinder import find_nvidia_binary_utility

    path = find_nvidia_binary_utility(name) or shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: pip install -e .[test]")
    return subprocess.run([path, *args], capture_output=True, text=True, check=True).stdout


@BOTH
def test_registers_are_bounded_and_nothing_is_spilled(source: str, arch: str) -> None:
    found = build.resources(made(source, arch).log)
    assert set(found) == {name for name, kernel in TABLE.items() if kernel.source == source}
    for name, used in found.items():
        assert used.spilled == 0 and used.stack == 0, (name, arch, used)
        assert used.registers <= TABLE[name].registers, (name, arch, used)


@BOTH
def test_machine_code_has_no_local_memory_and_wide_accesses(
    source: str, arch: str, tmp_path: Path
) -> None:
    path = tmp_path / "code.cubin"
    path.write_bytes(made(source, arch).code)
    usage = tool("cuobjdump", "--dump-resource-usage", str(path))
    names = re.findall(r"Function (\w+):\s*\n\s*REG:\d+ STACK:0 .*?LOCAL:0", usage)
    assert set(names) == {name for name, kernel in TABLE.items() if kernel.source == source}, usage
    parts = re.split(r"\.section\s+\.text\.(\w+)", tool("nvdisasm", "-c", str(path)))
    text = dict(zip(parts[1::2], parts[2::2], strict=True))
    for name in names:
        lacking = [word for word in TABLE[name].wide if word not in text[name]]
        assert not lacking, f"{name} on {arch} has no {lacking}"


@pytest.mark.parametrize("source", build.sources())
def test_parameters_are_those_of_the_table(source: str) -> None:
    ptx = made(source, "compute_80").code
    version = re.search(rb"\.version (\d+)\.(\d+)", ptx)
    assert version and (int(version[1]), int(version[2])) <= (9, 0), "a CUDA 13.0 driver refuses it"
    found = build.signatures(ptx)
    expected = {
        name: [KINDS[kind] for kind in kernel.kinds]
        for name, kernel in TABLE.items() if kernel.source == source
    }  # fmt: skip
    assert found == expected and not ptx.endswith(b"\0")


def _digested(code: bytes) -> bytes:
    return hashlib.sha256(code).digest() + code


def test_what_was_built_is_kept_until_its_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, folder = tmp_path / "sources", tmp_path / "kept"
    sources.mkdir(), folder.mkdir()
    for name in ("device.h", "shim.h"):
        shutil.copy(build.SOURCES / name, sources)
    text = '#include "device.h"\nextern "C" __global__ void one(float* x) { x[threadIdx.x] = 1; }\n'
    (sources / "one.cu").write_text(text)
    monkeypatch.setattr(build, "SOURCES", sources)
    monkeypatch.setattr(build, "private", lambda name: folder)
    build._options.cache_clear()
    first = build.cubin("one", "sm_90")
    (kept_file,) = folder.iterdir()
    kept_file.write_bytes(_digested(b"kept"))
    assert build.cubin("one", "sm_90") == b"kept" != first
    assert build.rebuilt("one", "sm_90") == first and kept_file.read_bytes() == _digested(first)
    for torn in (b"", _digested(first)[:-1], _digested(b""), first):
        kept_file.write_bytes(torn)
        assert build.cubin("one", "sm_90") == first
        assert kept_file.read_bytes() == _digested(first), "whole again"
    (sources / "one.cu").write_text(text.replace("= 1", "= 2"))
    second = build.cubin("one", "sm_90")
    assert second not in (first, b"kept")
    assert [p.read_bytes() for p in folder.iterdir()] == [_digested(second)]
    (sources / "device.h").write_text("// nothing\n")
    (before,) = folder.iterdir()
    build.cubin("one", "sm_90")
    (after,) = folder.iterdir()
    assert after != before
    monkeypatch.setattr(build, "private", lambda name: None)
    after.write_bytes(b"not read")
    assert build.cubin("one", "sm_90") != b"not read"
    build._options.cache_clear()


def test_a_source_that_is_wrong_says_where() -> None:
    with pytest.raises(build.BuildError, match=r"wrong\.cu does not compile for sm_90(.|\n)*\(1\)"):
        build.translate("int x = y;", "wrong.cu", "sm_90")


def test_cards_get_their_own_code_or_the_newest_that_is_known() -> None:
    assert build.architecture(9, 0) == "sm_90" and build.architecture(8, 9) == "sm_89"
    assert build.architecture(99, 0).startswith("compute_1")
    with pytest.raises(build.CudaUnavailable, match="7.5, expected 8.0"):
        build.architecture(7, 5)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cuda.bindings", None)
    with pytest.raises(build.CudaUnavailable, match="pip install"):
        build._nvrtc.__wrapped__()
