"""CPBD against a slow program of its definition, and on pictures whose sharpness is known."""

import math

import numpy as np
import pytest
from scipy.ndimage import correlate, gaussian_filter

from engine.errors import FrameError
from engine.eval.cpbd import cpbd


def ramp(profile: tuple[float, ...], contrast: float, side: int = 128) -> np.ndarray:
    """One upright edge with these shares of the contrast from left to right."""
    row = np.concatenate([np.zeros(30), profile, np.ones(side - 30 - len(profile))])
    return np.tile(60 + contrast * row, (side, 1))


def checker(side: int = 192, period: int = 32) -> np.ndarray:
    """Drawn with one pixel in between, as any camera would: a bare step has no middle."""
    at = np.arange(side) % period
    wave = np.where(at % (period // 2) == 0, 0, np.where(at < period // 2, 1, -1))
    return 125 + 75 * wave[:, None] * wave[None]


def clouds(seed: int = 0, side: int = 192) -> np.ndarray:
    """Noise of many scales, as a photograph has it."""
    rng = np.random.default_rng(seed)
    layers = [gaussian_filter(rng.normal(0, 1, (side, side)), s) * s * 40 for s in (1, 3, 9, 20)]
    return np.clip(128 + np.sum(layers, 0), 0, 255)


def slow(picture: np.ndarray) -> float:
    """The definition, pixel by pixel in plain Python."""
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    strength = correlate(picture, kernel, mode="reflect") ** 2
    strength[strength <= 2 * math.sqrt(strength.mean())] = 0
    height, width = picture.shape
    sharp = counted = 0
    for top in range(0, height - 63, 64):
        for left in range(0, width - 63, 64):
            block = picture[top : top + 64, left : left + 64]
            just = 5 if int(block.max() - block.min()) <= 50 else 3
            marked, found = 0, []
            for y in range(top, top + 64):
                for x in range(left, left + 64):
                    if not _ridge(strength, y, x):
                        continue
                    marked += 1
                    if 0 < y < height - 1 and 0 < x < width - 1:
                        found += _width(picture, y, x)
            if marked > 0.002 * 64 * 64:
                counted += len(found)
                sharp += sum(round(100 * (1 - math.exp(-((w / just) ** 3.6)))) <= 63 for w in found)
    return sharp / counted if counted else 0.0


def _ridge(strength: np.ndarray, y: int, x: int) -> bool:
    """Larger than both neighbours of the row or of the column; outside there is nothing."""

    def at(v: int, u: int) -> float:
        inside = 0 <= v < strength.shape[0] and 0 <= u < strength.shape[1]
        return float(strength[v, u]) if inside else 0.0

    here = at(y, x)
    across = here > at(y, x - 1) and here > at(y, x + 1)
    return across or (here > at(y - 1, x) and here > at(y + 1, x))


def _width(picture: np.ndarray, y: int, x: int) -> list[int]:
    across = (picture[y, x + 1] - picture[y, x - 1]) / 2
    down = (picture[y + 1, x] - picture[y - 1, x]) / 2
    angle = math.degrees(math.atan2(down, across)) if across else 0.0
    turn = 45 * round(angle / 45)
    if turn not in (0, 180, -180):
        return []
    rise = 1 if turn == 0 else -1
    row, ends = picture[y] * rise, []
    for way in (-1, 1):
        at = x + way
        while 0 <= at + way < len(row) and way * (row[at + way] - row[at]) > 0:
            at += way
        ends.append(at)
    return [ends[1] - ends[0]]


@pytest.mark.parametrize("sigma", [0.0, 0.6, 1.0, 2.0])
def test_it_is_its_definition(sigma: float) -> None:
    for picture in (clouds(), checker(), clouds(1) * 0.15 + 100):
        blurred = gaussian_filter(picture, sigma) if sigma else picture
        assert cpbd(blurred) == pytest.approx(slow(blurred), abs=1e-9)


@pytest.mark.parametrize(
    ("profile", "width"),
    [
        ((0.5,), 2),
        ((0.2, 0.7), 3),
        ((0.2, 0.5, 0.8), 4),
        ((0.1, 0.25, 0.6, 0.9), 5),
        ((0.1, 0.2, 0.5, 0.8, 0.9), 6),
    ],
)
def test_edges_of_known_width(profile: tuple[float, ...], width: int) -> None:
    # 3 px are just noticed in high contrast, 5 px in low; that is 63 % of the times.
    assert cpbd(ramp(profile, 120)) == float(width <= 3)
    assert cpbd(ramp(profile, 40)) == float(width <= 5)


@pytest.mark.parametrize("picture", [checker(), clouds(), clouds(2)])
def test_blurring_never_sharpens(picture: np.ndarray) -> None:
    scores = [cpbd(gaussian_filter(picture, s) if s else picture) for s in (0, 0.5, 1, 1.5, 2, 4)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.4 and scores[-1] < 0.02


def test_nothing_is_not_sharp() -> None:
    assert cpbd(np.full((128, 128), 77, np.uint8)) == 0


def test_pictures_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FrameError, match="64 px or more"):
        cpbd(np.zeros((60, 200)))
    with pytest.raises(FrameError, match=r"\(64, 64, 3\)"):
        cpbd(np.zeros((64, 64, 3)))
