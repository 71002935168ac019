"""OpenVINO, CPU, one thread: the fast path of convolutional renderers."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import openvino as ov

from engine.runtimes.graph import Array, Wish, source, torn


class OpenVinoGraph:
    """A `Graph` on OpenVINO.

    Fixed shapes spare it the planning of every call. float32 unless `precision` is "auto", which
    leaves the choice to OpenVINO: bfloat16 where the processor multiplies matrices of it.
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
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        self._request.infer(dict(feed), share_inputs=True)
        return {
            name: np.array(self._request.get_output_tensor(i).data)
            for i, name in enumerate(self.outputs)
        }
