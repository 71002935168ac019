"""Every name of TensorRT that engine/runtimes/tensorrt.py uses exists in TensorRT 11.4 and in RTX.

Full TensorRT cannot be installed here: its bindings can, and load with stubs of its libraries.
"""

import ast
import inspect
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.runtimes import tensorrt

# What a variable or attribute of the module holds.
HOLDS = {
    "trt": "", "_trt": "", "builder": "Builder", "network": "INetworkDefinition",
    "made": "INetworkDefinition", "parser": "OnnxParser", "config": "IBuilderConfig",
    "profile": "IOptimizationProfile", "tensor": "ITensor", "_runtime": "Runtime",
    "engine": "ICudaEngine", "_engine": "ICudaEngine", "context": "IExecutionContext",
}  # fmt: skip
RUNTIME_CONFIG = "_context"  # the function whose `config` is another
ONLY_RTX = {  # behind hasattr
    "BuilderFlag.REQUIRE_USER_ALLOCATION",
    "DynamicShapesKernelSpecializationStrategy",
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
}


def used() -> set[str]:
    """CLASS.MEMBER or NAME of everything the module takes from TensorRT."""
    found = set()
    tree = ast.parse(inspect.getsource(tensorrt))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        holds = {
            **HOLDS,
            **({"config": "IRuntimeConfig"} if function.name == RUNTIME_CONFIG else {}),
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute):
                found.add(_path(node, holds))
    return {name for name in found if name and not name.startswith("__")}


def _path(node: ast.Attribute, holds: dict[str, str]) -> str:
    """ "" for what does not belong to TensorRT."""
    below, names = node.value, [node.attr]
    while isinstance(below, ast.Attribute) and below.attr not in holds:
        names.append(below.attr)
        below = below.value
    name = below.attr if isinstance(below, ast.Attribute) else getattr(below, "id", None)
    if name not in holds or (name == "engine" and names == ["bindings"]):
        return ""
    head = [holds[name]] if holds[name] else []
    return ".".join([*head, *names[::-1]])


def lacking(module: Any, names: set[str]) -> list[str]:
    """Those of the names that a library does not have."""
    missing = []
    for name in sorted(names):
        held: Any = module
        for part in name.split("."):
            held = getattr(held, part, None)
            if held is None and part != name.split(".")[0]:
                break
        if held is None:
            missing.append(name)
    return missing


def test_the_list_is_not_empty() -> None:
    names = used()
    assert ONLY_RTX <= names and {
        "Builder.build_serialized_network", "IExecutionContext.execute_async_v3",
        "ICudaEngine.create_execution_context", "ITensor.allowed_formats", "Logger.ERROR",
        "TensorFormat.HWC8", "Runtime.deserialize_cuda_engine", "IOptimizationProfile.set_shape",
        "IExecutionContext.set_device_memory", "OnnxParser.parse", "nptype",
        "IRuntimeConfig.set_execution_context_allocation_strategy",
        "ExecutionContextAllocationStrategy.USER_MANAGED", "IBuilderConfig.clear_flag",
    } <= names  # fmt: skip


def test_rtx_has_all_of_it() -> None:
    rtx = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
    assert lacking(rtx, used()) == []
    assert lacking(rtx, {"Builder.build_engine_of_wood", "Nothing"}) == [
        "Builder.build_engine_of_wood", "Nothing",
    ]  # fmt: skip


_LOOK = """
import ctypes, json, sys
for path in json.loads(sys.argv[1]):
    ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
import tensorrt_bindings
from tests.engine.runtimes.test_tensorrt_surface import lacking
names = set(json.loads(sys.argv[2]))
print(json.dumps([tensorrt_bindings.__version__, lacking(tensorrt_bindings, names)]))
"""


def test_tensorrt_11_has_all_but_what_is_rtx_only(tmp_path: Path) -> None:
    if find_spec("tensorrt_bindings") is None:
        pytest.skip("tensorrt-cu13-bindings is not installed")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the stubs of TensorRT's libraries cannot be built")
    paths = []
    for name in ("libnvinfer.so.11", "libnvonnxparser.so.11", "libnvinfer_plugin.so.11"):
        paths.append(str(tmp_path / name))
        subprocess.run(
            [compiler, "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", paths[-1],
             str(Path(__file__).with_name("stub_tensorrt.c"))],
            check=True,
        )  # fmt: skip
    # In a process of its own: the stubs must not stand in for a TensorRT elsewhere in the tests.
    done = subprocess.run(
        [sys.executable, "-c", _LOOK, json.dumps(paths), json.dumps(sorted(used()))],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    version, missing = json.loads(done.stdout)
    assert version.startswith("11.")
    assert set(missing) == ONLY_RTX
