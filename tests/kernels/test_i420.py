"""RGB -> I420 against the formula and against PyAV's own conversion."""

import av
import numpy as np
import pytest

from kernels.i420 import rgb_to_i420


def smooth_picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack(
        [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (height + width - 2)], -1
    ).astype(np.uint8)


def convert(rgb: np.ndarray) -> np.ndarray:
    out = np.zeros((rgb.shape[0] * 3 // 2, rgb.shape[1]), np.uint8)
    rgb_to_i420(rgb, out)
    return out


@pytest.mark.parametrize(("height", "width"), [(2, 2), (16, 34), (64, 64)])
def test_equals_the_formula_within_half_a_step(height: int, width: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    out = convert(rgb).astype(float)
    r, g, b = np.moveaxis(rgb / 255, 2, 0)
    luma = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    assert np.abs(out[:height] - luma).max() <= 0.51
    mean = (rgb / 255).reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    r, g, b = np.moveaxis(mean, 2, 0)
    chroma = out[height:].reshape(2, height // 2, width // 2)
    assert np.abs(chroma[0] - (128 - 37.797 * r - 74.203 * g + 112 * b)).max() <= 0.51
    assert np.abs(chroma[1] - (128 + 112 * r - 93.786 * g - 18.214 * b)).max() <= 0.51


def test_black_white_and_primaries() -> None:
    corners = {
        (0, 0, 0): (16, 128, 128),
        (255, 255, 255): (235, 128, 128),
        (255, 0, 0): (81, 90, 240),
    }
    for rgb, (y, u, v) in corners.items():
        out = convert(np.full((2, 2, 3), rgb, np.uint8))
        assert (out[:2] == y).all() and out[2, 0] == u and out[2, 1] == v


def test_agrees_with_pyav() -> None:
    rgb = smooth_picture(64, 96)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    theirs = frame.reformat(format="yuv420p").to_ndarray()
    assert theirs.shape == (96, 96)
    difference = np.abs(convert(rgb).astype(int) - theirs.astype(int))
    assert difference[:64].max() <= 2 and difference.max() <= 3
