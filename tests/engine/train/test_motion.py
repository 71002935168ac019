"""The tiny training runs on the bundled clips and leaves a decoder that works."""

from pathlib import Path

import numpy as np
import pytest

from engine.motion.decoder import Decoder, DecoderInput
from engine.runtime import load
from engine.style.library import StyleLibrary
from engine.train import drills, motion
from engine.train.tracks import Track


def test_tiny_training_gives_a_decoder_and_styles(tmp_path: Path) -> None:
    assert motion.main(["--tiny", "--out", str(tmp_path)]) == 0
    styles = StyleLibrary(tmp_path / "styles.safetensors")
    decoder = Decoder(load(tmp_path / "decoder.onnx"), load(tmp_path / "decoder_style.onnx"))
    x = DecoderInput(np.zeros((1, 5, 120), np.float32), np.zeros((1, 5, 12), np.float32))
    for name in styles.names():
        y, _ = decoder.step(x, decoder.init_state(1, styles.get(name)))
        assert np.isfinite(y.weights).all() and y.weights.shape == (1, 5, 52)


def test_tiny_does_not_overwrite_the_assets() -> None:
    with pytest.raises(SystemExit):
        motion.main(["--tiny"])


def numbered(ticks: int) -> Track:
    """A track whose posteriors say which row they are: row k of look-ahead d says k + d / 10."""
    ppg = np.zeros((3, ticks, 80), np.float32)
    for number, steps in enumerate((0, 1, 3)):
        for n in range(ticks):
            ppg[number, n, :40] = 2 * n - 2 + steps / 10
            ppg[number, n, 40:] = 2 * n - 1 + steps / 10
    rows = np.zeros((ticks, 1), np.float32)
    return Track("", "", ppg, ppg[:, :, :6], rows, rows[:, 0], rows, rows, rows, rows, rows[0], 1.0,
                 rows[0])  # fmt: skip


@pytest.mark.parametrize(("ahead", "newest"), [(0, 2 * 7 - 1), (1, 2 * 7), (2, 2 * 7 + 2)])
def test_the_newest_row_is_the_last_one_the_look_ahead_needs(ahead: int, newest: int) -> None:
    row = drills.heard(numbered(20), ahead, slice(7, 8))[0]
    steps = (0, 1, 3)[ahead] / 10
    np.testing.assert_allclose(row[[0, 40, 80]], [12 + steps, 13 + steps, newest], rtol=1e-6)
