"""onnxruntime, CPU, one thread, no spinning: many sessions share two cores."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as causes

from engine.runtimes.graph import Array, Wish, chosen, expect, source, torn


class OnnxGraph:
    """A `Graph` on onnxruntime; always float32."""

    def __init__(self, path: Path, wish: Wish) -> None:
        data, self.config = source(path, wish)
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
        self.inputs = tuple(i.name for i in self._session.get_inputs())
        expect(wish.shape, self.inputs, path)
        self.outputs = chosen(wish, [o.name for o in self._session.get_outputs()], path)
        # Else a head that nobody asked for would be computed and thrown away.
        self._run = ort.RunOptions()
        self._run.only_execute_path_to_fetches = True

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        answer = self._session.run(list(self.outputs), dict(feed), self._run)
        return dict(zip(self.outputs, answer, strict=True))
