"""A TensorRT of our own for machines without a card: its engines are graphs, its device memory the
host's, and it insists on the order of calls that the real one asks for."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from engine.runtimes.eager import Eager
from engine.runtimes.engine import Design, dtype
from engine.runtimes.nodes import parsed

__version__ = "1.7.0"
__name__ = "fake_tensorrt"  # as it calls itself in messages
TORCH = {np.dtype(np.float16): torch.float16, np.dtype(np.float32): torch.float32}
SCRATCH = 4096  # bytes an item
ExecutionContextAllocationStrategy = SimpleNamespace(USER_MANAGED="user")
DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="eager")


class Logger:
    ERROR = 2

    def __init__(self, level: int) -> None:
        self.level = level


def nptype(kind: Any) -> Any:
    return kind


class Engine:
    """A "built" engine: the bytes of the graph itself."""

    def __init__(self, data: bytes) -> None:
        self.model = parsed(data)
        self.eager = Eager(self.model, torch.device("cpu"))
        inputs = {value.name: value for value in self.model.inputs}
        zeros = {
            name: torch.zeros((1, *value.shape[1:]), dtype=TORCH[dtype(value)])  # type: ignore[arg-type]
            for name, value in inputs.items()
        }
        self.outputs = self.eager(zeros)

    def create_runtime_config(self) -> RuntimeConfig:
        return RuntimeConfig()

    def create_execution_context(self, config: RuntimeConfig) -> Context:
        assert config.strategy == "user"
        assert config.dynamic_shapes_kernel_specialization_strategy == "eager"
        return Context(self)

    def get_tensor_dtype(self, name: str) -> Any:
        return np.float16 if self.outputs[name].dtype == torch.float16 else np.float32

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, *self.outputs[name].shape[1:])


class RuntimeConfig:
    strategy: str | None = None
    dynamic_shapes_kernel_specialization_strategy: str | None = None

    def set_execution_context_allocation_strategy(self, strategy: str) -> None:
        self.strategy = strategy


class Context:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._at: dict[str, int] = {}
        self.profile = self.memory = -1
        self.runs = 0

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self.profile = profile
        return True

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
        assert self.profile >= 0, "the profile comes first"
        self._shapes[name] = tuple(shape)
        return True

    def update_device_memory_size_for_shapes(self) -> int:
        assert self._shapes.keys() == {value.name for value in self._engine.model.inputs}
        return SCRATCH * next(iter(self._shapes.values()))[0]

    def set_device_memory(self, memory: int, size: int) -> None:
        assert size >= self.update_device_memory_size_for_shapes()
        self.memory = memory

    def set_tensor_address(self, name: str, pointer: int) -> bool:
        self._at[name] = pointer
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert self.memory > 0, "no memory was given"
        engine, feed = self._engine, {}
        for value in engine.model.inputs:
            shape, kind = self._shapes[value.name], dtype(value)
            last = kind == np.float16 and value.name == "image"
            laid = (shape[0], *shape[2:], shape[1]) if last else shape
            array = _array(self._at[value.name], laid, kind)
            feed[value.name] = torch.from_numpy(np.moveaxis(array, -1, 1) if last else array)
        for name, made in engine.eager(feed).items():
            result = made.numpy()
            _array(self._at[name], result.shape, result.dtype)[...] = result
        self.runs += 1
        return True


def _array(pointer: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> np.ndarray:
    size = int(np.prod(shape)) * kind.itemsize
    held = memoryview((ctypes.c_char * size).from_address(pointer)).cast("B")
    return np.frombuffer(held, kind).reshape(shape)


class Runtime:
    """Refuses what `build` did not make with this `stamp`, as a new library would."""

    stamp = b"one"

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def deserialize_cuda_engine(self, data: bytes) -> Engine | None:
        head, _, graph = data.partition(b"\0")
        return Engine(graph) if head == self.stamp else None


def build(_: Any, plan: Design) -> bytes:
    """In the place of `engine.runtimes.tensorrt.build`."""
    return Runtime.stamp + b"\0" + plan.data


class Memory:
    """In the place of `card.Memory`: of the host, poisoned, counted."""

    made = 0

    def __init__(self, size: int) -> None:
        self._held = np.full(max(size, 1), 0xFF, np.uint8)
        self.size, self.pointer = max(size, 1), int(self._held.ctypes.data)
        type(self).made += 1


class Stream:
    """In the place of `card.Stream`."""

    handle = 7

    def wait(self) -> None:
        pass

    def copy(self, to: int, source: int, size: int) -> None:
        ctypes.memmove(to, source, size)


IDLE: list[None] = []


def idle() -> None:
    """In the place of `card.idle`."""
    IDLE.append(None)
