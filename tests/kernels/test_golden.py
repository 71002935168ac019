"""The kernels' own golden scene: keys to the bit, colours within rounding, as a twin must give."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.golden.scene import draw

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "scene.safetensors"


def test_keys_are_equal_and_colours_nearly() -> None:
    keys, colors = draw()
    golden = load_file(GOLDEN)
    np.testing.assert_array_equal(keys, golden["keys"])
    difference = np.abs(colors.astype(int) - golden["colors"].astype(int)).max(-1)
    assert (difference <= 1).mean() >= 0.995 and np.square(difference).mean() < 1
