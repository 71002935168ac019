"""Turned squares sample what they say, black outside."""

import numpy as np
import pytest

from engine.tracker.crop import Region, crop

Y, X = np.mgrid[:50, :80]
RAMP = np.stack([X, 2 * Y, X + Y], -1).astype(np.uint8)


def test_upright_square_is_a_slice() -> None:
    out = crop(RAMP, Region(40, 25, 20, 0.0), 20)
    np.testing.assert_allclose(out, RAMP[15:35, 30:50], atol=1e-3)
    flipped = crop(RAMP, Region(40, 25, 20, 0.0), 20, flip=True)
    np.testing.assert_allclose(flipped, RAMP[15:35, 30:50][:, ::-1], atol=1e-3)


def test_a_quarter_turn_clockwise() -> None:
    out = crop(RAMP, Region(40, 25, 20, np.pi / 2), 20)
    np.testing.assert_allclose(out, np.rot90(RAMP[15:35, 30:50]), atol=1e-3)


@pytest.mark.parametrize("roll", [0.0, 0.4, -2.0])
@pytest.mark.parametrize("size", [7.0, 30.0, 300.0])
def test_sampling_inverts_place(roll: float, size: float) -> None:
    region = Region(37.0, 22.0, size, roll)
    side = 16
    out = crop(RAMP, region, side)
    centres = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1) + 0.5) / side
    place = region.place(centres.reshape(-1, 2).astype(np.float32))
    # The ramp's value at a place is its coordinate; coarse squares read every n-th pixel.
    edge = 1 + size / side
    inside = ((place > edge) & (place < (80 - edge, 50 - edge))).all(1)
    np.testing.assert_allclose(out.reshape(-1, 3)[inside, 0], place[inside, 0] - 0.5, atol=0.01)
    far = ((place < -20) | (place > (100, 70))).any(1)
    assert (out.reshape(-1, 3)[far] == 0).all()


def test_a_square_far_outside_is_black() -> None:
    assert crop(RAMP, Region(-500.0, 900.0, 20.0, 1.0), 8).max() == 0
