"""The tiny training runs on the bundled clips and leaves a decoder that works."""

from pathlib import Path

import numpy as np
import pytest

from engine.motion.decoder import Decoder, DecoderInput
from engine.runtime import load
from engine.style.library import StyleLibrary
from engine.train import motion


def test_tiny_training_gives_a_decoder_and_styles(tmp_path: Path) -> None:
    assert motion.main(["--tiny", "--out", str(tmp_path)]) == 0
    styles = StyleLibrary(tmp_path / "styles.safetensors")
    decoder = Decoder(load(tmp_path / "decoder.onnx"), load(tmp_path / "decoder_style.onnx"))
    x = DecoderInput(np.zeros((1, 5, 80), np.float32), np.zeros((1, 5, 12), np.float32))
    for name in styles.names():
        y, _ = decoder.step(x, decoder.init_state(1, styles.get(name)))
        assert np.isfinite(y.weights).all() and y.weights.shape == (1, 5, 52)


def test_tiny_does_not_overwrite_the_assets() -> None:
    with pytest.raises(SystemExit):
        motion.main(["--tiny"])
