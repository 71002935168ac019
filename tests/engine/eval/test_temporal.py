"""Flicker: noise of a known size is read as that size, motion is not taken for noise."""

import numpy as np
import pytest

from engine.errors import FrameError
from engine.eval.temporal import FLOOR, Flicker, Temporal

SIDE = 64


def grey(values: np.ndarray) -> np.ndarray:
    rounded = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return np.repeat(rounded[..., None], 3, axis=2)


def noisy(deviation: float, seed: int, pictures: int = 16) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    base = 120 + 30 * np.sin(np.arange(SIDE) / 5)[None] * np.ones((SIDE, 1))
    return [grey(base + rng.normal(0, deviation, base.shape)) for _ in range(pictures)]


def ball(late: int = 0, pictures: int = 24) -> list[np.ndarray]:
    """A soft ball that goes to and fro over a quiet, textured ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    ground = 100 + 20 * np.sin(x / 3) * np.cos(y / 4)
    out = []
    for t in range(pictures):
        at = 32 + 14 * np.sin((t - late) / 4)
        out.append(grey(ground + 100 * np.exp(-((x - at) ** 2 + (y - 32) ** 2) / 40)))
    return out


def flicker(ours: list[np.ndarray], truth: list[np.ndarray]) -> Flicker:
    found = Temporal()
    for a, b in zip(ours, truth, strict=True):
        found.add(a, b)
    return found.result()


@pytest.mark.parametrize("deviation", [1.0, 2.0, 5.0])
def test_noise_has_its_size(deviation: float) -> None:
    found = flicker(noisy(2 * deviation, 1), noisy(deviation, 2))
    assert found.truth == pytest.approx(deviation, rel=0.06)
    assert found.ratio == pytest.approx(2, rel=0.06)
    # The changes differ by four independent noises; the mean of |normal| is .8 deviations.
    expected = np.sqrt(2 * (4 + 1) * 2 / np.pi) * deviation
    assert found.difference == pytest.approx(expected, rel=0.06)


def test_equal_clips_do_not_flicker() -> None:
    still, clip = [noisy(0, 0)[0]] * 8, noisy(3, 0)
    assert flicker(clip, clip).ratio == pytest.approx(1) and flicker(clip, clip).difference == 0
    assert flicker(still, still) == Flicker(0, 0, 0, 0)
    # A truth without any noise counts as rounded: half a level is no fault of ours.
    assert flicker(noisy(0.3, 1), [noisy(0, 0)[0]] * 16).ratio < 0.5 / FLOOR


def test_motion_is_no_flicker() -> None:
    assert flicker(ball(late=1), ball()).ratio < 1.2
    trembling = [np.roll(picture, n % 2, axis=1) for n, picture in enumerate(ball())]
    assert flicker(trembling, ball()).ratio > 3


def test_noise_counts_in_the_face_alone() -> None:
    truth = noisy(1, 0)
    ours = [picture.copy() for picture in noisy(4, 1)]
    for picture, true in zip(ours, truth, strict=True):
        picture[:, 32:] = true[:, 32:]
    left, right = Temporal(), Temporal()
    for a, b in zip(ours, truth, strict=True):
        left.add(a, b, np.s_[:, :32])
        right.add(a, b, np.s_[:, 32:])
    assert left.result().ratio == pytest.approx(4, rel=0.1) and right.result().ratio == 1


def test_clips_that_do_not_fit_are_refused() -> None:
    found = Temporal()
    with pytest.raises(FrameError, match="0 pictures|expected 5"):
        found.result()
    for picture in noisy(1, 0)[:4]:
        found.add(picture, picture)
    with pytest.raises(FrameError, match="4 pictures"):
        found.result()
    with pytest.raises(FrameError, match="same size"):
        found.add(picture, picture[:32])
