"""OpenVINO, CPU, one thread: the fast path of convolutional renderers."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import openvino as ov

from engine.runtimes.graph import Array, Wish, source, torn

_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoGraph:
    """A `Graph` on OpenVINO.

    Fixed shapes spare it the planning of every call. float32 unless `precision` is "auto", which
    leaves the choice to OpenVINO: bfloat16 where the processor multiplies matrices of it.

    Images (4 dimensions) go in and out with their channels last in memory, as its convolutions
    want them: one that lies so is not copied, and answers are views that lie so.
    """

    def __init__(self, path: Path, wish: Wish) -> None:
        data, self.config, self.inputs, self.outputs = source(path, wish)
        core = ov.Core()
        try:
            model = core.read_model(BytesIO(data))
        except RuntimeError as error:
            raise torn(path, error) from error
        if wish.shape:
            model.reshape({name: list(size) for name, size in wish.shape.items()})
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
        }
        if wish.precision == "f32":
            # bf16 gave wrong decoder outputs; a renderer may relax this where it is measured.
            settings |= _EXACT
        turned = _turned(model)
        try:
            compiled = core.compile_model(turned, "CPU", settings)
        except RuntimeError:  # its choice does not run here: instructions may be masked
            compiled = core.compile_model(turned, "CPU", settings | _EXACT)
        self.precision: str = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self._request = compiled.create_infer_request()

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        turned = {name: np.ascontiguousarray(_last(value)) for name, value in feed.items()}
        self._request.infer(turned, share_inputs=True)
        answers = (
            np.array(self._request.get_output_tensor(i).data) for i in range(len(self.outputs))
        )
        return {name: _first(value) for name, value in zip(self.outputs, answers, strict=True)}


def _turned(model: ov.Model) -> ov.Model:
    """The same model whose images have their channels last."""
    steps = ov.preprocess.PrePostProcessor(model)
    for i, port in enumerate(model.inputs):
        if port.partial_shape.rank.get_length() == 4:
            steps.input(i).tensor().set_layout(ov.Layout("NHWC"))
            steps.input(i).model().set_layout(ov.Layout("NCHW"))
    for i, port in enumerate(model.outputs):
        if port.partial_shape.rank.get_length() == 4:
            steps.output(i).tensor().set_layout(ov.Layout("NHWC"))
            steps.output(i).model().set_layout(ov.Layout("NCHW"))
    return steps.build()


def _last(value: Array) -> Array:
    return np.moveaxis(value, 1, 3) if value.ndim == 4 else value


def _first(value: Array) -> Array:
    return np.moveaxis(value, 3, 1) if value.ndim == 4 else value
