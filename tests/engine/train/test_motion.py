"""The tiny training runs on the bundled clips and leaves a decoder that works."""

from pathlib import Path

import numpy as np
import pytest

from engine.motion.decoder import Decoder, DecoderInput
from engine.runtime import ASSETS, load
from engine.speech.phonemes import PHONES
from engine.style.library import StyleLibrary
from engine.train import motion, tracks
from engine.train.corpus import SIL, Clip
from engine.train.lessons import hear
from engine.train.voices import UNKNOWN
from engine.train.voicing import clean_targets


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


def test_the_mouth_rests_on_a_phone_without_a_class() -> None:
    pcm = np.zeros(16_000, np.float32)
    clip = Clip(pcm, ((5, 0.1), (UNKNOWN, 0.4), (SIL, 0.9)), clean_targets(pcm))
    _, phones = tracks._phones(clip)
    assert [name for name, _, _ in phones] == [PHONES[5], "SIL", "SIL"]


def test_hearing_is_the_grid_of_the_live_line() -> None:
    from engine import offline

    rng = np.random.default_rng(0)
    pcm = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    heard = hear(pcm, load(ASSETS / "ppg.onnx"))
    rows = offline.ppg(pcm, lookahead_ms=20)
    # Tick n holds the rows labelled 640 n - 360 and 640 n - 40; row k is labelled 320 k + 280.
    for tick in (3, 10, 20):
        for half in (0, 1):
            k = 2 * tick - 2 + half
            assert rows.start[k] == 320 * k + 280
            np.testing.assert_allclose(
                heard.ppg[1, tick, 40 * half : 40 * half + 40], rows.posteriors[k], atol=1e-4
            )
