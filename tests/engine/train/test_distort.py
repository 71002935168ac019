"""Distortions of log-mel rows: identity when switched off, true sums, formants that move."""

import numpy as np
import torch

from engine.audio.mel import BANDS, FLOOR
from engine.train.distort import Distorter, Distortion

OFF = Distortion(
    warp=0.0, curve=0.0, tilt=0.0, gain=0.0, room_chance=0.0, babble_chance=0.0, noise_chance=0.0,
    grain=0.0, band_mask=0, moment_mask=0,
)  # fmt: skip
SILENCE = float(np.log(FLOOR))


def distorted(x: torch.Tensor, **changes: object) -> torch.Tensor:
    settings = {name: getattr(OFF, name) for name in OFF.__slots__} | changes
    return Distorter(Distortion(**settings), torch.Generator().manual_seed(0))(x)


def test_off_is_identity() -> None:
    x = torch.rand(4, 20, 160) * 10 - 8
    torch.testing.assert_close(distorted(x), x, atol=1e-3, rtol=0)


def test_everything_at_once_is_finite_and_stays_above_the_floor() -> None:
    x = torch.randn(16, 50, 160) * 4 - 4
    x[0] = SILENCE
    y = Distorter(Distortion(grain=0.0), torch.Generator().manual_seed(1))(x)
    assert y.shape == x.shape and torch.isfinite(y).all()
    assert y.min() > SILENCE - 0.01


def test_silence_stays_silent() -> None:
    x = torch.full((8, 30, 160), SILENCE)
    y = distorted(x, gain=2.0, room_chance=1.0, noise_chance=1.0, babble_chance=1.0)
    assert (y - x).max() < 0.1


def test_warp_moves_a_formant() -> None:
    x = torch.full((32, 5, 2, BANDS), -6.0)
    x[..., 40] = 3.0
    y = distorted(x.reshape(32, 5, 160), warp=0.12).reshape(32, 5, 2, BANDS)
    place = y[:, 0, 0].argmax(dim=1)
    assert place.min() < 38 and place.max() > 42
    assert (y.argmax(dim=3) == place[:, None, None]).all()


def test_noise_and_babble_only_add() -> None:
    x = torch.rand(8, 30, 160) * 6 - 6
    for name in ("noise_chance", "babble_chance", "room_chance"):
        y = distorted(x, **{name: 1.0})
        assert (y >= x - 1e-3).all() and (y > x + 0.01).any(), name
