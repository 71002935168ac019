"""onnxruntime, CPU, one thread, no spinning: many sessions share two cores."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as causes

from engine.runtimes.graph import Array, Wish, source, torn


class OnnxGraph:
    """A `Graph` on onnxruntime; always float32."""

    precision = "f32"

    def __init__(self, path: Path, wish: Wish) -> None:
        data, self.config, self.inputs, self.outputs = source(path, wish)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                data, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except (causes.Fail, causes.InvalidProtobuf, causes.InvalidGraph) as error:
            raise torn(path, error) from error

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self.outputs, self._session.run(self.outputs, dict(feed)), strict=True))
