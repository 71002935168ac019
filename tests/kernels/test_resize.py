"""Resizing fused with what a picture is laid over, against float64 and against known pictures."""

import numpy as np
import pytest

from kernels.resize import across, lay, lift, taps

SIZES = [(24, 40, 0.6), (24, 12, 2.0), (24, 18, 24 / 18), (24, 6, 4.0), (24, 24, 1.0)]


def matrix(source: int, pixels: int, step: float) -> np.ndarray:
    first, weight = taps(source, pixels, step)
    out = np.zeros((pixels, source))
    for n, (at, row) in enumerate(zip(first, weight, strict=True)):
        out[n, at : at + len(row)] = row
    return out


def resized(rgba: np.ndarray, step: float, height: int, width: int) -> np.ndarray:
    """Premultiplied [H, W, 4] in float64."""
    held = np.clip(np.nan_to_num(rgba.astype(float), nan=0, posinf=1, neginf=0), 0, 1)
    held[..., :3] *= held[..., 3:]
    down = matrix(rgba.shape[0], height, step)
    made = np.einsum("Yy,yxc,Xx->YXc", down, held, matrix(rgba.shape[1], width, step))
    made = np.clip(made, 0, 1)
    return np.asarray(np.minimum(made, made[..., 3:]))


def figure(height: int, width: int) -> np.ndarray:
    """Something in the middle of nothing, with values no picture has."""
    random = np.random.default_rng(0)
    planes = random.uniform(-0.5, 1.5, (4, height, width)).astype(np.float32)
    rgba = np.ascontiguousarray(np.moveaxis(planes, 0, 2))
    rgba[:5, :, 3] = rgba[:, :4, 3] = rgba[:, -7:, 3] = 0
    rgba[9, :, 3] = 0
    rgba[8, 8], rgba[8, 9, 0], rgba[8, 10, 1] = np.nan, np.inf, -np.inf
    return rgba


def drawn(rgba: np.ndarray, step: float, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = behind.shape[:2]
    rows = np.full((len(rgba), 4, width), 9, np.float32)
    span = np.full((len(rgba), 2), 9, np.int64)
    across(rgba, *taps(rgba.shape[1], width, step), rows, span)
    picture, clear = np.full((height, width, 3), 7, np.uint8), np.full((height, width, 4), 7, "u1")
    lay(rows, span, *taps(len(rgba), height, step), behind, picture)
    lift(rows, span, *taps(len(rgba), height, step), clear)
    return picture, clear


@pytest.mark.parametrize(("source", "pixels", "step"), SIZES)
def test_taps_are_means_and_keep_straight_lines(source: int, pixels: int, step: float) -> None:
    made = matrix(source, pixels, step)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    places = (np.arange(source) + 0.5 - source / 2) / step
    ends = (made != 0)[:, 0] | (made != 0)[:, -1]
    wanted = np.arange(pixels) + 0.5 - pixels / 2
    np.testing.assert_allclose((made @ places)[~ends], wanted[~ends], atol=0.02)
    if step == 1:
        np.testing.assert_allclose(made, np.eye(source), atol=1e-7)


def test_pixels_beyond_the_samples_are_nothing() -> None:
    made = matrix(16, 40, 0.5)
    assert (made[:4] == 0).all() and (made[-4:] == 0).all()
    np.testing.assert_allclose(made[4:-4].sum(1), 1, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "step"), [(40, 60, 0.5), (13, 22, 1.5), (5, 7, 4.0)])
def test_pictures_equal_float64(height: int, width: int, step: float) -> None:
    rgba = figure(20, 30)
    behind = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    picture, clear = drawn(rgba, step, behind)
    expected = resized(rgba, step, height, width)
    alpha = expected[..., 3:]
    assert np.abs(picture - (expected[..., :3] * 255 + (1 - alpha) * behind)).max() <= 0.52
    assert np.abs(clear[..., 3:] - alpha * 255).max() <= 0.52
    shown = alpha[..., 0] > 0.05
    straight = 255 * expected[..., :3][shown] / alpha[shown]
    assert np.abs(clear[..., :3][shown] - straight).max() <= 0.6
    np.testing.assert_array_equal(picture[0], behind[0])


@pytest.mark.parametrize("step", [0.4, 1.6])
def test_what_is_not_seen_colours_no_edge(step: float) -> None:
    rgba = np.ones((32, 32, 4), np.float32)
    rgba[:, :16, 3] = 0
    rgba[:, :16, :3] = 0  # black, but nowhere to be seen
    side = round(32 / step)
    picture, clear = drawn(rgba, step, np.full((side, side, 3), 255, np.uint8))
    assert (picture == 255).all()
    edge = (clear[..., 3] > 2) & (clear[..., 3] < 253)
    assert edge.any() and (clear[..., :3][edge] >= 254).all()


def test_nothing_at_all() -> None:
    behind = np.full((12, 12, 3), 33, np.uint8)
    picture, clear = drawn(np.full((8, 8, 4), np.nan, np.float32), 2 / 3, behind)
    assert (picture == 33).all() and (clear == 0).all()
