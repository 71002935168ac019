"""torch on a CUDA device: a graph's nodes, in float16 or float32, fit for capture in a CUDA graph.

For where TensorRT is absent, behind the same interface. Memory comes from a pool of its own that
`prepare` fills, so that a run within a capture allocates nothing new. On device "cpu" the pointers
are the host's and streams mean nothing: that is how the whole tick is tested without a GPU.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import RuntimeUnavailable
from engine.runtimes import card
from engine.runtimes.eager import Eager
from engine.runtimes.engine import Binding, batch_of, design
from engine.runtimes.graph import Array, Wish

_TYPES = {np.dtype(np.float32): torch.float32, np.dtype(np.float16): torch.float16}
_CODES = {np.dtype(np.float32): "<f4", np.dtype(np.float16): "<f2"}


class _At:
    """Device memory as torch.as_tensor takes it (CUDA array interface, version 3)."""

    def __init__(self, pointer: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.__cuda_array_interface__ = {
            "data": (pointer, False), "shape": shape, "typestr": _CODES[dtype], "version": 3,
        }  # fmt: skip


class GraphedGraph:
    """An `Engine` on torch."""

    def __init__(self, path: Path, wish: Wish, device: str = "cuda") -> None:
        plan = design(path, wish)
        if device == "cuda":
            card.found()
            if not torch.cuda.is_available():
                raise RuntimeUnavailable(
                    f"torch {torch.__version__} has no CUDA; install one that has, as "
                    "pip install -e '.[gpu]' does, or run on the CPU"
                )
        self.config, self.inputs, self.outputs = plan.config, plan.inputs, plan.outputs
        self.most, self.precision = plan.most, plan.precision
        self._device = torch.device(device)
        self._eager = Eager(plan.model, self._device)
        self._ready: set[int] = set()
        self._pool = torch.cuda.MemPool() if device == "cuda" else None
        self._stream = torch.cuda.Stream() if device == "cuda" else None  # type: ignore[no-untyped-call]
        self.bindings = dict(plan.bindings)
        for name, value in self._eager(self._zeros(1)).items():
            dtype = np.dtype(np.float16 if value.dtype == torch.float16 else np.float32)
            self.bindings[name] = Binding(dtype, tuple(value.shape[1:]))

    def _zeros(self, batch: int) -> dict[str, Tensor]:
        held = {}
        for name in self.inputs:
            one = self.bindings[name]
            zeros = torch.zeros((batch, *one.stored), dtype=_TYPES[one.dtype], device=self._device)
            held[name] = zeros.movedim(-1, 1) if one.channels_last else zeros
        return held

    def _run(self, held: Mapping[str, Tensor]) -> None:
        """Inputs and outputs where they lie, in the graph's order of axes."""
        for name, value in self._eager({name: held[name] for name in self.inputs}).items():
            held[name].copy_(value)

    def prepare(self, batch: int) -> None:
        """Make ready for batches of this size; see `Engine.prepare`."""
        batch_of({"": np.empty(batch)}, self.most)
        if batch in self._ready or self._stream is None or self._pool is None:
            return
        held = self._zeros(batch)
        for name in self.outputs:
            one = self.bindings[name]
            shape = (batch, *one.shape)
            held[name] = torch.empty(shape, dtype=_TYPES[one.dtype], device=self._device)
        torch.cuda.synchronize(self._device)  # captured runs under way use the same memory
        with torch.cuda.use_mem_pool(self._pool), torch.cuda.stream(self._stream):
            for _ in range(3):  # libraries choose kernels and take work memory in their first runs
                self._run(held)
        self._stream.synchronize()
        self._ready.add(batch)

    def enqueue(self, stream: int, pointers: Mapping[str, int], batch: int) -> None:
        """Put one run on a stream; see `Engine.enqueue`."""
        held = {name: self._at(pointers[name], one, batch) for name, one in self.bindings.items()}
        if self._pool is None or self._stream is None:
            self._run(held)
            return
        # torch keeps free memory by stream, so the work goes to the one that `prepare` filled; a
        # capture of the caller's stream follows it there and back.
        foreign = torch.cuda.ExternalStream(stream)  # type: ignore[no-untyped-call]
        self._stream.wait_stream(foreign)
        with torch.cuda.use_mem_pool(self._pool), torch.cuda.stream(self._stream):
            self._run(held)
        foreign.wait_stream(self._stream)

    def _at(self, pointer: int, one: Binding, batch: int) -> Tensor:
        shape = (batch, *one.stored)
        if self._pool is None:
            there = memoryview((ctypes.c_char * one.size(batch)).from_address(pointer)).cast("B")
            tensor = torch.from_numpy(np.frombuffer(there, one.dtype).reshape(shape))
        else:
            tensor = torch.as_tensor(_At(pointer, shape, one.dtype), device=self._device)
        return tensor.movedim(-1, 1) if one.channels_last else tensor

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        """From host to host, for tests and single calls; float32 outputs."""
        batch_of(feed, self.most)
        held = {}
        for name in self.inputs:
            one = self.bindings[name]
            tensor = torch.from_numpy(one.laid(feed[name])).to(self._device)
            held[name] = tensor.movedim(-1, 1) if one.channels_last else tensor
        answer = self._eager(held)
        return {name: answer[name].float().cpu().numpy() for name in self.outputs}
