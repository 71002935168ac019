"""TensorRT 11 or TensorRT-RTX: engines built here, kept for the next start, run on any stream.

Precision is in the graph's types (`half`): both libraries are strongly typed. One engine holds a
profile for a single session, one for few and one for many; every batch size has an execution
context of its own, because a captured CUDA graph keeps what it was captured with. Memory is ours,
and one work memory serves all sizes: see `Engine`.

What the libraries raise becomes RuntimeUnavailable here.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import RuntimeUnavailable
from engine.runtimes import card, plans
from engine.runtimes.engine import Binding, Design, batch_of, design
from engine.runtimes.graph import Array, Wish

log = logging.getLogger(__name__)
LIBRARIES = {"tensorrt": ((11, 4), (12, 0)), "tensorrt_rtx": ((1, 7), (2, 0))}  # from, below
_RECIPE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()  # how engines are built
SPANS = ((1, 1, 1), (2, 8, 16), (17, 64, 4096))  # smallest, usual and largest batch of a profile


def library() -> Any:
    """TensorRT or else TensorRT-RTX. Raises RuntimeUnavailable where neither is fit."""
    found = []
    for name, (least, below) in LIBRARIES.items():
        try:
            trt = import_module(name)
        except (ImportError, OSError, RuntimeError):  # bindings without their libraries
            continue
        if least <= version(trt)[: len(least)] < below:
            return trt
        found.append(f"{name} {trt.__version__}")
    raise RuntimeUnavailable(
        f"TensorRT: found {', '.join(found) or 'none'}, expected tensorrt >= 11.4, < 12 or "
        "tensorrt_rtx 1.7; install one with pip install -e '.[gpu]' (RTX) or '.[tensorrt]'"
    )


def version(trt: Any) -> tuple[int, ...]:
    """A library's version as numbers."""
    return tuple(int(part) for part in trt.__version__.split(".")[:3] if part.isdigit())


@contextmanager
def _converted(trt: Any) -> Iterator[None]:
    """Errors of a library, and of the system below it, as RuntimeUnavailable."""
    try:
        yield
    # TypeError: what its bindings make of an object that could not be created.
    except (RuntimeError, OSError, TypeError) as error:
        raise RuntimeUnavailable(
            f"{trt.__name__} {trt.__version__} fails ({type(error).__name__}: {str(error)[:200]}); "
            "use runtime 'graphed' or 'onnxruntime'"
        ) from error


def network(trt: Any, plan: Design) -> tuple[Any, Any]:
    """(builder, network) of a graph. Raises RuntimeUnavailable when the parser refuses it."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(plan.data):
        said = [parser.get_error(at).desc() for at in range(parser.num_errors)]
        raise RuntimeUnavailable(
            f"{trt.__name__} {trt.__version__} does not take the graph: {said[:3]}; use runtime "
            "'graphed' or 'onnxruntime'"
        )
    for at in range(network.num_inputs):
        tensor = network.get_input(at)
        if plan.bindings[tensor.name].channels_last:
            tensor.allowed_formats = 1 << int(trt.TensorFormat.HWC8)
    return builder, network


def build(trt: Any, plan: Design) -> bytes:
    """An engine of a graph; needs no driver with TensorRT-RTX.

    Raises RuntimeUnavailable when the library refuses.
    """
    builder, made = network(trt, plan)
    config = builder.create_builder_config()
    if plan.precision == "f32":
        config.clear_flag(trt.BuilderFlag.TF32)
    if hasattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION"):  # RTX: else capture is refused
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    for least, usual, largest in spans(plan.most):
        profile = builder.create_optimization_profile()
        for name, binding in plan.bindings.items():
            profile.set_shape(name, *((n, *binding.shape) for n in (least, usual, largest)))
        config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(made, config)
    if engine is None:
        raise RuntimeUnavailable(
            f"{trt.__name__} {trt.__version__} could not build the engine (its log says why); use "
            "runtime 'graphed' or 'onnxruntime'"
        )
    return bytes(engine)


def spans(most: int) -> list[tuple[int, int, int]]:
    """The profiles of an engine for batches up to `most`."""
    return [(a, min(b, most), min(c, most)) for a, b, c in SPANS if a <= most]


class TensorRTGraph:
    """An `Engine` on TensorRT."""

    def __init__(self, path: Path, wish: Wish) -> None:
        card.found()  # what is said without one is said before anything else
        self._trt = trt = library()
        plan = design(path, wish)
        self.config, self.inputs, self.outputs = plan.config, plan.inputs, plan.outputs
        self.most, self.precision = plan.most, plan.precision
        self._stream = card.Stream()
        with _converted(trt):
            self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
            self._engine = self._loaded(plan)
            outputs = {name: self._output(name) for name in plan.outputs}
        self.bindings = {**plan.bindings, **outputs}
        self._spans = spans(plan.most)
        self._contexts: dict[int, Any] = {}  # batch -> execution context
        self._scratch: list[card.Memory] = []

    def _loaded(self, plan: Design) -> Any:
        """The engine from the cache, or built and put there."""
        trt = self._trt
        name = plans.key(
            card.found(), trt.__name__, trt.__version__, plan.precision, plan.bindings, plan.most,
            SPANS, _RECIPE, plan.data,
        )  # fmt: skip
        kept = plans.read(name)
        engine = self._runtime.deserialize_cuda_engine(kept) if kept else None
        if kept and engine is None:  # another library under the same version, say
            log.warning("%s refuses the engine kept for %s: building again", trt.__name__, name)
            plans.drop(name)
        if engine is None:
            made = build(trt, plan)
            engine = self._runtime.deserialize_cuda_engine(made)
            if engine is None:
                raise RuntimeUnavailable(
                    f"{trt.__name__} {trt.__version__} built an engine that it does not load on "
                    f"{card.found().name}; use runtime 'graphed' or 'onnxruntime'"
                )
            plans.write(name, made)
        return engine

    def _output(self, name: str) -> Binding:
        engine = self._engine
        dtype = np.dtype(self._trt.nptype(engine.get_tensor_dtype(name)))
        sides = tuple(engine.get_tensor_shape(name))[1:]
        self._take(all(side > 0 for side in sides), f"output {name} with the lengths {sides}")
        return Binding(dtype, sides)

    def _take(self, done: Any, what: str) -> None:
        """Raises RuntimeUnavailable unless the library did as it was told."""
        if not done:
            raise RuntimeUnavailable(
                f"{self._trt.__name__} {self._trt.__version__} answers no to {what} (its log says "
                "why); use runtime 'graphed' or 'onnxruntime'"
            )

    def _context(self) -> Any:
        trt, engine = self._trt, self._engine
        strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        config = engine.create_runtime_config()
        config.set_execution_context_allocation_strategy(strategy)
        if hasattr(trt, "DynamicShapesKernelSpecializationStrategy"):
            # RTX: compiled when a size is first met, not in the background behind a captured graph.
            eager = trt.DynamicShapesKernelSpecializationStrategy.EAGER
            config.dynamic_shapes_kernel_specialization_strategy = eager
        context = engine.create_execution_context(config)
        self._take(context is not None, "an execution context")
        return context

    def prepare(self, batch: int) -> None:
        """Make ready for batches of this size; see `Engine.prepare`."""
        if batch in self._contexts:
            return
        batch_of({"": np.empty(batch)}, self.most)
        card.idle()  # the first run below is on memory that runs under way may use
        with _converted(self._trt):
            self._prepare(batch)

    def _prepare(self, batch: int) -> None:
        context = self._context()
        at = next(i for i, (least, _, top) in enumerate(self._spans) if least <= batch <= top)
        done = context.set_optimization_profile_async(at, self._stream.handle)
        self._take(done, f"profile {at}")
        self._stream.wait()
        for name in self.inputs:
            shape = (batch, *self.bindings[name].shape)
            self._take(context.set_input_shape(name, shape), f"input {name} as {shape}")
        need = context.update_device_memory_size_for_shapes()
        fit = next((part for part in self._scratch if part.size >= need), None)
        if fit is None:
            fit = card.Memory(need)
            self._scratch.append(fit)
        context.set_device_memory(fit.pointer, fit.size)
        # What is compiled or loaded at the first run must not be so within a capture.
        held = {name: card.Memory(one.size(batch)) for name, one in self.bindings.items()}
        self._contexts[batch] = context
        self.enqueue(self._stream.handle, {n: part.pointer for n, part in held.items()}, batch)
        self._stream.wait()

    def enqueue(self, stream: int, pointers: Mapping[str, int], batch: int) -> None:
        """Put one run on a stream; see `Engine.enqueue`."""
        context = self._contexts[batch]
        for name in self.bindings:
            done = context.set_tensor_address(name, pointers[name])
            self._take(done, f"{name} at {pointers[name]:#x}")
        self._take(context.execute_async_v3(stream), f"a run of {batch}")

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        """From host to host, for tests and single calls; float32 outputs."""
        batch, stream = batch_of(feed, self.most), self._stream
        self.prepare(batch)
        card.idle()
        held = {name: card.Memory(one.size(batch)) for name, one in self.bindings.items()}
        given = {name: self.bindings[name].laid(feed[name]) for name in self.inputs}
        for name, array in given.items():
            stream.copy(held[name].pointer, array.ctypes.data, array.nbytes)
        self.enqueue(stream.handle, {name: part.pointer for name, part in held.items()}, batch)
        answer = {}
        for name in self.outputs:
            one = self.bindings[name]
            answer[name] = np.empty((batch, *one.shape), one.dtype)
            stream.copy(answer[name].ctypes.data, held[name].pointer, one.size(batch))
        stream.wait()
        return {name: array.astype(np.float32) for name, array in answer.items()}
